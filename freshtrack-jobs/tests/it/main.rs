//! Contract suites on every adapter, and the saboteurs they have to catch.

#[cfg(any(feature = "postgres", feature = "redis"))]
mod backends;
#[cfg(feature = "redis")]
mod interop;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod sabotage;
#[cfg(feature = "sqlite")]
mod sqlite;

/// Implements `Schedules` for a pair of (what keeps the backend alive, the adapter).
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[macro_export]
macro_rules! delegate_schedules {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.1.fmt(f)
            }
        }

        #[async_trait::async_trait]
        impl freshtrack_jobs::Schedules for $name {
            async fn list(
                &self,
                page: freshtrack_core::page::PageRequest<freshtrack_jobs::schedule::ScheduleId>,
            ) -> Result<
                freshtrack_core::page::Page<
                    freshtrack_jobs::schedule::Schedule,
                    freshtrack_jobs::schedule::ScheduleId,
                >,
                freshtrack_jobs::QueueError,
            > {
                self.1.list(page).await
            }
            async fn apply(
                &self,
                changes: &[freshtrack_jobs::schedule::Change],
            ) -> Result<(), freshtrack_jobs::QueueError> {
                self.1.apply(changes).await
            }
            async fn claim_due(
                &self,
                worker: &freshtrack_jobs::ports::WorkerId,
                now: freshtrack_core::time::Timestamp,
                hold: freshtrack_core::time::Span,
                limit: usize,
            ) -> Result<Vec<freshtrack_jobs::ports::ScheduleClaim>, freshtrack_jobs::QueueError>
            {
                self.1.claim_due(worker, now, hold, limit).await
            }
            async fn advance(
                &self,
                claim: &freshtrack_jobs::ports::ScheduleClaim,
                to: freshtrack_jobs::ports::Advance,
            ) -> Result<(), freshtrack_jobs::QueueError> {
                self.1.advance(claim, to).await
            }
            async fn set_cursor(
                &self,
                id: &freshtrack_jobs::schedule::ScheduleId,
                cursor: freshtrack_core::time::Timestamp,
            ) -> Result<(), freshtrack_jobs::QueueError> {
                self.1.set_cursor(id, cursor).await
            }
        }
    };
}
