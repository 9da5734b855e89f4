//! `verify-audit BUNDLE`: what the exit code says of a bundle, without any database.

use crate::client::Tenant;
use crate::database::Database;
use crate::program::{Serving, freshtrack, run};
use freshtrack_server::audit_bundle::zip;

#[tokio::test]
async fn processes_a_bundle_is_sound_changed_or_unreadable_by_its_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let database = Database::sqlite(&folder.join("data"));
    let mut command = freshtrack(folder);
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database",
        &database.url,
    ]);
    let server = Serving::start(&mut command, &folder.join("serve.log")).await;
    let tenant = Tenant::bootstrap(folder, &database.url, &server.base).await;
    tenant.fridge("Second").await;
    let request = tenant
        .http
        .post(tenant.url("/audit/export"))
        .bearer_auth(tenant.field("owner_token"));
    let answer = request.send().await.expect("the server answers");
    assert_eq!(answer.status(), 200);
    let bundle = answer.bytes().await.expect("a bundle").to_vec();
    assert_eq!(server.stop().await, Some(0));

    let elsewhere = tempfile::tempdir().expect("a folder without any database");
    let elsewhere = elsewhere.path();
    std::fs::write(elsewhere.join("bundle.zip"), &bundle).expect("a file");
    let sound = run(elsewhere, &["verify-audit", "bundle.zip"]).await;
    assert_eq!(sound.code, Some(0), "{}{}", sound.stdout, sound.stderr);
    let key = sound
        .stdout
        .lines()
        .find_map(|line| line.trim().strip_prefix("key "))
        .expect("the key is named")
        .trim()
        .to_owned();
    let by_key = ["verify-audit", "bundle.zip", "--key", &key];
    assert_eq!(run(elsewhere, &by_key).await.code, Some(0));
    let by_other = ["verify-audit", "bundle.zip", "--key", "0000000000000000"];
    let other = run(elsewhere, &by_other).await;
    assert_eq!(other.code, Some(1), "{}", other.stdout);
    assert!(other.stdout.contains(&key), "it says who signed");

    let mut files = zip::read(&bundle).expect("an archive");
    let records = files.iter_mut().find(|(name, _)| name == "records.jsonl");
    let (_, records) = records.expect("records");
    let text = String::from_utf8(records.clone()).expect("text");
    *records = text.replace("unit created", "unit creaTed").into_bytes();
    std::fs::write(elsewhere.join("changed.zip"), zip::write(&files)).expect("a file");
    let changed = run(elsewhere, &["verify-audit", "changed.zip"]).await;
    assert_eq!(changed.code, Some(1), "{}", changed.stderr);
    assert!(
        changed.stdout.contains("records.jsonl"),
        "{}",
        changed.stdout
    );

    std::fs::write(elsewhere.join("junk.zip"), b"PK and nothing else").expect("a file");
    for name in ["junk.zip", "absent.zip"] {
        let unreadable = run(elsewhere, &["verify-audit", name]).await;
        assert_eq!(unreadable.code, Some(2), "{}", unreadable.stdout);
    }
    let left: Vec<_> = std::fs::read_dir(elsewhere).expect("a folder").collect();
    assert_eq!(left.len(), 3, "no database was made");
}
