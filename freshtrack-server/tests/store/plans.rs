//! The statements that run most follow an index: a table scan that creeps in shows here, not in a year.

use crate::scratch;
use freshtrack_server::store::sqlite::{SqliteOptions, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Row, SqliteConnection};

/// The statements and the indexes that must carry them. Texts are those of the adapter, cut down to
/// what decides the plan.
const STATEMENTS: &[(&str, &str)] = &[
    (
        "SELECT n.rowid FROM reading n WHERE n.unit_key = 1 AND n.zone IS NOT NULL
         ORDER BY n.recorded_at DESC LIMIT 1",
        "USING INDEX sqlite_autoindex_reading_1 (unit_key=?)",
    ),
    (
        "SELECT 1 FROM unit u JOIN reading r ON r.unit_key = u.key
         WHERE u.org_key = 1 AND u.id = x'00' AND r.recorded_at >= 1 AND r.recorded_at < 2
         ORDER BY r.recorded_at",
        "(unit_key=? AND recorded_at>? AND recorded_at<?)",
    ),
    (
        "SELECT unit_key FROM unit_monitor WHERE next_deadline <= 5 ORDER BY next_deadline, unit_key LIMIT 9",
        "unit_monitor_due",
    ),
    (
        "WITH v (unit_key, expected) AS (VALUES (1, 1), (2, 1))
         UPDATE unit_monitor SET version = version + 1 FROM v
         WHERE unit_monitor.unit_key = v.unit_key AND unit_monitor.version = v.expected",
        "SEARCH unit_monitor USING INTEGER PRIMARY KEY (rowid=?)",
    ),
    (
        "WITH v (org_key, id) AS (VALUES (1, x'00'))
         UPDATE alert SET version = version + 1 FROM v
         WHERE alert.org_key = v.org_key AND alert.id = v.id",
        "(org_key=? AND id=?)",
    ),
    (
        "SELECT a.body FROM alert a WHERE a.org_key = 1 AND a.raised_at >= 0
         AND (a.raised_at, a.id) < (9, x'00') ORDER BY a.raised_at DESC, a.id DESC LIMIT 51",
        "alert_raised (org_key=? AND raised_at>? AND (raised_at,id)<(?,?))",
    ),
    (
        "SELECT seq FROM outbox_event WHERE org_key = 1 AND seq > 5 ORDER BY seq LIMIT 100",
        "(org_key=? AND seq>?)",
    ),
    (
        "SELECT u.key FROM json_each('[]') j CROSS JOIN unit u
         ON u.org_key = (j.value ->> 0) AND u.id = unhex(j.value ->> 1)",
        "(org_key=? AND id=?)",
    ),
    (
        "SELECT u.key FROM unit u WHERE u.org_key = 1 AND u.id IN (SELECT unhex(value) FROM json_each('[]'))",
        "(org_key=? AND id=?)",
    ),
    ("SELECT 1 FROM api_key WHERE prefix = 'abc'", "(prefix=?)"),
    (
        "SELECT d.id FROM device d WHERE d.org_key = 1 AND d.dev_eui = 'A'",
        "(org_key=? AND dev_eui=?)",
    ),
    (
        "SELECT e.at FROM alert_event e WHERE e.alert_key = 1 ORDER BY e.key DESC LIMIT 9",
        "alert_event_alert (alert_key=?)",
    ),
];

#[tokio::test]
async fn frequent_statements_follow_an_index() {
    let path = scratch::sqlite_path();
    let store = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap();
    store.close().await;
    let options = SqliteConnectOptions::new().filename(&path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    for (statement, index) in STATEMENTS {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::query(explained)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        assert!(
            plan.iter().any(|step| step.contains(index)),
            "{statement}\nmust use {index}, but goes\n{plan:#?}"
        );
        let sorts = plan
            .iter()
            .any(|step| step == "USE TEMP B-TREE FOR ORDER BY");
        assert!(
            !sorts,
            "{statement}\nmust come in the order of its index:\n{plan:#?}"
        );
    }
}
