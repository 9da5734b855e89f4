//! Bad sums of readings.

use super::everybody;
use async_trait::async_trait;
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::testkit::{AlertStores, SeriesStores};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::ReadingSeries;
use freshtrack_core::series::{BucketRow, Frame, Watch};
use freshtrack_core::temperature::{Boundary, Temperature};
use freshtrack_core::time::Span;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Averages,
    ClosesTheWindow,
    ForgetsWhatWasBefore,
    SeesTheFuture,
    BridgesGaps,
    MovesTheEdges,
    TakesEverything,
    JudgesByNothing,
    IgnoresTheBoundary,
    LetsTheColdestHold,
    AnswersInItsOwnOrder,
    OneIntervalForAll,
    TenantBlind,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

impl SeriesStores for Bad {
    fn series(&self) -> &dyn ReadingSeries {
        self
    }
    fn others(&self) -> &dyn AlertStores {
        &self.inner
    }
}

super::caught! { reading_series;
    a_short_peak_is_in_its_bucket_whatever_the_width: Averages, "no maximum is lost";
    the_window_and_its_buckets_are_half_open: ClosesTheWindow, "to is not";
    what_was_taken_before_the_window_is_seen_in_it_and_not_counted: ForgetsWhatWasBefore, "as long as it holds";
    nothing_is_observed_after_now: SeesTheFuture, "nobody has seen the future";
    a_lost_reading_is_a_gap_that_is_never_bridged: BridgesGaps, "unobserved time is not claimed";
    any_series_sums_up_to_what_the_evaluators_see: MovesTheEdges, "bucket of";
    only_what_drives_the_unit_counts: TakesEverything, "and no others";
    readings_without_a_judgement_are_held_against_the_limits: JudgesByNothing, "held against";
    readings_without_a_judgement_are_held_against_the_limits: IgnoresTheBoundary, "held against";
    of_two_values_at_one_instant_the_warmest_holds: LetsTheColdestHold, "the warmest value holds";
    units_are_answered_in_the_order_asked: AnswersInItsOwnOrder, "in the order asked";
    units_are_answered_in_the_order_asked: OneIntervalForAll, "each by its own interval";
    another_organizations_readings_are_not_summed: TenantBlind, "must not be told";
}

#[async_trait]
impl ReadingSeries for Bad {
    async fn sums(
        &self,
        org: OrgId,
        mut frame: Frame,
        watches: &[Watch],
    ) -> Result<Vec<BucketRow>, StoreError> {
        let mut watches = watches.to_vec();
        let micro = Span::from_micros(1);
        match self.fault {
            Fault::ClosesTheWindow => frame.to = frame.to + micro,
            Fault::SeesTheFuture => frame.seen_to = frame.to,
            Fault::MovesTheEdges => frame.origin = frame.origin + Span::from_seconds(7),
            Fault::AnswersInItsOwnOrder => watches.sort_by_key(|watch| watch.unit),
            _ => {}
        }
        for watch in &mut watches {
            match self.fault {
                Fault::BridgesGaps => watch.interval = watch.interval.times(2),
                Fault::OneIntervalForAll => watch.interval = Span::from_minutes(1),
                Fault::JudgesByNothing => (watch.max, watch.min) = (None, None),
                Fault::IgnoresTheBoundary => {
                    for limit in [&mut watch.max, &mut watch.min].into_iter().flatten() {
                        limit.boundary = Boundary::Safe;
                    }
                }
                _ => {}
            }
        }
        let mut found = self.inner.sums(org, frame, &watches).await?;
        match self.fault {
            Fault::Averages => {
                for row in &mut found {
                    let mean = i32::try_from(row.sum_milli / row.count).unwrap_or(0);
                    row.max = Temperature::from_milli_celsius(mean);
                }
            }
            Fault::ForgetsWhatWasBefore => found.retain(|row| row.bucket >= 0),
            Fault::TakesEverything => {
                for row in &mut found {
                    row.count += 1;
                }
            }
            Fault::LetsTheColdestHold => {
                for row in &mut found {
                    row.seen_out = Span::ZERO;
                }
            }
            Fault::TenantBlind => {
                for other in everybody(&self.inner) {
                    found.extend(self.inner.sums(other, frame, &watches).await?);
                }
            }
            _ => {}
        }
        Ok(found)
    }
}
