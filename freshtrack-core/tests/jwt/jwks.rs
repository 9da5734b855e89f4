//! Published keys: caching, rotation, outages.

use crate::keys::{AUDIENCE, ISSUER, Key, NOW, SECRET, token_of, verify_at};
use async_trait::async_trait;
use freshtrack_core::error::BoxError;
use freshtrack_core::jwt::{
    FetchKeys, Issuer, JWKS_BYTES_MAX, JwksCache, JwtError, JwtVerifier, PinnedAlgorithm,
};
use freshtrack_core::ports::TokenError;
use freshtrack_core::principal::Identity;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// An issuer's key address that answers what it is told to.
#[derive(Default)]
struct Address {
    answer: Mutex<Option<Vec<u8>>>,
    asked: AtomicUsize,
}

impl Address {
    fn publish(&self, keys: &[Value]) {
        let set = json!({ "keys": keys }).to_string();
        *self.answer.lock().unwrap() = Some(set.into_bytes());
    }

    fn publish_raw(&self, body: Vec<u8>) {
        *self.answer.lock().unwrap() = Some(body);
    }

    fn go_down(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl FetchKeys for Address {
    async fn fetch(&self) -> Result<Vec<u8>, BoxError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await; // so that others get in between
        let answer = self.answer.lock().unwrap().clone();
        answer.ok_or_else(|| "the issuer is down".into())
    }
}

struct Setup {
    address: Arc<Address>,
    cache: Arc<JwksCache>,
    verifier: JwtVerifier,
}

fn setup(algorithm: PinnedAlgorithm) -> Setup {
    let address = Arc::new(Address::default());
    let source: Arc<dyn FetchKeys> = Arc::<Address>::clone(&address);
    let cache = Arc::new(JwksCache::new(source, algorithm).unwrap());
    let issuer = Issuer::published(ISSUER, AUDIENCE, Arc::clone(&cache)).unwrap();
    Setup {
        address,
        cache,
        verifier: JwtVerifier::new(vec![issuer]).unwrap(),
    }
}

impl Setup {
    /// What a token signed by `key`, naming `kid`, leads to `seconds` after the start.
    async fn at(&self, seconds: i64, key: &Key, kid: &str) -> Result<Identity, TokenError> {
        let exp = json!({ "exp": NOW + 1_000_000 });
        let token = token_of(key, Some(kid), &exp);
        verify_at(&self.verifier, &token, NOW + seconds).await
    }
}

#[tokio::test]
async fn published_rsa_and_ec_keys_verify() {
    for (algorithm, key, other) in [
        (PinnedAlgorithm::Rs256, Key::rs(), Key::es()),
        (PinnedAlgorithm::Es256, Key::es(), Key::rs()),
    ] {
        let setup = setup(algorithm);
        setup.address.publish(&[other.jwk("b"), key.jwk("a")]);
        assert!(setup.at(0, &key, "a").await.is_ok());
        let refused = setup.at(40, &key, "b").await;
        assert_eq!(
            refused,
            Err(TokenError::Signature),
            "that key is of another kind"
        );
    }
}

#[tokio::test]
async fn a_modulus_with_leading_zeros_verifies() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let setup = setup(PinnedAlgorithm::Rs256);
    let key = Key::rs();
    let mut jwk = key.jwk("a");
    let mut n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    n.insert(0, 0);
    jwk["n"] = URL_SAFE_NO_PAD.encode(n).into();
    setup.address.publish(&[jwk]);
    assert!(setup.at(0, &key, "a").await.is_ok());
}

#[tokio::test]
async fn a_fresh_set_is_not_fetched_again_for_ten_minutes() {
    let setup = setup(PinnedAlgorithm::Es256);
    let key = Key::es();
    setup.address.publish(&[key.jwk("a")]);
    for seconds in [0, 1, 300, 599] {
        assert!(setup.at(seconds, &key, "a").await.is_ok());
    }
    assert_eq!(setup.address.asked(), 1, "one fetch serves ten minutes");
    assert!(setup.at(600, &key, "a").await.is_ok());
    assert_eq!(setup.address.asked(), 2, "then it is fetched again");
}

#[tokio::test]
async fn a_new_key_is_learned_when_it_is_first_named() {
    let setup = setup(PinnedAlgorithm::Es256);
    let (old, new) = (Key::es(), Key::es());
    setup.address.publish(&[old.jwk("old")]);
    assert!(setup.at(0, &old, "old").await.is_ok());
    setup.address.publish(&[new.jwk("new")]);
    assert!(
        setup.at(60, &new, "new").await.is_ok(),
        "rotation needs no restart"
    );
    let refused = setup.at(61, &old, "old").await;
    assert_eq!(
        refused,
        Err(TokenError::Signature),
        "what is not published is not trusted"
    );
}

#[tokio::test]
async fn unknown_keys_lead_to_one_fetch_per_thirty_seconds() {
    let setup = setup(PinnedAlgorithm::Es256);
    let (known, forger) = (Key::es(), Key::es());
    setup.address.publish(&[known.jwk("a")]);
    assert!(setup.at(0, &known, "a").await.is_ok());
    for (seconds, asked) in [(1, 1), (29, 1), (30, 2), (31, 2), (59, 2), (60, 3)] {
        let kid = format!("forged-{seconds}");
        let refused = setup.at(seconds, &forger, &kid).await;
        assert_eq!(refused, Err(TokenError::Signature));
        assert_eq!(setup.address.asked(), asked, "after {seconds} s");
        assert!(
            setup.at(seconds, &known, "a").await.is_ok(),
            "others do not suffer"
        );
    }
    assert_eq!(setup.cache.failures(), 0);
}

#[tokio::test]
async fn tokens_that_arrive_together_lead_to_one_fetch() {
    let setup = setup(PinnedAlgorithm::Es256);
    let key = Key::es();
    setup.address.publish(&[key.jwk("a")]);
    let (one, two, three) = tokio::join!(
        setup.at(0, &key, "a"),
        setup.at(0, &key, "a"),
        setup.at(0, &key, "a"),
    );
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(
        setup.address.asked(),
        1,
        "the others wait for the first one's fetch"
    );
}

#[tokio::test]
async fn a_set_is_used_for_an_hour_while_the_issuer_is_down() {
    let setup = setup(PinnedAlgorithm::Es256);
    let key = Key::es();
    setup.address.publish(&[key.jwk("a")]);
    assert!(setup.at(0, &key, "a").await.is_ok());
    setup.address.go_down();
    for (seconds, failures) in [(599, 0), (600, 1), (610, 1), (630, 2), (3_599, 3)] {
        assert!(
            setup.at(seconds, &key, "a").await.is_ok(),
            "after {seconds} s"
        );
        assert_eq!(setup.cache.failures(), failures, "after {seconds} s");
    }
    let refused = setup.at(3_600, &key, "a").await;
    assert_eq!(refused, Err(TokenError::Unavailable), "an hour is enough");
    setup.address.publish(&[key.jwk("a")]);
    assert!(
        setup.at(3_700, &key, "a").await.is_ok(),
        "it heals by itself"
    );
}

#[tokio::test]
async fn an_issuer_that_was_never_reached_is_unavailable_and_asked_sparingly() {
    let setup = setup(PinnedAlgorithm::Es256);
    let key = Key::es();
    for (seconds, asked) in [(0, 1), (1, 1), (29, 1), (30, 2)] {
        let refused = setup.at(seconds, &key, "a").await;
        assert_eq!(refused, Err(TokenError::Unavailable));
        assert_eq!(setup.address.asked(), asked, "after {seconds} s");
    }
    setup.address.publish(&[key.jwk("a")]);
    assert!(setup.at(60, &key, "a").await.is_ok());
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_make_the_next_one_wait() {
    let setup = setup(PinnedAlgorithm::Es256);
    let key = Key::es();
    setup.address.publish(&[key.jwk("a")]);
    {
        let mut left = Box::pin(setup.at(0, &key, "a"));
        tokio::select! {
            biased;
            _ = &mut left => panic!("the fetch yields once"),
            () = std::future::ready(()) => {}
        }
    }
    assert_eq!(setup.address.asked(), 1);
    assert!(setup.at(1, &key, "a").await.is_ok());
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_changes_nothing_and_is_counted() {
    let setup = setup(PinnedAlgorithm::Es256);
    let key = Key::es();
    setup.address.publish(&[key.jwk("a")]);
    assert!(setup.at(0, &key, "a").await.is_ok());
    let mut large = json!({ "keys": [Key::es().jwk("b")] })
        .to_string()
        .into_bytes();
    large.resize(JWKS_BYTES_MAX + 1, b' ');
    let answers = [
        b"<html>".to_vec(),
        b"{}".to_vec(),
        br#"{"keys":[]}"#.to_vec(),
        json!({ "keys": [Key::rs().jwk("a")] })
            .to_string()
            .into_bytes(),
        large,
    ];
    for (failures, answer) in (1..).zip(answers) {
        setup.address.publish_raw(answer);
        let seconds = 600 + i64::try_from(failures).unwrap() * 60;
        assert!(
            setup.at(seconds, &key, "a").await.is_ok(),
            "the last good set stays"
        );
        assert_eq!(setup.cache.failures(), failures);
    }
}

#[tokio::test]
async fn keys_of_other_kinds_and_uses_are_passed_over() {
    let setup = setup(PinnedAlgorithm::Es256);
    let key = Key::es();
    let (mut encrypts, mut other_alg, mut cut) = (key.jwk("enc"), key.jwk("alg"), key.jwk("cut"));
    encrypts["use"] = "enc".into();
    other_alg["alg"] = "ES384".into();
    cut["x"] = "AAAA".into();
    let unknown = json!({ "kty": "future", "kid": "new", "q": 1 });
    let secret = Key::hs(SECRET).jwk("oct");
    setup
        .address
        .publish(&[encrypts, other_alg, cut, unknown, secret, key.jwk("a")]);
    assert!(setup.at(0, &key, "a").await.is_ok());
    for kid in ["enc", "alg", "cut", "new", "oct"] {
        let refused = setup.at(0, &key, kid).await;
        assert_eq!(refused, Err(TokenError::Signature), "key {kid}");
    }
}

#[tokio::test]
async fn a_token_that_names_no_key_fits_a_set_of_one() {
    let setup = setup(PinnedAlgorithm::Es256);
    let (one, two) = (Key::es(), Key::es());
    let token = token_of(&one, None, &json!({}));
    setup.address.publish(&[one.jwk("a")]);
    assert!(verify_at(&setup.verifier, &token, NOW).await.is_ok());
    setup.address.publish(&[one.jwk("a"), two.jwk("b")]);
    let refused = verify_at(&setup.verifier, &token, NOW + 600).await;
    assert_eq!(
        refused,
        Err(TokenError::Signature),
        "of two it could be either"
    );
}

#[test]
fn a_shared_secret_is_never_published() {
    let source: Arc<dyn FetchKeys> = Arc::new(Address::default());
    let refused = JwksCache::new(source, PinnedAlgorithm::Hs256);
    assert_eq!(refused.unwrap_err(), JwtError::UnsuitedAlgorithm);
}
