//! Decoders written from payload layouts, one per family.
//!
//! Total functions: any bytes give readings, "no measurement" or a rejection, never a panic, and a field is
//! never built from bytes that are not there. Vendors' scripts are not the source of anything here.

mod browan;
mod cursor;
mod decentlab;
mod dragino;
mod elsys;
mod family;
mod frame;
mod laird;
mod mclimate;
mod milesight;
mod netvox;
mod talkpool;
mod tektelic;

pub use family::{Family, UnknownFamily};

use crate::canonical::{Decoded, Rejected};
use freshtrack_core::time::Span;

/// Which family a device is of, and what is fitted to it.
///
/// Roles follow from this alone, never from what one frame happens to contain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NativeProfile {
    /// The family.
    pub family: Family,
    /// Whether an external probe is fitted.
    pub fitting: Fitting,
    /// How often the device reads its sensor, if that is known: gives aggregated values their times.
    pub read_period: Option<Span>,
}

/// Whether an external probe is fitted, on families where it is optional.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fitting {
    /// The probe watches the cabinet, the housing hangs outside.
    WithProbe,
    /// The housing itself is in the cabinet.
    WithoutProbe,
}

impl NativeProfile {
    /// The family as it is usually fitted.
    #[must_use]
    pub const fn new(family: Family) -> Self {
        Self {
            family,
            fitting: family.usual_fitting(),
            read_period: None,
        }
    }

    /// The same with or without a probe.
    #[must_use]
    pub const fn fitted(self, fitting: Fitting) -> Self {
        Self { fitting, ..self }
    }
}

/// Decodes one frame; a missing port means "not checked".
///
/// # Errors
/// [`Rejected`] if the frame cannot be one of this family.
pub fn decode_native(
    profile: &NativeProfile,
    port: Option<u8>,
    bytes: &[u8],
) -> Result<Decoded, Rejected> {
    (profile.family.decoder())(profile, port, bytes)
}
