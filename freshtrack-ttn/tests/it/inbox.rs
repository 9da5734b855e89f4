//! The memory inbox keeps the contract, and every rule catches the adapter that breaks it.

use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_ttn::memory::MemoryInbox;
use freshtrack_ttn::ports::{Inbox, InboxEntry, InboxError, Stored};
use freshtrack_ttn::testkit::inbox;

fn org(n: u8) -> OrgId {
    format!("00000000-0000-7000-8000-0000000000{n:02x}")
        .parse()
        .unwrap()
}

mod memory {
    use super::{MemoryInbox, OrgId, org};

    async fn fresh() -> (MemoryInbox, OrgId, OrgId) {
        std::future::ready((MemoryInbox::default(), org(1), org(2))).await
    }

    freshtrack_ttn::inbox_contract!(fresh);
}

/// Breaks one law each.
enum Sabotage {
    AlwaysNew,
    ForgetsTenants,
    ForgetsGuards,
    MergesTheUnguarded,
}

struct Saboteur(Sabotage, MemoryInbox);

#[async_trait]
impl Inbox for Saboteur {
    async fn store(&self, tenant: OrgId, entry: &InboxEntry) -> Result<Stored, InboxError> {
        let mut entry = entry.clone();
        match self.0 {
            Sabotage::AlwaysNew => return Ok(Stored::New),
            Sabotage::ForgetsTenants => return self.1.store(org(1), &entry).await,
            Sabotage::ForgetsGuards => entry.guard = None,
            Sabotage::MergesTheUnguarded => {
                if entry.guard.is_none() {
                    entry.key = inbox::entry(0).key;
                }
            }
        }
        self.1.store(tenant, &entry).await
    }
}

fn saboteur(sabotage: Sabotage) -> Saboteur {
    Saboteur(sabotage, MemoryInbox::default())
}

#[tokio::test]
#[should_panic(expected = "the second time")]
async fn an_inbox_that_forgets_keys_is_caught() {
    inbox::a_key_is_new_once(&saboteur(Sabotage::AlwaysNew), org(1), org(2)).await;
}

#[tokio::test]
#[should_panic(expected = "same key, other tenant")]
async fn an_inbox_that_mixes_tenants_is_caught() {
    inbox::tenants_do_not_see_each_other(&saboteur(Sabotage::ForgetsTenants), org(1), org(2)).await;
}

#[tokio::test]
#[should_panic(expected = "ten minutes on")]
async fn an_inbox_that_forgets_guards_is_caught() {
    inbox::a_guard_holds_ten_minutes(&saboteur(Sabotage::ForgetsGuards), org(1), org(2)).await;
}

#[tokio::test]
#[should_panic(expected = "assertion")]
async fn an_inbox_that_merges_the_unguarded_is_caught() {
    inbox::no_guard_matches_no_guard(&saboteur(Sabotage::MergesTheUnguarded), org(1), org(2)).await;
}
