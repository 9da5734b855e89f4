//! Bad stores of organizations.

use super::{everybody, write_journal};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Organization;
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::memory::MemoryStore;
use freshtrack_core::ports::{Member, MemberChange, NewOrganization, Organizations};
use freshtrack_core::principal::{Membership, Role, User};
use freshtrack_core::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    SharesSlugs,
    LeavesHalfOfARefusedOne,
    LosesRaces,
    MakesAPersonEachTime,
    IgnoresTheIssuer,
    NewestFirst,
    JournalsNothingHappened,
    AcceptsStrangers,
    TenantBlind,
    DropsMicroseconds,
    Unbounded,
    RolesNeverChange,
    ReplacesTheOwner,
    OthersOrganizations,
    LastWriterWins,
    OneChangeAtATime,
    OwnerlessIsFine,
    BothMayDemote,
}

/// The issuer of most sample people.
const THE_ONE_ISSUER: &str = "https://login.example.test/";

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(Bad, inner: Places Devices LifeCycle ApiKeys ReadingStore AuditLog Outbox);

super::caught! { Bad, organizations;
    a_taken_slug_is_refused_and_leaves_nothing: SharesSlugs, "expected `slug` to be taken";
    a_first_row_that_does_not_fit_leaves_nothing: LeavesHalfOfARefusedOne, "must not be found";
    of_two_who_want_one_slug_exactly_one_gets_it: LosesRaces, "exactly one of them must win";
    one_person_arriving_twice_at_once_is_one_person: MakesAPersonEachTime, "the same person";
    a_person_is_made_once_per_issuer_and_subject: IgnoresTheIssuer, "is another person";
    memberships_are_listed_oldest_first: NewestFirst, "oldest first";
    setting_the_role_a_member_has_writes_no_journal: JournalsNothingHappened, "no other is";
    a_role_needs_a_known_organization_and_a_known_person: AcceptsStrangers, "to be missing";
    members_are_the_organizations_own_oldest_first_and_bounded: TenantBlind, "belong together";
    a_new_organization_is_there_with_its_first_rows: DropsMicroseconds, "left == right";
    members_are_the_organizations_own_oldest_first_and_bounded: Unbounded, "no more than asked for";
    a_role_is_given_then_changed: RolesNeverChange, "left == right";
    organizations_of_a_person_come_with_the_membership: OthersOrganizations, "belong together";
    an_organization_changes_from_the_expected_version_only: LastWriterWins, "expected a conflict";
    members_change_all_or_none_and_from_the_expected_role_only: OneChangeAtATime, "all or none";
    an_organization_keeps_an_owner: OwnerlessIsFine, "to be refused";
    of_two_owners_who_demote_each_other_one_stays_owner: BothMayDemote, "exactly one of them";
    an_owner_who_is_known_keeps_id_and_record: ReplacesTheOwner, "the known record stays";
}

#[async_trait]
impl Organizations for Bad {
    async fn create(&self, mut new: NewOrganization, journal: Journal) -> Result<(), StoreError> {
        let inner = &self.inner;
        if self.fault == Fault::LosesRaces {
            tokio::task::yield_now().await;
        }
        if self.fault == Fault::ReplacesTheOwner {
            new.owner.subject.push('!');
        }
        let again = new.clone();
        match Organizations::create(inner, new, journal.clone()).await {
            Err(StoreError::Taken { what: "slug" })
                if matches!(self.fault, Fault::SharesSlugs | Fault::LosesRaces) =>
            {
                let mut again = again;
                again.organization.slug.push_str("-again");
                Organizations::create(inner, again, journal).await
            }
            Err(error) if self.fault == Fault::LeavesHalfOfARefusedOne => {
                let mut half = again;
                (half.sites, half.areas, half.units) = (Vec::new(), Vec::new(), Vec::new());
                half.api_keys = Vec::new();
                Organizations::create(inner, half, Journal::default()).await?;
                Err(error)
            }
            other => other,
        }
    }

    async fn find(&self, org: OrgId) -> Result<Option<Organization>, StoreError> {
        let mut found = Organizations::find(&self.inner, org).await?;
        if let (Some(found), Fault::DropsMicroseconds) = (&mut found, self.fault) {
            let seconds = found.created_at.as_micros() / 1_000_000;
            found.created_at = Timestamp::from_seconds(seconds);
        }
        Ok(found)
    }

    async fn ensure_user(&self, mut user: User) -> Result<User, StoreError> {
        match self.fault {
            Fault::MakesAPersonEachTime => user.subject = user.id.to_string(),
            Fault::IgnoresTheIssuer => THE_ONE_ISSUER.clone_into(&mut user.issuer),
            _ => {}
        }
        self.inner.ensure_user(user).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        let mut found = self.inner.memberships(user).await?;
        if self.fault == Fault::NewestFirst {
            found.reverse();
        }
        Ok(found)
    }

    async fn organizations_of(
        &self,
        user: UserId,
    ) -> Result<Vec<(Organization, Membership)>, StoreError> {
        let mut found = self.inner.organizations_of(user).await?;
        if self.fault == Fault::OthersOrganizations && found.len() > 1 {
            let first = found[0].0.clone();
            found[0].0 = found[1].0.clone();
            found[1].0 = first;
        }
        Ok(found)
    }

    async fn update(
        &self,
        mut organization: Organization,
        journal: Journal,
    ) -> Result<(), StoreError> {
        if self.fault == Fault::LastWriterWins {
            let stored = Organizations::find(&self.inner, organization.id).await?;
            organization.version = stored.map_or(1, |stored| stored.version + 1);
        }
        self.inner.update(organization, journal).await
    }

    async fn change_members(
        &self,
        org: OrgId,
        changes: &[MemberChange],
        journal: Journal,
    ) -> Result<(), StoreError> {
        if self.fault == Fault::OneChangeAtATime {
            for change in changes {
                let one = std::slice::from_ref(change);
                self.inner
                    .change_members(org, one, Journal::default())
                    .await?;
            }
            write_journal(&self.inner, org, &journal);
            return Ok(());
        }
        match self.inner.change_members(org, changes, journal).await {
            Err(StoreError::Refused { .. })
                if matches!(self.fault, Fault::OwnerlessIsFine | Fault::BothMayDemote) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    async fn set_role(
        &self,
        org: OrgId,
        user: UserId,
        role: Role,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let known = self.inner.memberships(user).await?;
        if self.fault == Fault::RolesNeverChange && !known.iter().all(|m| m.org != org) {
            write_journal(&self.inner, org, &journal);
            return Ok(());
        }
        if self.fault == Fault::JournalsNothingHappened {
            write_journal(&self.inner, org, &journal);
        }
        match self.inner.set_role(org, user, role, now, journal).await {
            Err(StoreError::Missing { .. }) if self.fault == Fault::AcceptsStrangers => Ok(()),
            other => other,
        }
    }

    async fn members(&self, org: OrgId, limit: u16) -> Result<Vec<Member>, StoreError> {
        let limit = match self.fault {
            Fault::Unbounded => u16::MAX,
            _ => limit,
        };
        let mut found = self.inner.members(org, limit).await?;
        if self.fault == Fault::TenantBlind {
            for other in everybody(&self.inner) {
                found.extend(self.inner.members(other, limit).await?);
            }
        }
        Ok(found)
    }
}
