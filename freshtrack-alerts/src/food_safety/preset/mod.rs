//! Presets: what the law says, as data.
//!
//! A preset is immutable; a new edition is a new id, and every evaluation stores id and content hash, so
//! an old report can be derived again. Numbers carry a mark saying how well they are known. A preset with
//! one number that nobody checked against its source ships disabled ([`Registry`]).
//!
//! A *compliance* preset decides verdicts, its *operational* companion decides messages; a report never
//! mixes them. Compliance never sees grace.

mod food_eu;
mod food_uk;
mod food_us;
mod medicine;
mod registry;

pub use registry::{NotEnabled, Override, Registry};

use super::lattice::{Operator, Threshold};
use freshtrack_core::evidence::{NotCanonical, Sha256Hash, canonical_bytes};
use freshtrack_core::temperature::{Boundary, Limit, TemperatureUnit};
use serde::Serialize;

/// How well a number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Read in the cited text or product manual, or recomputed from a printed formula.
    Verified,
    /// Widely quoted, not checked against its source.
    Unverified,
    /// A choice of this project with no outside claim.
    Project,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The food or medicine itself. An air sensor is a proxy, and reports say so.
    Product,
    /// The air of the equipment.
    Air,
}

/// How a product is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageClass {
    /// Frozen.
    Frozen,
    /// Chilled.
    Chilled,
    /// Held hot.
    Hot,
    /// Controlled room temperature (USP).
    Crt,
    /// Controlled cold temperature (USP).
    Cct,
    /// None of these.
    Ambient,
}

/// How long a breach condition may hold before it is a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "duration")]
pub enum Duration {
    /// Not at all.
    Instant,
    /// So long without interruption.
    Consecutive {
        /// Length.
        seconds: i64,
    },
    /// So long in sum.
    Cumulative {
        /// Sum.
        seconds: i64,
    },
    /// Once, so long at most.
    SinglePeriod {
        /// Allowance.
        seconds: i64,
    },
}

/// One condition of a preset, with the mark of its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Criterion {
    /// What is required.
    #[serde(flatten)]
    pub requirement: Requirement,
    /// How well its numbers are known.
    pub mark: Mark,
}

/// What a criterion requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "requires")]
pub enum Requirement {
    /// The condition must not hold for longer than `allowed`.
    Never {
        /// Breach condition.
        violates_when: Threshold,
        /// Allowance.
        #[serde(flatten)]
        allowed: Duration,
    },
    /// From a start the value must reach `target` in time, and stay for `hold_seconds`.
    Reach {
        /// The run starts at the last reading that meets this; none if an operator says when.
        #[serde(skip_serializing_if = "Option::is_none")]
        start: Option<Threshold>,
        /// What must be reached.
        target: Threshold,
        /// Counted from the start.
        within_seconds: i64,
        /// How long the target must be kept; 0 for reaching it.
        hold_seconds: i64,
    },
    /// One of the alternatives, each all its numbers together, must have been kept uninterrupted.
    Sustain {
        /// Number of the alternative.
        alternative: u8,
        /// What must be kept.
        keep: Threshold,
        /// How long.
        seconds: i64,
    },
    /// A batch may start only so.
    StartEither {
        /// One of these must be met; `None` in the second place if there is one only.
        first: Threshold,
        /// The other.
        #[serde(skip_serializing_if = "Option::is_none")]
        second: Option<Threshold>,
    },
    /// A batch may be kept so long and no longer.
    KeepAtMost {
        /// Length.
        seconds: i64,
    },
    /// Mean kinetic temperature over exactly this window.
    Mkt {
        /// Breach condition on the mean.
        violates_when: Threshold,
        /// Window.
        window_seconds: i64,
    },
    /// So many readings a day at least.
    ChecksPerDay {
        /// Number.
        at_least: u32,
    },
    /// Readings at most so far apart.
    LoggingInterval {
        /// Interval.
        at_most_seconds: i64,
    },
}

/// Who checked a preset's numbers against which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Checked {
    /// The text.
    pub source: &'static str,
    /// When, ISO 8601.
    pub date: &'static str,
    /// Who.
    pub by: &'static str,
}

/// One preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Preset {
    /// Stable id; a new edition gets a new one.
    pub id: &'static str,
    /// Where it binds.
    pub jurisdiction: &'static str,
    /// The text.
    pub citation: &'static str,
    /// Its edition.
    pub edition: &'static str,
    /// ISO 8601 date from which it binds, if one date can be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<&'static str>,
    /// Who makes a model text law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopted_by: Option<&'static str>,
    /// What the limit is about.
    pub subject: Subject,
    /// How the product is kept.
    pub storage_class: StorageClass,
    /// The scale whose figure is the law.
    pub normative_unit: TemperatureUnit,
    /// All conditions; any broken one breaks the preset (alternatives aside).
    pub criteria: &'static [Criterion],
    /// Whether *alarms* on it may use grace. Never for medicines: filtered values may be inadmissible.
    pub grace_allowed: bool,
    /// Id of the tighter limit for early warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operational: Option<&'static str>,
    /// Who checked it; none while a number is unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
    /// Whether it ships enabled.
    pub enabled: bool,
}

/// The plain limits of a preset, for the engine's rule fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Limit>,
    /// Lower limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Limit>,
}

impl Preset {
    /// SHA-256 over the canonical record; stored with every evaluation.
    ///
    /// # Errors
    /// [`NotCanonical`] never happens for a shipped record; the registry test walks them all.
    pub fn content_hash(&self) -> Result<Sha256Hash, NotCanonical> {
        Ok(Sha256Hash::of(&[&canonical_bytes(self)?]))
    }

    /// Whether any number of it is unverified.
    #[must_use]
    pub fn has_unverified_number(&self) -> bool {
        self.criteria
            .iter()
            .any(|criterion| criterion.mark == Mark::Unverified)
    }

    /// The limits a rule copies when the preset is applied: the tightest on each side, as written, with
    /// the boundary of their operator. Durations stay with the evaluators.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let side = |warm: bool| {
            let thresholds = self.criteria.iter().filter_map(|c| match c.requirement {
                Requirement::Never { violates_when, .. } => Some(violates_when),
                _ => None,
            });
            let mut on_side: Vec<Threshold> =
                thresholds.filter(|t| t.op.is_warm_side() == warm).collect();
            on_side.sort_by_key(Threshold::limit);
            let tightest = if warm {
                on_side.first()
            } else {
                on_side.last()
            };
            tightest.map(|t| {
                let boundary = match t.op {
                    Operator::Above | Operator::Below => Boundary::Safe,
                    Operator::AtOrAbove | Operator::AtOrBelow => Boundary::Violates,
                };
                Limit {
                    milli: t.milli,
                    unit: t.unit,
                    boundary,
                }
            })
        };
        Limits {
            max: side(true),
            min: side(false),
        }
    }

    /// Whether it is about medicines, where nothing may be filtered.
    #[must_use]
    pub fn is_medicine(&self) -> bool {
        ["who.", "usp.", "us.cdc."]
            .iter()
            .any(|prefix| self.id.starts_with(prefix))
    }
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The transcription of the project's own check of the cited texts.
const CHECKED: Checked = Checked {
    source: "cited text, as transcribed in the registry table of the food-safety specification 1.3",
    date: "2026-11-22",
    by: "FreshTrack project",
};

const fn never(violates_when: Threshold, allowed: Duration, mark: Mark) -> Criterion {
    Criterion {
        requirement: Requirement::Never {
            violates_when,
            allowed,
        },
        mark,
    }
}

const fn reach(
    start: Option<Threshold>,
    target: Threshold,
    within_seconds: i64,
    mark: Mark,
) -> Criterion {
    let requirement = Requirement::Reach {
        start,
        target,
        within_seconds,
        hold_seconds: 0,
    };
    Criterion { requirement, mark }
}
