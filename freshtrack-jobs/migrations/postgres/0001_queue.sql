-- Jobs that are not finished. Instants are microseconds since 1970, as everywhere in this crate: they
-- are compared with values the caller passes, never with the server's clock. Ids compare as bytes.
create table queue_jobs (
    seq bigint generated always as identity primary key,
    queue text not null,
    id text collate "C" not null,
    lane bigint not null,
    tenant text not null,
    kind text not null,
    version bigint not null,
    payload text not null,
    key text not null,
    policy text,
    trace text,
    enqueued_at bigint not null,
    first_run_at bigint not null,
    run_at bigint not null,
    attempts bigint not null default 0,
    crashes bigint not null default 0,
    last_class text,
    last_code text,
    fence bigint not null default 0,
    token text,
    lease_until bigint,
    unique (queue, id),
    unique (queue, tenant, key)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

create index queue_jobs_due on queue_jobs (queue, lane, run_at) where lease_until is null;
create index queue_jobs_leases on queue_jobs (lease_until) where lease_until is not null;

-- Jobs that ended, for as long as they are kept.
create table queue_jobs_finished (
    seq bigint generated always as identity primary key,
    queue text not null,
    id text collate "C" not null,
    lane bigint not null,
    tenant text not null,
    kind text not null,
    version bigint not null,
    payload text not null,
    key text not null,
    policy text,
    trace text,
    enqueued_at bigint not null,
    first_run_at bigint not null,
    run_at bigint not null,
    attempts bigint not null,
    crashes bigint not null,
    last_class text,
    last_code text,
    dead bigint not null,
    finished_at bigint not null,
    reason text,
    unique (queue, id),
    unique (queue, tenant, key)
);

create index queue_jobs_finished_age on queue_jobs_finished (queue, dead, finished_at);

-- What is known of a lane beside its jobs: pause and limiter.
create table queue_lanes (
    queue text not null,
    lane bigint not null,
    paused bigint not null default 0,
    free_at bigint not null default 0,
    primary key (queue, lane)
);

create table queue_schedules (
    id text collate "C" primary key,
    tenant text not null,
    queue text not null,
    kind text not null,
    version bigint not null,
    lane bigint not null,
    payload text not null,
    cadence text not null,
    timezone text not null,
    misfire text not null,
    enabled bigint not null,
    next_run_at bigint not null,
    last_run_at bigint,
    cursor bigint,
    fence bigint not null default 0,
    held_until bigint
);

create index queue_schedules_due on queue_schedules (next_run_at) where enabled = 1;
