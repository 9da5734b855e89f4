//! SIGINT and SIGTERM: the first is a request to stop, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit code of a process that was told twice.
const TOLD_TWICE: i32 = 130;

/// Signals that are listened to from the moment this is made.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Begins to listen; from here on a signal no longer kills the process.
    ///
    /// # Errors
    /// If signals cannot be listened to.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one; another one after it ends the process at once.
    pub async fn wait(mut self) {
        self.next().await;
        let second = async move {
            self.next().await;
            std::process::exit(TOLD_TWICE);
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "lives until the process ends, owned by nobody"
        )]
        tokio::spawn(second);
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
