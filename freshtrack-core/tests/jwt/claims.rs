//! What a well-signed token must say.

use crate::keys::{AUDIENCE, ISSUER, Key, NOW, SECRET, jws, token, verify, verify_at};
use freshtrack_core::jwt::{Issuer, JwtVerifier};
use freshtrack_core::ports::TokenError;
use freshtrack_core::principal::Identity;
use freshtrack_core::time::Timestamp;
use serde_json::{Value, json};

fn verifier() -> JwtVerifier {
    let issuer = Issuer::hs256(ISSUER, AUDIENCE, SECRET).unwrap();
    JwtVerifier::new(vec![issuer]).unwrap()
}

async fn outcome(changes: Value) -> Result<Identity, TokenError> {
    verify(&verifier(), &token(&Key::hs(SECRET), &changes)).await
}

#[tokio::test]
async fn a_fitting_token_names_issuer_subject_address_and_end() {
    let identity = outcome(json!({})).await;
    let wanted = Identity {
        issuer: ISSUER.to_owned(),
        subject: "person-1".to_owned(),
        email: Some("ann@example.test".to_owned()),
        expires_at: Timestamp::from_seconds(NOW + 3_600),
    };
    assert_eq!(identity, Ok(wanted));
}

#[tokio::test]
async fn the_audience_must_be_ours_alone_or_among_others() {
    assert!(outcome(json!({ "aud": ["other", AUDIENCE] })).await.is_ok());
    for aud in [
        json!("other"),
        json!(["other"]),
        json!([]),
        json!(7),
        Value::Null,
    ] {
        let refused = outcome(json!({ "aud": aud })).await;
        assert_eq!(refused, Err(TokenError::Claims), "aud {aud}");
    }
}

#[tokio::test]
async fn the_issuer_must_be_a_configured_one_to_the_letter() {
    for iss in [
        json!("https://login.example.test"),
        json!("HTTPS://LOGIN.EXAMPLE.TEST/"),
        json!(""),
        json!([ISSUER]),
        Value::Null,
    ] {
        let refused = outcome(json!({ "iss": iss })).await;
        assert_eq!(refused, Err(TokenError::Claims), "iss {iss}");
    }
}

#[tokio::test]
async fn a_token_needs_a_subject() {
    for sub in [
        json!(""),
        json!("  "),
        json!(5),
        json!("x".repeat(256)),
        Value::Null,
    ] {
        let refused = outcome(json!({ "sub": sub })).await;
        assert_eq!(refused, Err(TokenError::Claims), "sub {sub}");
    }
}

#[tokio::test]
async fn a_token_needs_an_end() {
    for exp in [json!("tomorrow"), json!(true), Value::Null] {
        let refused = outcome(json!({ "exp": exp })).await;
        assert_eq!(refused, Err(TokenError::Claims), "exp {exp}");
    }
}

#[tokio::test]
async fn a_token_ends_thirty_seconds_after_its_end() {
    let token = token(&Key::hs(SECRET), &json!({ "exp": NOW }));
    assert!(verify_at(&verifier(), &token, NOW + 29).await.is_ok());
    let refused = verify_at(&verifier(), &token, NOW + 30).await;
    assert_eq!(refused, Err(TokenError::Expired));
}

#[tokio::test]
async fn a_token_begins_thirty_seconds_before_its_start() {
    let token = token(&Key::hs(SECRET), &json!({ "nbf": NOW }));
    assert!(verify_at(&verifier(), &token, NOW - 30).await.is_ok());
    let refused = verify_at(&verifier(), &token, NOW - 31).await;
    assert_eq!(refused, Err(TokenError::Claims));
    assert_eq!(
        outcome(json!({ "nbf": "now" })).await,
        Err(TokenError::Claims)
    );
}

#[tokio::test]
async fn instants_may_have_a_fraction_and_may_be_absurd() {
    let identity = outcome(json!({ "exp": 1_773_470_470.5 })).await.unwrap();
    let wanted = Timestamp::from_micros((NOW + 1) * 1_000_000 + 500_000);
    assert_eq!(identity.expires_at, wanted);
    assert!(outcome(json!({ "exp": 1e300 })).await.is_ok());
    assert!(outcome(json!({ "exp": u64::MAX })).await.is_ok());
    assert_eq!(
        outcome(json!({ "exp": i64::MIN })).await,
        Err(TokenError::Expired)
    );
    assert_eq!(
        outcome(json!({ "nbf": u64::MAX })).await,
        Err(TokenError::Claims)
    );
}

#[tokio::test]
async fn an_address_the_issuer_does_not_vouch_for_is_none() {
    let changes = json!({ "email_verified": false });
    assert_eq!(outcome(changes).await.unwrap().email, None);
    for email in [json!("no address"), json!(4), Value::Null] {
        let changes = json!({ "email": email });
        assert_eq!(outcome(changes).await.unwrap().email, None);
    }
}

#[tokio::test]
async fn a_payload_that_is_no_object_cannot_be_read() {
    for payload in ["null", "[]", "\"text\"", "7", "{", "", "\u{1}"] {
        let token = jws(&Key::hs(SECRET), r#"{"alg":"HS256"}"#, payload);
        let refused = verify(&verifier(), &token).await;
        assert_eq!(refused, Err(TokenError::Unreadable), "payload {payload:?}");
    }
}

#[tokio::test]
async fn an_expired_token_with_a_bad_signature_tells_nothing_of_its_claims() {
    let changes = json!({ "exp": NOW - 1_000, "aud": "other" });
    let forged = token(&Key::hs(b"another secret of tests, 32 bytes"), &changes);
    let refused = verify(&verifier(), &forged).await;
    assert_eq!(refused, Err(TokenError::Signature));
}
