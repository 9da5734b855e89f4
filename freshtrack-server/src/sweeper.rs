//! The loop that makes timers fire: units whose stored deadline has passed are evaluated, data or not.

use crate::heartbeat::Heartbeat;
use freshtrack_alerts::sweep::Sweeper;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time between two looks when nothing is due.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// Sweeps until `stop`. Any number of nodes may do so: a monitor's version decides who evaluates it.
pub async fn run(sweeper: Sweeper, beat: Arc<Heartbeat>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let more = match sweeper.sweep().await {
            Ok(report) => {
                beat.beat();
                metrics::counter!("freshtrack_sweeps_total").increment(1);
                metrics::counter!("freshtrack_sweep_evaluations_total")
                    .increment(report.evaluated as u64);
                if report.failed > 0 {
                    tracing::error!(failed = report.failed, "units could not be evaluated");
                }
                report.is_full()
            }
            Err(error) => {
                tracing::warn!(error = ?error, "sweep failed; deadlines wait");
                false
            }
        };
        if more {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}
