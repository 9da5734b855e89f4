//! Saboteurs: adapters with one law broken. A law that lets its saboteur pass proves nothing.

mod alert_store;
mod incident_store;
mod monitor_store;
mod reading_series;
mod reading_store;
mod records;
mod rule_store;

use freshtrack_alerts::memory::MemoryStore;
use freshtrack_core::ids::OrgId;

/// One test per line: the law, the fault it must catch, and a part of what it says then.
macro_rules! caught {
    ($laws:ident; $($law:ident: $fault:ident, $says:literal;)+) => {
        mod caught {
            $(
                #[tokio::test]
                #[should_panic(expected = $says)]
                #[expect(non_snake_case, reason = "named for the fault")]
                async fn $fault() {
                    let store = super::Bad {
                        inner: freshtrack_alerts::memory::MemoryStore::new(),
                        fault: super::Fault::$fault,
                    };
                    freshtrack_alerts::testkit::$laws::$law(&store).await;
                }
            )+
        }
    };
}
use caught;

/// Every organization of a store, for those who forget which one they were asked about.
fn everybody(store: &MemoryStore) -> Vec<OrgId> {
    store
        .core()
        .with(|state| state.tenants().map(|(org, _)| org).collect())
}
