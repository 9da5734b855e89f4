//! A client of `text/event-stream`, as browsers read it.

use crate::running::Running;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// Longest wait for one event.
const SOON: Duration = Duration::from_secs(10);

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: i64,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct TextStream {
    frames: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: String,
}

/// A request for the stream.
pub(crate) fn ask(run: &Running, query: &str) -> RequestBuilder {
    run.request(Method::GET, &format!("/api/v1/stream{query}"))
        .timeout(Duration::from_mins(1))
        .header("accept", "text/event-stream")
}

impl TextStream {
    /// Opens the stream as somebody.
    pub(crate) async fn open(run: &Running, token: &str, query: &str) -> Self {
        let answer = ask(run, query)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            frames: answer.bytes_stream().boxed(),
            buffer: String::new(),
        }
    }

    /// The next event; nothing at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let frame: String = self.buffer.drain(..end + 2).collect();
                if let Some(event) = parse(&frame) {
                    return Some(event);
                }
                continue;
            }
            let bytes = tokio::time::timeout(SOON, self.frames.next())
                .await
                .unwrap_or_else(|_| panic!("nothing comes after {:?}", self.buffer))?;
            let bytes = bytes.ok()?;
            self.buffer
                .push_str(std::str::from_utf8(&bytes).expect("text"));
        }
    }

    /// Reads up to and with the first event of this name.
    pub(crate) async fn until(&mut self, name: &str) -> Vec<Event> {
        let mut seen = Vec::new();
        loop {
            let event = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the stream ended before {name}: {seen:?}"));
            let last = event.name == name;
            seen.push(event);
            if last {
                return seen;
            }
        }
    }

    /// The first event of this name.
    pub(crate) async fn first(&mut self, name: &str) -> Event {
        self.until(name).await.pop().expect("until ends with it")
    }
}

/// Comments are no events.
fn parse(frame: &str) -> Option<Event> {
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
    Some(Event {
        name: field("event: ")?.to_owned(),
        id: field("id: ")
            .expect("every event has an id")
            .parse()
            .expect("a number"),
        data: serde_json::from_str(field("data: ").expect("data")).expect("JSON"),
    })
}
