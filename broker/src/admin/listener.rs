//! Connections of the admin endpoint: few, and none for ever.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::seams::{Listener, Stream};

/// Connections at a time; further ones wait in the kernel until one ends.
const CONNECTIONS_MAX: usize = 32;

/// A connection on which nothing moves for this long ends.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Pause after an accept that failed.
const BACK_OFF: Duration = Duration::from_millis(250);

/// The broker's kind of listener as axum's.
pub(super) struct AdminListener {
    listener: Box<dyn Listener>,
    slots: Arc<Semaphore>,
    /// Cancelled when connections end, whatever they are at.
    cut: CancellationToken,
}

/// One connection.
pub(super) struct AdminStream {
    stream: Box<dyn Stream>,
    idle: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _slot: OwnedSemaphorePermit,
}

impl AdminListener {
    pub(super) fn new(listener: Box<dyn Listener>, cut: CancellationToken) -> Self {
        Self { listener, slots: Arc::new(Semaphore::new(CONNECTIONS_MAX)), cut }
    }
}

impl axum::serve::Listener for AdminListener {
    type Io = AdminStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (AdminStream, SocketAddr) {
        let slots = Arc::clone(&self.slots);
        let slot = slots.acquire_owned().await.expect("the semaphore is never closed");
        loop {
            let accepted = std::future::poll_fn(|context| self.listener.poll_accept(context)).await;
            match accepted {
                Ok((stream, peer)) => {
                    let idle = Box::pin(tokio::time::sleep(IDLE_MAX));
                    let cut = Box::pin(self.cut.clone().cancelled_owned());
                    return (AdminStream { stream, idle, cut, _slot: slot }, peer);
                }
                Err(error) => {
                    tracing::debug!(%error, "accept of the admin endpoint");
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.listener.local_addr())
    }
}

impl AdminStream {
    /// Ends what has been cut or has not moved for too long; else lets `moved` pass.
    fn poll_moved<T>(
        &mut self,
        context: &mut Context<'_>,
        move_on: impl FnOnce(Pin<&mut Box<dyn Stream>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let moved = move_on(Pin::new(&mut self.stream), context);
        if moved.is_ready() {
            self.idle.as_mut().reset(Instant::now() + IDLE_MAX);
            return moved;
        }
        self.idle.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for AdminStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_moved(context, |stream, context| stream.poll_read(context, room))
    }
}

impl AsyncWrite for AdminStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_moved(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_moved(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_moved(context, |stream, context| stream.poll_shutdown(context))
    }
}
