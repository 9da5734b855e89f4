//! Contract suites: one public function per law, one macro per port.
//!
//! An adapter gives the macro a function that answers a fresh [`Bench`]; each law becomes a test of its
//! own. `None` from that function skips the test (a backend that is not there). The saboteurs of
//! [`sabotage`] break one law each, and a test sees every law catch its own.

mod bench;
pub mod bulk;
pub mod queue;
pub mod queue_admin;
pub mod sabotage;
pub mod schedules;
mod scripted;
pub mod worker;

pub use bench::{
    Bench, BenchClock, BenchIds, MemoryBench, RATED, SHORT_MEMORY, claim, claim_all, id_of, job,
    job_of, org, queue_name, settings,
};

/// Says that a law has nothing to try on this backend.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skip(why: &str) {
    println!("SKIP: {why}");
}

/// One test per law of the ports [`Queue`](crate::ports::Queue) and
/// [`QueueAdmin`](crate::ports::QueueAdmin), and of the runtime over them.
///
/// `$fresh` is an `async fn() -> Option<impl Bench>`.
#[macro_export]
macro_rules! queue_contract {
    ($fresh:path) => {
        $crate::queue_contract! { @ $fresh, queue:
            q_2_of_concurrent_claimers_one_gets_a_job
            q_2_old_and_foreign_tokens_change_nothing
            q_3_a_renewed_lease_holds
            q_3_an_unrenewed_lease_returns_the_job_and_the_late_finish_is_refused
            q_4_the_third_crash_is_poison
            q_5_racing_enqueues_create_one_job
            q_5_the_key_of_another_organization_is_another_job
            q_5_a_key_collapses_as_long_as_it_is_kept
            q_6_no_job_starts_before_its_time
            q_6_a_waiting_claim_is_woken
            q_6_a_delayed_job_starts_after_a_restart
            q_7_a_retry_is_stored_and_counted
            q_10_a_released_job_is_not_counted
        }
        $crate::queue_contract! { @ $fresh, bulk:
            q_11_retention_by_count_and_age_holds
            q_13_an_enqueue_is_all_or_none
            q_14_an_outage_is_answered_at_once_and_survived
            q_16_a_flood_is_worked_off
            q_17_a_lane_rate_holds_over_workers
        }
        $crate::queue_contract! { @ $fresh, queue_admin:
            q_9_dead_letters_stay_and_run_again
            q_12_an_organization_sees_and_moves_its_own_jobs_only
            q_12_an_active_job_is_not_removed
            q_15_a_paused_queue_accepts_and_starts_nothing
            lists_are_paged_and_filtered
            stats_count_by_state
        }
        $crate::queue_contract! { @ $fresh, worker:
            q_1_every_job_runs_though_a_worker_dies
            q_7_the_horizon_ends_a_job_with_its_last_class_and_code
            q_8_a_permanent_failure_runs_once
            q_8_a_panic_and_a_time_out_fail_one_attempt_each
            q_10_running_jobs_finish_or_return_uncounted
            q_17_lanes_never_wait_for_lower_ones
            q_18_a_flood_of_one_organization_does_not_hold_up_another
            q_19_a_handler_learns_of_a_lost_lease
            q_20_unknown_kinds_are_returned_not_failed
            q_20_what_is_no_job_is_dead_not_run
        }
    };
    (@ $fresh:path, $module:ident: $($law:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $law() {
            if let Some(bench) = $fresh().await {
                $crate::testkit::$module::$law(&bench).await;
            }
        }
    )+};
}

/// One test per law of the port [`Schedules`](crate::ports::Schedules).
///
/// `$fresh` is an `async fn() -> Option<impl Schedules>`.
#[macro_export]
macro_rules! schedules_contract {
    ($fresh:path) => {
        $crate::schedules_contract! { @ $fresh:
            a_schedule_reads_back_as_it_was_written
            changes_are_applied_whole
            only_enabled_due_schedules_are_claimed
            j_16_of_several_nodes_one_fires
            a_node_that_died_is_repeated_with_the_same_key
            a_stale_claim_moves_nothing
            the_ticker_fires_each_instant_once
        }
    };
    (@ $fresh:path: $($law:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $law() {
            if let Some(schedules) = $fresh().await {
                $crate::testkit::schedules::$law(std::sync::Arc::new(schedules)).await;
            }
        }
    )+};
}
