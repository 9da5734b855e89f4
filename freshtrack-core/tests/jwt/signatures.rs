//! Who signed a token, and with what.

use crate::keys::{AUDIENCE, ISSUER, Key, RSA_PUBLIC_PEM, SECRET, claims, jws, token, verify};
use freshtrack_core::jwt::{Issuer, JwtVerifier, TOKEN_BYTES_MAX};
use freshtrack_core::ports::TokenError;
use serde_json::json;

fn one(issuer: Issuer) -> JwtVerifier {
    JwtVerifier::new(vec![issuer]).unwrap()
}

fn hs() -> JwtVerifier {
    one(Issuer::hs256(ISSUER, AUDIENCE, SECRET).unwrap())
}

fn rs() -> JwtVerifier {
    one(Issuer::rs256(ISSUER, AUDIENCE, RSA_PUBLIC_PEM.as_bytes()).unwrap())
}

#[tokio::test]
async fn each_algorithm_verifies_its_own_key_and_no_other() {
    let ec = Key::es();
    let es = one(Issuer::es256(ISSUER, AUDIENCE, ec.es_pem().as_bytes()).unwrap());
    for (verifier, good, bad) in [
        (
            &hs(),
            Key::hs(SECRET),
            Key::hs(b"another secret of tests, 32 bytes"),
        ),
        (&es, ec, Key::es()),
    ] {
        assert!(verify(verifier, &token(&good, &json!({}))).await.is_ok());
        let refused = verify(verifier, &token(&bad, &json!({}))).await;
        assert_eq!(refused, Err(TokenError::Signature));
    }
    assert!(verify(&rs(), &token(&Key::rs(), &json!({}))).await.is_ok());
}

#[tokio::test]
async fn changing_any_part_of_a_signed_token_is_noticed() {
    for (verifier, key) in [(hs(), Key::hs(SECRET)), (rs(), Key::rs())] {
        let good = token(&key, &json!({}));
        let other = token(&key, &json!({ "sub": "person-2" }));
        let parts: Vec<&str> = good.split('.').collect();
        let others: Vec<&str> = other.split('.').collect();
        for mixed in [
            format!("{}.{}.{}", parts[0], others[1], parts[2]),
            format!("{}.{}.{}", parts[0], parts[1], others[2]),
            format!("{}.{}.", parts[0], parts[1]),
        ] {
            let refused = verify(&verifier, &mixed).await;
            assert_eq!(refused, Err(TokenError::Signature), "{mixed}");
        }
    }
}

#[tokio::test]
async fn a_token_without_signature_is_refused_however_it_is_spelled() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for key in [Key::hs(b""), Key::hs(SECRET)] {
            let header = format!(r#"{{"alg":"{alg}"}}"#);
            let signed = jws(&key, &header, &claims(&json!({})).to_string());
            let (unsigned, _) = signed.rsplit_once('.').unwrap();
            for token in [signed.as_str(), &format!("{unsigned}.")] {
                for verifier in [hs(), rs()] {
                    let refused = verify(&verifier, token).await;
                    assert_eq!(refused, Err(TokenError::Malformed), "alg {alg:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_public_key_is_never_taken_for_a_shared_secret() {
    let forged = token(&Key::hs(RSA_PUBLIC_PEM.as_bytes()), &json!({}));
    assert_eq!(verify(&rs(), &forged).await, Err(TokenError::Malformed));
    let ec = Key::es();
    let es = one(Issuer::es256(ISSUER, AUDIENCE, ec.es_pem().as_bytes()).unwrap());
    let forged = token(&Key::hs(ec.es_pem().as_bytes()), &json!({}));
    assert_eq!(verify(&es, &forged).await, Err(TokenError::Malformed));
}

#[tokio::test]
async fn the_algorithm_is_the_issuers_and_not_the_tokens() {
    let refused = verify(&hs(), &token(&Key::rs(), &json!({}))).await;
    assert_eq!(refused, Err(TokenError::Malformed));
    let refused = verify(&rs(), &token(&Key::es(), &json!({}))).await;
    assert_eq!(refused, Err(TokenError::Malformed));
    for alg in ["HS384", "HS512", "RS512", "PS256", "ES384", "EdDSA"] {
        let header = json!({ "alg": alg }).to_string();
        let token = jws(&Key::hs(SECRET), &header, &claims(&json!({})).to_string());
        let refused = verify(&hs(), &token).await;
        assert_eq!(refused, Err(TokenError::Malformed), "alg {alg}");
    }
}

#[tokio::test]
async fn a_key_inside_the_token_is_not_used() {
    let mine = Key::es();
    let trusted = Key::es();
    let es = one(Issuer::es256(ISSUER, AUDIENCE, trusted.es_pem().as_bytes()).unwrap());
    let header = json!({
        "alg": "ES256", "jwk": mine.jwk("mine"), "jku": "https://evil.example.test/keys",
    });
    let forged = jws(&mine, &header.to_string(), &claims(&json!({})).to_string());
    assert_eq!(verify(&es, &forged).await, Err(TokenError::Signature));
}

#[tokio::test]
async fn a_critical_extension_is_refused() {
    let header = json!({ "alg": "HS256", "crit": ["exp"] }).to_string();
    let token = jws(&Key::hs(SECRET), &header, &claims(&json!({})).to_string());
    assert_eq!(verify(&hs(), &token).await, Err(TokenError::Malformed));
}

#[tokio::test]
async fn garbage_is_malformed() {
    let good = token(&Key::hs(SECRET), &json!({}));
    let padded = format!("{good}=");
    let spaced = format!(" {good}");
    let doubled = format!("{good}.{good}");
    let long = format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX));
    for garbage in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "not a token",
        "ftk_abcdefgh_0123456789",
        "\u{1F600}.\u{1F600}.\u{1F600}",
        &padded,
        &spaced,
        &long,
    ] {
        let refused = verify(&hs(), garbage).await;
        assert_eq!(refused, Err(TokenError::Malformed), "{garbage:.40}");
    }
    let refused = verify(&hs(), &doubled).await;
    assert!(refused.is_err(), "five parts are not three");
}
