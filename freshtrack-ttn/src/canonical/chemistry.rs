//! Percent from volts, where a profile declares the chemistry and the chemistry allows it.

use serde::{Deserialize, Serialize};

/// The chemistry of a battery, with the number of cells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chemistry {
    /// CR17450 and other lithium manganese dioxide cells.
    LithiumManganese,
    /// Two lithium iron disulphide cells.
    LithiumIronTwo,
    /// Two alkaline cells.
    AlkalineTwo,
    /// CR2032.
    Cr2032,
    /// Lithium thionyl chloride: flat until it is empty, so volts say nothing.
    LithiumThionylChloride,
}

impl Chemistry {
    /// How full a battery of `millivolts` is, linear between empty and full; `None` where volts do not tell.
    #[must_use]
    pub fn percent(self, millivolts: i32) -> Option<u8> {
        let (empty, full) = match self {
            Self::LithiumManganese => (2_500, 3_000),
            Self::LithiumIronTwo => (1_800, 3_600),
            Self::AlkalineTwo => (1_600, 3_200),
            Self::Cr2032 => (2_200, 3_000),
            Self::LithiumThionylChloride => return None,
        };
        let inside = millivolts.clamp(empty, full) - empty;
        u8::try_from((inside * 100 + (full - empty) / 2) / (full - empty)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volts_tell_percent_only_where_they_fall() {
        assert_eq!(Chemistry::LithiumManganese.percent(2_750), Some(50));
        assert_eq!(Chemistry::LithiumManganese.percent(3_300), Some(100));
        assert_eq!(Chemistry::AlkalineTwo.percent(1_000), Some(0));
        assert_eq!(Chemistry::LithiumIronTwo.percent(2_700), Some(50));
        assert_eq!(Chemistry::Cr2032.percent(2_600), Some(50));
        assert_eq!(Chemistry::LithiumThionylChloride.percent(3_600), None);
    }
}
