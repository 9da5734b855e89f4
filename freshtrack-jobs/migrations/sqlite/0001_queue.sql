-- Jobs that are not finished. Instants are microseconds since 1970.
create table queue_jobs (
    seq integer primary key,
    queue text not null,
    id text not null,
    lane integer not null,
    tenant text not null,
    kind text not null,
    version integer not null,
    payload text not null,
    key text not null,
    policy text,
    trace text,
    enqueued_at integer not null,
    first_run_at integer not null,
    run_at integer not null,
    attempts integer not null default 0,
    crashes integer not null default 0,
    last_class text,
    last_code text,
    fence integer not null default 0,
    token text,
    lease_until integer,
    unique (queue, id),
    unique (queue, tenant, key)
) strict;

create index queue_jobs_due on queue_jobs (queue, lane, run_at) where lease_until is null;
create index queue_jobs_leases on queue_jobs (lease_until) where lease_until is not null;

-- Jobs that ended, for as long as they are kept.
create table queue_jobs_finished (
    seq integer primary key,
    queue text not null,
    id text not null,
    lane integer not null,
    tenant text not null,
    kind text not null,
    version integer not null,
    payload text not null,
    key text not null,
    policy text,
    trace text,
    enqueued_at integer not null,
    first_run_at integer not null,
    run_at integer not null,
    attempts integer not null,
    crashes integer not null,
    last_class text,
    last_code text,
    dead integer not null,
    finished_at integer not null,
    reason text,
    unique (queue, id),
    unique (queue, tenant, key)
) strict;

create index queue_jobs_finished_age on queue_jobs_finished (queue, dead, finished_at);

-- What is known of a lane beside its jobs: pause and limiter.
create table queue_lanes (
    queue text not null,
    lane integer not null,
    paused integer not null default 0,
    free_at integer not null default 0,
    primary key (queue, lane)
) strict, without rowid;

create table queue_schedules (
    id text primary key,
    tenant text not null,
    queue text not null,
    kind text not null,
    version integer not null,
    lane integer not null,
    payload text not null,
    cadence text not null,
    timezone text not null,
    misfire text not null,
    enabled integer not null,
    next_run_at integer not null,
    last_run_at integer,
    cursor integer,
    fence integer not null default 0,
    held_until integer
) strict, without rowid;

create index queue_schedules_due on queue_schedules (next_run_at) where enabled = 1;
