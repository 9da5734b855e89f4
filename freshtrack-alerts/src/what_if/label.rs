//! What people's resolutions say about alerts: which were real, which were false, which nobody judged.

use crate::alert::{Alert, AlertType, ResolutionKind};
use freshtrack_core::time::Timestamp;

/// What is known about an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// A person recorded a corrective action: something was wrong.
    Confirmed,
    /// A person closed it and had nothing to correct.
    False,
    /// It ended by itself, or is open: nobody judged it.
    Unlabelled,
}

impl Label {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::False => "false",
            Self::Unlabelled => "unlabelled",
        }
    }
}

/// Whether a corrective action was recorded for an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// At least one.
    Recorded,
    /// None.
    None,
}

/// A temperature alert the unit really had, and what people made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastAlert {
    /// Since when its condition held.
    pub from: Timestamp,
    /// When that, or the alert, ended; nothing if it is open.
    pub to: Option<Timestamp>,
    /// What is known about it.
    pub label: Label,
}

impl PastAlert {
    /// What a stored alert says; nothing for one that is not about temperature.
    #[must_use]
    pub fn of(alert: &Alert, correction: Correction) -> Option<Self> {
        let by_hand = alert
            .resolved
            .as_ref()
            .is_some_and(|resolved| resolved.kind == ResolutionKind::Manual);
        let label = match (correction, by_hand) {
            (Correction::Recorded, _) => Label::Confirmed,
            (Correction::None, true) => Label::False,
            (Correction::None, false) => Label::Unlabelled,
        };
        let resolved = alert.resolved.as_ref().map(|resolved| resolved.at);
        (alert.key.alert_type == AlertType::TempExcursion).then_some(Self {
            from: alert.first_out_at.unwrap_or(alert.condition_since),
            to: alert.cleared_at.or(resolved),
            label,
        })
    }

    fn overlaps(&self, from: Timestamp, to: Option<Timestamp>) -> bool {
        to.is_none_or(|to| self.from <= to) && self.to.is_none_or(|end| from <= end)
    }
}

/// What is known about an alarm of `from` to `to`: of the real alerts it overlaps, a confirmed one
/// counts before a false one.
pub(super) fn label(past: &[PastAlert], from: Timestamp, to: Option<Timestamp>) -> Label {
    let found = past.iter().filter(|alert| alert.overlaps(from, to));
    found.fold(Label::Unlabelled, |known, alert| {
        match (known, alert.label) {
            (Label::Confirmed, _) | (_, Label::Confirmed) => Label::Confirmed,
            (Label::False, _) | (_, Label::False) => Label::False,
            (Label::Unlabelled, Label::Unlabelled) => Label::Unlabelled,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Resolution;
    use crate::testkit::sample;
    use freshtrack_core::testkit::sample::{Tenant, at};

    fn past(from: i64, to: Option<i64>, label: Label) -> PastAlert {
        PastAlert {
            from: at(from),
            to: to.map(at),
            label,
        }
    }

    #[test]
    fn a_corrective_action_confirms_and_a_bare_hand_denies() {
        let (tenant, _) = Tenant::new("labels");
        let mut alert = sample::alert(&tenant, tenant.unit, 100);
        let label = |alert: &Alert, correction| PastAlert::of(alert, correction).unwrap().label;
        assert_eq!(label(&alert, Correction::None), Label::Unlabelled);
        for (kind, expected) in [
            (ResolutionKind::Auto, Label::Unlabelled),
            (ResolutionKind::Manual, Label::False),
        ] {
            alert.resolved = Some(Resolution {
                kind,
                by: None,
                at: at(500),
                note: None,
            });
            assert_eq!(label(&alert, Correction::None), expected, "{kind:?}");
            assert_eq!(label(&alert, Correction::Recorded), Label::Confirmed);
        }
        alert.key.alert_type = AlertType::DoorOpen;
        assert_eq!(PastAlert::of(&alert, Correction::Recorded), None);
    }

    #[test]
    fn only_what_overlaps_speaks_and_the_worst_wins() {
        let known = [
            past(100, Some(200), Label::False),
            past(150, Some(250), Label::Confirmed),
            past(900, None, Label::False),
        ];
        for (from, to, expected) in [
            (0, Some(99), Label::Unlabelled),
            (0, Some(100), Label::False),
            (0, Some(150), Label::Confirmed),
            (251, Some(300), Label::Unlabelled),
            (950, Some(960), Label::False),
            (240, None, Label::Confirmed),
        ] {
            assert_eq!(
                label(&known, at(from), to.map(at)),
                expected,
                "{from} {to:?}"
            );
        }
    }
}
