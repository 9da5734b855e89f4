//! Passing ports on: for an adapter that stands on another one and changes only some of it.

/// Implements the named storage ports of this crate for a type by passing each call on to a field.
///
/// A store that adds its own rows to another store, a wrapper that counts or delays, and a saboteur
/// that breaks one law all want most ports unchanged.
///
/// ```
/// use freshtrack_core::memory::MemoryStore;
///
/// struct Wrapped {
///     inner: MemoryStore,
/// }
/// freshtrack_core::pass_on!(Wrapped, inner: Places Devices AuditLog Outbox);
///
/// # let wrapped = Wrapped { inner: MemoryStore::new() };
/// let _outbox: &dyn freshtrack_core::ports::Outbox = &wrapped;
/// ```
#[macro_export]
macro_rules! pass_on {
    (@Organizations $store:ty, $inner:ident) => {
        #[$crate::memory::async_trait]
        impl $crate::ports::Organizations for $store {
            async fn create(
                &self,
                new: $crate::ports::NewOrganization,
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::Organizations::create(&self.$inner, new, journal).await
            }

            async fn find(
                &self,
                org: $crate::ids::OrgId,
            ) -> Result<Option<$crate::hierarchy::Organization>, $crate::error::StoreError> {
                $crate::ports::Organizations::find(&self.$inner, org).await
            }

            async fn ensure_user(
                &self,
                user: $crate::principal::User,
            ) -> Result<$crate::principal::User, $crate::error::StoreError> {
                $crate::ports::Organizations::ensure_user(&self.$inner, user).await
            }

            async fn memberships(
                &self,
                user: $crate::ids::UserId,
            ) -> Result<Vec<$crate::principal::Membership>, $crate::error::StoreError> {
                $crate::ports::Organizations::memberships(&self.$inner, user).await
            }

            async fn organizations_of(
                &self,
                user: $crate::ids::UserId,
            ) -> Result<
                Vec<($crate::hierarchy::Organization, $crate::principal::Membership)>,
                $crate::error::StoreError,
            > {
                $crate::ports::Organizations::organizations_of(&self.$inner, user).await
            }

            async fn update(
                &self,
                organization: $crate::hierarchy::Organization,
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::Organizations::update(&self.$inner, organization, journal).await
            }

            async fn change_members(
                &self,
                org: $crate::ids::OrgId,
                changes: &[$crate::ports::MemberChange],
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::Organizations::change_members(&self.$inner, org, changes, journal).await
            }

            async fn set_role(
                &self,
                org: $crate::ids::OrgId,
                user: $crate::ids::UserId,
                role: $crate::principal::Role,
                now: $crate::time::Timestamp,
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::Organizations::set_role(&self.$inner, org, user, role, now, journal).await
            }

            async fn members(
                &self,
                org: $crate::ids::OrgId,
                limit: u16,
            ) -> Result<Vec<$crate::ports::Member>, $crate::error::StoreError> {
                $crate::ports::Organizations::members(&self.$inner, org, limit).await
            }
        }
    };
    (@Places $store:ty, $inner:ident) => {
        #[$crate::memory::async_trait]
        impl $crate::ports::Places for $store {
            async fn create_site(
                &self,
                org: $crate::ids::OrgId,
                site: $crate::hierarchy::Site,
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::Places::create_site(&self.$inner, org, site, journal).await
            }

            async fn create_area(
                &self,
                org: $crate::ids::OrgId,
                area: $crate::hierarchy::Area,
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::Places::create_area(&self.$inner, org, area, journal).await
            }

            async fn create_unit(
                &self,
                org: $crate::ids::OrgId,
                unit: $crate::hierarchy::Unit,
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::Places::create_unit(&self.$inner, org, unit, journal).await
            }

            async fn list_sites(
                &self,
                org: $crate::ids::OrgId,
                page: $crate::page::PageRequest<$crate::ids::SiteId>,
            ) -> Result<$crate::page::Page<$crate::hierarchy::Site, $crate::ids::SiteId>, $crate::error::StoreError> {
                $crate::ports::Places::list_sites(&self.$inner, org, page).await
            }

            async fn list_areas(
                &self,
                org: $crate::ids::OrgId,
                site: Option<$crate::ids::SiteId>,
                page: $crate::page::PageRequest<$crate::ids::AreaId>,
            ) -> Result<$crate::page::Page<$crate::hierarchy::Area, $crate::ids::AreaId>, $crate::error::StoreError> {
                $crate::ports::Places::list_areas(&self.$inner, org, site, page).await
            }

            async fn list_units(
                &self,
                org: $crate::ids::OrgId,
                site: Option<$crate::ids::SiteId>,
                page: $crate::page::PageRequest<$crate::ids::UnitId>,
            ) -> Result<$crate::page::Page<$crate::hierarchy::Unit, $crate::ids::UnitId>, $crate::error::StoreError> {
                $crate::ports::Places::list_units(&self.$inner, org, site, page).await
            }

            async fn find_site(
                &self,
                org: $crate::ids::OrgId,
                id: $crate::ids::SiteId,
            ) -> Result<Option<$crate::hierarchy::Site>, $crate::error::StoreError> {
                $crate::ports::Places::find_site(&self.$inner, org, id).await
            }

            async fn find_area(
                &self,
                org: $crate::ids::OrgId,
                id: $crate::ids::AreaId,
            ) -> Result<Option<$crate::hierarchy::Area>, $crate::error::StoreError> {
                $crate::ports::Places::find_area(&self.$inner, org, id).await
            }

            async fn find_unit(
                &self,
                org: $crate::ids::OrgId,
                id: $crate::ids::UnitId,
            ) -> Result<Option<$crate::hierarchy::Unit>, $crate::error::StoreError> {
                $crate::ports::Places::find_unit(&self.$inner, org, id).await
            }
        }
    };
    (@Devices $store:ty, $inner:ident) => {
        #[$crate::memory::async_trait]
        impl $crate::ports::Devices for $store {
            async fn create(
                &self,
                org: $crate::ids::OrgId,
                device: $crate::device::Device,
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::Devices::create(&self.$inner, org, device, journal).await
            }

            async fn assign(
                &self,
                org: $crate::ids::OrgId,
                change: $crate::ports::AssignDevice,
                journal: $crate::audit::Journal,
            ) -> Result<$crate::device::Device, $crate::error::StoreError> {
                $crate::ports::Devices::assign(&self.$inner, org, change, journal).await
            }

            async fn find(
                &self,
                org: $crate::ids::OrgId,
                id: $crate::ids::DeviceId,
            ) -> Result<Option<$crate::device::Device>, $crate::error::StoreError> {
                $crate::ports::Devices::find(&self.$inner, org, id).await
            }

            async fn find_by_eui(
                &self,
                org: $crate::ids::OrgId,
                dev_eui: &str,
            ) -> Result<Option<$crate::device::Device>, $crate::error::StoreError> {
                $crate::ports::Devices::find_by_eui(&self.$inner, org, dev_eui).await
            }

            async fn list(
                &self,
                org: $crate::ids::OrgId,
                unit: Option<$crate::ids::UnitId>,
                page: $crate::page::PageRequest<$crate::ids::DeviceId>,
            ) -> Result<$crate::page::Page<$crate::device::Device, $crate::ids::DeviceId>, $crate::error::StoreError> {
                $crate::ports::Devices::list(&self.$inner, org, unit, page).await
            }
        }
    };
    (@ApiKeys $store:ty, $inner:ident) => {
        #[$crate::memory::async_trait]
        impl $crate::ports::ApiKeys for $store {
            async fn create(
                &self,
                org: $crate::ids::OrgId,
                key: $crate::principal::ApiKey,
                journal: $crate::audit::Journal,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::ApiKeys::create(&self.$inner, org, key, journal).await
            }

            async fn find_by_prefix(
                &self,
                prefix: &str,
            ) -> Result<Option<$crate::principal::ApiKey>, $crate::error::StoreError> {
                $crate::ports::ApiKeys::find_by_prefix(&self.$inner, prefix).await
            }

            async fn list(
                &self,
                org: $crate::ids::OrgId,
                limit: u16,
            ) -> Result<Vec<$crate::principal::ApiKey>, $crate::error::StoreError> {
                $crate::ports::ApiKeys::list(&self.$inner, org, limit).await
            }

            async fn revoke(
                &self,
                org: $crate::ids::OrgId,
                id: $crate::ids::ApiKeyId,
                now: $crate::time::Timestamp,
                journal: $crate::audit::Journal,
            ) -> Result<$crate::principal::ApiKey, $crate::error::StoreError> {
                $crate::ports::ApiKeys::revoke(&self.$inner, org, id, now, journal).await
            }

            async fn touch(
                &self,
                org: $crate::ids::OrgId,
                id: $crate::ids::ApiKeyId,
                now: $crate::time::Timestamp,
            ) -> Result<(), $crate::error::StoreError> {
                $crate::ports::ApiKeys::touch(&self.$inner, org, id, now).await
            }
        }
    };
    (@ReadingStore $store:ty, $inner:ident) => {
        #[$crate::memory::async_trait]
        impl $crate::ports::ReadingStore for $store {
            async fn list(
                &self,
                org: $crate::ids::OrgId,
                query: $crate::ports::ReadingQuery,
                page: $crate::page::PageRequest<$crate::ports::ReadingCursor>,
            ) -> Result<$crate::page::Page<$crate::reading::Reading, $crate::ports::ReadingCursor>, $crate::error::StoreError> {
                $crate::ports::ReadingStore::list(&self.$inner, org, query, page).await
            }

            async fn latest(
                &self,
                org: $crate::ids::OrgId,
                units: &[$crate::ids::UnitId],
            ) -> Result<Vec<$crate::reading::Reading>, $crate::error::StoreError> {
                $crate::ports::ReadingStore::latest(&self.$inner, org, units).await
            }

            async fn quarantined(
                &self,
                org: $crate::ids::OrgId,
                unit: Option<$crate::ids::UnitId>,
                limit: u16,
            ) -> Result<Vec<$crate::reading::QuarantinedReading>, $crate::error::StoreError> {
                $crate::ports::ReadingStore::quarantined(&self.$inner, org, unit, limit).await
            }
        }
    };
    (@ReadingSeries $store:ty, $inner:ident) => {
        #[$crate::memory::async_trait]
        impl $crate::ports::ReadingSeries for $store {
            async fn sums(
                &self,
                org: $crate::ids::OrgId,
                frame: $crate::series::Frame,
                watches: &[$crate::series::Watch],
            ) -> Result<Vec<$crate::series::BucketRow>, $crate::error::StoreError> {
                $crate::ports::ReadingSeries::sums(&self.$inner, org, frame, watches).await
            }
        }
    };
    (@AuditLog $store:ty, $inner:ident) => {
        #[$crate::memory::async_trait]
        impl $crate::ports::AuditLog for $store {
            async fn list(
                &self,
                org: $crate::ids::OrgId,
                range: $crate::ports::AuditRange,
            ) -> Result<Vec<$crate::audit::AuditEvent>, $crate::error::StoreError> {
                $crate::ports::AuditLog::list(&self.$inner, org, range).await
            }

            async fn head(
                &self,
                org: $crate::ids::OrgId,
            ) -> Result<(i64, String), $crate::error::StoreError> {
                $crate::ports::AuditLog::head(&self.$inner, org).await
            }
        }
    };
    (@Outbox $store:ty, $inner:ident) => {
        #[$crate::memory::async_trait]
        impl $crate::ports::Outbox for $store {
            async fn since(
                &self,
                org: $crate::ids::OrgId,
                after: i64,
                limit: u16,
            ) -> Result<Vec<$crate::event::OutboxEvent>, $crate::error::StoreError> {
                $crate::ports::Outbox::since(&self.$inner, org, after, limit).await
            }

            async fn bounds(
                &self,
                org: $crate::ids::OrgId,
            ) -> Result<(i64, i64), $crate::error::StoreError> {
                $crate::ports::Outbox::bounds(&self.$inner, org).await
            }

            async fn heads(
                &self,
            ) -> Result<Vec<($crate::ids::OrgId, i64)>, $crate::error::StoreError> {
                $crate::ports::Outbox::heads(&self.$inner).await
            }

            async fn prune(
                &self,
                before: $crate::time::Timestamp,
                keep: u32,
                limit: u32,
            ) -> Result<u64, $crate::error::StoreError> {
                $crate::ports::Outbox::prune(&self.$inner, before, keep, limit).await
            }
        }
    };
    ($store:ty, $inner:ident: $($port:ident)+) => {
        $($crate::pass_on!(@$port $store, $inner);)+
    };
}
