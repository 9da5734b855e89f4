//! The rows of one organization.

use crate::audit::{AuditEvent, CHAIN_START, Journal};
use crate::device::{Device, DeviceSeen};
use crate::event::OutboxEvent;
use crate::hierarchy::{Area, Organization, Site, Unit, UnitStatus};
use crate::ids::{ApiKeyId, AreaId, DeviceId, OrgId, SiteId, UnitId, UserId};
use crate::ports::{ReadingCursor, SignedHead};
use crate::principal::{ApiKey, Membership};
use crate::reading::{QuarantinedReading, Reading, ReadingKey};
use std::collections::{BTreeMap, VecDeque};

/// Everything one organization owns.
#[derive(Debug)]
pub struct TenantRows {
    pub(super) organization: Organization,
    pub(super) memberships: BTreeMap<UserId, Membership>,
    pub(super) sites: BTreeMap<SiteId, Site>,
    pub(super) areas: BTreeMap<AreaId, Area>,
    pub(super) units: BTreeMap<UnitId, Unit>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) api_keys: BTreeMap<ApiKeyId, ApiKey>,
    pub(super) readings: BTreeMap<UnitId, BTreeMap<ReadingCursor, Reading>>,
    pub(super) quarantined: BTreeMap<ReadingKey, QuarantinedReading>,
    pub(super) audit: Vec<AuditEvent>,
    pub(super) heads: Vec<SignedHead>,
    pub(super) outbox: VecDeque<OutboxEvent>,
    /// Number of the newest outbox event, kept or not.
    pub(super) outbox_head: i64,
    /// Units that were changed since their last evaluation, and how often.
    pub(super) due: BTreeMap<UnitId, i64>,
}

impl TenantRows {
    pub(super) fn new(organization: Organization) -> Self {
        Self {
            organization,
            memberships: BTreeMap::new(),
            sites: BTreeMap::new(),
            areas: BTreeMap::new(),
            units: BTreeMap::new(),
            devices: BTreeMap::new(),
            api_keys: BTreeMap::new(),
            readings: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            audit: Vec::new(),
            heads: Vec::new(),
            outbox: VecDeque::new(),
            outbox_head: 0,
            due: BTreeMap::new(),
        }
    }

    /// The organization itself.
    #[must_use]
    pub const fn organization(&self) -> &Organization {
        &self.organization
    }

    /// A site.
    #[must_use]
    pub fn site(&self, id: SiteId) -> Option<&Site> {
        self.sites.get(&id)
    }

    /// An area.
    #[must_use]
    pub fn area(&self, id: AreaId) -> Option<&Area> {
        self.areas.get(&id)
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> Option<&Unit> {
        self.units.get(&id)
    }

    /// Every unit, in order of id.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// A device.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(&id)
    }

    /// The device with this `LoRaWAN` identity.
    #[must_use]
    pub fn device_by_eui(&self, dev_eui: &str) -> Option<&Device> {
        self.devices
            .values()
            .find(|device| device.archived.is_none() && device.dev_eui.as_deref() == Some(dev_eui))
    }

    /// Devices in use that are assigned to a unit, in order of id.
    pub fn devices_of(&self, unit: UnitId) -> impl Iterator<Item = &Device> {
        self.devices
            .values()
            .filter(move |device| device.archived.is_none() && device.unit_id == Some(unit))
    }

    /// How often a unit was changed by people since its last evaluation; 0 if it need not be evaluated
    /// for that.
    #[must_use]
    pub fn changes_since_evaluation(&self, unit: UnitId) -> i64 {
        self.due.get(&unit).copied().unwrap_or(0)
    }

    /// Notes that a unit was evaluated as it is; for the engine's commit only.
    pub fn note_evaluated(&mut self, unit: UnitId) {
        self.due.remove(&unit);
    }

    /// The unit a device is on, if it is on one, is due.
    pub(super) fn touch(&mut self, unit: Option<UnitId>) {
        if let Some(unit) = unit {
            self.make_due(unit);
        }
    }

    pub(super) fn make_due(&mut self, unit: UnitId) {
        *self.due.entry(unit).or_default() += 1;
    }

    /// The accepted reading with this key.
    #[must_use]
    pub fn reading(&self, key: &ReadingKey) -> Option<&Reading> {
        self.readings
            .get(&key.unit)?
            .get(&(key.recorded_at, key.device, key.probe))
    }

    /// Whether a value with this key was put aside.
    #[must_use]
    pub fn is_quarantined(&self, key: &ReadingKey) -> bool {
        self.quarantined.contains_key(key)
    }

    /// Stores an accepted reading. Only the engine's commit calls this, after it has made sure that
    /// the unit is this organization's and that the key is free.
    pub fn insert_reading(&mut self, reading: Reading) {
        self.readings.entry(reading.unit).or_default().insert(
            (reading.recorded_at, reading.device, reading.probe),
            reading,
        );
    }

    /// Stores a value put aside; for the engine's commit, as [`Self::insert_reading`].
    pub fn insert_quarantined(&mut self, value: QuarantinedReading) {
        let key = ReadingKey {
            unit: value.unit,
            device: value.device,
            probe: value.probe,
            recorded_at: value.recorded_at,
        };
        self.quarantined.insert(key, value);
    }

    /// Notes an uplink of a device; never moves its time back. An unknown device is left alone.
    pub fn note_seen(&mut self, seen: &DeviceSeen) {
        if let Some(device) = self.devices.get_mut(&seen.device) {
            device.last_seen_at = device.last_seen_at.max(Some(seen.at));
        }
    }

    /// Writes what the newest calibration of a device says. An unknown device is left alone.
    pub fn set_calibration(&mut self, calibrated: &Device) {
        if let Some(device) = self.devices.get_mut(&calibrated.id) {
            device.temperature_offset = calibrated.temperature_offset;
            device.calibration_due_at = calibrated.calibration_due_at;
            device.version = calibrated.version;
        }
    }

    /// Writes the displayed status of a unit; for the engine's commit only.
    pub fn set_status(&mut self, unit: UnitId, status: UnitStatus) {
        if let Some(unit) = self.units.get_mut(&unit) {
            unit.status = status;
        }
    }

    /// Numbers and stores a journal: audit events go into the hash chain, outbox events into the
    /// sequence, both gapless and in the order given.
    pub fn append_journal(&mut self, journal: Journal) {
        let org: OrgId = self.organization.id;
        for draft in journal.audit {
            let (seq, previous) = self.audit.last().map_or_else(
                || (1, CHAIN_START.to_owned()),
                |event| (event.seq + 1, event.hash.clone()),
            );
            self.audit
                .push(AuditEvent::append(org, seq, previous, draft));
        }
        for draft in journal.outbox {
            self.outbox_head += 1;
            self.outbox.push_back(OutboxEvent {
                org,
                seq: self.outbox_head,
                kind: draft.kind,
                occurred_at: draft.occurred_at,
                site: draft.site,
                unit: draft.unit,
                alert: draft.alert,
                user: draft.user,
                payload: draft.payload,
            });
        }
    }
}

/// The page of an ascending sequence of rows that `request` wants.
pub(super) fn page_of<'a, T, K>(
    rows: impl Iterator<Item = &'a T>,
    request: &crate::page::PageRequest<K>,
    key: impl Fn(&T) -> K,
) -> crate::page::Page<T, K>
where
    T: Clone + 'a,
    K: PartialOrd,
{
    let surplus = rows
        .filter(|row| request.after.as_ref().is_none_or(|after| key(row) > *after))
        .take(usize::from(request.limit) + 1)
        .cloned()
        .collect();
    crate::page::Page::from_surplus(surplus, request.limit, key)
}
