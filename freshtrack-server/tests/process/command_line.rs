//! The command line: exit codes, words about wrong settings, which source wins, `openapi`.

use crate::program::{Ended, Serving, end_of, free_address, freshtrack, run};
use serde_json::Value;
use std::path::Path;

async fn with(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = freshtrack(folder);
    command.args(arguments).envs(environment.iter().copied());
    end_of(&mut command).await
}

fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(2), "{words:?}: {}", ended.stderr);
    for word in words {
        assert!(
            ended.stderr.contains(word),
            "{word:?} is not in {:?}",
            ended.stderr
        );
    }
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn processes_a_wrong_setting_names_key_value_and_what_is_allowed_and_exits_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let serve = async |arguments: &[&str]| run(at, &[&["serve"], arguments].concat()).await;
    refused(
        &serve(&["--role", "boss"]).await,
        &["role", "boss", "all, api, worker"],
    );
    refused(
        &serve(&["--listen", "here"]).await,
        &["listen", "here", "127.0.0.1:8080"],
    );
    refused(
        &serve(&["--database", "mysql://ft:hunter2@db/x"]).await,
        &["database", "mysql:", "sqlite:PATH", "postgres://"],
    );
    refused(
        &serve(&["--public-url", "ftp://x"]).await,
        &["public_url", "ftp://x", "https://"],
    );
    refused(
        &serve(&["--redis", "tcp://x"]).await,
        &["redis", "tcp:", "redis://HOST"],
    );
    refused(
        &serve(&["--config", "none.toml"]).await,
        &["config", "none.toml"],
    );
    refused(&serve(&["--speed", "9"]).await, &["--speed"]);
    for (variable, value, words) in [
        (
            "FRESHTRACK_LISTN",
            "127.0.0.1:1",
            ["listn", "listen", "database"],
        ),
        (
            "FRESHTRACK_SQLITE_SYNC",
            "off",
            ["sqlite_sync", "off", "full, normal"],
        ),
        (
            "FRESHTRACK_LOG_FORMAT",
            "xml",
            ["log_format", "xml", "text, json"],
        ),
        (
            "FRESHTRACK_STREAM_CONNECTIONS",
            "0",
            ["stream_connections", "`0`", "from 1 to"],
        ),
        (
            "FRESHTRACK_REQUESTS_PER_MINUTE",
            "many",
            ["requests_per_minute", "many", "it must be"],
        ),
    ] {
        refused(&with(at, &[(variable, value)], &["serve"]).await, &words);
    }
    std::fs::write(
        at.join("freshtrack.toml"),
        "listen = '127.0.0.1:0'\nrol = 'api'\n",
    )
    .expect("written");
    refused(&run(at, &["migrate"]).await, &["rol", "role"]);
}

#[tokio::test]
async fn processes_a_wrong_flag_names_itself_its_value_and_what_is_allowed_and_exits_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let org = "018f0000-0000-7000-8000-000000000000";
    let token = async |org: &str, user: &str, role: &str, ttl: &str| {
        let flags = [
            "--organization",
            org,
            "--user",
            user,
            "--role",
            role,
            "--ttl",
            ttl,
        ];
        run(at, &[&["token"], &flags[..]].concat()).await
    };
    refused(
        &token("x7", "a@b.example", "viewer", "1h").await,
        &["--organization", "`x7`"],
    );
    refused(
        &token(org, "nobody", "viewer", "1h").await,
        &["--user", "`nobody`", "e-mail"],
    );
    refused(
        &token(org, "a@b.example", "boss", "1h").await,
        &["--role", "`boss`", "viewer", "owner"],
    );
    for ttl in ["5", "1w", "h", "0s", "-1h", "99999999999999999999d"] {
        refused(&token(org, "a@b.example", "viewer", ttl).await, &["--ttl"]);
    }
    refused(
        &token(org, "a@b.example", "viewer", "1w").await,
        &["--ttl", "`1w`", "15m"],
    );
    let owner = ["--owner", "a@b.example"];
    let named = [&["bootstrap", "--organization", " "], &owner[..]].concat();
    refused(&run(at, &named).await, &["--organization"]);
    let kind = [
        &["bootstrap", "--organization", "X", "--unit-type", "oven"],
        &owner[..],
    ]
    .concat();
    refused(
        &run(at, &kind).await,
        &["--unit-type", "`oven`", "walk_in_cooler"],
    );
    refused(
        &run(at, &["demo", "--for", "2s"]).await,
        &["--for", "`2s`", "10s"],
    );
    refused(
        &run(at, &["demo", "--listen", "x"]).await,
        &["--listen", "`x`"],
    );
    assert!(!at.join("data").exists(), "a wrong flag made something");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (flag, variable, file) = (free_address(), free_address(), free_address());
    let settings =
        format!("listen = '{file}'\npublic_url = 'http://file.example'\ndata_dir = 'kept'\n");
    std::fs::write(folder.path().join("freshtrack.toml"), settings).expect("written");
    let listening = async |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = freshtrack(folder.path());
        command
            .arg("serve")
            .args(arguments)
            .envs(variables.iter().copied());
        let server = Serving::start(&mut command, &folder.path().join("server.log")).await;
        let base = server.base.clone();
        assert_eq!(server.stop().await, Some(0));
        base
    };
    let by_variable = [("FRESHTRACK_LISTEN", variable.as_str())];
    assert_eq!(listening(&[], &[]).await, format!("http://{file}"));
    assert_eq!(
        listening(&by_variable, &[]).await,
        format!("http://{variable}")
    );
    assert_eq!(
        listening(&by_variable, &["--listen", &flag]).await,
        format!("http://{flag}")
    );
    assert!(
        folder.path().join("kept/freshtrack.db").exists(),
        "the file's data_dir counts"
    );
    // The same order in a command that is no server.
    let bootstrap = [
        "bootstrap",
        "--json",
        "--owner",
        "o@x.example",
        "--organization",
    ];
    let mut seen = Vec::new();
    for (name, variables, flags) in [
        ("One", &[][..], &[][..]),
        (
            "Two",
            &[("FRESHTRACK_PUBLIC_URL", "http://env.example")][..],
            &[][..],
        ),
        (
            "Three",
            &[("FRESHTRACK_PUBLIC_URL", "http://env.example")][..],
            &["--public-url", "http://flag.example"][..],
        ),
    ] {
        let ended = with(
            folder.path(),
            variables,
            &[&bootstrap[..], &[name], flags].concat(),
        )
        .await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let made: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let address = made["webhook_url"].as_str().expect("an address");
        seen.push(address.split('/').nth(2).expect("a host").to_owned());
    }
    assert_eq!(seen, ["file.example", "env.example", "flag.example"]);
}

#[tokio::test]
async fn processes_help_mentions_every_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut words = String::new();
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["bootstrap", "--help"],
        &["token", "--help"],
    ] {
        let ended = run(folder.path(), command).await;
        assert_eq!(ended.code, Some(0));
        words.push_str(&ended.stdout);
    }
    // The program itself lists its settings when it is given one that is none.
    let unknown = with(
        folder.path(),
        &[("FRESHTRACK_NONE_SUCH", "1")],
        &["migrate"],
    )
    .await;
    let (_, list) = unknown
        .stderr
        .split_once("expected one of")
        .expect("a list");
    let settings: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    assert!(settings.len() >= 14, "{settings:?}");
    for setting in settings {
        let flag = format!("--{}", setting.replace('_', "-"));
        let named = words.contains(&flag) || words.contains(&format!("`{setting}`"));
        assert!(named, "`{setting}` is nowhere in the help");
    }
}

#[tokio::test]
async fn processes_openapi_prints_one_json_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), &["openapi"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let document: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with('3'))
    );
    let paths = document["paths"].as_object().expect("paths");
    assert!(
        paths.keys().any(|path| path.ends_with("/ingest/readings")),
        "{:?}",
        paths.keys()
    );
    assert!(
        !folder.path().join("data").exists(),
        "the document needs no database"
    );
}

#[tokio::test]
async fn processes_a_legal_hold_is_placed_listed_and_lifted() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let hold = [
        "retention",
        "hold",
        "--first",
        "2024-03",
        "--last",
        "2024-05",
        "--reason",
        "case 4711",
    ];
    let placed = run(folder, &hold).await;
    assert_eq!(placed.code, Some(0), "{}", placed.stderr);
    let id = placed.stdout.split_whitespace().next().expect("an id");
    let listed = run(folder, &["retention", "holds"]).await;
    assert!(
        listed.stdout.contains(id) && listed.stdout.contains("2024-03 to 2024-05"),
        "{}",
        listed.stdout
    );
    let ended = run(folder, &["retention", "lift", id]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(run(folder, &["retention", "lift", id]).await.code, Some(2));
    assert_eq!(run(folder, &["retention", "holds"]).await.stdout, "");
    let proven = run(folder, &["retention", "backup-proven", "--by", "restore"]).await;
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    let odd = run(folder, &["retention", "backup-proven", "--by", "hope"]).await;
    assert_eq!(odd.code, Some(2), "{}", odd.stderr);
}
