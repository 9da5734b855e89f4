//! Laws of the SQL stores: every contract suite on every database, and what only a database can get
//! wrong.

mod database;
mod guards;
mod migrations;
mod network;
mod once;
mod plans;
mod retention;
mod scratch;
mod second_wall;
mod upgrade;

macro_rules! contracts {
    ($fresh:path) => {
        mod organizations {
            freshtrack_core::organizations_contract!($fresh);
        }
        mod places {
            freshtrack_core::places_contract!($fresh);
        }
        mod devices {
            freshtrack_core::devices_contract!($fresh);
        }
        mod life_cycle {
            freshtrack_core::life_cycle_contract!($fresh);
        }
        mod api_keys {
            freshtrack_core::api_keys_contract!($fresh);
        }
        mod audit_heads {
            freshtrack_core::audit_heads_contract!($fresh);
        }
        mod audit_log {
            freshtrack_core::audit_log_contract!($fresh);
        }
        mod outbox {
            freshtrack_core::outbox_contract!($fresh);
        }
        mod monitor_store {
            freshtrack_alerts::monitor_store_contract!($fresh);
        }
        mod alert_store {
            freshtrack_alerts::alert_store_contract!($fresh);
        }
        mod incident_store {
            freshtrack_alerts::incident_store_contract!($fresh);
        }
        mod rule_store {
            freshtrack_alerts::rule_store_contract!($fresh);
        }
        mod reading_series {
            freshtrack_alerts::reading_series_contract!($fresh);
        }
        mod records {
            freshtrack_alerts::records_contract!($fresh);
        }
        mod reading_store {
            freshtrack_alerts::reading_store_contract!($fresh);
        }
    };
}

/// Makes one `#[tokio::test]` of each law of this binary.
macro_rules! laws {
    ($fresh:path; $($module:ident { $($law:ident)+ })+) => {$(
        mod $module {
            $(
                #[tokio::test]
                async fn $law() {
                    if let Some(store) = freshtrack_core::testkit::Subject::subject($fresh().await) {
                        crate::$module::$law(&store).await;
                    }
                }
            )+
        }
    )+};
}

macro_rules! own_laws {
    ($fresh:path) => {
        laws! { $fresh;
            network {
                a_connection_is_found_by_its_id_while_it_is_enabled
                connections_are_taken_once_and_seen_by_their_tenant_only
                a_rotation_replaces_the_old_secret_once_the_new_one_was_used
                the_time_of_last_use_never_goes_back
                a_message_is_stored_once_and_comes_back_byte_for_byte
                the_guard_finds_a_repeat_under_another_key_within_its_window
                of_two_copies_at_once_exactly_one_is_new
                a_message_for_a_foreign_connection_is_not_stored
                messages_are_taken_in_order_and_by_one_only_until_the_lease_ends
                a_message_put_aside_stays_aside
                a_message_is_done_with_in_the_commit_of_its_readings_only
                the_suite_of_the_inbox_port_holds
            }
            once {
                a_request_is_first_once_and_answered_alike
                a_request_that_failed_or_was_lost_or_is_old_is_first_again
                of_requests_that_begin_at_once_one_is_first
                old_answers_are_removed_bounded
            }
            retention {
                whole_months_go_after_their_time_and_the_chain_says_so
                a_month_goes_piece_by_piece_where_it_is_large
                nothing_goes_without_the_proof_of_a_backup
                a_legal_hold_keeps_its_months
                readings_of_any_month_are_stored_and_found
            }
            database {
                a_large_commit_is_stored_whole_but_for_the_change_that_conflicts
                a_large_commit_without_conflict_is_stored_whole
                a_nul_in_what_was_sent_does_not_lose_the_evidence
                commits_over_many_organizations_do_not_deadlock
            }
        }
    };
}

mod sqlite {
    contracts!(crate::scratch::sqlite);
    own_laws!(crate::scratch::sqlite);
}

mod postgres {
    contracts!(crate::scratch::postgres);
    own_laws!(crate::scratch::postgres);
}
