//! Server-sent events: `id:` is the number the client resumes from once it has the message.

use bytes::{BufMut, Bytes, BytesMut};
use freshtrack_realtime::{CloseReason, Outgoing, Outlet};
use futures_util::stream;
use poem::{Body, Response};
use std::time::Duration;

/// A comment is sent after this long without a message, so that proxies and clients see life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Most messages that go out in one write.
const MESSAGES_PER_WRITE: usize = 64;

/// Streams a connection's messages until it ends.
pub(super) fn serve(outlet: Outlet) -> Response {
    let frames = stream::unfold(Some(outlet), |outlet| async move {
        let mut outlet = outlet?;
        // The transport asks for more only when it has passed on what it was given.
        outlet.progressed();
        let Ok(first) = tokio::time::timeout(HEARTBEAT, outlet.next()).await else {
            return Some((
                Ok::<_, std::io::Error>(Bytes::from_static(b":\n\n")),
                Some(outlet),
            ));
        };
        let mut frame = BytesMut::new();
        let mut next = Some(first);
        for _ in 0..MESSAGES_PER_WRITE {
            match next {
                Some(Outgoing::Message {
                    message,
                    resume_from,
                }) => {
                    write_event(
                        &mut frame,
                        message.event().as_str(),
                        resume_from,
                        message.body(),
                    );
                }
                Some(Outgoing::Close(reason)) => {
                    write_goodbye(&mut frame, reason);
                    return Some((Ok(frame.freeze()), None));
                }
                None => break,
            }
            next = outlet.try_next();
        }
        if let Some(Outgoing::Close(reason)) = next {
            write_goodbye(&mut frame, reason);
            return Some((Ok(frame.freeze()), None));
        }
        if let Some(Outgoing::Message {
            message,
            resume_from,
        }) = next
        {
            write_event(
                &mut frame,
                message.event().as_str(),
                resume_from,
                message.body(),
            );
        }
        Some((Ok(frame.freeze()), Some(outlet)))
    });
    Response::builder()
        .content_type("text/event-stream")
        .header("cache-control", "no-cache")
        .header("x-accel-buffering", "no")
        .body(Body::from_bytes_stream(frames))
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
