//! What all connections and background tasks of one broker share.

use std::sync::Arc;

use highwater_controller::MetadataImage;
use highwater_controller::decide::{Controller, Decision, RandomBits};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::fetch::FetchSessions;
use crate::hosts::auto_create::AutoCreate;
use crate::hosts::controller::{AdminFault, ControllerHost};
use crate::hosts::groups::Groups;
use crate::hosts::producer_ids::ProducerIds;
use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
use crate::net::Net;
use crate::replicas::Replicas;
use crate::seams::{Clock, Random, Transport};
use crate::tasks::Tasks;
use crate::workers::Workers;

/// The shared state of one broker. Made once by `server.rs`; every part of it looks after its own locking.
pub(crate) struct Broker {
    pub(crate) config: Config,
    /// Where clients are told to connect, one for each listener, with real ports.
    pub(crate) endpoints: Vec<AdvertisedEndpoint>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<Random>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) transport: Arc<dyn Transport>,
    /// Background tasks; connections have a registry of their own, which ends first.
    pub(crate) tasks: Tasks,
    /// What connections share: limits, byte budgets, counters, and the stop.
    ///
    /// `net.stop.begun_token()` is cancelled when a graceful stop begins: fetches that wait answer with what there is.
    pub(crate) net: Arc<Net>,
    /// Cancelled once every answer has left: background tasks end.
    pub(crate) ending: CancellationToken,
    pub(crate) fatal: FatalSignal,
    pub(crate) cluster_id: String,
    /// The partitions hosted here, and their directories.
    pub(crate) replicas: Arc<Replicas>,
    pub(crate) fetch_sessions: FetchSessions,
    /// The committed metadata.
    pub(crate) metadata: MetadataCache,
    /// The way to change it.
    pub(crate) controller: ControllerHost,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) auto_create: AutoCreate,
    /// What is counted on the way of requests.
    pub(crate) metrics: Metrics,
    /// The groups coordinated here.
    pub(crate) groups: Arc<Groups>,
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

    /// [`ControllerHost::decide_within`] for what makes partitions: refused where the disk is full.
    pub(crate) async fn decide_on_partitions<A: Send + 'static>(
        &self,
        timeout_ms: i32,
        decide: impl FnOnce(&MetadataImage, &Controller<'_>, &mut RandomBits<'_>) -> Decision<A>
        + Send
        + 'static,
    ) -> Result<(A, Arc<MetadataImage>), AdminFault> {
        self.replicas.check_room().await.map_err(AdminFault::DiskFull)?;
        self.controller.decide_within(timeout_ms, decide).await
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

    /// The reason, if there is one.
    pub(crate) fn reason(&self) -> Option<Arc<str>> {
        self.reason.borrow().clone()
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
