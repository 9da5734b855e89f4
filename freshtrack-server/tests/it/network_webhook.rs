//! Messages of The Things Stack, from the connection's making to the alert they raise.

use crate::reply::{Reply, send};
use crate::running::Running;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const DEV_EUI: &str = "70B3D57ED0051A2B";

/// A connection made through the API: its id and secret.
struct Connection {
    id: String,
    secret: String,
}

async fn connect(run: &Running) -> Connection {
    let body = json!({ "name": "Kitchen network", "application_id": "kitchen-sensors" });
    let path = run.at_home("/ttn-connections");
    let made = run.post(&path, &body).await.expect(201);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    Connection {
        id: text(&made["connection"]["id"]),
        secret: text(&made["webhook_secret"]),
    }
}

async fn add_probe(run: &Running) {
    let body = json!({ "name": "probe", "dev_eui": DEV_EUI, "unit_id": run.home.unit });
    run.post(&run.at_home("/devices"), &body).await.expect(201);
}

/// An uplink as The Things Stack sends it.
fn uplink(counter: u32, at: &str, decoded: &Value, dev_eui: &str) -> Value {
    json!({
        "end_device_ids": {
            "device_id": "fridge-probe-1",
            "application_ids": { "application_id": "kitchen-sensors" },
            "dev_eui": dev_eui,
            "join_eui": "70B3D57ED0000001",
            "dev_addr": "260B4C11"
        },
        "correlation_ids": [format!("gs:uplink:01HZ{counter:08}")],
        "received_at": at,
        "uplink_message": {
            "session_key_id": "AY9kXq1C0aYH7w==",
            "f_port": 2,
            "f_cnt": counter,
            "frm_payload": "AQID",
            "decoded_payload": decoded,
            "rx_metadata": [{
                "gateway_ids": { "gateway_id": "roof", "eui": "647FDAFFFE00A1B2" },
                "timestamp": 2_463_457_000_u32,
                "rssi": -71,
                "channel_rssi": -71,
                "snr": 8.5
            }],
            "settings": {
                "data_rate": { "lora": { "bandwidth": 125_000, "spreading_factor": 7 } },
                "frequency": "868100000"
            },
            "received_at": at,
            "consumed_airtime": "0.061696s",
            "network_ids": { "net_id": "000013", "tenant_id": "ttn", "cluster_id": "eu1" }
        }
    })
}

async fn call(run: &Running, id: &str, secret: &str, body: impl Into<reqwest::Body>) -> Reply {
    let request = run
        .request(Method::POST, &format!("/api/v1/ttn/{id}/uplink"))
        .header("x-webhook-secret", secret)
        .header("content-type", "application/json");
    send(request.body(body)).await
}

impl Connection {
    async fn send(&self, run: &Running, message: &Value) -> Reply {
        call(run, &self.id, &self.secret, message.to_string()).await
    }
}

/// Waits until the unit has this many readings.
async fn stored(run: &Running, count: usize) -> Vec<f64> {
    for _ in 0..200 {
        let stored = run.stored().await;
        if stored.len() >= count {
            return stored;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the uplink became no reading: {:?}", run.stored().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connections_secret_is_shown_once() {
    let run = Running::start().await;
    let connection = connect(&run).await;
    let list = run.get(&run.at_home("/ttn-connections")).await.expect(200);
    let rows = list["items"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["id"] == connection.id.as_str())
        .unwrap();
    assert_eq!(row["application_id"], "kitchen-sensors");
    let url = row["webhook_url"].as_str().unwrap();
    assert!(
        url.ends_with(&format!("/api/v1/ttn/{}", connection.id)),
        "{url}"
    );
    assert!(
        !list.to_string().contains(&connection.secret),
        "no list shows it"
    );
    assert!(!list.to_string().contains(&run.home.webhook_secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uplink_becomes_a_reading_and_raises_the_alert() {
    let run = Running::start().await;
    let connection = connect(&run).await;
    add_probe(&run).await;
    let body = uplink(
        7,
        "2026-03-02T11:59:58Z",
        &json!({ "temperature": 9.5 }),
        DEV_EUI,
    );
    let answer = connection.send(&run, &body).await;
    assert_eq!(
        answer.expect(200),
        json!({ "accepted": true, "duplicate": false })
    );
    assert_eq!(stored(&run, 1).await, [9.5]);
    let alert = run.alert_when("temp_excursion", |_| true).await;
    assert_eq!(alert["unit_id"], run.home.unit.to_string());
    assert_eq!(alert["trigger"]["temperature"], 9.5);

    // The network sends it again, as it does when an answer was lost.
    let again = connection.send(&run, &body).await;
    assert_eq!(
        again.expect(200),
        json!({ "accepted": true, "duplicate": true })
    );
    let next = uplink(
        8,
        "2026-03-02T11:59:59Z",
        &json!({ "temperature": 9.6 }),
        DEV_EUI,
    );
    connection.send(&run, &next).await.expect(200);
    assert_eq!(
        stored(&run, 2).await,
        [9.6, 9.5],
        "the repeated one is there once"
    );
    let path = run.at_home(&format!("/units/{}/readings/latest", run.home.unit));
    let latest = run.get(&path).await.expect(200);
    assert_eq!(latest["source"], "ttn");
    assert_eq!(latest["rssi_dbm"], -71);
    assert_eq!(latest["recorded_at"], "2026-03-02T11:59:59Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_and_an_unknown_connection_get_the_same_bare_401() {
    let run = Running::start().await;
    let connection = connect(&run).await;
    add_probe(&run).await;
    let body = uplink(
        1,
        "2026-03-02T11:59:58Z",
        &json!({ "temperature": 9 }),
        DEV_EUI,
    )
    .to_string();
    let unknown = "A".repeat(connection.id.len());
    let mut answers = Vec::new();
    for (id, secret) in [
        (connection.id.as_str(), "wrong"),
        (connection.id.as_str(), run.home.webhook_secret.as_str()),
        (connection.id.as_str(), ""),
        (unknown.as_str(), connection.secret.as_str()),
        ("x", connection.secret.as_str()),
    ] {
        let answer = call(&run, id, secret, body.clone()).await;
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        headers.remove("date");
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (401, ""),
            "{id} {secret}"
        );
        answers.push(format!("{headers:?}"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "nothing tells them apart: {answers:?}");
    // Nothing of it was kept: the right call is no duplicate.
    let right = call(&run, &connection.id, &connection.secret, body).await;
    assert_eq!(right.expect(200)["duplicate"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_about_a_message_never_makes_the_network_switch_us_off() {
    let run = Running::start().await;
    let connection = connect(&run).await;
    add_probe(&run).await;
    let at = "2026-03-02T11:59:58Z";
    let decoded = json!({ "temperature": 4.0 });
    let mut elsewhere = uplink(2, at, &decoded, DEV_EUI);
    elsewhere["end_device_ids"]["application_ids"]["application_id"] = json!("other-app");
    for message in [
        uplink(1, at, &decoded, "70B3D57ED00FFFFF"),
        elsewhere,
        json!({}),
        json!({ "something": "new" }),
        uplink(3, at, &json!({ "temperature": "warm" }), DEV_EUI),
    ] {
        let answer = connection.send(&run, &message).await;
        assert_eq!(answer.expect(200)["accepted"], true, "{message}");
    }
    for body in ["", "not json", "[]", "7", "{"] {
        let answer = call(&run, &connection.id, &connection.secret, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
    }
    let good = uplink(4, "2026-03-02T11:59:59Z", &decoded, DEV_EUI);
    connection.send(&run, &good).await.expect(200);
    assert_eq!(stored(&run, 1).await, [4.0], "the good one, and only it");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_256_kib_are_413() {
    let run = Running::start().await;
    let connection = connect(&run).await;
    let mut message = uplink(
        1,
        "2026-03-02T11:59:58Z",
        &json!({ "temperature": 4 }),
        DEV_EUI,
    );
    message["padding"] = json!("x".repeat(300 << 10));
    assert_eq!(connection.send(&run, &message).await.status, 413);
    message["padding"] = json!("x".repeat(200 << 10));
    assert_eq!(connection.send(&run, &message).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_probe_is_a_fault_and_no_temperature() {
    let run = Running::start().await;
    let connection = connect(&run).await;
    add_probe(&run).await;
    let body = uplink(
        1,
        "2026-03-02T11:59:58Z",
        &json!({ "temperature": 327.67 }),
        DEV_EUI,
    );
    connection.send(&run, &body).await.expect(200);
    let fault = run.alert_when("sensor_fault", |_| true).await;
    assert_eq!(fault["severity"], "critical");
    assert!(fault["device_id"].is_string(), "{fault}");
    assert!(run.stored().await.is_empty());
    assert!(run.alerts("temp_excursion").await.is_empty());
    let path = run.at_home("/quarantined-readings");
    let aside = run.get(&path).await.expect(200);
    assert_eq!(aside["items"].as_array().unwrap().len(), 1, "{aside}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_nobody_can_read_is_a_fault_of_its_device() {
    let run = Running::start().await;
    let connection = connect(&run).await;
    add_probe(&run).await;
    let mut body = uplink(1, "2026-03-02T11:59:58Z", &json!({}), DEV_EUI);
    body["uplink_message"]["f_port"] = json!(99);
    connection.send(&run, &body).await.expect(200);
    let fault = run.alert_when("sensor_fault", |_| true).await;
    assert!(fault["device_id"].is_string(), "{fault}");
    let path = run.at_home("/quarantined-readings");
    let aside = run.get(&path).await.expect(200);
    assert_eq!(aside["items"][0]["reason"], "decoder_error", "{aside}");
}
