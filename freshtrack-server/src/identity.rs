//! Whose tokens are accepted: the local key's, and those of configured providers.

use crate::config::OutsideIssuer;
use crate::local_key::{LOCAL_AUDIENCE, LOCAL_ISSUER, LocalKey};
use anyhow::Context;
use async_trait::async_trait;
use freshtrack_core::error::BoxError;
use freshtrack_core::jwt::{
    FetchKeys, Issuer, JWKS_BYTES_MAX, JwksCache, JwtVerifier, LocalIssuer, NewToken,
    PinnedAlgorithm,
};
use freshtrack_core::principal::User;
use freshtrack_core::time::{Span, Timestamp};
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// A provider answers within this, or its keys cannot be had.
const FETCH_WITHIN: Duration = Duration::from_secs(5);

/// Signs tokens with the local key.
///
/// # Errors
/// If the key is too short to sign with.
pub fn local_issuer(key: &LocalKey) -> anyhow::Result<LocalIssuer> {
    LocalIssuer::new(LOCAL_ISSUER, LOCAL_AUDIENCE, key.bytes()).context("reading the signing key")
}

/// A token for a person of this installation. It names the person and nothing they may do.
///
/// # Errors
/// If the key cannot sign.
pub fn sign(key: &LocalKey, user: &User, now: Timestamp, ttl: Span) -> anyhow::Result<String> {
    let token = NewToken {
        subject: &user.subject,
        email: user.email.as_deref(),
        valid_for: ttl,
    };
    local_issuer(key)?
        .sign(token, now)
        .context("signing the token")
}

/// A verifier that trusts the local key and the configured providers.
///
/// # Errors
/// If a provider is configured twice or its settings cannot be used.
pub fn verifier(key: &LocalKey, outside: &[OutsideIssuer]) -> anyhow::Result<JwtVerifier> {
    let mut issuers = vec![local_issuer(key)?.trusted()];
    if !outside.is_empty() {
        install_tls();
    }
    for provider in outside {
        let algorithm = match provider.algorithm.as_str() {
            "ES256" => PinnedAlgorithm::Es256,
            _ => PinnedAlgorithm::Rs256,
        };
        let client = reqwest::Client::builder()
            .timeout(FETCH_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("building the client that fetches keys")?;
        let source = HttpKeys {
            client,
            url: provider.jwks_url.clone(),
        };
        let keys = JwksCache::new(Arc::new(source), algorithm)?;
        issuers.push(
            Issuer::published(&provider.issuer, &provider.audience, Arc::new(keys))
                .with_context(|| format!("issuer {}", provider.issuer))?,
        );
    }
    Ok(JwtVerifier::new(issuers)?)
}

/// TLS by `ring`, which every HTTP client here needs; a second call changes nothing.
pub fn install_tls() {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("a TLS provider is installed already");
    }
}

/// Keys published at an address that the operator configured.
struct HttpKeys {
    client: reqwest::Client,
    url: String,
}

#[async_trait]
impl FetchKeys for HttpKeys {
    async fn fetch(&self) -> Result<Vec<u8>, BoxError> {
        let answer = self
            .client
            .get(&self.url)
            .send()
            .await?
            .error_for_status()?;
        let mut document = Vec::new();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            document.extend_from_slice(&chunk?);
            if document.len() > JWKS_BYTES_MAX {
                return Err("the key document is too large".into());
            }
        }
        Ok(document)
    }
}
