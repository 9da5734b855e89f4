//! The monitor: all that is remembered of one unit between two evaluations.

use serde::{Deserialize, Serialize};

/// State of one unit. Stores keep it as an opaque JSON document beside its version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Monitor {}
