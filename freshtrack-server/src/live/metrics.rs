//! What the hub counts, in Prometheus' text format.
//!
//! Written from one look at the hub, so that figures of one answer agree with each other. No
//! organization, person or unit is ever a label.

use freshtrack_realtime::ports::{BusState, BusStatus};
use freshtrack_realtime::{HistogramView, HubStats, ResumeOutcome};
use std::fmt::{Display, Write as _};

/// Transports, in the order in which the hub counts them.
const TRANSPORTS: [&str; 3] = ["socketio", "websocket", "sse"];

/// All realtime metrics; `handshakes` are counted at the door, by outcome.
#[must_use]
pub fn metrics_text(
    stats: &HubStats,
    bus: &BusStatus,
    handshakes: &[(&'static str, u64)],
) -> String {
    let mut page = Page::default();
    page.gauge_by(
        "connections",
        TRANSPORTS.iter().zip(stats.connections).map(transport),
    );
    let by_outcome = |name: &'static str, count| (label("outcome", name), count);
    let ends = handshakes.iter();
    page.counter_by("handshakes_total", ends.map(|(o, n)| by_outcome(o, *n)));
    let asked = stats.asked.iter().map(|(asked, outcome, count)| {
        let labels = format!("{{event=\"{asked}\",outcome=\"{outcome}\"}}");
        (labels, *count)
    });
    page.counter_by("inbound_total", asked);
    let sent = stats.sent.iter().flat_map(|(event, counts)| {
        let by = TRANSPORTS.iter().zip(counts).filter(|(_, n)| **n > 0);
        by.map(move |(transport, count)| {
            let labels = format!("{{event=\"{event}\",transport=\"{transport}\"}}");
            (labels, *count)
        })
    });
    page.counter_by("messages_total", sent);
    let kinds = stats.kinds.iter().filter(|(_, count)| *count > 0);
    page.counter_by(
        "events_total",
        kinds.map(|(kind, count)| (label("kind", kind), *count)),
    );
    let begun = ResumeOutcome::ALL.iter().zip(stats.resumed);
    page.counter_by(
        "resume_total",
        begun.map(|(outcome, count)| by_outcome(outcome.as_str(), count)),
    );
    let latest = [("hit", stats.latest_hits), ("miss", stats.latest_misses)];
    page.counter_by(
        "latest_total",
        latest.map(|(result, count)| (label("result", result), count)),
    );
    counters(&mut page, stats, bus);
    page.histogram("delivery_seconds", &stats.delivery_seconds);
    page.histogram("batch_readings", &stats.batch_readings);
    page.histogram("revocation_seconds", &stats.revocation_seconds);
    page.histogram("drain_seconds", &stats.drain_seconds);
    page.0
}

fn counters(page: &mut Page, stats: &HubStats, bus: &BusStatus) {
    for (name, count) in [
        ("serializations_total", stats.serializations),
        ("coalesced_total", stats.coalesced),
        ("slow_disconnects_total", stats.slow_disconnects),
        ("resume_events", stats.resume_events),
        ("bus_reconnects_total", bus.reconnects),
        ("bus_failures_total", stats.bus_failures),
        ("bus_gaps_total", stats.gaps),
        ("history_polls_total", stats.history_polls),
        ("revocations_total", stats.revocations),
        ("rate_limited_total", stats.rate_limited),
        ("render_faults_total", stats.render_faults),
        ("port_failures_total", stats.port_failures),
    ] {
        page.counter_by(name, [(String::new(), count)]);
    }
    for (name, count) in [
        ("buffered_readings", stats.buffered_readings),
        ("mailbox_messages", stats.mailbox_messages),
        ("unsent_bytes", stats.unsent_bytes),
        ("latest_units", stats.latest_units),
        ("organizations", stats.organizations),
        ("bus_up", usize::from(bus.state == BusState::Up)),
    ] {
        page.gauge_by(name, [(String::new(), count)]);
    }
}

fn transport((transport, count): (&&'static str, usize)) -> (String, usize) {
    (label("transport", transport), count)
}

fn label(name: &str, value: impl Display) -> String {
    format!("{{{name}=\"{value}\"}}")
}

/// Lines of metrics.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, arguments: std::fmt::Arguments<'_>) {
        if self.0.write_fmt(arguments).is_err() {
            tracing::error!("a metric could not be written");
        }
        self.0.push('\n');
    }

    fn counter_by(&mut self, name: &str, rows: impl IntoIterator<Item = (String, u64)>) {
        self.line(format_args!("# TYPE freshtrack_realtime_{name} counter"));
        for (labels, count) in rows {
            self.line(format_args!("freshtrack_realtime_{name}{labels} {count}"));
        }
    }

    fn gauge_by(&mut self, name: &str, rows: impl IntoIterator<Item = (String, usize)>) {
        self.line(format_args!("# TYPE freshtrack_realtime_{name} gauge"));
        for (labels, count) in rows {
            self.line(format_args!("freshtrack_realtime_{name}{labels} {count}"));
        }
    }

    fn histogram(&mut self, name: &str, view: &HistogramView) {
        self.line(format_args!("# TYPE freshtrack_realtime_{name} histogram"));
        for (bound, count) in &view.buckets {
            let bound = if bound.is_finite() {
                bound.to_string()
            } else {
                "+Inf".to_owned()
            };
            let labels = label("le", bound);
            self.line(format_args!(
                "freshtrack_realtime_{name}_bucket{labels} {count}"
            ));
        }
        let (sum, count) = (view.sum, view.count());
        self.line(format_args!("freshtrack_realtime_{name}_sum {sum}"));
        self.line(format_args!("freshtrack_realtime_{name}_count {count}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshtrack_realtime::ports::BusKind;
    use freshtrack_realtime::{Asked, AskedOutcome};

    /// Section 15 of the specification, by name.
    const PROMISED: [&str; 24] = [
        "connections",
        "handshakes_total",
        "inbound_total",
        "messages_total",
        "serializations_total",
        "events_total",
        "delivery_seconds",
        "batch_readings",
        "buffered_readings",
        "mailbox_messages",
        "unsent_bytes",
        "coalesced_total",
        "slow_disconnects_total",
        "resume_total",
        "resume_events",
        "bus_up",
        "bus_reconnects_total",
        "bus_gaps_total",
        "history_polls_total",
        "revocations_total",
        "revocation_seconds",
        "latest_total",
        "rate_limited_total",
        "drain_seconds",
    ];

    #[test]
    fn every_promised_metric_is_there_once_and_well_formed() {
        let stats = HubStats {
            asked: vec![(Asked::Ping, AskedOutcome::Done, 3)],
            connections: [1, 2, 3],
            ..HubStats::default()
        };
        let bus = BusStatus {
            kind: BusKind::Memory,
            state: BusState::Up,
            reconnects: 0,
        };
        let text = metrics_text(&stats, &bus, &[("accepted", 7)]);
        for name in PROMISED {
            let heading = format!("# TYPE freshtrack_realtime_{name} ");
            assert_eq!(text.matches(&heading).count(), 1, "{name}");
        }
        for line in [
            "freshtrack_realtime_connections{transport=\"websocket\"} 2",
            "freshtrack_realtime_handshakes_total{outcome=\"accepted\"} 7",
            "freshtrack_realtime_inbound_total{event=\"ping\",outcome=\"done\"} 3",
            "freshtrack_realtime_bus_up 1",
            "freshtrack_realtime_drain_seconds_bucket{le=\"+Inf\"} 0",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
    }
}
