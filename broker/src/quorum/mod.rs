//! The metadata quorum: who leads, and which record batches are committed.
//!
//! For: putting batches of metadata records into one order that survives crashes, on every node the same. Not for: what the records mean;
//! that is [`Replicated`], which the controller's host brings along.
//!
//! The consensus is openraft's, named in this folder only. Ours are the files: `journal.rs` (entries, votes), `snapshot.rs`, both in
//! `<first log directory>/__cluster_metadata/`. Their bytes are described in `docs/decisions/0003-openraft-metadata-quorum.md`.
//!
//! **Invariant:** a batch is applied once, in order, and only after it was synced on a majority of the voters.
//! **Invariant:** writes of entries and votes are synced one after another; a failed one is the last.
//!
//! Start at [`Quorum`].

mod encoding;
mod journal;
mod log_store;
mod network;
mod openraft;
mod snapshot;
mod state_machine;
mod verify;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use highwater_records::NodeId;
use highwater_storage::StorageFault;

pub(crate) use self::openraft::{OpenraftQuorum, QuorumSetup};
pub use self::verify::verify_metadata;

/// Name of the metadata directory inside the first log directory.
pub(crate) const METADATA_DIRECTORY: &str = "__cluster_metadata";
const JOURNAL_FILE: &str = "quorum.log";
const SNAPSHOT_FILE: &str = "quorum.snapshot";

/// Puts record batches into one order for the whole cluster.
pub(crate) trait Quorum: Send + Sync + 'static {
    /// Proposes a batch and waits until it is committed and applied to the state of this node.
    ///
    /// Dropping the future does not take the proposal back.
    fn propose(&self, batch: Bytes) -> BoxFuture<'_, Result<(), ProposeError>>;

    /// The node that leads, as far as this one knows.
    fn leader(&self) -> Option<NodeId>;

    /// Whether this node leads and a majority has said so recently: only then may it decide.
    fn may_decide(&self) -> bool;

    /// Waits until the quorum cannot go on, and says why. Never ends if it is stopped properly.
    fn wait_fault(&self) -> BoxFuture<'static, String>;

    /// Stops; later proposals are refused.
    fn stop(&self) -> BoxFuture<'_, ()>;
}

/// The state that the quorum keeps equal on every node.
///
/// Its functions are called in the order of the log, one at a time, and must not block for long.
pub(crate) trait Replicated: Send + 'static {
    /// Applies a committed batch.
    ///
    /// Errors: the batch does not fit; the node must stop, its log is not what it should be.
    fn apply(&mut self, batch: &Bytes) -> Result<(), ReplicatedError>;

    /// The whole state as bytes.
    fn snapshot(&self) -> Result<Bytes, ReplicatedError>;

    /// Replaces the whole state.
    fn install(&mut self, snapshot: &Bytes) -> Result<(), ReplicatedError>;
}

/// Bytes that the replicated state cannot take.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct ReplicatedError {
    pub(crate) reason: String,
}

/// Why a batch was not committed, as far as this node knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProposeError {
    #[error("this node does not lead the metadata quorum")]
    NotLeader,
    /// Nothing was written; it can be tried again once there is room.
    #[error("disk full: no room for the metadata log {path}; free some space there")]
    DiskFull { path: String },
    /// The quorum has stopped. The batch may be committed all the same.
    #[error("the metadata quorum has stopped: {reason}")]
    Stopped { reason: String },
}

/// Why the metadata cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QuorumError {
    #[error("{} {}", fault.operation, fault.path.display())]
    Fault {
        #[from]
        #[source]
        fault: StorageFault,
    },
    /// A whole written part of a file is not what was written. Never repaired by itself: what follows it would be lost.
    #[error(
        "{path} is damaged at byte {offset}: {reason}; restore the directory from a copy, or remove it together with the data of this node"
    )]
    Damaged { path: String, offset: u64, reason: String },
    /// Beginning anew would leave the partitions without a topic.
    #[error(
        "{directory} holds data ({found}) but {path} is missing; restore it from a copy, or give an empty directory"
    )]
    LogMissing { path: String, directory: String, found: String },
    #[error("the quorum library does not start: {reason}")]
    Library { reason: String },
}
