//! Every law catches the saboteur that breaks it.

use freshtrack_jobs::testkit::sabotage::{Fault, Saboteur};
use freshtrack_jobs::testkit::{bulk, queue, queue_admin, worker};

macro_rules! caught {
    ($($module:ident::$law:ident catches $($fault:ident)+;)+) => {$(
        mod $law {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[should_panic = ""]
                #[expect(non_snake_case, reason = "named as the fault")]
                async fn $fault() {
                    let saboteur = super::Saboteur::new(super::Fault::$fault);
                    super::$module::$law(&saboteur).await;
                }
            )+
        }
    )+};
}

caught! {
    queue::q_2_of_concurrent_claimers_one_gets_a_job catches ClaimsTwice;
    queue::q_2_old_and_foreign_tokens_change_nothing catches IgnoresTokens AlwaysHeld;
    queue::q_3_a_renewed_lease_holds catches ForgetsRenewals;
    queue::q_3_an_unrenewed_lease_returns_the_job_and_the_late_finish_is_refused catches NeverReturns AlwaysHeld IgnoresTokens;
    queue::q_4_the_third_crash_is_poison catches NeverReturns;
    queue::q_5_racing_enqueues_create_one_job catches ForgetsKeys;
    queue::q_5_the_key_of_another_organization_is_another_job catches MixesTenantsInKeys;
    queue::q_5_a_key_collapses_as_long_as_it_is_kept catches ForgetsKeys;
    queue::q_6_no_job_starts_before_its_time catches StartsEarly;
    queue::q_6_a_waiting_claim_is_woken catches SleepsOn;
    queue::q_7_a_retry_is_stored_and_counted catches RetriesAtOnce;
    queue::q_10_a_released_job_is_not_counted catches CountsReleases;
    bulk::q_11_retention_by_count_and_age_holds catches KeepsForEver;
    bulk::q_13_an_enqueue_is_all_or_none catches TakesHalf;
    bulk::q_16_a_flood_is_worked_off catches LosesJobs;
    bulk::q_17_a_lane_rate_holds_over_workers catches IgnoresRates;
    queue_admin::q_9_dead_letters_stay_and_run_again catches LosesDeadLetters NeverBuries;
    queue_admin::q_12_an_organization_sees_and_moves_its_own_jobs_only catches IgnoresScopes;
    queue_admin::q_12_an_active_job_is_not_removed catches RemovesActive;
    queue_admin::q_15_a_paused_queue_accepts_and_starts_nothing catches ForgetsPauses;
    worker::q_1_every_job_runs_though_a_worker_dies catches NeverReturns;
    worker::q_7_the_horizon_ends_a_job_with_its_last_class_and_code catches NeverBuries;
    worker::q_8_a_permanent_failure_runs_once catches NeverBuries;
    worker::q_10_running_jobs_finish_or_return_uncounted catches CountsReleases;
    worker::q_17_lanes_never_wait_for_lower_ones catches MixesLanes;
    worker::q_19_a_handler_learns_of_a_lost_lease catches AlwaysHeld;
    worker::q_20_unknown_kinds_are_returned_not_failed catches CountsReleases;
}
