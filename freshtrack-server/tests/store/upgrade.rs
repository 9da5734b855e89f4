//! From a database as an earlier program left it: every row survives, and the program works on.

#![expect(
    clippy::unwrap_used,
    reason = "a law panics when it is broken; that is all it does"
)]

use crate::scratch;
use freshtrack_core::audit::{
    AuditCategory, AuditDraft, AuditEvent, AuditRefs, AuditSeverity, CHAIN_START, first_unsound,
};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{AuditRange, ReadingOrder, ReadingQuery};
use freshtrack_core::principal::Actor;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_server::store::{Store, StoreOptions};
use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::path::Path;
use uuid::Uuid;

/// The last migration of the schema the fixture is of.
const FIXTURE: i64 = 6;
const ORG: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001);
const SITE: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0002);
const AREA: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0003);
const UNIT: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0004);
const DEVICE: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0005);
/// Readings of the fixture: ten a month over a year and a half.
const READINGS: i64 = 180;
const EVENTS: i64 = 5;

#[derive(Clone, Copy)]
enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    fn id(self, id: Uuid) -> String {
        match self {
            Self::Sqlite => format!("x'{}'", id.simple()),
            Self::Postgres => format!("'{id}'"),
        }
    }

    fn at(self, at: Timestamp) -> String {
        match self {
            Self::Sqlite => at.as_micros().to_string(),
            Self::Postgres => format!("'{at}'"),
        }
    }

    const fn no(self) -> &'static str {
        match self {
            Self::Sqlite => "0",
            Self::Postgres => "FALSE",
        }
    }

    /// Keys are given, so that the rows can name each other.
    const fn with_key(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "OVERRIDING SYSTEM VALUE",
        }
    }

    async fn migrations(self) -> Migrator {
        let folder = match self {
            Self::Sqlite => "migrations/sqlite",
            Self::Postgres => "migrations/postgres",
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let all = Migrator::new(path).await.unwrap();
        let old = all.iter().filter(|step| step.version <= FIXTURE).cloned();
        let old: Vec<_> = old.collect();
        assert_eq!(old.len(), 6, "the schema of the fixture is complete");
        Migrator::with_migrations(old)
    }

    fn rows(self) -> Vec<String> {
        let start = self.at(start());
        let (key, no) = (self.with_key(), self.no());
        let [org, site, area, unit, device] = [ORG, SITE, AREA, UNIT, DEVICE].map(|id| self.id(id));
        let mut rows = vec![
            format!(
                "INSERT INTO organization (key, id, name, slug, timezone, display_unit,
                                           simulator_alerts, created_at, version) {key}
                 VALUES (7, {org}, 'Diner', 'diner', 'UTC', 'C', {no}, {start}, 1)"
            ),
            format!(
                "INSERT INTO site (key, org_key, id, name, name_folded, timezone,
                                   corrective_action_required, created_at, version) {key}
                 VALUES (8, 7, {site}, 'Main', 'main', 'UTC', {no}, {start}, 1)"
            ),
            format!(
                "INSERT INTO area (key, org_key, id, site_key, name, name_folded, sort_order,
                                   created_at, version) {key}
                 VALUES (9, 7, {area}, 8, 'Kitchen', 'kitchen', 0, {start}, 1)"
            ),
            format!(
                "INSERT INTO unit (key, org_key, id, site_key, area_key, name, name_folded, unit_type,
                                   monitoring_mode, monitoring_started_at, created_at, version) {key}
                 VALUES (10, 7, {unit}, 8, 9, 'Fridge', 'fridge', 'fridge', 'sensor', {start}, {start},
                         1)"
            ),
            format!(
                "INSERT INTO device (key, org_key, id, name, kind, transport, unit_key, is_primary,
                                     battery_low_mv, sentinel_temperatures, temperature_offset,
                                     created_at, version) {key}
                 VALUES (11, 7, {device}, 'Probe', 'temperature', 'api', 10, {no}, 3000, '[]', 0,
                         {start}, 1)"
            ),
        ];
        rows.extend((0..READINGS).map(|n| {
            let at = self.at(taken(n));
            format!(
                "INSERT INTO reading (unit_key, recorded_at, device_key, probe, org_key, effective_at,
                                      received_at, temperature, reported_unit, zone, source, flags)
                 VALUES (10, {at}, 11, 0, 7, {at}, {at}, {n}, 0, 0, 1, 0)"
            )
        }));
        rows.extend(self.events());
        rows
    }

    fn events(self) -> Vec<String> {
        let chain = chain();
        let newest = chain.last().unwrap();
        let head = format!(
            "INSERT INTO organization_head (org_key, outbox_seq, audit_seq, audit_hash)
             VALUES (7, 0, {}, '{}')",
            newest.seq, newest.hash
        );
        let event = |event: &AuditEvent| {
            let draft = &event.draft;
            format!(
                "INSERT INTO audit_event (org_key, seq, at, actor, category, kind, severity, title,
                                          refs, data, previous_hash, hash)
                 VALUES (7, {}, {}, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
                event.seq,
                self.at(draft.at),
                serde_json::to_string(&draft.actor).unwrap(),
                draft.category,
                draft.kind,
                draft.severity,
                draft.title,
                serde_json::to_string(&draft.refs).unwrap(),
                draft.data,
                event.previous_hash,
                event.hash
            )
        };
        std::iter::once(head)
            .chain(chain.iter().map(event))
            .collect()
    }
}

fn start() -> Timestamp {
    "2025-01-02T03:04:05.678901Z".parse().unwrap()
}

/// Ten a month, roughly, some within a microsecond of the month's end.
fn taken(n: i64) -> Timestamp {
    if n == 0 {
        return "2025-01-31T23:59:59.999999Z".parse().unwrap();
    }
    start() + Span::from_minutes(3 * 1_440 * n)
}

fn chain() -> Vec<AuditEvent> {
    let mut events: Vec<AuditEvent> = Vec::new();
    for seq in 1..=EVENTS {
        let previous = events
            .last()
            .map_or_else(|| CHAIN_START.to_owned(), |event| event.hash.clone());
        let draft = AuditDraft {
            at: start(),
            actor: Actor::System,
            category: AuditCategory::Settings,
            kind: "unit.created".to_owned(),
            severity: AuditSeverity::Info,
            title: format!("unit {seq}"),
            refs: AuditRefs {
                unit: Some(UnitId::from_uuid(UNIT)),
                ..AuditRefs::default()
            },
            data: json!({ "n": seq }),
        };
        events.push(AuditEvent::append(
            OrgId::from_uuid(ORG),
            seq,
            previous,
            draft,
        ));
    }
    events
}

/// Everything of the fixture is there, and the chain goes on.
async fn must_have_survived(url: &str) {
    let store = Store::connect(url, StoreOptions::default()).await.unwrap();
    assert!(store.health().await.unwrap().migrations_at_head);
    let org = OrgId::from_uuid(ORG);
    let query = ReadingQuery {
        unit: UnitId::from_uuid(UNIT),
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        order: ReadingOrder::OldestFirst,
    };
    let page = PageRequest {
        limit: 1_000,
        after: None,
    };
    let found = store.readings.list(org, query, page).await.unwrap().items;
    let mut found: Vec<_> = found
        .iter()
        .map(|r| (r.recorded_at, r.temperature.unwrap().milli_celsius()))
        .collect();
    let mut wanted: Vec<_> = (0..READINGS)
        .map(|n| (taken(n), i32::try_from(n).unwrap()))
        .collect();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "every reading survives");
    let range = AuditRange {
        from: 1,
        limit: 100,
    };
    let events = store.audit_log.list(org, range).await.unwrap();
    assert_eq!(events, chain(), "every event survives");
    let site = freshtrack_core::hierarchy::Site {
        id: Uuid::from_u128(99).into(),
        name: "Annex".to_owned(),
        timezone: "UTC".to_owned(),
        corrective_action_required: false,
        details: freshtrack_core::hierarchy::SiteDetails::default(),
        created_at: start(),
        updated_at: start(),
        version: 1,
        archived: None,
    };
    let journal = freshtrack_core::testkit::sample::journal("annex");
    store.places.create_site(org, site, journal).await.unwrap();
    let events = store.audit_log.list(org, range).await.unwrap();
    assert_eq!(events.len(), 6);
    assert_eq!(
        first_unsound((0, CHAIN_START), &events),
        None,
        "the chain goes on"
    );
    store.close().await;
}

#[tokio::test]
async fn a_sqlite_file_of_the_first_schema_is_brought_up_with_its_rows() {
    let path = scratch::sqlite_path();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let old = Database::Sqlite.migrations().await;
    old.run_direct(None, &mut connection, false).await.unwrap();
    for row in Database::Sqlite.rows() {
        let row = sqlx::query(sqlx::AssertSqlSafe(row));
        row.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    must_have_survived(&format!("sqlite:{}", path.display())).await;
}

#[tokio::test]
async fn a_postgres_schema_of_the_first_kind_is_brought_up_with_its_rows() {
    let Some(url) = scratch::postgres_url().await else {
        return;
    };
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let old = Database::Postgres.migrations().await;
    let mut old = old;
    old.set_locking(false)
        .run_direct(None, &mut connection, false)
        .await
        .unwrap();
    for row in Database::Postgres.rows() {
        let row = sqlx::query(sqlx::AssertSqlSafe(row));
        row.execute(&mut connection).await.unwrap();
    }
    must_have_survived(&url).await;
    let months: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert!(months > 18, "a partition per month, found {months}");
    let strays: i64 = sqlx::query_scalar("SELECT count(*) FROM readings_default")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(strays, 0, "every reading is in its month");
}
