//! Canonical bytes: the printed example, RFC 8785 behaviour, and what a leaf may not contain.

use freshtrack_core::evidence::merkle::leaf_hash;
use freshtrack_core::evidence::{NotCanonical, canonical_bytes, leaf_bytes};
use serde_json::{Value, json};

#[test]
fn the_example_reading_has_the_published_leaf_hash() {
    let record = json!({
        "v": 1, "kind": "reading", "org": "org_1", "unit": "unit_7", "unit_seq": 42,
        "recorded_at": "2026-01-02T03:04:05.678Z", "temp": {"unit": "C", "milli": -18050},
    });
    let bytes = leaf_bytes(&record).unwrap();
    assert_eq!(
        String::from_utf8(bytes.clone()).unwrap(),
        r#"{"kind":"reading","org":"org_1","recorded_at":"2026-01-02T03:04:05.678Z","temp":{"milli":-18050,"unit":"C"},"unit":"unit_7","unit_seq":42,"v":1}"#
    );
    assert_eq!(
        leaf_hash(&bytes).to_hex(),
        "ac8826c6e527994dd87f9baf269b6e9e0d13083269303e410277e2a393993fae"
    );
}

#[test]
fn members_are_ordered_by_utf16_units_and_numbers_written_as_ecmascript_does() {
    let value: Value =
        serde_json::from_str(r#"{"\ufb33":1,"\ud83d\ude00":2,"1":1e21,"a":0.10,"\u0080":-0.0}"#)
            .unwrap();
    assert_eq!(
        String::from_utf8(canonical_bytes(&value).unwrap()).unwrap(),
        "{\"1\":1e+21,\"a\":0.1,\"\u{80}\":0,\"\u{1f600}\":2,\"\u{fb33}\":1}"
    );
}

#[test]
fn a_leaf_refuses_what_has_no_single_exact_form() {
    let leaf = |extra: Value| {
        let mut record = json!({"kind": "reading", "v": 1});
        record["x"] = extra;
        leaf_bytes(&record)
    };
    assert!(matches!(leaf(json!(1.5)), Err(NotCanonical::Fraction { at }) if at == "/x"));
    assert!(matches!(leaf(json!([0, null])), Err(NotCanonical::Null { at }) if at == "/x/1"));
    assert!(matches!(
        leaf(json!({"a/b": 9_007_199_254_740_992_u64})),
        Err(NotCanonical::IntegerTooLarge { at }) if at == "/x/a~1b"
    ));
    assert!(matches!(
        leaf(json!(-9_007_199_254_740_992_i64)),
        Err(NotCanonical::IntegerTooLarge { .. })
    ));
    assert!(leaf(json!(9_007_199_254_740_991_u64)).is_ok());
    assert!(matches!(
        leaf(json!("e\u{301}")),
        Err(NotCanonical::NotNormalised { .. })
    ));
    assert!(matches!(
        leaf(json!({"e\u{301}": 1})),
        Err(NotCanonical::NotNormalised { .. })
    ));
    assert!(leaf(json!("\u{e9}")).is_ok());
    assert!(matches!(
        leaf_bytes(&json!({"v": 1})),
        Err(NotCanonical::Untyped)
    ));
    assert!(matches!(
        leaf_bytes(&json!({"kind": "reading"})),
        Err(NotCanonical::Untyped)
    ));
    assert!(matches!(
        leaf_bytes(&json!([1])),
        Err(NotCanonical::Untyped)
    ));
}
