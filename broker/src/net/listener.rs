//! Accepting connections, within the limits, until the broker stops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use highwater_coordinator::ConnectionId;

use crate::broker::Broker;
use crate::context::{ANONYMOUS, PeerContext};
use crate::net::Counters;
use crate::net::connection::Connection;
use crate::net::dispatch::BrokerService;
use crate::net::gate::{Admitted, Gate};
use crate::seams::{Listener, Stream};
use crate::tasks::Tasks;

/// Pause after the first accept that failed for want of descriptors or memory; each further failure doubles it.
const BACK_OFF_FIRST: Duration = Duration::from_millis(50);
/// Longest such pause.
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// One listener at work.
pub(crate) struct Acceptor {
    pub(crate) listener: Box<dyn Listener>,
    pub(crate) listener_name: Arc<str>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) gate: Gate,
    /// Where connections are spawned: they end before the background tasks.
    pub(crate) connections: Tasks,
}

impl Acceptor {
    /// Accepts until the stop begins, then keeps the port until every answer has left.
    pub(crate) async fn run(mut self) {
        let begun = self.broker.net.stop.begun_token().clone();
        let mut back_off = BACK_OFF_FIRST;
        loop {
            let accepted = tokio::select! {
                biased;
                () = begun.cancelled() => break,
                accepted = std::future::poll_fn(|context| self.listener.poll_accept(context)) => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    back_off = BACK_OFF_FIRST;
                    self.serve(stream, peer);
                }
                Err(error) if is_exhausted(&error) => {
                    if let Some(kept_back) =
                        self.broker.net.limiter.pass(self.broker.clock.monotonic())
                    {
                        tracing::error!(%error, kept_back, "cannot accept connections: raise the limit of open files");
                    }
                    self.listener.lend_descriptors(true);
                    tokio::select! {
                        biased;
                        () = begun.cancelled() => break,
                        () = tokio::time::sleep(back_off) => {}
                    }
                    self.listener.lend_descriptors(false);
                    back_off = BACK_OFF_MAX.min(back_off * 2);
                }
                // The connection was gone before it was accepted.
                Err(error) => tracing::debug!(%error, "accept"),
            }
        }
        self.broker.net.stop.drained_token().cancelled().await;
    }

    fn serve(&self, mut stream: Box<dyn Stream>, peer: SocketAddr) {
        let net = &self.broker.net;
        let admitted = match self.gate.admit(peer.ip(), self.broker.clock.monotonic()) {
            Ok(admitted) => admitted,
            Err(refused) => {
                Counters::add(&net.counters.connections_refused);
                if let Some(kept_back) = net.limiter.pass(self.broker.clock.monotonic()) {
                    tracing::warn!(%peer, kept_back, "connection refused: {refused}");
                }
                stream.reset_on_drop();
                return;
            }
        };
        Counters::add(&net.counters.connections_accepted);
        let id = ConnectionId(net.connection_count.fetch_add(1, Ordering::Relaxed));
        let context = PeerContext::new(id, ANONYMOUS, &self.listener_name, peer);
        let service = BrokerService { broker: Arc::clone(&self.broker), peer: Arc::new(context) };
        let open = OpenConnection::new(Arc::clone(&self.broker), admitted);
        let connection = Connection::new(stream, service, peer, Arc::clone(net));
        // On the heap once: each future around it would hold it twice.
        let serving = Box::pin(connection.run());
        self.connections.spawn("connection", async move {
            let _open = open;
            serving.await;
        });
    }
}

/// Out of descriptors or memory, in the process or the system; trying at once again would spin.
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let Some(errno) = Errno::from_io_error(error) else { return false };
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].contains(&errno)
}

/// Counted among the open connections until dropped, however the connection ends.
struct OpenConnection {
    broker: Arc<Broker>,
    _admitted: Admitted,
}

impl OpenConnection {
    fn new(broker: Arc<Broker>, admitted: Admitted) -> Self {
        Counters::add(&broker.net.counters.connections_open);
        Self { broker, _admitted: admitted }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.broker.net.counters.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}
