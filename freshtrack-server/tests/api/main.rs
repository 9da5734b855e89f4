//! The API as a client sees it: a whole server on an empty database, spoken to over HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test panics when an answer is not what it should be"
)]

mod house;
mod members;
mod readings_series;
mod rules;

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
    readings_series {
        a_month_of_a_reading_a_minute_is_one_answer
        a_gap_is_a_gap_and_extremes_stay
        raw_readings_say_how_long_they_hold
        long_windows_and_odd_questions_are_refused
        days_are_those_of_the_site
        another_organizations_series_is_not_there
    }
    rules {
        the_nearest_rule_wins_and_says_where_it_came_from
        unacceptable_rules_are_refused_and_not_stored
        rules_need_an_admin_and_their_own_organization
        each_change_is_remembered_with_its_author
        units_are_judged_by_new_rules_within_five_seconds
    }
}
