//! A network server that fails on demand, over real HTTP.
//!
//! It speaks the routes of The Things Stack that this crate calls and no other: anything else is answered
//! 404 and remembered in [`FakeNetwork::strays`], so a test can fail on it. Identity and regional half listen
//! on two ports, and each knows only its own routes. What it refuses by itself it refuses for the network's
//! reasons (taken ids, missing identity, wrong addresses, missing rights); everything else is
//! [injected](FakeNetwork::inject).

mod registry;
mod routes;

use crate::ids::{ApplicationId, DevEui, DeviceName};
use crate::provisioning::cluster::Cluster;
use crate::provisioning::plane::Plane;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use registry::Registry;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The largest request it reads.
const BODY_MAX: usize = 256 * 1024;

/// Which half of the network a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Identity,
    Regional,
}

/// What is asked of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET of a device.
    Read,
    /// POST or PUT of a device.
    Write,
    /// DELETE of a device.
    Delete,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before anything was done.
    LostRequest,
    /// The connection breaks after it was done.
    LostAnswer,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 409 that names nobody.
    Taken,
    /// 429 with this many seconds to wait.
    RateLimited(u32),
    /// This 5xx.
    Broken(u16),
    /// Answers success and does nothing.
    Lie,
}

/// How often a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// The first time only.
    Once,
    /// This many times.
    Few(u32),
    /// Every time.
    Always,
}

/// The fake, running until it is dropped.
#[derive(Debug)]
pub struct FakeNetwork {
    registry: Arc<Mutex<Registry>>,
    cluster: Cluster,
    /// Ended when this is dropped.
    _listeners: [JoinSet<()>; 2],
}

impl FakeNetwork {
    /// Listens on two free ports of this machine. `key` is the only key it accepts; it has all rights.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(key: &str) -> io::Result<Self> {
        let registry = Arc::new(Mutex::new(Registry::new(key)));
        let (identity, one) = listen(Half::Identity, &registry).await?;
        let (regional, other) = listen(Half::Regional, &registry).await?;
        let cluster = Cluster::custom(&identity, &regional).map_err(io::Error::other)?;
        Ok(Self {
            registry,
            cluster,
            _listeners: [one, other],
        })
    }

    /// Where its halves are.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Makes a call to a plane go wrong. Faults of the same plane and verb happen in the order given.
    pub fn inject(&self, plane: Plane, verb: Verb, fault: Fault, times: Times) {
        self.registry().inject(plane, verb, fault, times);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.registry().heal();
    }

    /// Leaves the key with these rights, by the network's names.
    pub fn grant(&self, rights: &[&str]) {
        self.registry().grant(rights);
    }

    /// Puts a device on a plane, as if it had been made by hand or left behind.
    pub fn place(
        &self,
        plane: Plane,
        application: &ApplicationId,
        device: &DeviceName,
        dev_eui: DevEui,
    ) {
        self.registry().place(plane, application, device, dev_eui);
    }

    /// Makes a `DevEUI` belong to another customer of the network.
    pub fn take_elsewhere(&self, dev_eui: DevEui) {
        self.registry().take_elsewhere(dev_eui);
    }

    /// Whether a plane has a device under this name.
    #[must_use]
    pub fn has(&self, plane: Plane, application: &ApplicationId, device: &DeviceName) -> bool {
        self.registry().get(plane, application, device).is_some()
    }

    /// What a plane has of a device, as JSON.
    #[must_use]
    pub fn stored(
        &self,
        plane: Plane,
        application: &ApplicationId,
        device: &DeviceName,
    ) -> Option<serde_json::Value> {
        self.registry().get(plane, application, device).cloned()
    }

    /// A webhook as it was stored.
    #[must_use]
    pub fn webhook(&self, application: &ApplicationId, id: &str) -> Option<serde_json::Value> {
        self.registry().webhook(application.as_str(), id).cloned()
    }

    /// How often a plane was changed in effect: writes that were applied.
    #[must_use]
    pub fn writes(&self, plane: Plane) -> usize {
        self.registry().writes(plane)
    }

    /// Every call so far, `GET /api/v3/…`, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.registry().calls.clone()
    }

    /// Calls to routes that the network does not have, or not on that half.
    #[must_use]
    pub fn strays(&self) -> Vec<String> {
        self.registry().strays.clone()
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        locked(&self.registry)
    }
}

/// A test that panicked while it looked leaves the registry as it was.
fn locked(registry: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    registry.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(half: Half, registry: &Arc<Mutex<Registry>>) -> io::Result<(String, JoinSet<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let registry = Arc::clone(registry);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let registry = Arc::clone(&registry);
            connections.spawn(async move {
                let service = service_fn(|request| respond(half, &registry, request));
                // A connection that ends with a fault was meant to.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok((base, task))
}

async fn respond(
    half: Half,
    registry: &Mutex<Registry>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let bytes = Limited::new(body, BODY_MAX)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    let authorization = head
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let asked = routes::Asked {
        half,
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        authorization,
        identified: head.headers.contains_key("user-agent"),
        body: &bytes,
    };
    let reply = routes::answer(&mut locked(registry), &asked);
    // No reply is a broken connection.
    let reply = reply.ok_or_else(|| io::Error::other("as injected"))?;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Full::new(Bytes::from(reply.body.to_string())))
        .map_err(io::Error::other)
}
