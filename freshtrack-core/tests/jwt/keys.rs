//! Keys made for these tests, and tokens signed with them.
//!
//! The RSA pair beside this file was made for these tests only and protects nothing.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use freshtrack_core::ports::{TokenError, TokenVerifier};
use freshtrack_core::principal::Identity;
use freshtrack_core::time::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://login.example.test/";
pub(crate) const AUDIENCE: &str = "freshtrack";
pub(crate) const SECRET: &[u8] = b"a secret of tests, 32 bytes long";
pub(crate) const RSA_PUBLIC_PEM: &str = include_str!("test_only_rsa_public.pem");
const RSA_PRIVATE_PEM: &str = include_str!("test_only_rsa_private.pem");

/// When the tests happen, in seconds since 1970.
pub(crate) const NOW: i64 = 1_773_470_469;

/// What signs a token.
pub(crate) enum Key {
    Hs(Vec<u8>),
    Rs(Box<RsaKeyPair>),
    Es(Box<EcdsaKeyPair>),
}

impl Key {
    pub(crate) fn hs(secret: &[u8]) -> Self {
        Self::Hs(secret.to_vec())
    }

    pub(crate) fn rs() -> Self {
        let lines = RSA_PRIVATE_PEM
            .lines()
            .filter(|line| !line.starts_with('-'));
        let der = STANDARD.decode(lines.collect::<String>()).unwrap();
        Self::Rs(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap()))
    }

    /// A new key each time.
    pub(crate) fn es() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &random);
        Self::Es(Box::new(pair.unwrap()))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Hs(secret) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                ring::hmac::sign(&key, message).as_ref().to_vec()
            }
            Self::Rs(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::Es(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// The public key as an entry of a JSON Web Key Set.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Hs(secret) => json!({ "kty": "oct", "kid": kid, "k": text(secret) }),
            Self::Rs(key) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({
                    "kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256",
                    "n": text(&public.n), "e": text(&public.e),
                })
            }
            Self::Es(key) => {
                let point = key.public_key().as_ref();
                json!({
                    "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig",
                    "x": text(&point[1..33]), "y": text(&point[33..]),
                })
            }
        }
    }

    /// The public point of an EC key as PEM: the fixed head of a P-256 `SubjectPublicKeyInfo`, then
    /// the point.
    pub(crate) fn es_pem(&self) -> String {
        let Self::Es(key) = self else {
            panic!("only for EC keys")
        };
        let mut der = vec![
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        der.extend_from_slice(key.public_key().as_ref());
        let text = STANDARD.encode(der);
        let (one, two) = text.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{one}\n{two}\n-----END PUBLIC KEY-----\n")
    }
}

/// Claims that fit, with `changes` on top; a change to null takes a claim away.
pub(crate) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "person-1", "email": "Ann@Example.test",
        "iat": NOW, "exp": NOW + 3_600,
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// A compact JWS of any header and payload.
pub(crate) fn jws(key: &Key, header: &str, payload: &str) -> String {
    let (header, payload) = (
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload),
    );
    let signed = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// A token with fitting claims but for `changes`.
pub(crate) fn token(key: &Key, changes: &Value) -> String {
    token_of(key, None, changes)
}

/// A token that names its key.
pub(crate) fn token_of(key: &Key, kid: Option<&str>, changes: &Value) -> String {
    let alg = match key {
        Key::Hs(_) => "HS256",
        Key::Rs(_) => "RS256",
        Key::Es(_) => "ES256",
    };
    let mut header = json!({ "typ": "JWT", "alg": alg });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    jws(key, &header.to_string(), &claims(changes).to_string())
}

pub(crate) async fn verify(
    verifier: &dyn TokenVerifier,
    token: &str,
) -> Result<Identity, TokenError> {
    verify_at(verifier, token, NOW).await
}

pub(crate) async fn verify_at(
    verifier: &dyn TokenVerifier,
    token: &str,
    seconds: i64,
) -> Result<Identity, TokenError> {
    verifier
        .verify(token, Timestamp::from_seconds(seconds))
        .await
}
