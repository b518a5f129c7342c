//! [`Quorum`] by openraft.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use highwater_records::{NodeId, Uuid};
use highwater_storage::{Disk, StorageFault, is_disk_full};
use openraft::error::{ClientWriteError, Fatal, RaftError};
use openraft::{Config, Raft, RaftMetrics, ServerState, SnapshotPolicy, TokioRuntime};
use serde::{Deserialize, Serialize};

use super::log_store::LogStore;
use super::network::NoNetwork;
use super::snapshot::SnapshotFile;
use super::state_machine::StateMachine;
use super::{
    JOURNAL_FILE, METADATA_DIRECTORY, ProposeError, Quorum, QuorumError, Replicated, SNAPSHOT_FILE,
};
use crate::workers::{Pool, Workers, run};

openraft::declare_raft_types!(
    /// The types openraft works with.
    pub(super) Types:
        D = Batch,
        R = (),
        NodeId = u64,
        Node = QuorumNode,
        Entry = openraft::Entry<Types>,
        SnapshotData = Cursor<Vec<u8>>,
        AsyncRuntime = TokioRuntime,
);

/// One batch of metadata records; opaque here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Batch(pub(super) Bytes);

// The library asks for these; nothing of ours is stored or sent through them.
impl Serialize for Batch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|bytes| Self(Bytes::from(bytes)))
    }
}

/// A voter or learner: a node id is one voter only together with its directory, so that a swapped disk cannot vote twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct QuorumNode {
    pub(super) address: String,
    pub(super) directory: Uuid,
}

impl Serialize for QuorumNode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.address, self.directory.to_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for QuorumNode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (address, directory) = <(String, [u8; 16])>::deserialize(deserializer)?;
        Ok(Self { address, directory: Uuid::from_bytes(directory) })
    }
}

/// What a quorum is made from.
pub(crate) struct QuorumSetup {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) node: NodeId,
    /// All log directories; the first one holds the metadata.
    pub(crate) log_dirs: Vec<PathBuf>,
    /// The id of the first one.
    pub(crate) directory: Uuid,
    /// Size of the journal from which a snapshot is taken and the journal cut.
    pub(crate) snapshot_bytes: u64,
    pub(crate) replicated: Box<dyn Replicated>,
}

/// The metadata quorum of this node.
pub(crate) struct OpenraftQuorum {
    raft: Raft<Types>,
    log: LogStore,
    path: String,
    snapshot_bytes: u64,
}

/// Entries kept in the log below a snapshot, so that a voter that is a little behind needs no snapshot.
const PURGE_MARGIN_ENTRIES: u64 = 64;
/// How old the last word of a majority may be for this node to decide.
const QUORUM_ACK_MAX: Duration = Duration::from_secs(2);

fn config() -> Result<Config, QuorumError> {
    let config = Config {
        cluster_name: "highwater".to_owned(),
        heartbeat_interval: 500,
        election_timeout_min: 1500,
        election_timeout_max: 3000,
        snapshot_policy: SnapshotPolicy::Never, // by size, see `maybe_snapshot`
        max_in_snapshot_log_to_keep: PURGE_MARGIN_ENTRIES,
        ..Config::default()
    };
    config.validate().map_err(|error| QuorumError::Library { reason: error.to_string() })
}

impl OpenraftQuorum {
    /// Opens the quorum of one node and waits until it leads and has applied its log.
    ///
    /// An empty directory becomes a new quorum. Errors: damage, with file and offset; a fault of the disk.
    pub(crate) async fn open(setup: QuorumSetup) -> Result<Self, QuorumError> {
        let QuorumSetup { disk, workers, node, log_dirs, directory, snapshot_bytes, replicated } =
            setup;
        let first = log_dirs.first().ok_or_else(|| library("there is no log directory"))?;
        let folder = first.join(METADATA_DIRECTORY);
        let journal = folder.join(JOURNAL_FILE);
        let path = journal.display().to_string();
        let snapshot = SnapshotFile { disk: Arc::clone(&disk), path: folder.join(SNAPSHOT_FILE) };
        let id = u64::try_from(node.value()).map_err(library)?;
        let their_workers = Arc::clone(&workers);
        let open = move || {
            let log = LogStore::open(Arc::clone(&disk), Arc::clone(&their_workers), &journal)?;
            let machine = StateMachine::open(their_workers, snapshot, log.clone(), replicated)?;
            if log.is_pristine() {
                check_empty(disk.as_ref(), &log_dirs, &journal)?;
                log.bootstrap(id, QuorumNode { address: String::new(), directory })?;
            }
            Ok::<_, QuorumError>((log, machine))
        };
        let opened = run(&workers, Pool::Metadata, open).await;
        let (log, machine) = opened.map_err(library)??;
        let raft = Raft::new(id, Arc::new(config()?), NoNetwork, log.clone(), machine).await;
        let raft = raft.map_err(library)?;
        // The only voter need not wait for an election; a node that led before leads already.
        raft.trigger().elect().await.map_err(library)?;
        let leads = |metrics: &RaftMetrics<u64, QuorumNode>| {
            let applied = metrics.last_applied.map(|id| id.index);
            metrics.state == ServerState::Leader
                && applied.is_some()
                && applied >= metrics.last_log_index
        };
        raft.wait(Some(READY_MAX)).metrics(leads, "lead").await.map_err(library)?;
        Ok(Self { raft, log, path, snapshot_bytes })
    }

    /// Takes a snapshot once the journal has grown past its limit; the library then cuts the log.
    async fn maybe_snapshot(&self) {
        if self.log.journal_bytes() < self.snapshot_bytes {
            return;
        }
        if let Err(error) = self.raft.trigger().snapshot().await {
            tracing::debug!(%error, "no snapshot of the metadata is taken");
        }
    }
}

/// Refuses to begin a new log beside partitions of an old one.
fn check_empty(disk: &dyn Disk, log_dirs: &[PathBuf], journal: &Path) -> Result<(), QuorumError> {
    for directory in log_dirs {
        let entries = disk
            .read_dir(directory)
            .map_err(|source| StorageFault::new("list", directory, source))?;
        let data =
            entries.into_iter().find(|entry| entry.is_dir && entry.name != METADATA_DIRECTORY);
        if let Some(entry) = data {
            return Err(QuorumError::LogMissing {
                path: journal.display().to_string(),
                directory: directory.display().to_string(),
                found: entry.name,
            });
        }
    }
    Ok(())
}

/// Longest time until the only voter leads; only a bug or a hanging disk takes it.
const READY_MAX: Duration = Duration::from_secs(60);

fn library(error: impl std::fmt::Display) -> QuorumError {
    QuorumError::Library { reason: error.to_string() }
}

impl Quorum for OpenraftQuorum {
    fn propose(&self, batch: Bytes) -> BoxFuture<'_, Result<(), ProposeError>> {
        Box::pin(async move {
            let bytes =
                u64::try_from(batch.len()).unwrap_or(u64::MAX).saturating_add(ENTRY_OVERHEAD_BYTES);
            if let Err(error) = self.log.reserve(bytes).await {
                if is_disk_full(&error) {
                    return Err(ProposeError::DiskFull { path: self.path.clone() });
                }
                return Err(ProposeError::Stopped { reason: error.to_string() });
            }
            match self.raft.client_write(Batch(batch)).await {
                Ok(_committed) => {
                    self.maybe_snapshot().await;
                    Ok(())
                }
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                    Err(ProposeError::NotLeader)
                }
                Err(error) => Err(ProposeError::Stopped { reason: error.to_string() }),
            }
        })
    }

    fn leader(&self) -> Option<NodeId> {
        let leader = self.raft.metrics().borrow().current_leader?;
        i32::try_from(leader).ok().map(NodeId::new)
    }

    fn may_decide(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let is_alone = metrics.membership_config.membership().voter_ids().nth(1).is_none();
        let is_recent = metrics
            .millis_since_quorum_ack
            .is_some_and(|age| Duration::from_millis(age) <= QUORUM_ACK_MAX);
        metrics.state == ServerState::Leader && (is_alone || is_recent)
    }

    fn wait_fault(&self) -> BoxFuture<'static, String> {
        let mut metrics = self.raft.metrics();
        Box::pin(async move {
            loop {
                let state = metrics.borrow_and_update().running_state.clone();
                match state {
                    Ok(()) => {}
                    Err(Fatal::Stopped) => std::future::pending().await,
                    Err(fatal) => return fatal.to_string(),
                }
                if metrics.changed().await.is_err() {
                    // The library is gone without a word: stopped, or it panicked.
                    let state = metrics.borrow().running_state.clone();
                    match state {
                        Err(Fatal::Stopped) | Ok(()) => std::future::pending().await,
                        Err(fatal) => return fatal.to_string(),
                    }
                }
            }
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.raft.shutdown().await {
                tracing::error!(%error, "the metadata quorum did not stop properly");
            }
        })
    }
}

/// What an entry of the journal needs beside its batch, generously.
const ENTRY_OVERHEAD_BYTES: u64 = 64;

#[cfg(test)]
mod tests;
