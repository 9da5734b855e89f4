//! Saboteurs: adapters with one law broken. A law that lets its saboteur pass proves nothing.

mod api_keys;
mod audit_heads;
mod audit_log;
mod devices;
mod life_cycle;
mod organizations;
mod outbox;
mod places;

use freshtrack_core::audit::Journal;
use freshtrack_core::ids::OrgId;
use freshtrack_core::memory::MemoryStore;

/// One test per line: the law, the fault it must catch, and a part of what it says then.
macro_rules! caught {
    ($bad:ident, $laws:ident; $($law:ident: $fault:ident, $says:literal;)+) => {
        mod caught {
            $(
                #[tokio::test]
                #[should_panic(expected = $says)]
                #[expect(non_snake_case, reason = "named for the fault")]
                async fn $fault() {
                    let store = super::$bad {
                        inner: freshtrack_core::memory::MemoryStore::new(),
                        fault: super::Fault::$fault,
                    };
                    freshtrack_core::testkit::$laws::$law(&store).await;
                }
            )+
        }
    };
}
use caught;

/// Every organization of a store, for those who forget which one they were asked about.
fn everybody(store: &MemoryStore) -> Vec<OrgId> {
    store.with(|state| state.tenants().map(|(org, _)| org).collect())
}

/// Writes a journal without the change it belongs to.
fn write_journal(store: &MemoryStore, org: OrgId, journal: &Journal) {
    store.with(|state| {
        if let Some(rows) = state.tenant_mut(org) {
            rows.append_journal(journal.clone());
        }
    });
}
