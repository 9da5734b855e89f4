//! Configuring issuers, several at once, and our own.

use crate::keys::{AUDIENCE, ISSUER, Key, NOW, RSA_PUBLIC_PEM, SECRET, token, verify, verify_at};
use freshtrack_core::jwt::{Issuer, JwtError, JwtVerifier, LocalIssuer, NewToken};
use freshtrack_core::ports::TokenError;
use freshtrack_core::time::{Span, Timestamp};
use serde_json::json;

const OTHER: &str = "https://other.example.test/";

#[tokio::test]
async fn each_issuer_answers_for_its_own_tokens_only() {
    let verifier = JwtVerifier::new(vec![
        Issuer::hs256(ISSUER, AUDIENCE, SECRET).unwrap(),
        Issuer::rs256(OTHER, "other audience", RSA_PUBLIC_PEM.as_bytes()).unwrap(),
    ])
    .unwrap();
    let theirs = json!({ "iss": OTHER, "aud": "other audience" });
    let identity = verify(&verifier, &token(&Key::rs(), &theirs))
        .await
        .unwrap();
    assert_eq!(identity.issuer, OTHER);
    let ours = verify(&verifier, &token(&Key::hs(SECRET), &json!({}))).await;
    assert_eq!(ours.unwrap().issuer, ISSUER);

    let forged = token(&Key::rs(), &json!({}));
    let refused = verify(&verifier, &forged).await;
    assert_eq!(refused, Err(TokenError::Malformed), "their key, our name");
    let forged = token(&Key::hs(SECRET), &theirs);
    let refused = verify(&verifier, &forged).await;
    assert_eq!(refused, Err(TokenError::Malformed), "our key, their name");
    let mixed = token(&Key::rs(), &json!({ "iss": OTHER }));
    let refused = verify(&verifier, &mixed).await;
    assert_eq!(refused, Err(TokenError::Claims), "their name, our audience");
}

#[tokio::test]
async fn without_issuers_every_token_is_refused() {
    let verifier = JwtVerifier::new(Vec::new()).unwrap();
    let refused = verify(&verifier, &token(&Key::hs(SECRET), &json!({}))).await;
    assert_eq!(refused, Err(TokenError::Claims));
}

#[test]
fn an_issuer_that_would_be_weak_or_useless_is_not_configured() {
    let short = Issuer::hs256(ISSUER, AUDIENCE, &SECRET[1..]);
    assert_eq!(short.unwrap_err(), JwtError::SecretTooShort);
    for (name, audience) in [("", AUDIENCE), (ISSUER, " ")] {
        let empty = Issuer::hs256(name, audience, SECRET).unwrap_err();
        assert!(matches!(empty, JwtError::Empty { .. }));
    }
    let private = include_bytes!("test_only_rsa_private.pem").as_slice();
    let weak = include_bytes!("test_only_rsa_1024_public.pem").as_slice();
    let p384 = include_bytes!("test_only_p384_public.pem").as_slice();
    let ec = Key::es().es_pem().into_bytes();
    for pem in [private, weak, p384, &ec, b"", b"garbage"] {
        let refused = Issuer::rs256(ISSUER, AUDIENCE, pem);
        assert_eq!(refused.unwrap_err(), JwtError::UnsuitedKey);
    }
    for pem in [private, RSA_PUBLIC_PEM.as_bytes(), p384, b"", b"garbage"] {
        let refused = Issuer::es256(ISSUER, AUDIENCE, pem);
        assert_eq!(refused.unwrap_err(), JwtError::UnsuitedKey);
    }
    let issuer = || Issuer::hs256(ISSUER, AUDIENCE, SECRET).unwrap();
    let twice = JwtVerifier::new(vec![issuer(), issuer()]);
    assert_eq!(twice.unwrap_err(), JwtError::DuplicateIssuer);
}

#[tokio::test]
async fn a_token_of_the_local_issuer_is_good_for_as_long_as_it_says() {
    let local = LocalIssuer::new("freshtrack", AUDIENCE, SECRET).unwrap();
    let verifier = JwtVerifier::new(vec![local.trusted()]).unwrap();
    let new = NewToken {
        subject: "ann",
        email: Some("ann@example.test"),
        valid_for: Span::from_minutes(60),
    };
    let token = local.sign(new, Timestamp::from_seconds(NOW)).unwrap();
    let identity = verify(&verifier, &token).await.unwrap();
    assert_eq!(identity.issuer, "freshtrack");
    assert_eq!(identity.subject, "ann");
    assert_eq!(identity.email.as_deref(), Some("ann@example.test"));
    assert_eq!(identity.expires_at, Timestamp::from_seconds(NOW + 3_600));
    let late = verify_at(&verifier, &token, NOW + 3_630).await;
    assert_eq!(late, Err(TokenError::Expired));
}

#[test]
fn the_local_issuer_wants_a_subject_and_a_long_secret() {
    let short = LocalIssuer::new("freshtrack", AUDIENCE, b"short");
    assert_eq!(short.unwrap_err(), JwtError::SecretTooShort);
    let local = LocalIssuer::new("freshtrack", AUDIENCE, SECRET).unwrap();
    let nobody = NewToken {
        subject: " ",
        email: None,
        valid_for: Span::from_minutes(60),
    };
    let refused = local.sign(nobody, Timestamp::EPOCH);
    assert_eq!(refused, Err(JwtError::Empty { what: "subject" }));
}

#[test]
fn secrets_are_not_printed() {
    let secret = std::str::from_utf8(SECRET).unwrap();
    let local = LocalIssuer::new("freshtrack", AUDIENCE, SECRET).unwrap();
    let verifier = JwtVerifier::new(vec![local.trusted()]).unwrap();
    for printed in [format!("{local:?}"), format!("{verifier:?}")] {
        assert!(printed.contains("freshtrack"), "the name may be printed");
        assert!(!printed.contains(secret), "the secret may not");
        assert!(
            !printed.contains(&format!("{:?}", &SECRET[..4])[1..8]),
            "nor its bytes"
        );
    }
}
