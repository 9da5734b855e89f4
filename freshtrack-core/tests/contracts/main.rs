//! The contract suites of this crate's ports on the memory adapter, and saboteurs: adapters with one
//! law broken, which the suites must catch.

mod complete;
mod saboteurs;

use freshtrack_core::memory::MemoryStore;

async fn fresh() -> MemoryStore {
    MemoryStore::new()
}

mod organizations {
    freshtrack_core::organizations_contract!(super::fresh);
}
mod places {
    freshtrack_core::places_contract!(super::fresh);
}
mod devices {
    freshtrack_core::devices_contract!(super::fresh);
}
mod life_cycle {
    freshtrack_core::life_cycle_contract!(super::fresh);
}
mod api_keys {
    freshtrack_core::api_keys_contract!(super::fresh);
}
mod audit_heads {
    freshtrack_core::audit_heads_contract!(super::fresh);
}
mod audit_log {
    freshtrack_core::audit_log_contract!(super::fresh);
}
mod outbox {
    freshtrack_core::outbox_contract!(super::fresh);
}
