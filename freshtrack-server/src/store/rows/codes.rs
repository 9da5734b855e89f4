//! Small numbers for the names that stand in every reading row. A code is never given a second meaning.

use freshtrack_core::reading::{DoorState, ReadingFlags, ReadingSource, Zone};
use freshtrack_core::temperature::TemperatureUnit;

const LATE: i16 = 1;
const CLOCK_AHEAD: i16 = 2;
const SIMULATED: i16 = 4;

pub(crate) const fn scale(value: TemperatureUnit) -> i16 {
    match value {
        TemperatureUnit::C => 0,
        TemperatureUnit::F => 1,
    }
}

pub(crate) const fn scale_of(code: i16) -> Option<TemperatureUnit> {
    match code {
        0 => Some(TemperatureUnit::C),
        1 => Some(TemperatureUnit::F),
        _ => None,
    }
}

pub(crate) const fn door(value: DoorState) -> i16 {
    match value {
        DoorState::Open => 0,
        DoorState::Closed => 1,
        DoorState::Unknown => 2,
    }
}

pub(crate) const fn door_of(code: i16) -> Option<DoorState> {
    match code {
        0 => Some(DoorState::Open),
        1 => Some(DoorState::Closed),
        2 => Some(DoorState::Unknown),
        _ => None,
    }
}

pub(crate) const fn zone(value: Zone) -> i16 {
    match value {
        Zone::In => 0,
        Zone::Margin => 1,
        Zone::Out => 2,
    }
}

pub(crate) const fn zone_of(code: i16) -> Option<Zone> {
    match code {
        0 => Some(Zone::In),
        1 => Some(Zone::Margin),
        2 => Some(Zone::Out),
        _ => None,
    }
}

pub(crate) const fn source(value: ReadingSource) -> i16 {
    match value {
        ReadingSource::Ttn => 0,
        ReadingSource::Api => 1,
        ReadingSource::Import => 2,
        ReadingSource::Simulator => 3,
    }
}

pub(crate) const fn source_of(code: i16) -> Option<ReadingSource> {
    match code {
        0 => Some(ReadingSource::Ttn),
        1 => Some(ReadingSource::Api),
        2 => Some(ReadingSource::Import),
        3 => Some(ReadingSource::Simulator),
        _ => None,
    }
}

pub(crate) const fn flags(value: ReadingFlags) -> i16 {
    (if value.late { LATE } else { 0 })
        | (if value.clock_ahead { CLOCK_AHEAD } else { 0 })
        | (if value.simulated { SIMULATED } else { 0 })
}

pub(crate) const fn flags_of(bits: i16) -> ReadingFlags {
    ReadingFlags {
        late: bits & LATE != 0,
        clock_ahead: bits & CLOCK_AHEAD != 0,
        simulated: bits & SIMULATED != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for value in DoorState::ALL {
            assert_eq!(door_of(door(*value)), Some(*value));
        }
        for value in Zone::ALL {
            assert_eq!(zone_of(zone(*value)), Some(*value));
        }
        for value in ReadingSource::ALL {
            assert_eq!(source_of(source(*value)), Some(*value));
        }
        for bits in 0..8 {
            assert_eq!(flags(flags_of(bits)), bits);
        }
    }
}
