//! Work for the threads that sync.
use std::sync::Arc;
use highwater_records::Offset;
use crate::*;

/// Files to sync, for a worker thread.
#[derive(Debug)]
pub struct SyncWork {}

/// Proof of a sync, for [`Log::on_synced`].
#[derive(Clone, Copy, Debug)]
pub struct Synced {
    #[expect(dead_code, reason = "filled in next")]
    end: Offset,
}

impl SyncWork {
    /// Files that will be synced.
    pub fn file_count(&self) -> usize { todo!() }
    /// The end offset that this makes durable.
    pub fn end_offset(&self) -> Offset { todo!() }
    /// Syncs them one after another.
    pub fn run(self) -> Result<Synced, StorageFault> { todo!() }
    /// The files, to be synced in parallel; then [`SyncWork::finish`].
    pub fn files(&self) -> Vec<Arc<dyn DiskFile>> { todo!() }
    /// For a caller that has synced the whole file system after this work was taken.
    pub fn after_file_system_sync(self) -> Synced { todo!() }
}

/// Work that lets the recovery point move, for a worker thread.
#[derive(Debug)]
pub struct CheckpointWork {}

/// Proof of a checkpoint, for [`Log::on_checkpointed`].
#[derive(Clone, Copy, Debug)]
pub struct Checkpointed {}

impl CheckpointWork {
    /// Syncs data and indexes, writes epochs and a producer snapshot.
    pub fn run(self) -> Result<Checkpointed, StorageFault> { todo!() }
}
