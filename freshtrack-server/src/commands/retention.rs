//! `freshtrack retention`: what keeps readings longer, and the proof without which none goes.

use crate::cli::{Failure, RetentionFlags, RetentionOrder, parse_time};
use crate::clock::{RandomIds, SystemClock};
use crate::store::Store;
use crate::store::retention::{BackupProof, LegalHold, Month};
use crate::{config, database};
use freshtrack_core::error::StoreError;
use freshtrack_core::ports::{Clock, IdGen};
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use std::process::ExitCode;
use uuid::Uuid;

/// Places, lifts and lists legal holds, or notes that a backup was proven.
///
/// # Errors
/// If the database cannot be opened, or a value is not what it should be.
pub async fn run(flags: RetentionFlags) -> Result<ExitCode, Failure> {
    let settings = config::load(flags.store.overrides())?;
    let store = database::open(&settings).await?;
    let done = obey(&store, flags.order).await;
    store.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the command line talks to people")]
async fn obey(store: &Store, order: RetentionOrder) -> Result<(), Failure> {
    let now = SystemClock::start().now();
    match order {
        RetentionOrder::Hold {
            first,
            last,
            reason,
            expires,
        } => {
            let hold = hold(&first, &last, reason, expires.as_deref(), now)?;
            store.retention.place_hold(hold.clone()).await?;
            println!("{}  {} to {}", hold.id, hold.first, hold.last);
        }
        RetentionOrder::Lift { id } => {
            let hold: Uuid = id
                .parse()
                .map_err(|_| Failure::Usage(format!("`{id}` is not an id")))?;
            match store.retention.lift_hold(hold, Actor::System, now).await {
                Ok(()) => println!("{hold}  lifted"),
                Err(StoreError::Missing { .. }) => {
                    return Err(Failure::Usage(format!("no hold {id} is in force")));
                }
                Err(error) => return Err(error.into()),
            }
        }
        RetentionOrder::Holds => {
            for hold in store.retention.holds(now).await? {
                let until = hold
                    .expires_at
                    .map_or_else(|| "until lifted".to_owned(), |at| format!("until {at}"));
                println!(
                    "{}  {} to {}  {until}  {}",
                    hold.id, hold.first, hold.last, hold.reason
                );
            }
        }
        RetentionOrder::BackupProven { by } => {
            let proof = match by.as_str() {
                "restore" => BackupProof::Restore,
                "checksum" => BackupProof::Checksum,
                _ => {
                    let words = format!("`--by` is `{by}`, but it must be restore or checksum");
                    return Err(Failure::Usage(words));
                }
            };
            store.retention.note_backup(now, proof).await?;
            println!("noted, good for 24 hours");
        }
    }
    Ok(())
}

fn hold(
    first: &str,
    last: &str,
    reason: String,
    expires: Option<&str>,
    now: Timestamp,
) -> Result<LegalHold, Failure> {
    let (first, last) = (month("--first", first)?, month("--last", last)?);
    if last < first {
        return Err(Failure::Usage("`--last` is before `--first`".to_owned()));
    }
    let expires_at = expires
        .map(|text| parse_time("--expires", text))
        .transpose()?
        .map(|span| now + span);
    Ok(LegalHold {
        id: RandomIds.uuid(),
        first,
        last,
        reason,
        placed_by: Actor::System,
        placed_at: now,
        expires_at,
    })
}

fn month(flag: &str, text: &str) -> Result<Month, Failure> {
    format!("{text}-01T00:00:00Z")
        .parse()
        .map(Month::of)
        .map_err(|_| {
            Failure::Usage(format!(
                "`{flag}` is `{text}`, but it must be a month like 2026-03"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_covers_whole_months_in_order() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let made = |first, last| hold(first, last, "case".to_owned(), Some("7d"), now);
        let one = made("2024-02", "2024-02").unwrap();
        assert!(one.keeps(Month::of("2024-02-29T23:59:59Z".parse().unwrap())));
        assert!(!one.keeps(Month::of("2024-03-01T00:00:00Z".parse().unwrap())));
        assert_eq!(
            one.expires_at.unwrap() - now,
            freshtrack_core::time::Span::from_minutes(7 * 1_440)
        );
        for (first, last) in [
            ("2024-03", "2024-02"),
            ("2024", "2025"),
            ("2024-13", "2024-14"),
        ] {
            assert!(made(first, last).is_err(), "{first} to {last}");
        }
    }
}
