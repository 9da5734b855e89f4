//! Which backends there are, and a wire to them that can be cut.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot ask its backend has failed"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The address of a backend. None skips the test, unless backends are required.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment what there is"
)]
pub(crate) fn url(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        let required = std::env::var("FRESHTRACK_REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
        assert!(!required, "{variable} is unset and backends are required");
        #[expect(clippy::print_stdout, reason = "a skipped test says so")]
        {
            println!("SKIP: {variable} is unset");
        }
    }
    url
}

/// A name no other test of any run has.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::SeqCst);
    let since = std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_micros());
    format!("{prefix}{}x{since}x{n}", std::process::id())
}

/// Forwards a loopback port to a backend until it is cut.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) port: u16,
    cut: Arc<AtomicBool>,
    now: Arc<Notify>,
    _stop: DropGuard,
}

impl Wire {
    pub(crate) async fn to(backend: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, now) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let stop = CancellationToken::new();
        let tracker = TaskTracker::new();
        let (is_cut, cut_now, stopped) = (Arc::clone(&cut), Arc::clone(&now), stop.clone());
        let owner = tracker.clone();
        tracker.spawn(async move {
            while let Some(Ok((client, _))) = stopped.run_until_cancelled(listener.accept()).await {
                if is_cut.load(Ordering::SeqCst) {
                    continue; // dropped: a reset
                }
                let (cut_now, stopped) = (Arc::clone(&cut_now), stopped.clone());
                owner.spawn(async move {
                    tokio::select! {
                        () = forward(client, backend) => {}
                        () = cut_now.notified() => {}
                        () = stopped.cancelled() => {}
                    }
                });
            }
        });
        Self {
            port,
            cut,
            now,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn set_cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
        if cut {
            self.now.notify_waiters();
        }
    }
}

async fn forward(mut client: TcpStream, backend: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(backend).await else {
        return;
    };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .ok();
}
