//! [`ReadingSeries`] in memory.

use super::MemoryStore;
use super::tenant::TenantRows;
use crate::error::StoreError;
use crate::ids::OrgId;
use crate::ports::ReadingSeries;
use crate::reading::{Reading, ReadingSource, Zone};
use crate::series::{BucketRow, Frame, Watch};
use crate::temperature::Temperature;
use crate::time::{Span, Timestamp};
use async_trait::async_trait;

#[async_trait]
impl ReadingSeries for MemoryStore {
    async fn sums(
        &self,
        org: OrgId,
        frame: Frame,
        watches: &[Watch],
    ) -> Result<Vec<BucketRow>, StoreError> {
        Ok(self.with(|state| {
            let Some(rows) = state.tenant(org) else {
                return Vec::new();
            };
            let lookback = lookback(watches);
            watches
                .iter()
                .flat_map(|watch| sums_of(rows, &frame, watch, lookback))
                .collect()
        }))
    }
}

/// How long before the window a reading can have been taken that reaches into it.
fn lookback(watches: &[Watch]) -> Span {
    watches
        .iter()
        .map(Watch::gap_limit)
        .max()
        .unwrap_or(Span::ZERO)
}

/// A temperature that counts: when, how warm, whether it violates a limit.
type Point = (Timestamp, Temperature, bool);

fn points(rows: &TenantRows, frame: &Frame, watch: &Watch, lookback: Span) -> Vec<Point> {
    let mut points: Vec<Point> = rows
        .readings
        .get(&watch.unit)
        .into_iter()
        .flat_map(|readings| readings.values())
        .filter(|r| (frame.from - lookback..frame.to).contains(&r.recorded_at))
        .filter(|r| counts(r))
        .filter_map(|r| {
            let t = r.temperature?;
            let out = r.zone.map_or_else(|| watch.is_out(t), |z| z == Zone::Out);
            Some((r.recorded_at, t, out))
        })
        .collect();
    points.sort_unstable();
    points
}

fn counts(reading: &Reading) -> bool {
    reading.probe == 0
        && !reading.flags.simulated
        && (reading.zone.is_some() || reading.flags.late || reading.source == ReadingSource::Import)
}

fn sums_of(rows: &TenantRows, frame: &Frame, watch: &Watch, lookback: Span) -> Vec<BucketRow> {
    let points = points(rows, frame, watch, lookback);
    let mut sums: Vec<BucketRow> = Vec::new();
    for (n, (at, t, out)) in points.iter().copied().enumerate() {
        let until = match points.get(n + 1) {
            Some(next) if next.0 - at <= watch.gap_limit() => next.0,
            Some(_) | None => at + watch.interval,
        };
        let until = until.min(frame.seen_to);
        let (bucket, edge) = if at < frame.from {
            (-1, frame.from)
        } else {
            let n = (at - frame.origin).as_micros() / frame.width.as_micros();
            (n, frame.origin + frame.width.times(n + 1))
        };
        let seen = (until.min(edge) - at).max(Span::ZERO);
        let beyond = (until - edge).max(Span::ZERO);
        let when_out = |span| if out { span } else { Span::ZERO };
        if sums.last().is_none_or(|row| row.bucket != bucket) {
            sums.push(BucketRow {
                unit: watch.unit,
                bucket,
                count: 0,
                min: t,
                max: t,
                sum_milli: 0,
                out_count: 0,
                seen: Span::ZERO,
                seen_out: Span::ZERO,
                beyond: Span::ZERO,
                beyond_out: Span::ZERO,
            });
        }
        if let Some(row) = sums.last_mut() {
            row.count += 1;
            row.min = row.min.min(t);
            row.max = row.max.max(t);
            row.sum_milli += i64::from(t.milli_celsius());
            row.out_count += i64::from(out);
            row.seen = row.seen + seen;
            row.seen_out = row.seen_out + when_out(seen);
            row.beyond = row.beyond + beyond;
            row.beyond_out = row.beyond_out + when_out(beyond);
        }
    }
    sums
}
