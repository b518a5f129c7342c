//! What all connections and background tasks of one broker share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use highwater_storage::Disk;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::net::budget::MemoryBudget;
use crate::net::limits::Limiter;
use crate::seams::{Clock, Random};
use crate::tasks::Tasks;
use crate::workers::Workers;

/// The shared state of one broker. Made once by `server.rs`; every part of it looks after its own locking.
pub(crate) struct Broker {
    pub(crate) config: Config,
    /// Where clients are told to connect, one for each listener, with real ports.
    pub(crate) endpoints: Vec<AdvertisedEndpoint>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) disk: Arc<dyn Disk>,
    /// Background tasks; connections have a registry of their own, which ends first.
    pub(crate) tasks: Tasks,
    /// Bytes of requests and answers held for clients.
    pub(crate) budget: MemoryBudget,
    pub(crate) counters: Counters,
    /// Log lines that clients can cause.
    pub(crate) limiter: Limiter,
    /// Cancelled when a graceful stop begins: fetches that wait answer with what there is.
    pub(crate) stopping: CancellationToken,
    /// Cancelled once every answer has left: background tasks end.
    pub(crate) ending: CancellationToken,
    pub(crate) fatal: FatalSignal,
}

/// One advertised endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AdvertisedEndpoint {
    pub(crate) listener_name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Broker {
    /// The endpoint to tell clients of the listener `name`.
    pub(crate) fn endpoint(&self, name: &str) -> Option<&AdvertisedEndpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.listener_name == name)
    }
}

/// Numbers an operator asks for. Relaxed: none of them guards anything.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections_open: AtomicU64,
    pub(crate) connections_accepted: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    /// Connections closed because of what arrived on them.
    pub(crate) connections_offended: AtomicU64,
    pub(crate) requests: AtomicU64,
    /// Panics in connections, tasks and jobs.
    pub(crate) panics: Arc<AtomicU64>,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// How a part that cannot go on stops the whole broker: once, with the reason.
#[derive(Clone)]
pub(crate) struct FatalSignal {
    reason: watch::Sender<Option<Arc<str>>>,
}

impl FatalSignal {
    pub(crate) fn new() -> Self {
        Self { reason: watch::Sender::new(None) }
    }

    /// Reports that this broker cannot go on. The first reason stays.
    pub(crate) fn report(&self, reason: &str) {
        let is_first = self.reason.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert_with(|| Arc::from(reason));
            is_first
        });
        if is_first {
            tracing::error!(reason, "the broker cannot go on");
        }
    }

    /// Waits for a reason.
    pub(crate) async fn wait(&self) -> Arc<str> {
        let mut receiver = self.reason.subscribe();
        loop {
            if let Some(reason) = receiver.borrow_and_update().clone() {
                return reason;
            }
            receiver.changed().await.expect("the sender is ours and outlives this borrow");
        }
    }
}
