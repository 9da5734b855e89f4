//! The audit log over HTTP: lists, proofs, heads, bundles, and tampering with the database behind it.

use crate::house::{House, Person};
use freshtrack_core::evidence::{Sha256Hash, merkle, verify};
use freshtrack_core::principal::Role;
use freshtrack_server::audit_bundle::check;
use reqwest::Method;
use serde_json::{Value, json};

async fn events(house: &House, who: &Person, query: &str) -> Value {
    let path = house.path(&format!("/audit?{query}"));
    house.get(who, &path).await.with(200)
}

async fn site(house: &House, who: &Person, name: &str) {
    let body = json!({ "name": name });
    house.post(who, &house.path("/sites"), body).await.with(201);
}

async fn several_events(house: &House) -> i64 {
    for n in 0..5 {
        site(house, &house.owner, &format!("Site {n}")).await;
    }
    let all = events(house, &house.owner, "limit=1").await;
    all["items"][0]["seq"].as_i64().unwrap()
}

fn seqs(list: &Value) -> Vec<i64> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|e| e["seq"].as_i64().unwrap()).collect()
}

fn hash(value: &Value) -> Sha256Hash {
    value.as_str().unwrap().parse().unwrap()
}

fn path_of(value: &Value) -> Vec<Sha256Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

pub(crate) async fn events_are_listed_newest_first_in_pages(house: &House) {
    let newest = several_events(house).await;
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = events(house, &house.owner, &format!("limit=2{after}")).await;
        seen.extend(seqs(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let wanted: Vec<i64> = (1..=newest).rev().collect();
    assert_eq!(seen, wanted, "each event once");
    let path = house.path(&format!("/audit/{newest}"));
    let event = house.get(&house.owner, &path).await.with(200);
    assert_eq!(event["type"], "site.created");
    assert_eq!(event["actor_type"], "user");
    assert_eq!(event["actor_id"], house.owner.id.to_string());
    let created = events(house, &house.owner, "type=site.created&category=settings").await;
    assert!(seqs(&created).len() >= 5);
    let nothing = events(house, &house.owner, "severity=critical").await;
    assert_eq!(seqs(&nothing), [0_i64; 0]);
    for path in ["/audit/0", "/audit/999999", "/audit/-1"] {
        let answer = house.get(&house.owner, &house.path(path)).await;
        answer.problem(404, "not-found");
    }
}

pub(crate) async fn members_below_admin_see_their_own_events_only(house: &House) {
    let manager = house.member("manager", Role::Manager).await;
    let newest = several_events(house).await;
    assert_eq!(seqs(&events(house, &manager, "").await), [0_i64; 0]);
    let body = json!({
        "name": "Second", "area_id": house.made.area, "unit_type": "freezer"
    });
    let unit = house
        .post(&manager, &house.path("/units"), body)
        .await
        .with(201);
    let own = events(house, &manager, "").await;
    assert_eq!(seqs(&own), [newest + 1]);
    assert_eq!(own["items"][0]["unit_id"], unit["id"]);
    let of_owner = format!("user_id={}", house.owner.id);
    assert_eq!(seqs(&events(house, &manager, &of_owner).await), [0_i64; 0]);
    let path = |seq: i64| house.path(&format!("/audit/{seq}"));
    house.get(&manager, &path(newest + 1)).await.with(200);
    let foreign = house.get(&manager, &path(newest)).await;
    foreign.problem(404, "not-found");
    let admin = house.member("admin", Role::Admin).await;
    let of_manager = format!("user_id={}", manager.id);
    assert_eq!(
        seqs(&events(house, &admin, &of_manager).await),
        [newest + 1]
    );
    let of_unit = format!("unit_id={}", unit["id"].as_str().unwrap());
    assert_eq!(seqs(&events(house, &admin, &of_unit).await), [newest + 1]);
}

pub(crate) async fn an_event_is_proven_to_be_in_the_log(house: &House) {
    let newest = several_events(house).await;
    for (seq, size) in [(1, newest), (newest, newest), (2, 3), (1, 1)] {
        let path = house.path(&format!("/audit/{seq}/proof?size={size}"));
        let proof = house.get(&house.owner, &path).await.with(200);
        let record = proof["record"].as_str().unwrap();
        let leaf = merkle::leaf_hash(record.as_bytes());
        assert_eq!(hash(&proof["leaf"]), leaf, "the record is the leaf");
        let (index, size) = (
            u64::try_from(seq - 1).unwrap(),
            u64::try_from(size).unwrap(),
        );
        let (way, root) = (path_of(&proof["path"]), hash(&proof["root"]));
        assert!(verify::inclusion(leaf, index, size, &way, root), "{proof}");
    }
    for (seq, size) in [(3, 2), (1, newest + 1)] {
        let path = house.path(&format!("/audit/{seq}/proof?size={size}"));
        let answer = house.get(&house.owner, &path).await;
        answer.problem(422, "validation-failed");
    }
}

pub(crate) async fn a_later_log_is_proven_to_extend_an_earlier_one(house: &House) {
    let newest = several_events(house).await;
    for first in 0..=newest {
        let path = house.path(&format!("/audit/consistency?first={first}"));
        let proof = house.get(&house.owner, &path).await.with(200);
        let tree = |size: &str, root: &str| verify::Tree {
            size: proof[size].as_u64().unwrap(),
            root: hash(&proof[root]),
        };
        let (old, new) = (tree("first", "first_root"), tree("second", "second_root"));
        assert_eq!(new.size, u64::try_from(newest).unwrap());
        assert!(
            verify::consistency(old, new, &path_of(&proof["path"])),
            "{proof}"
        );
    }
    let path = house.path(&format!("/audit/consistency?first={}", newest + 1));
    let answer = house.get(&house.owner, &path).await;
    answer.problem(422, "validation-failed");
}

async fn export(house: &House, query: &str) -> Vec<u8> {
    let path = house.path(&format!("/audit/export?{query}"));
    house.bytes(&house.owner, Method::POST, &path).await
}

pub(crate) async fn a_bundle_is_checked_without_the_server(house: &House) {
    let newest = several_events(house).await;
    let bundle = export(house, "").await;
    let sound = check::check(&bundle, None).unwrap();
    assert_eq!(sound.manifest.size, u64::try_from(newest).unwrap());
    assert!(sound.heads >= 1);
    let key = sound.keys.first().unwrap().clone();
    assert_eq!(check::check(&bundle, Some(&key)).unwrap(), sound);
    assert!(check::check(&bundle, Some("0123456789abcdef")).is_err());
    let heads = house.path("/audit/heads");
    let heads = house.get(&house.owner, &heads).await.with(200);
    let signed = heads["items"].as_array().unwrap();
    assert_eq!(signed.last().unwrap()["size"], newest);
    assert_eq!(heads["keys"][0]["key_id"], key.as_str());
    let audited = events(house, &house.owner, "type=audit.exported").await;
    let hash = Sha256Hash::of(&[&bundle]).to_hex();
    assert_eq!(audited["items"][0]["data"]["sha256"], hash.as_str());

    // What came since, from the head that was checked before.
    let later = export(house, &format!("after_size={newest}")).await;
    let later = check::check(&later, Some(&key)).unwrap();
    let size = u64::try_from(newest).unwrap();
    assert_eq!(
        (later.manifest.after, later.manifest.size),
        (size, size + 1)
    );
    let again = export(house, &format!("size={newest}")).await;
    let again = check::check(&again, None).unwrap().manifest;
    assert_eq!(again.root, sound.manifest.root, "the same past for ever");
    let odd = house.path(&format!("/audit/export?after_size={}", newest - 1));
    let answer = house.post(&house.owner, &odd, json!({})).await;
    answer.problem(422, "validation-failed");
}

pub(crate) async fn no_byte_of_a_bundle_can_be_changed(house: &House) {
    several_events(house).await;
    let bundle = export(house, "").await;
    check::check(&bundle, None).unwrap();
    let mut unnoticed = Vec::new();
    for at in (0..bundle.len()).step_by(13) {
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        if check::check(&changed, None).is_ok() {
            unnoticed.push(at);
        }
    }
    // Only the archive's own decoration (times, attributes) says nothing.
    let files = freshtrack_server::audit_bundle::zip::read(&bundle).unwrap();
    for at in unnoticed {
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        let same = freshtrack_server::audit_bundle::zip::read(&changed).unwrap();
        assert_eq!(same, files, "byte {at} changes a file and nobody notices");
    }
}

async fn verification(house: &House) -> Value {
    let path = house.path("/audit/verification");
    house.get(&house.owner, &path).await.with(200)
}

/// Somebody with the database, without the triggers that stop an honest mistake.
async fn tamper(house: &House, statements: &[&str]) {
    house
        .execute_beside(&[
            "DROP TRIGGER audit_event_is_never_changed ON audit_event",
            "DROP TRIGGER audit_head_is_never_changed ON audit_head",
        ])
        .await;
    house.execute_beside(statements).await;
}

async fn found_after(house: &House, statements: &[&str]) -> Value {
    several_events(house).await;
    assert_eq!(verification(house).await["ok"], true);
    tamper(house, statements).await;
    let found = verification(house).await;
    assert_eq!(found["ok"], false, "{statements:?}: {found}");
    found["first_bad_seq"].clone()
}

pub(crate) async fn an_edited_event_is_found(house: &House) {
    let bad = found_after(
        house,
        &["UPDATE audit_event SET title = 'nothing happened' WHERE seq = 3"],
    )
    .await;
    assert_eq!(bad, 3);
}

pub(crate) async fn an_addition_that_says_nothing_is_found(house: &House) {
    let bad = found_after(
        house,
        &["UPDATE audit_event SET data = '{ }' WHERE seq = 2"],
    )
    .await;
    assert_eq!(bad, 2, "not a byte may differ");
}

pub(crate) async fn a_removed_event_is_found(house: &House) {
    let bad = found_after(house, &["DELETE FROM audit_event WHERE seq = 4"]).await;
    assert_eq!(bad, 4);
}

pub(crate) async fn exchanged_events_are_found(house: &House) {
    let bad = found_after(
        house,
        &[
            "UPDATE audit_event SET seq = -1 WHERE seq = 3",
            "UPDATE audit_event SET seq = 3 WHERE seq = 4",
            "UPDATE audit_event SET seq = 4 WHERE seq = -1",
        ],
    )
    .await;
    assert_eq!(bad, 3);
}

pub(crate) async fn a_cut_tail_is_found_by_the_recorded_end(house: &House) {
    let bad = found_after(house, &["DELETE FROM audit_event WHERE seq > 4"]).await;
    assert_eq!(bad, 5);
}

pub(crate) async fn an_event_before_the_first_is_found(house: &House) {
    let bad = found_after(
        house,
        &["INSERT INTO audit_event
           SELECT org_key, 0, at, actor, category, kind, severity, title, refs, data, previous_hash, hash
           FROM audit_event WHERE seq = 1"],
    )
    .await;
    assert_eq!(bad, 1);
}

/// Whoever cuts the tail and corrects the recorded end is told by the signed head.
pub(crate) async fn a_cut_tail_is_found_by_the_signed_head(house: &House) {
    several_events(house).await;
    export(house, "").await;
    tamper(
        house,
        &[
            "DELETE FROM audit_event WHERE seq > 4",
            "UPDATE organization_head SET audit_seq = 4,
             audit_hash = (SELECT hash FROM audit_event e WHERE e.org_key = organization_head.org_key
                           AND seq = 4)",
        ],
    )
    .await;
    let found = verification(house).await;
    assert_eq!(found["ok"], false);
    assert_eq!(found["first_bad_seq"], 5);
    // And nothing is signed on top of it.
    let answer = house
        .post(&house.owner, &house.path("/audit/export"), json!({}))
        .await;
    answer.problem(409, "audit-unsound");
}

/// A past that is rewritten as a whole, every hash made anew, is not the one that was signed.
pub(crate) async fn a_rewritten_past_is_found_by_the_signed_head(house: &House) {
    use freshtrack_core::audit::{AuditEvent, CHAIN_START};
    use freshtrack_core::ports::AuditRange;
    several_events(house).await;
    export(house, "").await;
    let range = AuditRange {
        from: 1,
        limit: 1_000,
    };
    let log = &house.store().audit_log;
    let mut statements = Vec::new();
    let mut previous = CHAIN_START.to_owned();
    for mut event in log.list(house.org(), range).await.unwrap() {
        if event.seq == 2 {
            "Nothing happened".clone_into(&mut event.draft.title);
        }
        let event = AuditEvent::append(house.org(), event.seq, previous, event.draft);
        statements.push(format!(
            "UPDATE audit_event SET title = '{}', previous_hash = '{}', hash = '{}' WHERE seq = {}",
            event.draft.title.replace('\'', "''"),
            event.previous_hash,
            event.hash,
            event.seq
        ));
        previous = event.hash;
    }
    statements.push(format!(
        "UPDATE organization_head SET audit_hash = '{previous}'"
    ));
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    tamper(house, &statements).await;
    let path = house.path("/audit/verification?from=1");
    let chain = house.get(&house.owner, &path).await.with(200);
    assert_eq!(chain["ok"], true, "the chain alone cannot tell");
    let found = verification(house).await;
    assert_eq!(found["ok"], false, "the signed head can");
    assert_eq!(found["first_bad_seq"], 1, "the first event it vouches for");
}

pub(crate) async fn a_forged_head_is_found(house: &House) {
    several_events(house).await;
    export(house, "").await;
    tamper(
        house,
        &["UPDATE audit_head SET body = replace(body, '\"signature\":\"', '\"signature\":\"AAAA')"],
    )
    .await;
    let found = verification(house).await;
    assert_eq!(found["ok"], false, "{found}");
}

pub(crate) async fn a_stretch_is_checked_by_itself(house: &House) {
    let newest = several_events(house).await;
    let path = |query: &str| house.path(&format!("/audit/verification?{query}"));
    let found = house
        .get(&house.owner, &path("from=3&to=4"))
        .await
        .with(200);
    assert_eq!((&found["ok"], &found["checked"]), (&json!(true), &json!(2)));
    tamper(house, &["UPDATE audit_event SET title = 'x' WHERE seq = 3"]).await;
    let found = house.get(&house.owner, &path("from=2")).await.with(200);
    assert_eq!(found["first_bad_seq"], 3);
    let from = format!("from=4&to={newest}");
    let found = house.get(&house.owner, &path(&from)).await.with(200);
    assert_eq!(found["ok"], true, "what lies before is trusted");
}
