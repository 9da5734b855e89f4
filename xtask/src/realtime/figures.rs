//! What is measured of one server in one round, and the table of all of them.

use std::fmt::Write as _;

/// One round of one server. Milliseconds, seconds and KiB as the names say.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub(super) burst_per_second: f64,
    pub(super) spread_p50_ms: f64,
    pub(super) spread_p99_ms: f64,
    pub(super) post_p50_ms: f64,
    pub(super) post_p99_ms: f64,
    pub(super) cpu_us_per_message: f64,
    pub(super) empty_kib: f64,
    pub(super) connected_kib: f64,
    pub(super) per_connection_kib: f64,
    pub(super) after_burst_kib: f64,
    pub(super) after_ten_bursts_kib: f64,
    pub(super) connect_s: f64,
    pub(super) lost: f64,
}

/// Name, unit and place of a row.
type Row = (&'static str, &'static str, fn(&Figures) -> f64);

const ONE_NODE: &[Row] = &[
    ("burst fan-out", "messages/s", |f| f.burst_per_second),
    ("paced: first to last client, p50", "ms", |f| {
        f.spread_p50_ms
    }),
    ("paced: first to last client, p99", "ms", |f| {
        f.spread_p99_ms
    }),
    ("paced: POST to client, p50", "ms", |f| f.post_p50_ms),
    ("paced: POST to client, p99", "ms", |f| f.post_p99_ms),
    ("paced: server CPU per message", "µs", |f| {
        f.cpu_us_per_message
    }),
    ("RSS empty", "KiB", |f| f.empty_kib),
    ("RSS connected", "KiB", |f| f.connected_kib),
    ("memory per idle connection", "KiB", |f| {
        f.per_connection_kib
    }),
    ("RSS after a burst", "KiB", |f| f.after_burst_kib),
    ("RSS after ten bursts", "KiB", |f| f.after_ten_bursts_kib),
    ("time to connect all", "s", |f| f.connect_s),
    ("messages not delivered", "", |f| f.lost),
];

const TWO_NODES: &[Row] = &[
    ("paced: first to last client, p50", "ms", |f| {
        f.spread_p50_ms
    }),
    ("paced: first to last client, p99", "ms", |f| {
        f.spread_p99_ms
    }),
    ("paced: POST to client, p50", "ms", |f| f.post_p50_ms),
    ("paced: POST to client, p99", "ms", |f| f.post_p99_ms),
    ("paced: CPU of both nodes per message", "µs", |f| {
        f.cpu_us_per_message
    }),
    ("messages not delivered", "", |f| f.lost),
];

/// Medians of the rounds with least and most, theirs beside ours.
pub(super) fn table(node: &[Figures], ours: &[Figures], two_nodes: bool) -> String {
    let rows = if two_nodes { TWO_NODES } else { ONE_NODE };
    let mut text =
        "| measure | | Socket.IO 4.8 on Node | freshtrack | ours / theirs |\n".to_owned();
    text.push_str("|---|---|---|---|---|\n");
    for (name, unit, value) in rows {
        let (theirs, own) = (spread(node, *value), spread(ours, *value));
        let ratio = if theirs.1 == 0.0 {
            "–".to_owned()
        } else {
            format!("{:.2}", own.1 / theirs.1)
        };
        let line = writeln!(
            text,
            "| {name} | {unit} | {} | {} | {ratio} |",
            shown(theirs),
            shown(own)
        );
        debug_assert!(line.is_ok(), "a string takes every line");
    }
    text
}

/// Least, median, most.
fn spread(rounds: &[Figures], value: fn(&Figures) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = rounds.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    (
        at(0),
        at(values.len() / 2),
        at(values.len().saturating_sub(1)),
    )
}

fn shown((least, median, most): (f64, f64, f64)) -> String {
    let digits = usize::from(median.abs() < 1_000.0 && most > 0.0);
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}

/// The value below which so many percent of the values are.
pub(super) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians_are_of_the_sorted_values() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert!((percentile(&mut values, 50) - 50.0).abs() < f64::EPSILON);
        assert!((percentile(&mut values, 99) - 99.0).abs() < f64::EPSILON);
        let round = |connect_s| Figures {
            connect_s,
            ..Figures::default()
        };
        let rounds = [round(3.0), round(1.0), round(2.0)];
        assert_eq!(spread(&rounds, |f| f.connect_s), (1.0, 2.0, 3.0));
        let text = table(&rounds, &rounds, false);
        assert!(
            text.contains("| time to connect all | s | 2.0 (1.0–3.0) | 2.0 (1.0–3.0) | 1.00 |"),
            "{text}"
        );
    }
}
