//! [`ReadingSeries`] on either database.

use super::Adapter;
use crate::store::column::At;
use crate::store::error::failed;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::ReadingSeries;
use freshtrack_core::series::{BucketRow, Frame, Watch};
use freshtrack_core::temperature::{Boundary, Limit, Temperature};
use freshtrack_core::time::Span;
use serde_json::{Value, json};
use sqlx::FromRow;

/// Readings that count, what each observes, and the sums of each bucket; times in microseconds.
///
/// `$1` organization, `$2` units with their intervals and limits, `$3` first reading that can reach into
/// the window, `$4` end and `$5` start of the window, `$6` start of the first bucket, `$7` length of a
/// bucket, `$8` now if it is before the end. Codes of zone, source and flags: `codes.rs`.
const SUMS: &str = concat!(
    "WITH w AS (",
    watched!("$2"),
    "), r AS (
        SELECT w.n, w.step, ",
    micros!("r.recorded_at"),
    " AS at, r.temperature AS t,
               CASE WHEN r.zone IS NOT NULL THEN CASE WHEN r.zone = 2 THEN 1 ELSE 0 END
                    WHEN r.temperature >= w.hot OR r.temperature <= w.cold THEN 1 ELSE 0 END AS bad
        FROM w
        JOIN unit u ON u.org_key = (SELECT key FROM organization WHERE id = $1) AND u.id = w.id
        JOIN reading r ON r.unit_key = u.key
        WHERE r.recorded_at >= $3 AND r.recorded_at < $4
          AND r.temperature IS NOT NULL AND r.probe = 0 AND (r.flags & 4) = 0
          AND (r.zone IS NOT NULL OR (r.flags & 1) = 1 OR r.source = 2)
     ), h AS (
        SELECT n, step, at, t, bad, lead(at) OVER (PARTITION BY n ORDER BY at, t, bad) AS later FROM r
     ), s AS (
        SELECT n, at, t, bad,
               CASE WHEN at < $5 THEN -1 ELSE (at - $6) / $7 END AS bucket,
               CASE WHEN at < $5 THEN $5 ELSE $6 + ((at - $6) / $7 + 1) * $7 END AS edge,
               CASE WHEN later - at <= step + step / 2 THEN later ELSE at + step END AS ends
        FROM h
     ), c AS (
        SELECT n, at, t, bad, bucket, edge, CASE WHEN ends < $8 THEN ends ELSE $8 END AS ends FROM s
     ), p AS (
        SELECT n, t, bad, bucket,
               CASE WHEN ends <= at THEN 0 WHEN ends < edge THEN ends - at ELSE edge - at END AS seen,
               CASE WHEN ends > edge THEN ends - edge ELSE 0 END AS beyond
        FROM c
     )
     SELECT n, bucket, count(*) AS count, min(t) AS min, max(t) AS max,
            CAST(sum(t) AS BIGINT) AS sum_milli, CAST(sum(bad) AS BIGINT) AS out_count,
            CAST(sum(seen) AS BIGINT) AS seen, CAST(sum(seen * bad) AS BIGINT) AS seen_out,
            CAST(sum(beyond) AS BIGINT) AS beyond, CAST(sum(beyond * bad) AS BIGINT) AS beyond_out
     FROM p GROUP BY n, bucket ORDER BY n, bucket"
);

#[derive(FromRow)]
struct SumRow {
    n: i64,
    bucket: i64,
    count: i64,
    min: i32,
    max: i32,
    sum_milli: i64,
    out_count: i64,
    seen: i64,
    seen_out: i64,
    beyond: i64,
    beyond_out: i64,
}

impl SumRow {
    fn into_row(self, watches: &[Watch]) -> Option<BucketRow> {
        let watch = watches.get(usize::try_from(self.n).ok()?)?;
        Some(BucketRow {
            unit: watch.unit,
            bucket: self.bucket,
            count: self.count,
            min: Temperature::from_milli_celsius(self.min),
            max: Temperature::from_milli_celsius(self.max),
            sum_milli: self.sum_milli,
            out_count: self.out_count,
            seen: Span::from_micros(self.seen),
            seen_out: Span::from_micros(self.seen_out),
            beyond: Span::from_micros(self.beyond),
            beyond_out: Span::from_micros(self.beyond_out),
        })
    }
}

#[async_trait]
impl ReadingSeries for Adapter {
    async fn sums(
        &self,
        org: OrgId,
        frame: Frame,
        watches: &[Watch],
    ) -> Result<Vec<BucketRow>, StoreError> {
        let Some(lookback) = watches.iter().map(Watch::gap_limit).max() else {
            return Ok(Vec::new());
        };
        let rows: Vec<SumRow> = sqlx::query_as(SUMS)
            .bind(org.as_uuid())
            .bind(watched_json(watches))
            .bind(At(frame.from - lookback))
            .bind(At(frame.to))
            .bind(frame.from.as_micros())
            .bind(frame.origin.as_micros())
            .bind(frame.width.as_micros())
            .bind(frame.seen_to.as_micros())
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        Ok(rows
            .into_iter()
            .filter_map(|row| row.into_row(watches))
            .collect())
    }
}

/// The units in the order asked, as `watched!` reads them.
fn watched_json(watches: &[Watch]) -> String {
    let rows: Vec<Value> = watches
        .iter()
        .enumerate()
        .map(|(n, watch)| {
            json!({
                "n": n,
                "id": watch.unit.as_uuid().simple().to_string(),
                "step": watch.interval.as_micros(),
                "hot": watch.max.map(|limit| first_out(limit, 1)),
                "cold": watch.min.map(|limit| first_out(limit, -1)),
            })
        })
        .collect();
    Value::from(rows).to_string()
}

/// The value nearest to the limit that violates it, in milli-°C.
fn first_out(limit: Limit, beyond: i32) -> i32 {
    let milli = limit.temperature().milli_celsius();
    match limit.boundary {
        Boundary::Safe => milli.saturating_add(beyond),
        Boundary::Violates => milli,
    }
}
