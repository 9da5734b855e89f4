//! The contract suites on the memory adapter, and saboteurs: adapters with one law broken, which the
//! suites must catch.

mod complete;
mod saboteurs;

use freshtrack_alerts::memory::MemoryStore;

async fn fresh() -> MemoryStore {
    MemoryStore::new()
}

mod monitor_store {
    freshtrack_alerts::monitor_store_contract!(super::fresh);
}
mod alert_store {
    freshtrack_alerts::alert_store_contract!(super::fresh);
}
mod incident_store {
    freshtrack_alerts::incident_store_contract!(super::fresh);
}
mod reading_series {
    freshtrack_alerts::reading_series_contract!(super::fresh);
}
mod reading_store {
    freshtrack_alerts::reading_store_contract!(super::fresh);
}

mod records {
    freshtrack_alerts::records_contract!(super::fresh);
}

mod rule_store {
    freshtrack_alerts::rule_store_contract!(super::fresh);
}

/// This crate's store passes core's ports on; the laws hold through it.
mod core {
    mod organizations {
        freshtrack_core::organizations_contract!(crate::fresh);
    }
    mod places {
        freshtrack_core::places_contract!(crate::fresh);
    }
    mod devices {
        freshtrack_core::devices_contract!(crate::fresh);
    }
    mod api_keys {
        freshtrack_core::api_keys_contract!(crate::fresh);
    }
    mod audit_heads {
        freshtrack_core::audit_heads_contract!(crate::fresh);
    }
    mod audit_log {
        freshtrack_core::audit_log_contract!(crate::fresh);
    }
    mod outbox {
        freshtrack_core::outbox_contract!(crate::fresh);
    }
}
