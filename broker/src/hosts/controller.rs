//! The controller's host: one queue of admin work, decided in order, committed by the quorum, made true by the replicas.
//!
//! Work that waits together is decided together, each on the image that the one before it leaves behind, and committed as one batch:
//! a hundred topics cost one sync. Nobody is answered before the batch is committed, the partitions are hosted and the image is published.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater_controller::decide::{
    Controller, Decision, RandomBits, Registration, register_broker,
};
use highwater_controller::image::{BrokerEndpoint, SupportedFeature};
use highwater_controller::{
    MetadataDelta, MetadataImage, MetadataRecord, Refusal, decode_records, encode_records, replay,
};
use highwater_records::{NodeId, Uuid};
use highwater_storage::Disk;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::broker::Broker;
use crate::metadata_cache::MetadataCache;
use crate::quorum::{
    OpenraftQuorum, ProposeError, Quorum, QuorumError, QuorumSetup, Replicated, ReplicatedError,
};
use crate::seams::Random;
use crate::workers::Workers;

/// Admin work that may wait; beyond it the askers wait before they are queued.
const QUEUE_LENGTH: usize = 128;
/// Work that is decided and committed together, at most.
const TOGETHER_MAX: usize = 64;
/// Records after which no further work joins a batch.
const BATCH_RECORDS_MAX: usize = 20_000;

/// Why nothing was decided, or it is not known to be committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdminFault {
    #[error("this node is not the active controller")]
    NotController,
    #[error("{0}")]
    DiskFull(String),
    #[error("the controller has stopped")]
    Stopped,
    #[error("it was not done in time; it may still be done")]
    TimedOut,
}

type Outcome = Result<Arc<MetadataImage>, AdminFault>;
type Work = Box<dyn FnOnce(&MetadataImage, &Controller<'_>, &mut RandomBits<'_>) -> Decided + Send>;

/// What a piece of work has become: records, and whom to tell.
struct Decided {
    records: Vec<MetadataRecord>,
    finish: Box<dyn FnOnce(Outcome) + Send>,
}

/// The way to the controller.
pub(crate) struct ControllerHost {
    sender: mpsc::Sender<Work>,
    quorum: Arc<dyn Quorum>,
}

impl ControllerHost {
    /// Has `decide` asked on the image as it will be, and waits until its records are committed and hosted.
    ///
    /// The answer comes with the image that holds it. Dropping the future does not take the work back.
    pub(crate) async fn decide<A: Send + 'static>(
        &self,
        decide: impl FnOnce(&MetadataImage, &Controller<'_>, &mut RandomBits<'_>) -> Decision<A>
        + Send
        + 'static,
    ) -> Result<(A, Arc<MetadataImage>), AdminFault> {
        let (sender, receiver) = oneshot::channel();
        let work: Work = Box::new(move |image, controller, random| {
            let Decision { records, answer } = decide(image, controller, random);
            // The asker may have given up; the records count all the same.
            let finish = |outcome: Outcome| drop(sender.send(outcome.map(|image| (answer, image))));
            Decided { records, finish: Box::new(finish) }
        });
        self.sender.send(work).await.map_err(|_| AdminFault::Stopped)?;
        receiver.await.unwrap_or(Err(AdminFault::Stopped))
    }

    /// [`ControllerHost::decide`] for at most the time a client gives it.
    pub(crate) async fn decide_within<A: Send + 'static>(
        &self,
        timeout_ms: i32,
        decide: impl FnOnce(&MetadataImage, &Controller<'_>, &mut RandomBits<'_>) -> Decision<A>
        + Send
        + 'static,
    ) -> Result<(A, Arc<MetadataImage>), AdminFault> {
        let timeout = Duration::from_millis(u64::try_from(timeout_ms.max(1)).unwrap_or(1));
        let decided = tokio::time::timeout(timeout, self.decide(decide)).await;
        decided.unwrap_or(Err(AdminFault::TimedOut))
    }

    /// The active controller, as far as this node knows.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        self.quorum.leader()
    }
}

/// What a controller is made from.
pub(crate) struct ControllerSetup {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) node: NodeId,
    /// All log directories; the first one holds the metadata.
    pub(crate) log_dirs: Vec<PathBuf>,
    /// The id of the first one.
    pub(crate) directory: Uuid,
    /// `highwater.metadata.snapshot.bytes`.
    pub(crate) snapshot_bytes: u64,
}

/// Why the controller does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControllerStartError {
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    #[error("this broker cannot join: {0}")]
    Refused(#[from] Refusal),
    #[error("this broker cannot register: {0}")]
    Fault(#[from] AdminFault),
}

/// A controller whose metadata is read but which works on nothing yet.
pub(crate) struct OpenedController {
    pub(crate) host: ControllerHost,
    pub(crate) cache: MetadataCache,
    pub(crate) task: ControllerTask,
}

/// Reads the metadata of this node, or begins it.
pub(crate) async fn open(setup: ControllerSetup) -> Result<OpenedController, ControllerStartError> {
    let committed = Arc::new(Mutex::new(Committed::default()));
    let replicated = Box::new(ReplicatedImage { committed: Arc::clone(&committed) });
    let ControllerSetup { disk, workers, node, log_dirs, directory, snapshot_bytes } = setup;
    let setup =
        QuorumSetup { disk, workers, node, log_dirs, directory, snapshot_bytes, replicated };
    let quorum: Arc<dyn Quorum> = Arc::new(OpenraftQuorum::open(setup).await?);
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    let cache = MetadataCache::new(Arc::new(committed.lock().image.clone()));
    let host = ControllerHost { sender, quorum: Arc::clone(&quorum) };
    Ok(OpenedController { host, cache, task: ControllerTask { receiver, committed, quorum } })
}

/// The working side of the queue.
pub(crate) struct ControllerTask {
    receiver: mpsc::Receiver<Work>,
    committed: Arc<Mutex<Committed>>,
    quorum: Arc<dyn Quorum>,
}

impl ControllerTask {
    /// Registers this broker, hosts what the metadata says, and starts to work.
    ///
    /// When it returns, the broker can serve what it hosts.
    pub(crate) async fn start(self, broker: &Arc<Broker>) -> Result<(), ControllerStartError> {
        let image = self.committed.lock().image.clone();
        let decision = register_broker(&image, &registration(broker));
        decision.answer?;
        self.commit(broker, &decision.records).await?;
        let quorum = Arc::clone(&self.quorum);
        let watching = Arc::clone(broker);
        broker.tasks.spawn("quorum-watch", async move {
            tokio::select! {
                biased;
                () = watching.ending.cancelled() => {}
                fault = quorum.wait_fault() => watching.fatal.report(&format!("the metadata quorum has stopped: {fault}")),
            }
        });
        broker.tasks.spawn("controller", self.run(Arc::clone(broker)));
        Ok(())
    }

    async fn run(mut self, broker: Arc<Broker>) {
        let guard = Guard { broker: Arc::clone(&broker) };
        loop {
            let first = tokio::select! {
                biased;
                () = broker.ending.cancelled() => break,
                first = self.receiver.recv() => first,
            };
            let Some(first) = first else { break };
            self.work(&broker, first).await;
        }
        self.receiver.close();
        self.quorum.stop().await;
        drop(guard);
    }

    /// Decides `first` and what waits behind it, commits all of it as one, and answers.
    async fn work(&mut self, broker: &Arc<Broker>, first: Work) {
        let mut image = self.committed.lock().image.clone();
        let full_directories = broker.replicas.full_directories();
        let controller = Controller {
            node: broker.config.node_id,
            file: broker.config.properties.as_map(),
            full_directories: &full_directories,
        };
        let mut random = random_bits(&broker.random);
        let mut records = Vec::new();
        let mut finishes = Vec::new();
        let mut next = Some(first);
        while let Some(work) = next.take() {
            let decided = work(&image, &controller, &mut random);
            for record in &decided.records {
                replay(&mut image, record).expect("decisions fit the image they were made on");
            }
            records.extend(decided.records);
            finishes.push(decided.finish);
            if finishes.len() < TOGETHER_MAX && records.len() < BATCH_RECORDS_MAX {
                next = self.receiver.try_recv().ok();
            }
        }
        let outcome = self.commit(broker, &records).await;
        finishes.into_iter().for_each(|finish| finish(outcome.clone()));
    }

    /// Commits records and makes them true here; with none it says what is true.
    async fn commit(&self, broker: &Arc<Broker>, records: &[MetadataRecord]) -> Outcome {
        if !self.quorum.may_decide() {
            return Err(AdminFault::NotController);
        }
        if !records.is_empty() {
            let batch = encode_records(records).map_err(|error| {
                tracing::error!(%error, "metadata records cannot be written");
                AdminFault::Stopped
            })?;
            self.quorum.propose(batch).await.map_err(|error| match error {
                ProposeError::NotLeader => AdminFault::NotController,
                ProposeError::DiskFull { .. } => AdminFault::DiskFull(error.to_string()),
                ProposeError::Stopped { .. } => AdminFault::Stopped,
            })?;
        }
        let (image, delta) = self.committed.lock().take();
        if delta.is_empty() && records.is_empty() {
            return Ok(image);
        }
        broker.replicas.apply(&image, &delta).await;
        broker.groups.apply(&broker.replicas, &image, &delta);
        broker.metadata.publish(Arc::clone(&image));
        Ok(image)
    }
}

/// What this broker says about itself.
fn registration(broker: &Broker) -> Registration {
    let endpoints = broker.endpoints.iter().map(|endpoint| BrokerEndpoint {
        listener: endpoint.listener_name.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
        security_protocol: PLAINTEXT,
    });
    let online = broker.replicas.log_dirs().filter(|dir| dir.fault().is_none());
    let metadata =
        SupportedFeature { name: METADATA_VERSION.to_owned(), min: 1, max: METADATA_LEVEL };
    Registration {
        cluster_id: broker.cluster_id.clone(),
        node: broker.config.node_id,
        incarnation: broker.random.uuid(),
        directories: online.map(|dir| dir.id()).collect(),
        endpoints: endpoints.collect(),
        rack: broker.config.broker_rack.clone(),
        features: vec![metadata],
    }
}

/// Kafka's code of the only protocol there is yet.
const PLAINTEXT: i16 = 0;
/// Our own feature: which records the metadata log may hold. Its levels are not those of Kafka's `metadata.version`, and it is not told to
/// clients.
const METADATA_VERSION: &str = "highwater.metadata.version";
const METADATA_LEVEL: i16 = 1;

/// Reports that the controller is gone if it ends before the broker does: nothing else would notice a panic in it.
struct Guard {
    broker: Arc<Broker>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.broker.ending.is_cancelled() {
            self.broker
                .fatal
                .report("the controller has stopped: no topic can be made or changed any more");
        }
    }
}

fn random_bits(random: &Random) -> impl FnMut() -> u128 + '_ {
    || u128::from(random.next_u64()) << 64 | u128::from(random.next_u64())
}

/// What the quorum has committed, and what of it the broker has not been told yet.
#[derive(Default)]
struct Committed {
    image: MetadataImage,
    delta: MetadataDelta,
}

impl Committed {
    fn take(&mut self) -> (Arc<MetadataImage>, MetadataDelta) {
        (Arc::new(self.image.clone()), std::mem::take(&mut self.delta))
    }
}

/// The image as the quorum's state.
struct ReplicatedImage {
    committed: Arc<Mutex<Committed>>,
}

fn unfit(error: impl std::fmt::Display) -> ReplicatedError {
    ReplicatedError { reason: error.to_string() }
}

impl Replicated for ReplicatedImage {
    fn apply(&mut self, batch: &Bytes) -> Result<(), ReplicatedError> {
        let records = decode_records(batch).map_err(unfit)?;
        let Committed { image, delta } = &mut *self.committed.lock();
        records.iter().try_for_each(|record| delta.replay(image, record)).map_err(unfit)
    }

    fn snapshot(&self) -> Result<Bytes, ReplicatedError> {
        let records = self.committed.lock().image.to_records();
        encode_records(&records).map_err(unfit)
    }

    fn install(&mut self, snapshot: &Bytes) -> Result<(), ReplicatedError> {
        let mut image = MetadataImage::default();
        for record in decode_records(snapshot).map_err(unfit)? {
            replay(&mut image, &record).map_err(unfit)?;
        }
        // Topics that this node had and the snapshot has not are not deleted by it: only a delete record does that.
        let delta = MetadataDelta::everything(&image);
        *self.committed.lock() = Committed { image, delta };
        Ok(())
    }
}
