//! The API as a client sees it: a whole server on an empty database, spoken to over HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test panics when an answer is not what it should be"
)]

mod alert_statistics;
mod calibrations;
mod house;
mod log_book;
mod members;
mod rule_presets;
mod rules;
mod suppressions;
mod unit_state;
mod what_if;

/// Runs each test on a server over each database.
macro_rules! on_each_database {
    ($($module:ident { $($test:ident)+ })+) => {
        mod sqlite {
            $(mod $module {$(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    let house = crate::house::House::on_sqlite().await;
                    crate::$module::$test(&house).await;
                }
            )+})+
        }
        mod postgres {
            $(mod $module {$(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    if let Some(house) = crate::house::House::on_postgres().await {
                        crate::$module::$test(&house).await;
                    }
                }
            )+})+
        }
    };
}

on_each_database! {
    members {
        an_admin_changes_roles_up_to_their_own
        the_last_owner_stays
        two_owners_who_demote_each_other_leave_one
        everybody_may_leave_and_loses_access_at_once
        ownership_changes_hands_in_one_step
        a_change_is_in_the_audit_chain_and_in_the_outbox
        a_new_organization_belongs_to_its_maker
        a_taken_slug_comes_with_suggestions
        an_organization_is_changed_from_the_version_the_caller_saw
        another_organizations_members_are_not_there
    }
    log_book {
        a_log_is_judged_here_and_needs_an_action_out_of_range
        logs_that_cannot_be_are_refused_with_the_field
        a_phone_that_sends_twice_at_once_makes_one_log
        actions_answer_alerts_and_correct_each_other
        actions_need_one_subject_of_the_own_organization
    }
    suppressions {
        a_snoozed_alert_stays_open_and_shows_until_when
        a_snooze_has_an_end_within_its_bounds
        what_holds_when_a_window_ends_is_raised_then
        the_wider_the_place_the_higher_the_role
        every_window_has_an_end_within_its_bounds
    }
    calibrations {
        the_newest_offset_is_added_and_the_raw_value_kept
        a_calibration_that_is_due_is_an_alert_until_the_next_one
        calibrations_that_cannot_be_are_refused
    }
    unit_state {
        a_state_says_why_axis_by_axis
        a_timeline_shows_gaps_as_gaps
    }
    what_if {
        a_proposed_rule_is_tried_and_nothing_written
        what_cannot_be_answered_is_refused
    }
    alert_statistics {
        alerts_are_counted_and_timed
    }
    rule_presets {
        a_preset_is_adopted_as_it_is_written
        a_preset_nobody_checked_needs_somebody_who_did
        presets_that_cannot_be_adopted_are_refused
    }
    rules {
        the_nearest_rule_wins_and_says_where_it_came_from
        unacceptable_rules_are_refused_and_not_stored
        rules_need_an_admin_and_their_own_organization
        each_change_is_remembered_with_its_author
        units_are_judged_by_new_rules_within_five_seconds
    }
}
