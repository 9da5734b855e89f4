//! The families by name.

use super::frame::Outcome;
use super::{
    Fitting, NativeProfile, browan, decentlab, dragino, elsys, laird, mclimate, milesight, netvox,
    talkpool, tektelic,
};
use std::fmt;
use std::str::FromStr;

/// No family has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no family is called {name:?}")]
pub struct UnknownFamily {
    /// The name.
    pub name: String,
}

pub(super) type Decoder = fn(&NativeProfile, Option<u8>, &[u8]) -> Outcome;

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(| $alias:literal)*, $decoder:path;)+) => {
        /// A family of devices with one payload layout.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Family {
            $($(#[$doc])* $name,)+
        }

        impl Family {
            /// Every family, by maker.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name, as configuration and the command line write it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Other names of the same layout: sibling models and the codec ids of device repositories.
            #[must_use]
            pub const fn aliases(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($alias,)*],)+ }
            }

            pub(super) const fn decoder(self) -> Decoder {
                match self { $(Self::$name => $decoder,)+ }
            }
        }
    };
}

families! {
    /// Dragino LHT65.
    Lht65 = "lht65", dragino::lht65;
    /// Dragino LHT65N.
    Lht65n = "lht65n", dragino::lht65;
    /// Dragino LHT52.
    Lht52 = "lht52", dragino::lht52;
    /// Dragino LDS02, LDS01 and LWL02.
    Lds02 = "lds02" | "lds01" | "lwl02", dragino::lds02;
    /// Dragino LTC2.
    Ltc2 = "ltc2", dragino::ltc2;
    /// Milesight EM300-TH, -SLD, -ZLD and -MCS.
    Em300 = "em300-th" | "em300-sld" | "em300-zld" | "em300-mcs" | "em300-sld-zld" | "em300",
        milesight::decode;
    /// Milesight EM500-PT100.
    Em500Pt100 = "em500-pt100", milesight::decode;
    /// Elsys ERS, Lite, CO2 and EXT.
    Ers = "ers" | "ers-lite" | "ers-co2" | "ers-ext" | "elsys", elsys::decode;
    /// Elsys ELT-2.
    Elt2 = "elt-2" | "elt2" | "elt-lite", elsys::decode;
    /// Elsys EMS Door.
    EmsDoor = "ems-door", elsys::decode;
    /// Laird `RS1xx`, temperature and humidity.
    Rs1xxTh = "rs1xx-th" | "rs1xx-temp-rh-sensor" | "rs1xx-ext-multi-sensor", laird::decode;
    /// Laird `RS1xx` with a 1-wire probe.
    Rs1xxOneWire = "rs1xx-1w" | "rs1xx-ext-temp-1w-sensor", laird::decode;
    /// Laird `RS1xx` with an RTD probe.
    Rs1xxRtd = "rs1xx-rtd" | "rs1xx-ext-temp-rtd-sensor", laird::decode;
    /// Laird `RS1xx` with a contact.
    Rs1xxContact = "rs1xx-contact", laird::decode;
    /// Netvox R718A.
    R718a = "r718a", netvox::decode;
    /// Netvox R718AB.
    R718ab = "r718ab", netvox::decode;
    /// Netvox R711.
    R711 = "r711" | "r712", netvox::decode;
    /// Netvox R720A.
    R720a = "r720a", netvox::decode;
    /// Netvox R718CK2.
    R718ck2 = "r718ck2", netvox::decode;
    /// Netvox R718B2.
    R718b2 = "r718b2", netvox::decode;
    /// Netvox R718CT2.
    R718ct2 = "r718ct2", netvox::decode;
    /// Netvox R718CK.
    R718ck = "r718ck", netvox::decode;
    /// Netvox R718CT.
    R718ct = "r718ct", netvox::decode;
    /// Netvox R718B.
    R718b = "r718b", netvox::decode;
    /// Netvox R311A.
    R311a = "r311a", netvox::decode;
    /// Netvox R718F.
    R718f = "r718f", netvox::decode;
    /// Netvox R730F.
    R730f = "r730f", netvox::decode;
    /// Browan TBHH100.
    Tbhh100 = "tbhh100" | "tabs-tbhh100", browan::tbhh100;
    /// Browan TBDW100.
    Tbdw100 = "tbdw100" | "tabs-tbdw100", browan::tbdw100;
    /// `MClimate` HT sensor.
    MclimateHt = "mclimate-ht" | "ht-sensor", mclimate::decode;
    /// Decentlab DL-SHT35.
    DecentlabSht35 = "dl-sht35", decentlab::decode;
    /// Decentlab DL-DS18.
    DecentlabDs18 = "dl-ds18", decentlab::decode;
    /// Tektelic Comfort and Vivid.
    TektelicComfort = "tektelic-comfort" | "tektelic-vivid" | "comfort" | "vivid"
        | "t00061xx" | "t00067xx", tektelic::decode;
    /// Tektelic Tundra.
    TektelicTundra = "tektelic-tundra" | "tundra" | "t00073xx", tektelic::decode;
    /// Talkpool OY1100.
    Oy1100 = "oy1100", talkpool::decode;
    /// Talkpool OY1110.
    Oy1110 = "oy1110", talkpool::decode;
    /// Talkpool OY1210.
    Oy1210 = "oy1210", talkpool::decode;
}

impl Family {
    /// Whether the family is usually bought for its external probe.
    #[must_use]
    pub const fn usual_fitting(self) -> Fitting {
        match self {
            Self::Lht65 | Self::Lht65n | Self::Lht52 | Self::Elt2 => Fitting::WithProbe,
            _ => Fitting::WithoutProbe,
        }
    }
}

impl FromStr for Family {
    type Err = UnknownFamily;

    /// Any case; a `-codec` at the end, as device repositories write it, is ignored.
    fn from_str(text: &str) -> Result<Self, UnknownFamily> {
        let wanted = text.trim().to_ascii_lowercase();
        let wanted = wanted.strip_suffix("-codec").unwrap_or(&wanted);
        let named =
            |family: &&Self| family.as_str() == wanted || family.aliases().contains(&wanted);
        Self::ALL
            .iter()
            .find(named)
            .copied()
            .ok_or_else(|| UnknownFamily {
                name: text.to_owned(),
            })
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
