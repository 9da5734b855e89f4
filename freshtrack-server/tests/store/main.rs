//! Laws of the SQL stores: every contract suite on every database, and what only a database can get
//! wrong.

mod migrations;
mod plans;
mod scratch;

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
        mod api_keys {
            freshtrack_core::api_keys_contract!($fresh);
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
        mod reading_store {
            freshtrack_alerts::reading_store_contract!($fresh);
        }
    };
}

mod sqlite {
    contracts!(crate::scratch::sqlite);
}

mod postgres {
    contracts!(crate::scratch::postgres);
}
