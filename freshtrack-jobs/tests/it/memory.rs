//! The memory adapters under the contract.

use freshtrack_jobs::memory::MemorySchedules;
use freshtrack_jobs::testkit::MemoryBench;

#[expect(clippy::unused_async, reason = "the macro's shape")]
async fn fresh() -> Option<MemoryBench> {
    Some(MemoryBench::new())
}

#[expect(clippy::unused_async, reason = "the macro's shape")]
async fn fresh_schedules() -> Option<MemorySchedules> {
    Some(MemorySchedules::new())
}

freshtrack_jobs::queue_contract!(super::memory::fresh);
freshtrack_jobs::schedules_contract!(super::memory::fresh_schedules);
