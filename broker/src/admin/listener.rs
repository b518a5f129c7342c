//! Connections of the admin endpoint: few, and none for ever.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::seams::{Listener, Stream};

/// Connections at a time; one more ends that which has waited longest for an answer, or since its last one.
const CONNECTIONS_MAX: usize = 32;

/// A connection that is not answered for this long ends, whatever trickles in on it.
const UNANSWERED_MAX: Duration = Duration::from_secs(60);

/// Pause after an accept that failed.
const BACK_OFF: Duration = Duration::from_millis(250);

/// The broker's kind of listener as axum's.
pub(super) struct AdminListener {
    listener: Box<dyn Listener>,
    open: Arc<Mutex<Open>>,
    /// Cancelled when connections end, whatever they are at.
    cut: CancellationToken,
}

/// The connections there are, by the order in which they were made.
#[derive(Default)]
struct Open {
    accepted: u64,
    connections: BTreeMap<u64, Connection>,
}

struct Connection {
    /// When it was last answered, or made.
    answered: Instant,
    cut: CancellationToken,
}

/// One connection.
pub(super) struct AdminStream {
    stream: Box<dyn Stream>,
    number: u64,
    open: Arc<Mutex<Open>>,
    unanswered: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl AdminListener {
    pub(super) fn new(listener: Box<dyn Listener>, cut: CancellationToken) -> Self {
        Self { listener, open: Arc::default(), cut }
    }
}

impl axum::serve::Listener for AdminListener {
    type Io = AdminStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (AdminStream, SocketAddr) {
        loop {
            let accepted = std::future::poll_fn(|context| self.listener.poll_accept(context)).await;
            match accepted {
                Ok((stream, peer)) => {
                    let cut = self.cut.child_token();
                    let number = self.open.lock().add(cut.clone());
                    let stream = AdminStream {
                        stream,
                        number,
                        open: Arc::clone(&self.open),
                        unanswered: Box::pin(tokio::time::sleep(UNANSWERED_MAX)),
                        cut: Box::pin(cut.cancelled_owned()),
                    };
                    return (stream, peer);
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

impl Open {
    /// Makes room and takes in a new one.
    fn add(&mut self, cut: CancellationToken) -> u64 {
        if self.connections.len() >= CONNECTIONS_MAX {
            let longest = self.connections.iter().min_by_key(|(_, it)| it.answered);
            if let Some(number) = longest.map(|(number, _)| *number)
                && let Some(connection) = self.connections.remove(&number)
            {
                connection.cut.cancel();
            }
        }
        self.accepted += 1;
        self.connections.insert(self.accepted, Connection { answered: Instant::now(), cut });
        self.accepted
    }
}

impl AdminStream {
    /// Ends what has been cut or has not been answered for too long; else lets `moved` pass.
    fn poll_moved<T>(
        &mut self,
        context: &mut Context<'_>,
        move_on: impl FnOnce(Pin<&mut Box<dyn Stream>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if self.unanswered.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        move_on(Pin::new(&mut self.stream), context)
    }

    fn on_answered(&mut self) {
        let now = Instant::now();
        self.unanswered.as_mut().reset(now + UNANSWERED_MAX);
        if let Some(connection) = self.open.lock().connections.get_mut(&self.number) {
            connection.answered = now;
        }
    }
}

impl Drop for AdminStream {
    fn drop(&mut self) {
        self.open.lock().connections.remove(&self.number);
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
        let written = self.poll_moved(context, |stream, context| stream.poll_write(context, bytes));
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.on_answered();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_moved(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_moved(context, |stream, context| stream.poll_shutdown(context))
    }
}
