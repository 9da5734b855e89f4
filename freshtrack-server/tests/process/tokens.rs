//! `bootstrap` and `token`: what they make, once, and that the store alone decides what a person may do.

use crate::client::Tenant;
use crate::database::Database;
use crate::program::{Ended, Serving, freshtrack, run};
use serde_json::{Value, json};
use std::path::Path;

async fn bootstrap(folder: &Path, name: &str, owner: &str) -> Ended {
    let arguments = [
        "bootstrap",
        "--json",
        "--organization",
        name,
        "--owner",
        owner,
    ];
    run(folder, &arguments).await
}

#[tokio::test]
async fn processes_bootstrap_prints_everything_and_a_repeat_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = bootstrap(folder.path(), "Blue Door", "owner@blue.example").await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let made: Value = serde_json::from_str(&first.stdout).expect("one JSON object");
    for field in [
        "organization_id",
        "site_id",
        "area_id",
        "unit_id",
        "owner_token",
        "api_key",
        "webhook_url",
        "webhook_secret",
    ] {
        let value = made[field].as_str().unwrap_or_default();
        assert!(value.len() > 10, "`{field}` is {value:?}");
    }
    let database = Database::sqlite(&folder.path().join("data"));
    let before = database.people().await;
    for (name, owner) in [
        ("Blue Door", "owner@blue.example"),
        ("blue door", "somebody-else@blue.example"),
    ] {
        let again = bootstrap(folder.path(), name, owner).await;
        assert_eq!(again.code, Some(3), "{}", again.stderr);
        assert!(again.stderr.contains(name), "{}", again.stderr);
        assert_eq!(again.stdout, "", "a conflict prints no secret");
        assert_eq!(
            database.people().await,
            before,
            "a conflict as {owner} changed the store"
        );
    }
}

#[tokio::test]
async fn processes_a_token_for_an_unknown_organization_exits_1_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = bootstrap(folder.path(), "Blue Door", "owner@blue.example").await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let database = Database::sqlite(&folder.path().join("data"));
    let before = database.people().await;
    let ended = run(
        folder.path(),
        &[
            "token",
            "--organization",
            "018f0000-0000-7000-8000-000000000000",
            "--user",
            "stranger@blue.example",
            "--role",
            "owner",
        ],
    )
    .await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("018f0000"), "{}", ended.stderr);
    assert_eq!(database.people().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_the_role_comes_from_the_store_and_not_from_the_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::sqlite(folder.path());
    let mut command = freshtrack(folder.path());
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database",
        &database.url,
    ]);
    let server = Serving::start(&mut command, &folder.path().join("server.log")).await;
    let tenant = Tenant::bootstrap(folder.path(), &database.url, &server.base).await;
    let token_as = async |user: &str, role: &str| {
        let organization = tenant.field("organization_id");
        let ended = run(
            folder.path(),
            &[
                "token",
                "--organization",
                organization,
                "--user",
                user,
                "--role",
                role,
                "--database",
                &database.url,
            ],
        )
        .await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.trim().to_owned()
    };
    let make_site = async |token: &str, name: &str| {
        tenant
            .post_as(token, "/sites", &json!({ "name": name }))
            .await
            .0
    };
    let old = token_as("second@torture.example", "admin").await;
    assert_eq!(make_site(&old, "One").await, 201);
    // From here on a viewer: the token signed as admin may read and no more.
    let new = token_as("second@torture.example", "viewer").await;
    assert_eq!(make_site(&old, "Two").await, 403);
    assert_eq!(make_site(&new, "Three").await, 403);
    assert_eq!(tenant.get_as(&old, "/units").await.0, 200);
    // And back again, with the token signed as viewer.
    token_as("second@torture.example", "admin").await;
    assert_eq!(make_site(&new, "Four").await, 201);
    assert_eq!(server.stop().await, Some(0));
}
