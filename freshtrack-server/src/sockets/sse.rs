//! Server-sent events: `id:` is the number the client resumes from once it has the message.

use super::Wire;
use bytes::{BufMut, Bytes, BytesMut};
use freshtrack_core::time::Timestamp;
use freshtrack_realtime::{CloseReason, Outgoing, Outlet};
use futures_util::stream;
use poem::{Body, Response};
use std::io;
use std::time::Duration;

/// A comment is sent after this long without a message, so that proxies and clients see life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Most messages that go out in one write.
const MESSAGES_PER_WRITE: usize = 64;

/// Streams a connection's messages until it ends.
pub(super) fn serve(outlet: Outlet, wire: Option<Wire>) -> Response {
    if let Some(wire) = wire {
        // A stream whose reader has stopped is not asked for more, so it cannot end itself.
        wire.shut_by(outlet.must_end());
    }
    let exit = Exit {
        outlet,
        handed_over: Vec::new(),
    };
    let frames = stream::unfold(Some(exit), |exit| async move {
        let mut exit = exit?;
        let (frame, ended) = exit.frame().await;
        let next = (!ended).then_some(exit);
        Some((Ok::<_, io::Error>(frame), next))
    });
    Response::builder()
        .content_type("text/event-stream")
        .header("cache-control", "no-cache")
        .header("x-accel-buffering", "no")
        .body(Body::from_bytes_stream(frames))
}

/// The way out of one stream.
struct Exit {
    outlet: Outlet,
    /// When the events of the last frame happened.
    handed_over: Vec<Timestamp>,
}

impl Exit {
    /// Waits for something to say; whether it is the last.
    async fn frame(&mut self) -> (Bytes, bool) {
        // The transport asks for more only when it has passed on what it was given.
        self.outlet.progressed();
        for at in self.handed_over.drain(..) {
            self.outlet.delivered(at);
        }
        let Ok(first) = tokio::time::timeout(HEARTBEAT, self.outlet.next()).await else {
            return (Bytes::from_static(b":\n\n"), false);
        };
        let mut frame = BytesMut::new();
        let mut next = Some(first);
        let mut room = MESSAGES_PER_WRITE;
        while let Some(outgoing) = next {
            match outgoing {
                Outgoing::Message {
                    message,
                    resume_from,
                } => {
                    let name = message.event().as_str();
                    write_event(&mut frame, name, resume_from, message.body());
                    self.handed_over.extend(message.happened_at());
                }
                Outgoing::Close(reason) => {
                    write_goodbye(&mut frame, reason);
                    return (frame.freeze(), true);
                }
            }
            room -= 1;
            next = if room > 0 {
                self.outlet.try_next()
            } else {
                None
            };
        }
        (frame.freeze(), false)
    }
}

fn write_event(frame: &mut BytesMut, name: &str, resume_from: i64, body: &[u8]) {
    frame.put_slice(b"id: ");
    frame.put_slice(resume_from.to_string().as_bytes());
    frame.put_slice(b"\nevent: ");
    frame.put_slice(name.as_bytes());
    // A payload is one line of JSON: line breaks inside strings are escaped.
    frame.put_slice(b"\ndata: ");
    frame.put_slice(body);
    frame.put_slice(b"\n\n");
}

/// A client that may come back is told when; one that may not has been told why by a message.
fn write_goodbye(frame: &mut BytesMut, reason: CloseReason) {
    if !reason.is_final() {
        frame.put_slice(b"retry: 1000\n\n");
    }
}
