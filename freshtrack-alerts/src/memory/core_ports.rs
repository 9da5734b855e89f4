//! Core's ports, passed on to core's store: a database is one value, not two.

use super::MemoryStore;
use async_trait::async_trait;
use freshtrack_core::audit::{AuditEvent, Journal};
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::hierarchy::{Area, Organization, Site, Unit};
use freshtrack_core::ids::{ApiKeyId, AreaId, DeviceId, OrgId, SiteId, UnitId, UserId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{
    ApiKeys, AssignDevice, AuditLog, AuditRange, Devices, Member, NewOrganization, Organizations,
    Outbox, Places, ReadingCursor, ReadingQuery, ReadingStore,
};
use freshtrack_core::principal::{ApiKey, Membership, Role, User};
use freshtrack_core::reading::{QuarantinedReading, Reading};
use freshtrack_core::time::Timestamp;

#[async_trait]
impl Organizations for MemoryStore {
    async fn create(&self, new: NewOrganization, journal: Journal) -> Result<(), StoreError> {
        Organizations::create(&self.core, new, journal).await
    }

    async fn find(&self, org: OrgId) -> Result<Option<Organization>, StoreError> {
        Organizations::find(&self.core, org).await
    }

    async fn ensure_user(&self, user: User) -> Result<User, StoreError> {
        Organizations::ensure_user(&self.core, user).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        Organizations::memberships(&self.core, user).await
    }

    async fn set_role(
        &self,
        org: OrgId,
        user: UserId,
        role: Role,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError> {
        Organizations::set_role(&self.core, org, user, role, now, journal).await
    }

    async fn members(&self, org: OrgId, limit: u16) -> Result<Vec<Member>, StoreError> {
        Organizations::members(&self.core, org, limit).await
    }
}

#[async_trait]
impl Places for MemoryStore {
    async fn create_site(
        &self,
        org: OrgId,
        site: Site,
        journal: Journal,
    ) -> Result<(), StoreError> {
        Places::create_site(&self.core, org, site, journal).await
    }

    async fn create_area(
        &self,
        org: OrgId,
        area: Area,
        journal: Journal,
    ) -> Result<(), StoreError> {
        Places::create_area(&self.core, org, area, journal).await
    }

    async fn create_unit(
        &self,
        org: OrgId,
        unit: Unit,
        journal: Journal,
    ) -> Result<(), StoreError> {
        Places::create_unit(&self.core, org, unit, journal).await
    }

    async fn list_sites(
        &self,
        org: OrgId,
        page: PageRequest<SiteId>,
    ) -> Result<Page<Site, SiteId>, StoreError> {
        Places::list_sites(&self.core, org, page).await
    }

    async fn list_areas(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<AreaId>,
    ) -> Result<Page<Area, AreaId>, StoreError> {
        Places::list_areas(&self.core, org, site, page).await
    }

    async fn list_units(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        page: PageRequest<UnitId>,
    ) -> Result<Page<Unit, UnitId>, StoreError> {
        Places::list_units(&self.core, org, site, page).await
    }

    async fn find_site(&self, org: OrgId, id: SiteId) -> Result<Option<Site>, StoreError> {
        Places::find_site(&self.core, org, id).await
    }

    async fn find_unit(&self, org: OrgId, id: UnitId) -> Result<Option<Unit>, StoreError> {
        Places::find_unit(&self.core, org, id).await
    }
}

#[async_trait]
impl Devices for MemoryStore {
    async fn create(&self, org: OrgId, device: Device, journal: Journal) -> Result<(), StoreError> {
        Devices::create(&self.core, org, device, journal).await
    }

    async fn assign(
        &self,
        org: OrgId,
        change: AssignDevice,
        journal: Journal,
    ) -> Result<Device, StoreError> {
        Devices::assign(&self.core, org, change, journal).await
    }

    async fn find(&self, org: OrgId, id: DeviceId) -> Result<Option<Device>, StoreError> {
        Devices::find(&self.core, org, id).await
    }

    async fn find_by_eui(&self, org: OrgId, dev_eui: &str) -> Result<Option<Device>, StoreError> {
        Devices::find_by_eui(&self.core, org, dev_eui).await
    }

    async fn list(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        page: PageRequest<DeviceId>,
    ) -> Result<Page<Device, DeviceId>, StoreError> {
        Devices::list(&self.core, org, unit, page).await
    }
}

#[async_trait]
impl ApiKeys for MemoryStore {
    async fn create(&self, org: OrgId, key: ApiKey, journal: Journal) -> Result<(), StoreError> {
        ApiKeys::create(&self.core, org, key, journal).await
    }

    async fn find_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, StoreError> {
        ApiKeys::find_by_prefix(&self.core, prefix).await
    }

    async fn list(&self, org: OrgId, limit: u16) -> Result<Vec<ApiKey>, StoreError> {
        ApiKeys::list(&self.core, org, limit).await
    }

    async fn revoke(
        &self,
        org: OrgId,
        id: ApiKeyId,
        now: Timestamp,
        journal: Journal,
    ) -> Result<ApiKey, StoreError> {
        ApiKeys::revoke(&self.core, org, id, now, journal).await
    }

    async fn touch(&self, org: OrgId, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        ApiKeys::touch(&self.core, org, id, now).await
    }
}

#[async_trait]
impl ReadingStore for MemoryStore {
    async fn list(
        &self,
        org: OrgId,
        query: ReadingQuery,
        page: PageRequest<ReadingCursor>,
    ) -> Result<Page<Reading, ReadingCursor>, StoreError> {
        ReadingStore::list(&self.core, org, query, page).await
    }

    async fn latest(&self, org: OrgId, units: &[UnitId]) -> Result<Vec<Reading>, StoreError> {
        ReadingStore::latest(&self.core, org, units).await
    }

    async fn quarantined(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        limit: u16,
    ) -> Result<Vec<QuarantinedReading>, StoreError> {
        ReadingStore::quarantined(&self.core, org, unit, limit).await
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn list(&self, org: OrgId, range: AuditRange) -> Result<Vec<AuditEvent>, StoreError> {
        AuditLog::list(&self.core, org, range).await
    }

    async fn head(&self, org: OrgId) -> Result<(i64, String), StoreError> {
        AuditLog::head(&self.core, org).await
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn since(
        &self,
        org: OrgId,
        after: i64,
        limit: u16,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        Outbox::since(&self.core, org, after, limit).await
    }

    async fn bounds(&self, org: OrgId) -> Result<(i64, i64), StoreError> {
        Outbox::bounds(&self.core, org).await
    }

    async fn heads(&self) -> Result<Vec<(OrgId, i64)>, StoreError> {
        Outbox::heads(&self.core).await
    }

    async fn prune(&self, before: Timestamp, keep: u32, limit: u32) -> Result<u64, StoreError> {
        Outbox::prune(&self.core, before, keep, limit).await
    }
}
