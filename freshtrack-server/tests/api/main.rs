//! The API as a client sees it: a whole server on an empty database, spoken to over HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test panics when an answer is not what it should be"
)]

mod archive;
mod audit;
mod calibrations;
mod conventions;
mod house;
mod log_book;
mod members;
mod overview;
mod readings_series;
mod rules;
mod suppressions;
mod unit_state;

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
    conventions {
        a_repeated_request_is_done_once_and_answered_alike
        of_requests_sent_at_once_one_is_done
        what_was_refused_may_be_sent_again
        a_secret_is_neither_kept_nor_shown_again
        a_key_takes_over_from_another_one
        a_connection_is_changed_rotated_and_removed
        answers_say_what_is_left_and_protect_themselves
        only_named_origins_read_answers
    }
    archive {
        places_and_devices_are_changed_field_by_field
        a_change_is_based_on_the_version_the_caller_saw
        null_clears_what_can_be_cleared_and_nothing_else
        lists_show_what_was_asked_for
        an_archived_unit_closes_its_alerts_and_takes_no_readings
        a_restored_unit_starts_as_new
        a_site_takes_everything_with_it_and_brings_exactly_that_back
        an_archived_device_frees_its_radio
        another_type_of_unit_is_judged_by_its_own_limits_at_once
        the_archive_is_audited
    }
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
    audit {
        events_are_listed_newest_first_in_pages
        members_below_admin_see_their_own_events_only
        an_event_is_proven_to_be_in_the_log
        a_later_log_is_proven_to_extend_an_earlier_one
        a_bundle_is_checked_without_the_server
        no_byte_of_a_bundle_can_be_changed
        an_edited_event_is_found
        an_addition_that_says_nothing_is_found
        a_removed_event_is_found
        exchanged_events_are_found
        a_cut_tail_is_found_by_the_recorded_end
        an_event_before_the_first_is_found
        a_cut_tail_is_found_by_the_signed_head
        a_rewritten_past_is_found_by_the_signed_head
        a_forged_head_is_found
        a_stretch_is_checked_by_itself
    }
    overview {
        a_unit_that_nobody_sees_is_not_safe
        a_unit_in_range_is_safe_while_it_is_observed
        an_excursion_needs_somebody_until_it_is_taken
        units_of_people_with_thermometers_are_counted_apart
        an_overview_is_of_ones_own_organization
    }
    readings_series {
        a_month_of_a_reading_a_minute_is_one_answer
        a_gap_is_a_gap_and_extremes_stay
        raw_readings_say_how_long_they_hold
        long_windows_and_odd_questions_are_refused
        days_are_those_of_the_site
        another_organizations_series_is_not_there
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
    rules {
        the_nearest_rule_wins_and_says_where_it_came_from
        unacceptable_rules_are_refused_and_not_stored
        rules_need_an_admin_and_their_own_organization
        each_change_is_remembered_with_its_author
        units_are_judged_by_new_rules_within_five_seconds
    }
}
