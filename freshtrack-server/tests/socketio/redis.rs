//! A Redis of its own that a scenario starts and stops.

use crate::house::free_address;
use std::process::{Child, Command, Stdio};

pub(crate) struct Redis {
    port: String,
    process: Option<Child>,
}

impl Redis {
    /// A Redis that does not run yet; none where it is not installed.
    pub(crate) fn installed() -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").output();
        if found.is_err() {
            assert!(
                !crate::node::required(),
                "redis-server is required and missing"
            );
            println!("SKIP: redis-server is not installed");
            return None;
        }
        let address = free_address();
        let (_, port) = address.rsplit_once(':').unwrap();
        Some(Self {
            port: port.to_owned(),
            process: None,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn start(&mut self) {
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}
