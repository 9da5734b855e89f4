//! The shipped presets, and the only way to turn on one that nobody checked.

use super::{Preset, food_eu, food_uk, food_us, medicine};
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The record without which a preset with an unverified number stays off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Who compared the numbers.
    pub checked_by: String,
    /// Which text, with edition.
    pub text: String,
    /// When.
    pub checked_at: Timestamp,
}

/// Why a preset cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotEnabled {
    /// No preset has this id.
    #[error("no preset {id:?}")]
    Unknown {
        /// The id asked for.
        id: String,
    },
    /// It holds an unverified number and no override names who checked it.
    #[error("preset {id:?} holds an unverified number; enabling it needs who checked which text")]
    Unverified {
        /// Its id.
        id: &'static str,
    },
    /// The override leaves out who or which text.
    #[error("the override does not say who checked which text")]
    IncompleteOverride,
}

/// All presets, and the overrides of one organization.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    overrides: BTreeMap<&'static str, Override>,
}

impl Registry {
    /// The registry as shipped, without overrides.
    #[must_use]
    pub const fn shipped() -> Self {
        Self {
            overrides: BTreeMap::new(),
        }
    }

    /// Every preset, enabled or not, grouped by jurisdiction.
    pub fn all(&self) -> impl Iterator<Item = &'static Preset> + use<> {
        let groups: [&'static [Preset]; 4] = [
            food_us::PRESETS,
            food_uk::PRESETS,
            food_eu::PRESETS,
            medicine::PRESETS,
        ];
        groups.into_iter().flatten()
    }

    /// The preset with this id, enabled or not: for showing it.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&'static Preset> {
        self.all().find(|preset| preset.id == id)
    }

    /// The preset with this id, for judging by it.
    ///
    /// # Errors
    /// [`NotEnabled::Unknown`], or [`NotEnabled::Unverified`] without an override.
    pub fn enabled(&self, id: &str) -> Result<&'static Preset, NotEnabled> {
        let preset = self
            .find(id)
            .ok_or_else(|| NotEnabled::Unknown { id: id.to_owned() })?;
        if preset.enabled || self.overrides.contains_key(preset.id) {
            Ok(preset)
        } else {
            Err(NotEnabled::Unverified { id: preset.id })
        }
    }

    /// Turns a preset on by the word of a named person. The record itself stays as it is.
    ///
    /// # Errors
    /// [`NotEnabled::Unknown`], or [`NotEnabled::IncompleteOverride`] for blank texts.
    pub fn enable(&mut self, id: &str, by: Override) -> Result<(), NotEnabled> {
        let preset = self
            .find(id)
            .ok_or_else(|| NotEnabled::Unknown { id: id.to_owned() })?;
        if by.checked_by.trim().is_empty() || by.text.trim().is_empty() {
            return Err(NotEnabled::IncompleteOverride);
        }
        self.overrides.insert(preset.id, by);
        Ok(())
    }

    /// The override a preset is on by, if any; reports print it.
    #[must_use]
    pub fn override_of(&self, id: &str) -> Option<&Override> {
        self.overrides.get(id)
    }
}
