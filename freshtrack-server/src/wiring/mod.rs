//! Wiring: one server process, assembled from ports and adapters, started and stopped in order.

mod bus;
mod commit_signal;
mod listener;
mod stop_signals;

pub use stop_signals::StopSignals;

use crate::app::App;
use crate::audit_key::AuditKey;
use crate::audit_tree::AuditTrees;
use crate::clock::{RandomIds, SystemClock};
use crate::config::Settings;
use crate::dispatcher::{Dispatcher, DispatcherParts};
use crate::heartbeat::Heartbeat;
use crate::http::rate::RateLimits;
use crate::inbox::InboxWorker;
use crate::live::{OutboxHistory, StoreMembership, StoreState};
use crate::local_key::LocalKey;
use crate::maintenance::Maintenance;
use crate::sockets::Arrivals;
use crate::sockets::socketio::SocketIoDoor;
use crate::store::Store;
use crate::{database, http, identity, sweeper, telemetry};
use anyhow::Context;
use bus::NodeBus;
use commit_signal::SignallingMonitors;
use freshtrack_alerts::actions::AlertActions;
use freshtrack_alerts::engine::Engine;
use freshtrack_alerts::group_commit::IngestWriter;
use freshtrack_alerts::ingest::{Ingest, IngestConfig};
use freshtrack_alerts::log_actions::LogActions;
use freshtrack_alerts::sweep::Sweeper;
use freshtrack_alerts::unit_actions::UnitActions;
use freshtrack_core::ports::{Clock, IdGen};
use freshtrack_realtime::HubConfig;
use freshtrack_realtime::{Hub, HubPorts};
use moka::future::Cache;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// People remembered between requests, and for how long.
const USERS_REMEMBERED: u64 = 10_000;
const USER_REMEMBERED: Duration = Duration::from_mins(1);
/// Requests under way get this long to end at a stop.
const REQUESTS_END_WITHIN: Duration = Duration::from_secs(10);
/// Rules tried on history at once: it takes a whole processor for seconds.
const WHAT_IFS_AT_ONCE: usize = 1;
/// Everything gets this long at a stop.
const STOP_WITHIN: Duration = Duration::from_secs(25);

/// A running server process.
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    /// Requests and the loops that bring new work; they need the others to end.
    intake_tasks: TaskTracker,
    /// The loops that finish work.
    tasks: TaskTracker,
    /// Ends accepting and the loops that bring new work.
    intake: CancellationToken,
    /// Ends the loops that finish work.
    finish: CancellationToken,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What the process adds to its settings; a test brings its own clock.
pub struct Environment {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub ids: Arc<dyn IdGen>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::start()),
            ids: Arc::new(RandomIds),
        }
    }
}

impl Server {
    /// Opens the store, starts every loop of the role, and answers HTTP.
    ///
    /// # Errors
    /// If the store, the signing key or the address cannot be had.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        Self::start_in(settings, Environment::default()).await
    }

    /// The same with a given clock and ids.
    ///
    /// # Errors
    /// If the store, the signing key or the address cannot be had.
    pub async fn start_in(settings: Settings, environment: Environment) -> anyhow::Result<Self> {
        let Environment { clock, ids } = environment;
        let store = database::open(&settings).await?;
        let key = LocalKey::open(&settings.data_dir, ids.as_ref()).with_context(|| {
            format!("opening the signing key in {}", settings.data_dir.display())
        })?;
        let audit_key = AuditKey::open(&settings.data_dir, ids.as_ref())
            .with_context(|| format!("opening the audit key in {}", settings.data_dir.display()))?;
        let verifier = identity::verifier(&key, &settings.issuers)?;
        // The listener is bound before anything runs: a taken port is told at once.
        let socket = listener::bind(settings.listen)
            .with_context(|| format!("listening on {}", settings.listen))?;
        let address = socket.local_addr()?;
        let committed = Arc::new(Notify::new());
        let engine = Engine {
            store: Arc::new(SignallingMonitors::new(
                Arc::clone(&store.monitors),
                Arc::clone(&committed),
            )),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
        };
        let (ingest, writer) = Ingest::new(
            engine.clone(),
            IngestConfig {
                waiting_readings_max: settings.limits.ingest_queue_readings,
                ..IngestConfig::default()
            },
        );
        let membership = Arc::new(StoreMembership {
            organizations: Arc::clone(&store.organizations),
            api_keys: Arc::clone(&store.api_keys),
            places: Arc::clone(&store.places),
            clock: Arc::clone(&clock),
        });
        let bus = NodeBus::new(settings.redis.as_deref(), &clock)?;
        let hub = make_hub(&store, &settings, &clock, Arc::clone(&membership), &bus).await?;
        let audit_trees = AuditTrees {
            log: Arc::clone(&store.audit_log),
            heads: Arc::clone(&store.audit_heads),
            key: Arc::new(audit_key),
            clock: Arc::clone(&clock),
        };
        let parts = Parts {
            audit_trees,
            store,
            clock,
            ids,
            engine,
            ingest,
            writer,
            hub,
            bus,
            committed,
        };
        let app = make_app(&parts, settings, verifier, membership, address);
        let server = Self {
            app,
            address,
            intake_tasks: TaskTracker::new(),
            tasks: TaskTracker::new(),
            intake: CancellationToken::new(),
            finish: CancellationToken::new(),
        };
        server.run(parts, socket).await?;
        Ok(server)
    }

    async fn run(&self, parts: Parts, socket: std::net::TcpListener) -> anyhow::Result<()> {
        let app = &self.app;
        let role = app.settings.role;
        let beat = |name: &str| app.beats.iter().find(|beat| beat.name() == name).cloned();
        let writer_stop = self.finish.clone();
        self.tasks
            .spawn(parts.writer.run(writer_stop.cancelled_owned()));
        parts.bus.run(&self.tasks, &self.finish);
        let hub = parts.hub.clone();
        let hub_stop = self.finish.clone();
        self.tasks.spawn(async move { hub.run(hub_stop).await });
        if let Some(beat) = beat("dispatcher") {
            let dispatcher = Dispatcher::start(DispatcherParts {
                outbox: Arc::clone(&parts.store.outbox),
                organizations: Arc::clone(&parts.store.organizations),
                hub: parts.hub.clone(),
                clock: Arc::clone(&parts.clock),
                beat,
                wake: parts.committed,
                behind: Arc::clone(&app.dispatcher_behind),
            })
            .await?;
            self.tasks.spawn(dispatcher.run(self.finish.clone()));
        }
        if let Some(beat) = beat("sweeper") {
            self.intake_tasks.spawn(sweeper::run(
                Sweeper::new(parts.engine),
                beat,
                self.intake.clone(),
            ));
        }
        if let Some(beat) = beat("inbox") {
            let worker = InboxWorker {
                store: parts.store.clone(),
                ingest: parts.ingest.clone(),
                clock: Arc::clone(&parts.clock),
                beat,
                wake: Arc::clone(&app.inbox_wake),
            };
            self.intake_tasks.spawn(worker.run(self.intake.clone()));
        }
        if let Some(beat) = beat("maintenance") {
            let tasks = Maintenance {
                outbox: Arc::clone(&parts.store.outbox),
                answers: Arc::clone(&parts.store.once_ledger),
                retention: Some(Arc::clone(&parts.store.retention)),
                audit_trees: Some(parts.audit_trees),
                clock: Arc::clone(&parts.clock),
                beat,
            };
            self.tasks.spawn(tasks.run(self.intake.clone()));
        }
        let endpoint = if role.serves_api() {
            http::endpoint(Arc::clone(app))
        } else {
            http::health_endpoint(Arc::clone(app))
        };
        let house = listener::House {
            endpoint: Arc::new(endpoint),
            socketio: role
                .serves_api()
                .then(|| SocketIoDoor::new(Arc::clone(app), self.tasks.clone())),
            tasks: self.intake_tasks.clone(),
            stop: self.intake.clone(),
            grace: REQUESTS_END_WITHIN,
        };
        let served = listener::serve(socket, house)?;
        self.intake_tasks.spawn(served);
        tracing::info!(address = %self.address, ?role, database = %app.settings.database, "started");
        Ok(())
    }

    /// Where it answers.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its handlers share.
    #[must_use]
    pub const fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Stops in order: no new work, clients are told, requests end, buffers are committed, the store
    /// closes.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.app.draining.store(true, Ordering::Relaxed);
        let ended = async {
            let closed = self.app.hub.drain().await;
            self.intake.cancel();
            tracing::info!(connections = closed, "live connections are closed");
            // Requests under way still need ingest and the dispatcher.
            self.intake_tasks.close();
            self.intake_tasks.wait().await;
            self.tasks.close();
            self.finish.cancel();
            self.tasks.wait().await;
        };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!("some work did not end in time; what was answered is durable");
        }
        self.app.store.close().await;
        tracing::info!("stopped");
    }
}

/// What is made before the application and consumed by its loops.
struct Parts {
    audit_trees: AuditTrees,
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGen>,
    engine: Engine,
    ingest: Ingest,
    writer: IngestWriter,
    hub: Hub,
    bus: NodeBus,
    committed: Arc<Notify>,
}

async fn make_hub(
    store: &Store,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    membership: Arc<StoreMembership>,
    bus: &NodeBus,
) -> anyhow::Result<Hub> {
    let epoch = store
        .history_epoch()
        .await
        .context("reading the name of the event history")?;
    let limits = &settings.limits;
    let bound = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    let config = HubConfig {
        connections_max: bound(limits.stream_connections),
        connections_per_org_max: bound(limits.connections_per_organization),
        connections_per_principal_max: bound(limits.connections_per_caller),
        batch_window: Duration::from_millis(u64::from(limits.batch_window_ms)),
        seed: u64::try_from(clock.now().as_micros()).unwrap_or_default(),
        ..HubConfig::new(epoch)
    };
    let ports = HubPorts {
        bus: bus.port(),
        history: Arc::new(OutboxHistory(Arc::clone(&store.outbox))),
        membership,
        state: Arc::new(StoreState {
            organizations: Arc::clone(&store.organizations),
            places: Arc::clone(&store.places),
            readings: Arc::clone(&store.readings),
            alerts: Arc::clone(&store.alerts),
            outbox: Arc::clone(&store.outbox),
        }),
        clock: Arc::clone(clock),
    };
    Ok(Hub::new(config, ports))
}

fn make_app(
    parts: &Parts,
    settings: Settings,
    verifier: freshtrack_core::jwt::JwtVerifier,
    membership: Arc<StoreMembership>,
    address: SocketAddr,
) -> Arc<App> {
    let mut loops = Vec::new();
    if settings.role.serves_api() {
        loops.push("dispatcher");
    }
    if settings.role.works() {
        loops.extend(["sweeper", "inbox", "maintenance"]);
    }
    let public_url = settings
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    Arc::new(App {
        store: parts.store.clone(),
        ingest: parts.ingest.clone(),
        alerts: AlertActions::new(parts.engine.clone(), Arc::clone(&parts.store.alerts)),
        units: UnitActions::new(parts.engine.clone()),
        audit_trees: parts.audit_trees.clone(),
        log_book: LogActions::new(
            parts.engine.clone(),
            Arc::clone(&parts.store.log_book),
            Arc::clone(&parts.store.alerts),
        ),
        what_ifs: Arc::new(Semaphore::new(WHAT_IFS_AT_ONCE)),
        hub: parts.hub.clone(),
        membership,
        verifier: Arc::new(verifier),
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
        rates: RateLimits::new(&settings.limits),
        arrivals: Arc::new(Arrivals::new(&settings.limits, &settings.allowed_origins)),
        metrics: telemetry::metrics(),
        beats: loops
            .into_iter()
            .map(|name| Arc::new(Heartbeat::starting(name)))
            .collect(),
        dispatcher_behind: Arc::new(AtomicI64::new(0)),
        inbox_wake: Arc::new(Notify::new()),
        draining: AtomicBool::new(false),
        users: Cache::builder()
            .max_capacity(USERS_REMEMBERED)
            .time_to_live(USER_REMEMBERED)
            .build(),
        public_url,
        settings: Arc::new(settings),
    })
}
