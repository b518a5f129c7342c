//! One of the directories in `log.dirs`.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use highwater_records::{NodeId, Offset, TopicPartition, Uuid};
use crate::*;

/// Who a log directory belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// The cluster.
    pub cluster_id: String,
    /// The node.
    pub node_id: NodeId,
    /// This directory.
    pub directory_id: Uuid,
}

/// Why a directory cannot be a log directory.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogDirError {
    /// Another broker uses it.
    #[error("{} is in use by another broker{}", dir.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse { dir: PathBuf, pid: Option<u32> },
    /// It has no `meta.properties` and is not empty.
    #[error("{} is not empty and holds no meta.properties (found {found:?})", dir.display())]
    Foreign { dir: PathBuf, found: String },
    /// It belongs to another node or cluster.
    #[error("{} belongs to {found}, not to {expected}", dir.display())]
    OtherOwner { dir: PathBuf, found: String, expected: String },
    /// A file is not what its format says.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk failed.
    #[error("cannot use the log directory")]
    Fault(#[from] StorageFault),
}

/// A locked log directory.
#[derive(Debug)]
pub struct LogDir {}

/// A partition's directory, as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDir {
    /// Whose.
    pub topic_partition: TopicPartition,
    /// Where.
    pub path: PathBuf,
    /// From `partition.metadata`, if there is one.
    pub topic_id: Option<Uuid>,
}

/// What a log directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Partitions.
    pub partitions: Vec<PartitionDir>,
    /// Directories `..-delete`: to be removed.
    pub deleted: Vec<PathBuf>,
    /// Directories `..-future` and `..-stray`: left alone.
    pub set_aside: Vec<PathBuf>,
}

/// One of the checkpoint files of a log directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointKind {
    /// All below is synced.
    RecoveryPoint,
    /// High watermarks.
    HighWatermark,
    /// Log start offsets, where above the first segment's base.
    LogStart,
}

impl LogDir {
    /// Makes (if missing) and locks a directory, and reads whose it is.
    pub fn open(_disk: Arc<dyn Disk>, _path: &Path) -> Result<Self, LogDirError> { todo!() }
    /// Whose it is; `None` if it is empty and new.
    pub fn meta(&self) -> Option<&MetaProperties> { todo!() }
    /// Writes whose it is, durably.
    pub fn format(&mut self, _meta: MetaProperties) -> Result<(), LogDirError> { todo!() }
    /// Refuses if it belongs to another node or cluster.
    pub fn check_owner(&self, _cluster_id: &str, _node_id: NodeId) -> Result<(), LogDirError> { todo!() }
    /// Where it is.
    pub fn path(&self) -> &Path { todo!() }
    /// Where a partition's directory is or would be.
    pub fn partition_path(&self, _topic_partition: &TopicPartition) -> PathBuf { todo!() }
    /// Lists it.
    pub fn contents(&self) -> Result<Contents, LogDirError> { todo!() }
    /// Whether the last stop was clean; removes the marker, durably. Once per start.
    pub fn take_clean_marker(&self) -> Result<bool, LogDirError> { todo!() }
    /// Last act of a clean stop.
    pub fn write_clean_marker(&self, _broker_epoch: i64) -> Result<(), LogDirError> { todo!() }
    /// Reads a checkpoint file; empty if it is missing.
    pub fn read_checkpoint(&self, _kind: CheckpointKind) -> Result<BTreeMap<TopicPartition, Offset>, LogDirError> { todo!() }
    /// Replaces a checkpoint file, durably.
    pub fn write_checkpoint(&self, _kind: CheckpointKind, _offsets: &BTreeMap<TopicPartition, Offset>) -> Result<(), LogDirError> { todo!() }
    /// Room on its file system.
    pub fn space(&self) -> Result<Space, LogDirError> { todo!() }
}

/// Removes files that a log renamed for deletion; what is gone already is fine.
pub fn remove_files(_disk: &dyn Disk, _paths: &[PathBuf]) -> Result<(), StorageFault> { todo!() }
