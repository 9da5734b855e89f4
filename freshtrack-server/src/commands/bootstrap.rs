//! `freshtrack bootstrap`: an organization to begin with.

use crate::cli::{Bootstrap, Failure};
use crate::clock::{RandomIds, SystemClock};
use crate::config;
use crate::database;
use crate::identity;
use crate::local_key::LocalKey;
use crate::onboarding::{self, Onboarded, Request};
use anyhow::Context;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{UnitType, parse_name};
use freshtrack_core::ports::Clock;
use freshtrack_core::time::Span;
use serde_json::json;
use std::process::ExitCode;

/// How long the printed owner token is good.
const OWNER_TOKEN: Span = Span::from_seconds(30 * 86_400);

/// Makes the organization and prints what was made, secrets included, this once.
///
/// # Errors
/// Exit 2 for a wrong flag, exit 3 if an organization of that name exists.
pub async fn run(flags: Bootstrap) -> Result<ExitCode, Failure> {
    let mut overrides = flags.store.overrides();
    overrides.public_url.clone_from(&flags.public_url);
    let settings = config::load(overrides)?;
    let request = Request {
        organization: parse_name(&flags.organization)
            .map_err(|error| Failure::Usage(format!("`--organization`: {error}")))?,
        owner_email: super::email("--owner", &flags.owner)?,
        unit_type: super::word::<UnitType>("--unit-type", &flags.unit_type)?,
        simulator_alerts: false,
    };
    let ids = RandomIds;
    let now = SystemClock::start().now();
    let key = LocalKey::open(&settings.data_dir, &ids).context("opening the signing key")?;
    let store = database::open(&settings).await?;
    let public_url = settings
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{}", settings.listen));
    let name = request.organization.clone();
    let made = match onboarding::bootstrap(&store, &public_url, &ids, now, request).await {
        Err(StoreError::Taken { .. }) => {
            return Err(Failure::Conflict(format!(
                "an organization named like `{name}` exists already; nothing was changed"
            )));
        }
        other => other?,
    };
    let token = identity::sign(&key, &made.owner, now, OWNER_TOKEN)?;
    store.close().await;
    print(&made, &token, flags.json);
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the command line talks to people")]
fn print(made: &Onboarded, token: &str, as_json: bool) {
    if as_json {
        let object = json!({
            "organization_id": made.organization,
            "owner_id": made.owner.id,
            "site_id": made.site,
            "area_id": made.area,
            "unit_id": made.unit,
            "owner_token": token,
            "api_key": made.api_key,
            "webhook_url": made.webhook_url,
            "webhook_secret": made.webhook_secret,
        });
        println!("{object}");
        return;
    }
    println!("organization    {}", made.organization);
    println!("site            {}", made.site);
    println!("area            {}", made.area);
    println!("unit            {}", made.unit);
    println!();
    println!("Shown once; only hashes are kept:");
    println!("owner token     {token}");
    println!("ingest API key  {}", made.api_key);
    println!("webhook URL     {}", made.webhook_url);
    println!(
        "webhook secret  {}   (header X-Webhook-Secret)",
        made.webhook_secret
    );
}
