//! A server process with its own directory, port and organization.

use crate::redis::Redis;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_freshtrack");
const STOP_WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct House {
    directory: TempDir,
    listen: String,
    facts: Value,
    server: Option<Child>,
    more: Vec<String>,
    redis: Option<Redis>,
    second: Option<Child>,
    environment: Vec<(&'static str, String)>,
}

impl House {
    /// An organization with an owner, a viewer, a reading key and a unit; nothing runs yet.
    pub(crate) fn build() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_str().unwrap().to_owned();
        let listen = free_address();
        let made = run(&[
            "bootstrap",
            "--data-dir",
            &data,
            "--organization",
            "Test Kitchen",
            "--owner",
            "owner@kitchen.example",
            "--json",
        ]);
        let mut facts: Value = serde_json::from_str(&made).unwrap();
        let viewer = token(&data, &facts, "viewer");
        facts["viewer_token"] = json!(viewer);
        facts["url"] = json!(format!("http://{listen}"));
        facts["key_file"] = json!(directory.path().join("token.key"));
        Self {
            directory,
            listen,
            facts,
            server: None,
            more: Vec::new(),
            redis: None,
            second: None,
            environment: Vec::new(),
        }
    }

    /// Gives the next server a setting by its variable.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.push((name, value.into()));
    }

    /// Gives the next server a settings file.
    pub(crate) fn write_settings(&self, text: &str) {
        std::fs::write(self.directory.path().join("freshtrack.toml"), text).unwrap();
    }

    /// Where the server answers.
    pub(crate) fn address(&self) -> &str {
        &self.listen
    }

    /// A fact that is a text.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap()
    }

    /// Another organization on the same server, with the same kind of facts.
    pub(crate) fn neighbour(&self) -> Value {
        self.neighbour_of("owner@next.example")
    }

    /// The same with this owner, as the fact `neighbour`.
    pub(crate) fn facts_of_neighbour(&mut self, owner: &str) {
        self.facts["neighbour"] = self.neighbour_of(owner);
    }

    fn neighbour_of(&self, owner: &str) -> Value {
        let made = run(&[
            "bootstrap",
            "--data-dir",
            self.data(),
            "--organization",
            "Next Door",
            "--owner",
            owner,
            "--json",
        ]);
        serde_json::from_str(&made).unwrap()
    }

    /// So many more units.
    pub(crate) fn units(&self, count: usize) -> Vec<String> {
        let path = format!(
            "/api/v1/organizations/{}/units",
            self.fact("organization_id")
        );
        (0..count)
            .map(|n| {
                let body = json!({
                    "area_id": self.fact("area_id"), "name": format!("Unit {n}"),
                    "unit_type": "fridge",
                });
                let made = post(&self.listen, &path, self.fact("owner_token"), &body);
                made["id"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    /// Memory of the server process that is not swapped out.
    pub(crate) fn memory_kib(&self) -> u64 {
        let pid = self.server.as_ref().expect("a server runs").id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let figure = line.and_then(|line| line.split_whitespace().next());
        figure.unwrap().parse().unwrap()
    }

    /// Whether the server process runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        let server = self.server.as_mut().expect("a server was started");
        server.try_wait().unwrap().is_none()
    }

    /// Ends the server at once, without a word to anybody.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().expect("a server runs");
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Two nodes on one database, with a Redis between them that does not run yet. Without a Redis
    /// on the machine there is none, and the test says so.
    pub(crate) fn start_two(&mut self) -> bool {
        let Some(redis) = Redis::installed() else {
            return false;
        };
        self.more = vec!["--redis".to_owned(), redis.url()];
        self.redis = Some(redis);
        self.start();
        let address = free_address();
        self.facts["second_url"] = json!(format!("http://{address}"));
        self.second = Some(self.spawn(&address));
        true
    }

    /// Starts or ends the Redis.
    pub(crate) fn redis(&mut self, up: bool) {
        let redis = self.redis.as_mut().expect("a test with a Redis");
        if up { redis.start() } else { redis.stop() }
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(&mut self) {
        self.server = Some(self.spawn(&self.listen));
        if self.facts.get("read_key").is_none() {
            self.facts["read_key"] = json!(self.read_key());
        }
    }

    fn spawn(&self, listen: &str) -> Child {
        let mut child = Command::new(BINARY)
            .args(["serve", "--data-dir", self.data(), "--listen", listen])
            .args(&self.more)
            .env("FRESHTRACK_LOG", "warn")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on "), "{line}");
        child
    }

    /// Stops it as a service manager does and waits for its end.
    pub(crate) fn stop(&mut self) {
        let mut server = self.server.take().expect("a server runs");
        let pid = server.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let deadline = Instant::now() + STOP_WITHIN;
        let status = loop {
            if let Some(status) = server.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the server did not stop in time");
            std::thread::park_timeout(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}");
    }

    /// Gives the viewer another role from the command line.
    pub(crate) fn promote(&self) {
        token(self.data(), &self.facts, "manager");
    }

    pub(crate) fn facts(&self) -> String {
        self.facts.to_string()
    }

    fn data(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    /// A key that may read, made over HTTP.
    fn read_key(&self) -> String {
        let org = self.facts["organization_id"].as_str().unwrap();
        let answer = post(
            &self.listen,
            &format!("/api/v1/organizations/{org}/api-keys"),
            self.facts["owner_token"].as_str().unwrap(),
            &json!({ "name": "reader", "scopes": ["read"] }),
        );
        answer["key"].as_str().unwrap().to_owned()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        for mut server in self.server.take().into_iter().chain(self.second.take()) {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }
}

fn token(data: &str, facts: &Value, role: &str) -> String {
    let org = facts["organization_id"].as_str().unwrap();
    let token = run(&[
        "token",
        "--data-dir",
        data,
        "--organization",
        org,
        "--user",
        "viewer@kitchen.example",
        "--role",
        role,
    ]);
    token.trim().to_owned()
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new(BINARY)
        .args(arguments)
        .current_dir(Path::new(arguments[2]))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn post(address: &str, path: &str, token: &str, body: &Value) -> Value {
    use std::io::{Read, Write};
    let body = body.to_string();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
