//! What is done to a network's application besides its devices.
//!
//! no contract: its adapter is tested against the fake network, over HTTP.

use crate::ids::{ApplicationId, DeviceName, JoinEui};
use crate::provisioning::diagnosis::Listed;
use crate::provisioning::fault::LnsFault;
use crate::provisioning::rights::Right;
use crate::secrets::WebhookSecret;
use async_trait::async_trait;
use std::collections::BTreeSet;

/// A webhook as it shall be.
#[derive(Debug, Clone)]
pub struct WebhookSpec {
    /// The application it is of.
    pub application: ApplicationId,
    /// Its id there.
    pub id: DeviceName,
    /// Where the network calls, `https://…/api/v1/ttn/{connection}`, without a slash at the end.
    pub base_url: String,
    /// What it presents to us.
    pub secret: WebhookSecret,
}

/// A webhook as it is, without what is secret of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Where the network calls.
    pub base_url: String,
    /// Paths of the events that are on, by the network's names of them.
    pub paths: Vec<(String, String)>,
    /// Whether its `X-Webhook-Secret` is the one of the spec that it was read with.
    pub presents_our_secret: bool,
}

/// Rights, lists and webhooks of an application.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LnsAdmin: Send + Sync {
    /// What the key may do with the application.
    ///
    /// # Errors
    /// [`LnsFault`].
    async fn rights(&self, application: &ApplicationId) -> Result<BTreeSet<Right>, LnsFault>;

    /// Every device of the application, page by page inside; at most [`DEVICES_MAX`].
    ///
    /// # Errors
    /// [`LnsFault`]; half a list is none.
    async fn devices(&self, application: &ApplicationId) -> Result<Vec<Listed>, LnsFault>;

    /// The `JoinEUI` that the network gives to devices without one.
    ///
    /// # Errors
    /// [`LnsFault`].
    async fn default_join_eui(&self) -> Result<JoinEui, LnsFault>;

    /// Makes the webhook be as specified, and reads it back.
    ///
    /// # Errors
    /// [`LnsFault`]; class `Refused` if the network answered success and has something else.
    async fn put_webhook(&self, webhook: &WebhookSpec) -> Result<(), LnsFault>;

    /// The webhook as it is; `None` if there is none.
    ///
    /// # Errors
    /// [`LnsFault`].
    async fn webhook(&self, wanted: &WebhookSpec) -> Result<Option<WebhookRecord>, LnsFault>;

    /// Makes the webhook not be.
    ///
    /// # Errors
    /// [`LnsFault`], never with class `Absent`.
    async fn delete_webhook(
        &self,
        application: &ApplicationId,
        id: &DeviceName,
    ) -> Result<(), LnsFault>;
}

/// The most devices of one application that are listed.
pub const DEVICES_MAX: usize = 100_000;
