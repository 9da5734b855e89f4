//! One stay above the limit.

use super::{Denial, Params};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grace {
    None,
    /// `charged`: counted against the budget.
    On {
        charged: bool,
    },
    Denied(Denial),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Episode {
    /// First reading above the limit.
    pub(super) since: Timestamp,
    /// Proven time above it.
    pub(super) credit: Span,
    pub(super) peak: Temperature,
    pub(super) peak_at: Timestamp,
    pub(super) recovered: bool,
    pub(super) grace: Grace,
    /// The door was open, so its delay applies.
    pub(super) door: bool,
    /// The alarm came, or one was standing already.
    pub(super) raised: bool,
}

impl Episode {
    pub(super) const fn new(since: Timestamp, air: Temperature, raised: bool) -> Self {
        Self {
            since,
            credit: Span::ZERO,
            peak: air,
            peak_at: since,
            recovered: false,
            grace: Grace::None,
            door: false,
            raised,
        }
    }

    /// Takes a further reading above the limit; returns whether it is a new peak.
    pub(super) fn follow(
        &mut self,
        params: &Params,
        previous: Timestamp,
        at: Timestamp,
        air: Temperature,
    ) -> bool {
        let interval = at - previous;
        // A lost cold reading between two warm ones must not make a lasting excursion of them.
        if interval <= params.gap_limit() {
            self.credit = self.credit + interval;
        }
        let new_peak = air > self.peak;
        if new_peak {
            (self.peak, self.peak_at, self.recovered) = (air, at, false);
        }
        let back = self
            .peak
            .milli_celsius()
            .saturating_sub(params.recovery.milli_celsius());
        self.recovered |= air.milli_celsius() <= back;
        new_peak
    }

    pub(super) fn on_delay(&self, params: &Params) -> Span {
        if self.door {
            params.effective_door_delay()
        } else {
            params.effective_on_delay()
        }
    }

    pub(super) const fn denial(&self) -> Option<Denial> {
        match self.grace {
            Grace::Denied(cause) => Some(cause),
            Grace::None | Grace::On { .. } => None,
        }
    }

    pub(super) const fn has_grace(&self) -> bool {
        matches!(self.grace, Grace::On { .. })
    }

    pub(super) fn grace_over(&self, params: &Params) -> Timestamp {
        self.since + params.grace
    }

    /// When the alarm comes if no reading does.
    pub(super) fn silence_deadline(&self, params: &Params) -> Timestamp {
        let confirmed = self.since + self.on_delay(params);
        if !self.has_grace() {
            return confirmed + params.slack();
        }
        let over = self.grace_over(params);
        if self.recovered {
            return over;
        }
        over.min((self.peak_at + params.recovery_limit()).max(confirmed) + params.slack())
    }
}
