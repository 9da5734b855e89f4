//! `replay`: recorded series through the alert engine, bad rows and all.

use crate::program::{Ended, run, told};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// The JSON lines of a replay: transitions, and the summary of the last line.
fn lines(ended: &Ended) -> (Vec<Value>, Value) {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    let mut last = lines.pop().expect("a last line");
    (lines, last["summary"].take())
}

async fn replay(folder: &Path, csv: &str, more: &[&str]) -> Ended {
    std::fs::write(folder.join("series.csv"), csv).expect("written");
    let flags = [
        "replay",
        "--csv",
        "series.csv",
        "--time-column",
        "t",
        "--temperature-column",
        "v",
    ];
    run(folder, &[&flags[..], more].concat()).await
}

/// One reading a minute: a value for each, in hundredths of a degree.
fn series(delimiter: char, values: impl IntoIterator<Item = i32>) -> String {
    let mut text = format!("t{delimiter}v\n");
    for (minute, value) in values.into_iter().enumerate() {
        let sign = if value < 0 { "-" } else { "" };
        let (whole, part) = (value.abs() / 100, value.abs() % 100);
        let (hour, minute) = (minute / 60, minute % 60);
        writeln!(
            text,
            "2026-01-01T{hour:02}:{minute:02}:00Z{delimiter}{sign}{whole}.{part:02}"
        )
        .expect("text grows");
    }
    text
}

fn kinds(transitions: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    transitions
        .iter()
        .filter(|t| t["alert_type"] == "temp_excursion")
        .map(|t| (text(&t["kind"]), text(&t["at"])))
        .collect()
}

/// 10 minutes cold, 20 warm, 10 cold.
fn warm_spell(cold: i32, warm: i32) -> Vec<i32> {
    [vec![cold; 10], vec![warm; 20], vec![cold; 10]].concat()
}

#[tokio::test]
async fn processes_replay_raises_confirms_and_resolves_on_the_recorded_clock() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = series(',', warm_spell(300, 800));
    let (transitions, summary) =
        lines(&replay(folder.path(), &csv, &["--unit-type", "fridge"]).await);
    let kinds = kinds(&transitions);
    let at = |kind: &str| {
        let found = kinds.iter().find(|(k, _)| k == kind);
        found
            .unwrap_or_else(|| panic!("no {kind} in {kinds:?}"))
            .1
            .clone()
    };
    assert_eq!(at("raised"), "2026-01-01T00:10:00Z");
    assert_eq!(at("confirmed"), "2026-01-01T00:20:00Z");
    assert_eq!(at("resolved_auto"), "2026-01-01T00:31:00Z");
    assert_eq!(summary["readings"], 40);
    assert_eq!(
        (&summary["excursions"], &summary["alarms"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (&summary["lowest_c"], &summary["highest_c"]),
        (&3.0.into(), &8.0.into())
    );
    assert_eq!(summary["check_in_interval_seconds"], 300);
    assert_eq!(summary["bad_rows"], 0);
}

#[tokio::test]
async fn processes_replay_counts_bad_rows_by_line_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = "t,v\n2026-01-01T00:00:00Z,3\nyesterday,3\n2026-01-01T00:02:00Z,warm\n\
        2026-01-01T00:03:00Z,\n2026-01-01T00:04:00Z\n2026-01-01T00:05:00Z,NaN\n,3\n\
        2026-01-01T00:07:00Z,3\n2026-01-01T00:07:00Z,9\n2026-01-01T00:06:00Z,3\n";
    let (_, summary) = lines(&replay(folder.path(), csv, &["--unit-type", "fridge"]).await);
    let named = summary["bad_rows_named"].as_array().expect("a list");
    let numbers: Vec<u64> = named
        .iter()
        .filter_map(|row| row["line"].as_u64())
        .collect();
    assert_eq!(numbers, [3, 4, 5, 6, 7, 8], "{summary}");
    assert!(
        named
            .iter()
            .all(|row| row["reason"].as_str().is_some_and(|why| !why.is_empty()))
    );
    assert_eq!(
        (&summary["bad_rows"], &summary["rows"]),
        (&6.into(), &10.into())
    );
    assert_eq!(summary["readings"], 3);
    assert_eq!(summary["rows_out_of_order"], 1);
    assert_eq!(summary["rows_with_equal_time"], 1);
}

#[tokio::test]
async fn processes_replay_resamples() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = series(',', vec![300; 61]);
    let flags = ["--unit-type", "fridge", "--resample", "15m"];
    let (_, summary) = lines(&replay(folder.path(), &csv, &flags).await);
    assert_eq!(summary["readings"], 5);
    assert_eq!(summary["check_in_interval_seconds"], 900);
    assert_eq!(summary["rows"], 61);
}

#[tokio::test]
async fn processes_replay_takes_limits_scale_and_delimiter() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let alarms = async |csv: &str, flags: &[&str]| {
        let (_, summary) = lines(&replay(at, csv, flags).await);
        summary["alarms"].as_u64().expect("a number")
    };
    let cool = series(',', warm_spell(300, 800));
    assert_eq!(
        alarms(&cool, &["--unit-type", "fridge", "--max", "9"]).await,
        0
    );
    assert_eq!(
        alarms(&cool, &["--unit-type", "fridge", "--max", "none"]).await,
        0
    );
    let frost = series(',', warm_spell(300, -200));
    assert_eq!(alarms(&frost, &["--unit-type", "fridge"]).await, 1);
    assert_eq!(
        alarms(&frost, &["--unit-type", "fridge", "--min", "-3"]).await,
        0
    );
    // 46 °F is too warm for a fridge; the same numbers in °C would never be inside the limits.
    let fahrenheit = series(';', warm_spell(3_700, 4_600));
    let flags = ["--unit-type", "fridge", "--unit", "F", "--delimiter", ";"];
    let (transitions, summary) = lines(&replay(at, &fahrenheit, &flags).await);
    assert_eq!(
        (&summary["alarms"], &summary["highest_c"]),
        (&1.into(), &7.778.into())
    );
    assert!(
        kinds(&transitions)
            .iter()
            .any(|(kind, _)| kind == "resolved_auto")
    );
    let flags = [&flags[..], &["--max", "47"]].concat();
    assert_eq!(
        alarms(&fahrenheit, &flags).await,
        0,
        "a limit is in the scale of the series"
    );
}

#[tokio::test]
async fn processes_replay_takes_rules() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = series(',', warm_spell(300, 800));
    let rules = folder.path().join("rules.json");
    std::fs::write(
        &rules,
        r#"{"confirm_closed_seconds": 1800, "confirm_open_seconds": 1800}"#,
    )
    .expect("written");
    let flags = ["--unit-type", "fridge", "--rules", "rules.json"];
    let (_, summary) = lines(&replay(folder.path(), &csv, &flags).await);
    assert_eq!(
        (&summary["excursions"], &summary["alarms"]),
        (&1.into(), &0.into())
    );
    std::fs::write(&rules, r#"{"confirm_sometime": 1}"#).expect("written");
    let wrong = replay(folder.path(), &csv, &flags).await;
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("confirm_sometime"),
        "{}",
        wrong.stderr
    );
}

#[tokio::test]
async fn processes_replay_refuses_wrong_flags_and_missing_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = series(',', [300]);
    for (flags, words) in [
        (
            &["--unit-type", "oven"][..],
            ["--unit-type", "`oven`", "blast_chiller"],
        ),
        (
            &["--unit-type", "fridge", "--unit", "K"],
            ["--unit", "`K`", "C or F"],
        ),
        (
            &["--unit-type", "fridge", "--delimiter", "::"],
            ["--delimiter", "`::`", "one character"],
        ),
        (
            &["--unit-type", "fridge", "--max", "hot"],
            ["--max", "`hot`", "number"],
        ),
        (
            &["--unit-type", "fridge", "--resample", "15"],
            ["--resample", "`15`", "15m"],
        ),
    ] {
        let ended = replay(folder.path(), &csv, flags).await;
        assert_eq!(ended.code, Some(2), "{flags:?}: {}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{flags:?}: {}", ended.stderr);
        }
    }
    let column = replay(folder.path(), "time,v\n", &["--unit-type", "fridge"]).await;
    assert_eq!(column.code, Some(1));
    assert!(column.stderr.contains("time, v"), "{}", column.stderr);
    let flags = [
        "replay",
        "--csv",
        "none.csv",
        "--time-column",
        "t",
        "--temperature-column",
        "v",
    ];
    let missing = run(
        folder.path(),
        &[&flags[..], &["--unit-type", "fridge"]].concat(),
    )
    .await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("none.csv"), "{}", missing.stderr);
}

/// Real recordings, where this machine has them.
#[tokio::test]
async fn processes_replay_runs_on_real_recordings() {
    let Some(vectors) = told("FRESHTRACK_VECTORS") else {
        eprintln!("SKIP: FRESHTRACK_VECTORS is not set");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, kind, coldest, warmest) in [
        ("ruuvi-freezer.csv", "freezer", -40.0, 10.0),
        ("ruuvi-fridge.csv", "fridge", -10.0, 30.0),
    ] {
        let path = format!("{vectors}/data/{name}");
        for more in [&[][..], &["--resample", "15m"]] {
            let flags = [
                "replay",
                "--csv",
                &path,
                "--time-column",
                "timestamp",
                "--temperature-column",
                "temperature",
                "--unit-type",
                kind,
            ];
            let (transitions, summary) =
                lines(&run(folder.path(), &[&flags[..], more].concat()).await);
            println!(
                "{name} {more:?}: {} transitions, {summary}",
                transitions.len()
            );
            let celsius = |field: &str| summary[field].as_f64().expect("a temperature");
            assert!(
                celsius("lowest_c") > coldest && celsius("highest_c") < warmest,
                "{summary}"
            );
            let number = |field: &str| summary[field].as_u64().expect("a number");
            assert!(number("readings") > 50, "{summary}");
            assert!(number("alarms") <= number("excursions"), "{summary}");
            assert!(number("bad_rows") * 10 < number("rows"), "{summary}");
            assert!(
                summary["first"].as_str() < summary["last"].as_str(),
                "{summary}"
            );
        }
    }
}
