//! `kill -9` while a network sends: every message answered with 200 becomes readings, once.

use crate::client::Tenant;
use crate::database::Database;
use crate::kill::{Victim, now, rounds, seed};
use crate::program::free_address;
use crate::series::Chance;
use freshtrack_core::time::{Span, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DEV_EUI: &str = "70B3D57ED0000001";

/// An uplink of a Dragino LHT65 with a probe in the cabinet.
fn uplink(at: Timestamp, counter: u32) -> Value {
    json!({
        "end_device_ids": {
            "device_id": "sensor-1",
            "application_ids": { "application_id": "ft-torture" },
            "dev_eui": DEV_EUI, "join_eui": "A840410000000101", "dev_addr": "260C7F4A"
        },
        "received_at": at,
        "uplink_message": {
            "session_key_id": "AZXHb1QmR6uVn0tYc2kPqw==", "f_port": 2, "f_cnt": counter,
            "frm_payload": "y8YIwQHjAQD6f/8=",
            "rx_metadata": [{
                "gateway_ids": { "gateway_id": "kitchen-gw", "eui": "24E124FFFEF01234" },
                "rssi": -80, "snr": 7.5, "time": at
            }],
            "settings": { "data_rate": { "lora": { "bandwidth": 125_000, "spreading_factor": 7 } } },
            "received_at": at,
            "version_ids": { "brand_id": "dragino", "model_id": "lht65" }
        }
    })
}

async fn post(tenant: &Tenant, message: &Value) -> bool {
    let address = format!(
        "{}/uplink",
        tenant.field("webhook_url").trim_end_matches('/')
    );
    let request = tenant
        .http
        .post(address)
        .header("x-webhook-secret", tenant.field("webhook_secret"))
        .json(message);
    match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            assert!(
                status == 200 || status == 503,
                "the webhook answered {status}"
            );
            status == 200
        }
        Err(_) => false,
    }
}

/// Sends uplinks in order, each until it is answered, some of them twice; what was answered.
async fn send(tenant: Tenant, start: Timestamp, stop: Arc<AtomicBool>) -> Vec<Value> {
    let mut chance = Chance(seed());
    let mut answered = Vec::new();
    for counter in 1..100_000 {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let at = start + Span::from_seconds(i64::from(counter));
        let message = uplink(at, counter);
        let mut attempts = 0;
        while !post(&tenant, &message).await {
            attempts += 1;
            assert!(attempts < 2_000, "the server does not come back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if chance.below(5) == 0 {
            post(&tenant, &message).await;
        }
        answered.push(message);
        tokio::time::sleep(Duration::from_millis(chance.below(15))).await;
    }
    answered
}

/// How many readings there are of each instant.
async fn readings(tenant: &Tenant, unit: &str) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for row in tenant
        .all(&format!("/units/{unit}/readings?order=asc"))
        .await
    {
        let at = row["recorded_at"].as_str().expect("a time").to_owned();
        *count.entry(at).or_default() += 1;
    }
    count
}

async fn killed_while_a_network_sends(name: &str, folder: &Path, database: &Database) {
    let victim = Victim {
        folder,
        address: free_address(),
        database: database.url.clone(),
    };
    let server = victim.start().await;
    let tenant = Tenant::bootstrap(folder, &database.url, &server.base).await;
    let unit = tenant.fridge("Walk-in").await;
    let device = json!({
        "name": "Probe", "dev_eui": DEV_EUI, "model": "dragino-lht65", "unit_id": unit
    });
    tenant.create("/devices", &device).await;
    let start = now() - Span::from_seconds(86_400);
    let stop = Arc::new(AtomicBool::new(false));
    let mut sender = tokio::task::JoinSet::new();
    sender.spawn(send(tenant.clone(), start, Arc::clone(&stop)));
    let (server, kills) = victim.torment(server, rounds(), Chance(seed() + 77)).await;
    stop.store(true, Ordering::Relaxed);
    let answered = sender.join_all().await.remove(0);
    assert!(answered.len() > 10, "hardly anything was sent");
    let wanted: Vec<String> = answered
        .iter()
        .map(|m| m["received_at"].as_str().expect("a time").to_owned())
        .collect();

    let mut found = BTreeMap::new();
    // What a killed worker had taken comes back when its lease ends.
    for _ in 0..240 {
        found = readings(&tenant, &unit).await;
        if found.len() >= wanted.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    for message in &answered {
        assert!(
            post(&tenant, message).await,
            "a repeat is answered like the first"
        );
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = readings(&tenant, &unit).await;
    assert_eq!(found, after, "repeats made readings");
    assert_eq!(
        found.keys().cloned().collect::<Vec<_>>(),
        wanted,
        "lost or invented"
    );
    let each: Vec<usize> = found.values().copied().collect();
    assert!(
        each.iter().all(|count| *count == each[0]),
        "not once each: {found:?}"
    );
    let journal = database.journal().await;
    let total: usize = each.iter().sum();
    assert_eq!(journal.readings_told, i64::try_from(total).expect("few"));
    assert_eq!((journal.first_seq, journal.last_seq), (1, journal.events));
    assert_eq!(server.stop().await, Some(0));
    eprintln!(
        "{name}: {kills} kills, {} uplinks answered, {} readings of each, all once",
        answered.len(),
        each[0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_uplink_that_was_answered_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    killed_while_a_network_sends("SQLite", folder.path(), &Database::sqlite(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_uplink_that_was_answered_on_postgres() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    killed_while_a_network_sends("PostgreSQL", folder.path(), &database).await;
    database.remove().await;
}
