//! The workbench behind `freshtrack decode`.

use crate::sample::arrived;
use freshtrack_ttn::bench::{InvalidJob, Job, decode_job, device_names, parse_hex};
use serde_json::{Value, json};

fn run(line: &Value) -> Result<Value, InvalidJob> {
    decode_job(&Job::from_line(&line.to_string(), arrived())?)
}

#[test]
fn a_device_s_frame_becomes_readings() {
    let said =
        run(&json!({"device": "lht65", "f_port": 2, "hex": "cbc608c101e301f8cb7fff"})).unwrap();
    let cabinet = said["readings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["role"] == "cabinet")
        .unwrap();
    assert_eq!(cabinet["value"], -18.45);
    assert_eq!(cabinet["unit"], "°C");
    assert_eq!(cabinet["quality"], "ok");
    assert_eq!(cabinet["decoded_by"], json!({"native": "lht65"}));
    assert_eq!(said["quarantine"], Value::Null);
}

#[test]
fn a_fault_has_a_cause_and_no_value() {
    let said =
        run(&json!({"device": "lht65n", "f_port": 2, "hex": "CBC6008200F2017FFF7FFF"})).unwrap();
    let cabinet = said["readings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["role"] == "cabinet")
        .unwrap();
    assert_eq!(
        (&cabinet["value"], &cabinet["quality"], &cabinet["cause"]),
        (&Value::Null, &json!("fault"), &json!("sentinel"))
    );
}

#[test]
fn a_rejected_frame_is_a_result() {
    let said = run(&json!({"device": "lht65", "f_port": 42, "hex": "00"})).unwrap();
    assert_eq!(said["codec"]["error"]["messages"], json!(["unknown port"]));
    assert_eq!(said["quarantine"], "undecodable");
}

#[test]
fn lines_that_are_no_jobs_are_refused() {
    for (line, error) in [
        (
            json!({"device": "nothing", "hex": "00"}),
            "no device family is called \"nothing\"",
        ),
        (
            json!({"device": "lht65", "hex": "0"}),
            "the payload is not hexadecimal",
        ),
        (
            json!({"device": "lht65", "js": "x", "hex": "00"}),
            "not a job: either device or js",
        ),
        (json!({"hex": "00"}), "not a job: either device or js"),
    ] {
        assert_eq!(run(&line).unwrap_err().to_string(), error);
    }
    assert!(Job::from_line("nonsense", arrived()).is_err());
    assert_eq!(parse_hex("0A:0b-0C 0d").unwrap(), [10, 11, 12, 13]);
}

#[test]
fn every_listed_name_is_accepted() {
    let names = device_names();
    assert!(
        names.contains(&"cayenne-lpp") && names.contains(&"lht65") && names.contains(&"dl-ds18")
    );
    for name in names {
        assert!(run(&json!({"device": name, "hex": "00"})).is_ok(), "{name}");
    }
}

#[test]
fn cayenne_shows_the_network_s_names() {
    let said = run(&json!({"device": "cayenne-lpp", "hex": "0167FF47"})).unwrap();
    assert_eq!(said["codec"]["data"], json!({"temperature_1": -18.5}));
    assert_eq!(said["readings"][0]["value"], -18.5);
}

#[cfg(feature = "js-codecs")]
#[test]
fn a_script_s_word_and_its_record_stand_side_by_side() {
    let script =
        "function decodeUplink(i) { return {data: {temperature: i.bytes[0] / 2, at: i.recvTime}} }";
    let said =
        run(&json!({"js": script, "f_port": 1, "hex": "07", "recv_time": "2026-01-02T03:04:05Z"}))
            .unwrap();
    assert_eq!(
        said["codec"]["data"],
        json!({"temperature": 3.5, "at": "2026-01-02T03:04:05.000Z"})
    );
    assert_eq!(said["readings"][0]["value"], 3.5);
    assert_eq!(said["readings"][0]["event_time"], "2026-01-02T03:04:05Z");
    let failed = run(&json!({"js": "while (true) {}", "hex": "07"})).unwrap();
    assert!(
        ["work_budget", "deadline"].contains(&failed["codec"]["error"]["class"].as_str().unwrap())
    );
    assert_eq!(failed["quarantine"], "undecodable");
}
