//! The TCP stream under a connection: it counts what the kernel took, and can be shut from outside.
//!
//! The Socket.IO library tells neither how much of what it was given has left, nor can it close one
//! transport without a disconnect packet. Both are decided here, below it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The handle of a stream. Travels in the extensions of every request that arrives over it.
#[derive(Debug, Clone, Default)]
pub struct Wire(Arc<State>);

#[derive(Debug, Default)]
struct State {
    accepted: AtomicU64,
    moved: Notify,
    shut: CancellationToken,
    ended: CancellationToken,
    authenticated: CancellationToken,
    /// Somebody else's order to end, until the stream has taken it over.
    order: Mutex<Option<CancellationToken>>,
    ordered: AtomicBool,
}

impl Wire {
    /// Bytes the kernel has taken so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Acquire)
    }

    /// Waits until the kernel has taken more than `seen` bytes. Cancelling the wait loses nothing.
    pub async fn moved_beyond(&self, seen: u64) {
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if self.accepted() > seen {
                return;
            }
            moved.await;
        }
    }

    /// Ends the transport without another byte: whoever reads or writes it gets an error.
    pub fn shut(&self) {
        self.0.shut.cancel();
    }

    /// Ends the transport as [`shut`](Self::shut) does once `order` is given. A later order takes the
    /// place of an earlier one: a connection serves one stream after the other.
    pub fn shut_by(&self, order: CancellationToken) {
        *self.0.order.lock().unwrap_or_else(PoisonError::into_inner) = Some(order);
        self.0.ordered.store(true, Ordering::Release);
    }

    fn take_order(&self) -> Option<CancellationToken> {
        if !self.0.ordered.swap(false, Ordering::AcqRel) {
            return None;
        }
        let mut order = self.0.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.take()
    }

    /// Waits until the transport is gone.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Notes that somebody proved who they are over this transport.
    pub fn set_authenticated(&self) {
        self.0.authenticated.cancel();
    }

    /// Waits until somebody did.
    pub async fn authenticated(&self) {
        self.0.authenticated.cancelled().await;
    }
}

/// A stream with its handle.
#[derive(Debug)]
pub struct WireStream<S> {
    inner: S,
    wire: Wire,
    shut: Pin<Box<WaitForCancellationFutureOwned>>,
    order: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl<S> WireStream<S> {
    /// Wraps a stream.
    pub fn new(inner: S) -> Self {
        let wire = Wire::default();
        let shut = Box::pin(wire.0.shut.clone().cancelled_owned());
        Self {
            inner,
            wire,
            shut,
            order: None,
        }
    }

    /// Its handle.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.wire.clone()
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(order) = self.wire.take_order() {
            self.order = Some(Box::pin(order.cancelled_owned()));
        }
        let order = self.order.as_mut();
        let ordered = order.is_some_and(|order| order.as_mut().poll(cx).is_ready());
        if ordered || self.shut.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn note(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.wire
                .0
                .accepted
                .fetch_add(*bytes as u64, Ordering::AcqRel);
            self.wire.0.moved.notify_waiters();
        }
    }
}

impl<S> Drop for WireStream<S> {
    fn drop(&mut self) {
        self.wire.0.ended.cancel();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WireStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WireStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_count_once_the_other_side_took_them() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut stream = WireStream::new(near);
        let wire = stream.wire();
        stream.write_all(b"12345678").await.unwrap();
        assert_eq!(wire.accepted(), 8);
        let waiting = tokio::time::timeout(
            std::time::Duration::from_millis(20),
            stream.write_all(b"90"),
        );
        assert!(waiting.await.is_err(), "the peer has not read yet");
        assert_eq!(wire.accepted(), 8);
        far.read_exact(&mut [0; 8]).await.unwrap();
        let (written, ()) = tokio::join!(stream.write_all(b"90"), wire.moved_beyond(8));
        written.unwrap();
        assert_eq!(wire.accepted(), 10);
    }

    #[tokio::test]
    async fn an_order_given_while_a_write_is_stuck_ends_it() {
        let (near, _far) = tokio::io::duplex(8);
        let mut stream = WireStream::new(near);
        let order = CancellationToken::new();
        stream.wire().shut_by(CancellationToken::new());
        stream.wire().shut_by(order.clone());
        let writing = stream.write_all(b"more than the peer takes");
        let ordering = async {
            tokio::task::yield_now().await;
            order.cancel();
        };
        let (written, ()) = tokio::join!(writing, ordering);
        assert_eq!(
            written.unwrap_err().kind(),
            io::ErrorKind::ConnectionAborted
        );
    }

    #[tokio::test]
    async fn shutting_wakes_whoever_waits_and_lets_no_byte_out() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut stream = WireStream::new(near);
        let wire = stream.wire();
        let reading = async { stream.read(&mut [0; 4]).await };
        let shutting = async {
            tokio::task::yield_now().await;
            wire.shut();
        };
        let (read, ()) = tokio::join!(reading, shutting);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert!(stream.write_all(b"late").await.is_err());
        drop(stream);
        wire.ended().await;
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty(), "{rest:?}");
    }
}
