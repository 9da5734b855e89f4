//! The demo's log: what the live stream says, in words.

use super::client::Client;
use super::fleet::Fleet;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use uuid::Uuid;

/// Prints one line.
#[expect(clippy::print_stdout, reason = "the demo talks to people")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

/// Tells what is about to happen and where to look at it.
pub(super) fn introduce(
    address: SocketAddr,
    token: &str,
    org: OrgId,
    fleet: &Fleet,
    duration: Duration,
) {
    say(&format!(
        "FreshTrack demo: 3 hours of {} units in {} seconds, through the real HTTP routes.",
        fleet.units.len(),
        duration.as_secs()
    ));
    say("The clock is simulated and the request limits are raised; nothing else is special.\n");
    say(&format!(
        "  API      http://{address}/api/v1      docs  http://{address}/docs"
    ));
    say(&format!(
        "  alerts   curl -H 'Authorization: Bearer '$TOKEN http://{address}/api/v1/organizations/{org}/alerts"
    ));
    say(&format!(
        "  stream   curl -N -H 'Accept: text/event-stream' -H 'Authorization: Bearer '$TOKEN http://{address}/api/v1/stream"
    ));
    say(&format!("  TOKEN={token}\n"));
    for unit in &fleet.units {
        if let Some(fault) = unit.fault() {
            say(&format!(
                "  injected: {} ({}) at {}",
                fault.what,
                unit.name,
                clock(fault.minute)
            ));
        }
    }
    say("");
}

/// Simulated minutes as a clock.
pub(super) fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Follows the live stream and remembers which alerts were confirmed.
pub(super) struct LiveLog {
    frames: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: String,
    started: Timestamp,
    names: HashMap<Uuid, &'static str>,
    types: HashMap<Uuid, (String, Uuid)>,
    confirmed: Vec<(Uuid, Timestamp)>,
    readings_seen: u64,
}

impl LiveLog {
    pub(super) async fn follow(
        client: &Client,
        started: Timestamp,
        names: HashMap<Uuid, &'static str>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            frames: client.stream().await?.bytes_stream().boxed(),
            buffer: String::new(),
            started,
            names,
            types: HashMap::new(),
            confirmed: Vec::new(),
            readings_seen: 0,
        })
    }

    /// Prints what has arrived, and what arrives within `wait` after the last of it.
    pub(super) async fn drain(&mut self, wait: Duration) {
        while let Ok(Some(Ok(bytes))) = tokio::time::timeout(wait, self.frames.next()).await {
            self.buffer.push_str(&String::from_utf8_lossy(&bytes));
            while let Some(end) = self.buffer.find("\n\n") {
                let frame: String = self.buffer.drain(..end + 2).collect();
                self.tell(&frame);
            }
        }
    }

    /// Prints a line of progress.
    pub(super) fn progress(&self, minute: u32, accepted: u64) {
        say(&format!(
            "{}  {accepted} readings accepted, {} seen live",
            clock(minute),
            self.readings_seen
        ));
    }

    /// Alerts that were confirmed at least `minutes` before `now`.
    pub(super) fn confirmed_before(&self, now: Timestamp, minutes: u32) -> Vec<Uuid> {
        self.confirmed
            .iter()
            .filter(|(_, at)| (now - *at).as_seconds() >= i64::from(minutes) * 60)
            .map(|(alert, _)| *alert)
            .collect()
    }

    fn tell(&mut self, frame: &str) {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
        let (Some(event), Some(data)) = (field("event: "), field("data: ")) else {
            return;
        };
        let Ok(data) = serde_json::from_str::<Value>(data) else {
            return;
        };
        let id = |name: &str| {
            data[name]
                .as_str()
                .and_then(|text| text.parse::<Uuid>().ok())
        };
        let alert = id("alertId").unwrap_or_default();
        match event {
            "sensor:readings:batch" => {
                self.readings_seen += data["count"].as_u64().unwrap_or(0);
            }
            "alert:triggered" => {
                let unit = id("unitId").unwrap_or_default();
                let kind = data["alertType"].as_str().unwrap_or("?").to_owned();
                self.types.insert(alert, (kind, unit));
                if data["severity"] == "critical" {
                    self.note_confirmed(alert, &data["triggeredAt"]);
                }
                let message = data["message"].as_str().unwrap_or_default();
                self.line(&data["triggeredAt"], alert, "raised", message);
            }
            "alert:escalated" => {
                self.note_confirmed(alert, &data["at"]);
                self.line(
                    &data["at"],
                    alert,
                    "CRITICAL",
                    data["reason"].as_str().unwrap_or(""),
                );
            }
            "alert:acknowledged" => {
                self.line(
                    &data["timestamp"],
                    alert,
                    "taken",
                    data["note"].as_str().unwrap_or(""),
                );
            }
            "alert:resolved" => {
                self.confirmed.retain(|(confirmed, _)| *confirmed != alert);
                self.line(
                    &data["resolvedAt"],
                    alert,
                    "resolved",
                    data["kind"].as_str().unwrap_or(""),
                );
            }
            _ => {}
        }
    }

    fn note_confirmed(&mut self, alert: Uuid, at: &Value) {
        if let Some(at) = at.as_str().and_then(|text| text.parse().ok()) {
            self.confirmed.push((alert, at));
        }
    }

    fn line(&self, at: &Value, alert: Uuid, what: &str, more: &str) {
        let minute = at
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
            .map_or(0, |at| (at - self.started).as_seconds() / 60);
        let (kind, unit) = self.types.get(&alert).map_or(("?", "?"), |(kind, unit)| {
            (kind.as_str(), self.names.get(unit).copied().unwrap_or("?"))
        });
        let minute = u32::try_from(minute).unwrap_or(0);
        say(&format!(
            "{}  {what:<9} {kind:<26} {unit:<15} {more}",
            clock(minute)
        ));
    }
}
