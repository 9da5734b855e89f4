#![doc = include_str!("../README.md")]

pub mod actions;
pub mod alert;
mod call;
pub mod cascade;
pub mod change;
pub mod engine;
pub mod escalation;
mod evaluate;
pub mod food_safety;
pub mod group_commit;
pub mod incident;
pub mod ingest;
pub mod intake;
mod journal;
pub mod kpi;
pub mod lifecycle;
pub mod memory;
pub mod monitor;
pub mod notification;
mod operate;
pub mod policy;
pub mod ports;
pub mod posted;
pub mod quiet_hours;
mod reconcile;
pub mod replay;
pub mod rule_check;
pub mod rules;
mod run;
pub mod step;
pub mod suppression;
pub mod sweep;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod text;
pub mod unit_actions;
pub mod what_if;
