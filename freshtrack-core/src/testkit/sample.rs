//! Values the laws are stated with: the same in every run, all different from each other.

use super::{Stores, fail};
use crate::audit::{AuditCategory, AuditDraft, AuditRefs, AuditSeverity, Journal};
use crate::device::{BATTERY_LOW_MV_DEFAULT, Device, DeviceKind, Transport};
use crate::event::{EventKind, OutboxDraft};
use crate::hierarchy::{
    Area, AreaDetails, MonitoringMode, Organization, Site, SiteDetails, Unit, UnitDetails,
    UnitStatus, UnitType,
};
use crate::ids::{AreaId, OrgId, SiteId, UnitId};
use crate::memory::SequentialIds;
use crate::ports::{IdGen, NewOrganization};
use crate::principal::{Actor, ApiKey, Scope, User};
use crate::temperature::{TemperatureDelta, TemperatureUnit};
use crate::time::{Span, Timestamp};
use serde_json::json;

/// When the samples happen: with microseconds, so that a store that drops them is found out.
pub const START: Timestamp = Timestamp::from_micros(1_773_470_469_274_018);

/// The instant `seconds` after [`START`].
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    START + Span::from_seconds(seconds)
}

/// An organization with an owner, one site, one area and one unit.
#[derive(Debug)]
pub struct Tenant {
    /// The organization.
    pub org: OrgId,
    /// Its owner.
    pub owner: User,
    /// Its first site.
    pub site: SiteId,
    /// Its first area.
    pub area: AreaId,
    /// Its first unit.
    pub unit: UnitId,
    ids: SequentialIds,
}

impl Tenant {
    /// Makes and stores an organization with the slug `name`, without any journal.
    ///
    /// # Panics
    /// If the store refuses it.
    pub async fn create(store: &dyn Stores, name: &str) -> Self {
        let (tenant, new) = Self::new(name);
        let created = store.organizations().create(new, Journal::default()).await;
        created.unwrap_or_else(fail);
        tenant
    }

    /// An organization with the slug `name`, not stored yet.
    #[must_use]
    pub fn new(name: &str) -> (Self, NewOrganization) {
        let seed = name
            .bytes()
            .fold(17, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
        let ids = SequentialIds::new(seed);
        let tenant = Self {
            org: ids.uuid().into(),
            owner: person(&ids, name),
            site: ids.uuid().into(),
            area: ids.uuid().into(),
            unit: ids.uuid().into(),
            ids,
        };
        let mut site = tenant.new_site("Kitchen");
        site.id = tenant.site;
        let mut area = tenant.new_area("Cold room");
        area.id = tenant.area;
        let mut unit = tenant.new_unit("Fridge 1");
        unit.id = tenant.unit;
        let new = NewOrganization {
            organization: Organization {
                id: tenant.org,
                name: format!("Organization {name}"),
                slug: name.to_owned(),
                timezone: "Europe/Berlin".to_owned(),
                display_unit: TemperatureUnit::F,
                simulator_alerts: true,
                created_at: START,
                version: 1,
            },
            owner: tenant.owner.clone(),
            sites: vec![site],
            areas: vec![area],
            units: vec![unit],
            api_keys: Vec::new(),
        };
        (tenant, new)
    }

    /// A new id; later ones are greater.
    #[must_use]
    pub fn id<T: From<uuid::Uuid>>(&self) -> T {
        self.ids.uuid().into()
    }

    /// A person not stored yet.
    #[must_use]
    pub fn new_person(&self, name: &str) -> User {
        person(&self.ids, name)
    }

    /// A site not stored yet.
    #[must_use]
    pub fn new_site(&self, name: &str) -> Site {
        Site {
            id: self.id(),
            name: name.to_owned(),
            timezone: "America/New_York".to_owned(),
            corrective_action_required: true,
            details: SiteDetails::default(),
            created_at: at(1),
            updated_at: at(1),
            version: 1,
            archived: None,
        }
    }

    /// An area of the first site, not stored yet.
    #[must_use]
    pub fn new_area(&self, name: &str) -> Area {
        Area {
            id: self.id(),
            site_id: self.site,
            name: name.to_owned(),
            sort_order: 3,
            details: AreaDetails::default(),
            created_at: at(2),
            updated_at: at(2),
            version: 1,
            archived: None,
        }
    }

    /// A unit of the first area, not stored yet.
    #[must_use]
    pub fn new_unit(&self, name: &str) -> Unit {
        Unit {
            id: self.id(),
            site_id: self.site,
            area_id: self.area,
            name: name.to_owned(),
            unit_type: UnitType::WalkInCooler,
            monitoring_mode: MonitoringMode::Sensor,
            monitoring_started_at: at(3),
            status: UnitStatus::Ok,
            details: UnitDetails::default(),
            created_at: at(3),
            updated_at: at(3),
            version: 1,
            archived: None,
        }
    }

    /// A temperature sensor on the first unit, not primary, not stored yet.
    #[must_use]
    pub fn new_device(&self, name: &str) -> Device {
        Device {
            id: self.id(),
            dev_eui: None,
            name: name.to_owned(),
            kind: DeviceKind::Temperature,
            transport: Transport::Lora,
            model: Some("dragino-lht65".to_owned()),
            unit_id: Some(self.unit),
            is_primary: false,
            uplink_interval_seconds: Some(600),
            battery_low_mv: BATTERY_LOW_MV_DEFAULT,
            sentinel_temperatures: Vec::new(),
            temperature_offset: TemperatureDelta::from_milli_celsius(-250),
            calibration_due_at: None,
            last_seen_at: None,
            created_at: at(4),
            updated_at: at(4),
            version: 1,
            archived: None,
        }
    }

    /// A key for both scopes, not stored yet.
    #[must_use]
    pub fn new_api_key(&self, prefix: &str) -> ApiKey {
        ApiKey {
            id: self.id(),
            org: self.org,
            name: format!("Key {prefix}"),
            prefix: prefix.to_owned(),
            secret_hash: [7; 32],
            scopes: vec![Scope::Ingest, Scope::Read],
            expires_at: Some(at(1_000_000)),
            revoked_at: None,
            last_used_at: None,
            rotated_from: None,
            created_at: at(5),
        }
    }
}

fn person(ids: &SequentialIds, name: &str) -> User {
    User {
        id: ids.uuid().into(),
        issuer: "https://login.example.test/".to_owned(),
        subject: format!("person-{name}"),
        email: Some(format!("{name}@example.test")),
        created_at: START,
    }
}

/// A journal of one audit and one outbox event, both named by `label`.
#[must_use]
pub fn journal(label: &str) -> Journal {
    Journal {
        audit: vec![audit(label)],
        outbox: vec![outbox(label, START)],
    }
}

/// An audit event titled `label`.
#[must_use]
pub fn audit(label: &str) -> AuditDraft {
    AuditDraft {
        at: START,
        actor: Actor::System,
        category: AuditCategory::Settings,
        kind: "sample.changed".to_owned(),
        severity: AuditSeverity::Info,
        title: label.to_owned(),
        refs: AuditRefs::default(),
        data: json!({ "label": label, "count": 3, "nested": { "list": [1, "two", false] } }),
    }
}

/// An outbox event whose payload names `label`.
#[must_use]
pub fn outbox(label: &str, occurred_at: Timestamp) -> OutboxDraft {
    OutboxDraft {
        kind: EventKind::PlaceChanged,
        occurred_at,
        site: None,
        unit: None,
        alert: None,
        user: None,
        payload: json!({ "label": label }),
    }
}
