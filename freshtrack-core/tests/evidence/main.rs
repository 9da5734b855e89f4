//! Laws of the evidence log and of the audit chain.

mod canonical;
mod merkle;
