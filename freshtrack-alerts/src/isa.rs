//! Alarm states as people of the process industry name them.
//!
//! Flags are independent of each other and the name follows from them, because one word cannot say
//! "kept quiet *and* over *and* nobody has seen it". Leaving an overlay shows what condition and
//! acknowledgement say now, not what they said before.
//!
//! **Source:** ISA-18.2 and IEC 62682 names over OPC UA Part 9 flags, as read in the open OPC UA text.

use crate::alert::{Alert, AlertStatus, ResolutionKind};
use crate::suppression::{SuppressionKind, Window};
use freshtrack_core::time::Timestamp;
use freshtrack_core::wire_enum;

wire_enum! {
    /// Name of an alarm's state.
    IsaState {
        /// Taken out of service: somebody works on the unit or moves it.
        OutOfService = "out_of_service",
        /// Kept quiet by a planned window.
        SuppressedByDesign = "suppressed_by_design",
        /// Kept quiet by a person, for a time.
        Shelved = "shelved",
        /// Holds, and nobody has it.
        Unacked = "unacked",
        /// Holds, and somebody has it.
        Acked = "acked",
        /// Over, and nobody had it.
        RtnUnacked = "rtn_unacked",
        /// Over, and somebody had it.
        Normal = "normal",
    }
}

/// The flags of one alarm at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags that do not depend on each other are the point"
)]
pub struct IsaFlags {
    /// The condition holds.
    pub active: bool,
    /// Somebody has taken it, or closed it.
    pub acked: bool,
    /// Until when a person keeps it quiet.
    pub shelved_until: Option<Timestamp>,
    /// Whether a planned window keeps it quiet.
    pub suppressed: bool,
    /// Whether its unit is out of service.
    pub out_of_service: bool,
}

impl IsaFlags {
    /// The flags of `alert` at `now`, given the windows that reach its unit.
    #[must_use]
    pub fn of<'w>(
        alert: &Alert,
        windows: impl IntoIterator<Item = &'w Window>,
        now: Timestamp,
    ) -> Self {
        let resolved = alert.resolved.as_ref();
        let by_person = resolved.is_some_and(|r| r.kind == ResolutionKind::Manual);
        let mut flags = Self {
            active: alert.status != AlertStatus::Resolved,
            acked: alert.acknowledged.is_some() || by_person,
            shelved_until: None,
            suppressed: false,
            out_of_service: false,
        };
        if !flags.active {
            return flags;
        }
        let covers = |window: &&Window| window.covers(alert.key.alert_type, now);
        for window in windows.into_iter().filter(covers) {
            match window.kind {
                SuppressionKind::Snooze => {
                    flags.shelved_until = flags.shelved_until.max(Some(window.ends_at));
                }
                SuppressionKind::Maintenance | SuppressionKind::Relocation => {
                    flags.out_of_service = true;
                }
                SuppressionKind::Defrost | SuppressionKind::Other => flags.suppressed = true,
            }
        }
        flags
    }

    /// The name that follows from them.
    #[must_use]
    pub const fn state(&self) -> IsaState {
        match (self.active, self.acked) {
            _ if self.out_of_service => IsaState::OutOfService,
            _ if self.suppressed => IsaState::SuppressedByDesign,
            _ if self.shelved_until.is_some() => IsaState::Shelved,
            (true, false) => IsaState::Unacked,
            (true, true) => IsaState::Acked,
            (false, false) => IsaState::RtnUnacked,
            (false, true) => IsaState::Normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Acknowledgement, AlertType};
    use crate::testkit::sample;
    use freshtrack_core::testkit::sample::{Tenant, at};

    fn window(tenant: &Tenant, kind: SuppressionKind, from: i64, to: i64) -> Window {
        Window {
            id: tenant.id(),
            kind,
            alert_types: vec![AlertType::TempExcursion],
            starts_at: at(from),
            ends_at: at(to),
        }
    }

    fn acknowledged(tenant: &Tenant, mut alert: Alert) -> Alert {
        alert.status = AlertStatus::Acknowledged;
        alert.acknowledged = Some(Acknowledgement {
            by: tenant.owner.id,
            at: at(50),
            note: None,
            temperature: None,
        });
        alert
    }

    #[test]
    fn an_alarm_without_overlay_is_named_by_condition_and_acknowledgement() {
        let (tenant, _) = Tenant::new("isa");
        let open = sample::alert(&tenant, tenant.unit, 0);
        let taken = acknowledged(&tenant, open.clone());
        let state = |alert: &Alert| IsaFlags::of(alert, [], at(100)).state();
        assert_eq!(state(&open), IsaState::Unacked);
        assert_eq!(state(&taken), IsaState::Acked);
        assert_eq!(state(&sample::resolved(&open, 90)), IsaState::RtnUnacked);
        assert_eq!(state(&sample::resolved(&taken, 90)), IsaState::Normal);
    }

    /// Shelved before its return, and seen after the end: what holds then, not what held before.
    #[test]
    fn leaving_the_shelf_shows_what_holds_then() {
        let (tenant, _) = Tenant::new("isa");
        let shelf = [window(&tenant, SuppressionKind::Snooze, 10, 100)];
        let open = sample::alert(&tenant, tenant.unit, 0);
        let state = |alert: &Alert, now| IsaFlags::of(alert, &shelf, at(now)).state();
        assert_eq!(state(&open, 9), IsaState::Unacked);
        assert_eq!(state(&open, 10), IsaState::Shelved);
        assert_eq!(
            state(&acknowledged(&tenant, open.clone()), 99),
            IsaState::Shelved
        );
        assert_eq!(
            state(&acknowledged(&tenant, open.clone()), 100),
            IsaState::Acked
        );
        assert_eq!(
            state(&sample::resolved(&open, 50), 60),
            IsaState::RtnUnacked
        );
    }

    #[test]
    fn the_stronger_overlay_gives_the_name_and_the_last_end_counts() {
        let (tenant, _) = Tenant::new("isa");
        let open = sample::alert(&tenant, tenant.unit, 0);
        let mut windows = vec![
            window(&tenant, SuppressionKind::Snooze, 0, 100),
            window(&tenant, SuppressionKind::Snooze, 0, 200),
        ];
        assert_eq!(
            IsaFlags::of(&open, &windows, at(50)).shelved_until,
            Some(at(200))
        );
        windows.push(window(&tenant, SuppressionKind::Defrost, 0, 100));
        let state = |windows: &[Window]| IsaFlags::of(&open, windows, at(50)).state();
        assert_eq!(state(&windows), IsaState::SuppressedByDesign);
        windows.push(window(&tenant, SuppressionKind::Maintenance, 0, 100));
        assert_eq!(state(&windows), IsaState::OutOfService);
        windows[3].alert_types = vec![AlertType::DoorOpen];
        assert_eq!(
            state(&windows),
            IsaState::SuppressedByDesign,
            "of another type"
        );
    }
}
