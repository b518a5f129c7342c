//! openraft's state machine over [`Replicated`] and the snapshot file.
//!
//! The state itself is in memory; a snapshot on disk plus the log after it rebuild it.

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::RaftStateMachine;
use openraft::{
    EntryPayload, LogId, RaftSnapshotBuilder, Snapshot, SnapshotMeta, StorageError, StorageIOError,
    StoredMembership,
};
use parking_lot::Mutex;

use super::log_store::LogStore;
use super::openraft::{Batch, QuorumNode, Types};
use super::snapshot::{SnapshotFile, SnapshotWriteError, StoredSnapshot};
use super::{QuorumError, Replicated};
use crate::workers::{Pool, Workers, run};

type Entry = openraft::Entry<Types>;
type Meta = SnapshotMeta<u64, QuorumNode>;

/// The state of this node. Clones are the same state.
#[derive(Clone)]
pub(super) struct StateMachine {
    shared: Arc<Shared>,
}

struct Shared {
    workers: Arc<dyn Workers>,
    file: SnapshotFile,
    log: LogStore,
    state: Mutex<State>,
}

struct State {
    replicated: Box<dyn Replicated>,
    last_applied: Option<LogId<u64>>,
    membership: StoredMembership<u64, QuorumNode>,
    /// What the snapshot file holds.
    snapshot: Option<Meta>,
}

impl StateMachine {
    /// Restores the state from the snapshot file. Blocks.
    ///
    /// Errors: the file is damaged, or the log begins after it.
    pub(super) fn open(
        workers: Arc<dyn Workers>,
        file: SnapshotFile,
        log: LogStore,
        mut replicated: Box<dyn Replicated>,
    ) -> Result<Self, QuorumError> {
        let damaged = |reason: String| QuorumError::Damaged {
            path: file.path.display().to_string(),
            offset: 0,
            reason,
        };
        let stored = file.read()?;
        let last_applied = stored.as_ref().and_then(|stored| stored.last_log_id);
        if log.last_purged() > last_applied {
            return Err(damaged("the log begins after it: a newer snapshot is missing".to_owned()));
        }
        let mut membership = StoredMembership::default();
        let mut snapshot = None;
        if let Some(stored) = stored {
            replicated.install(&stored.state).map_err(|error| damaged(error.to_string()))?;
            log.on_snapshot(stored.last_log_id);
            snapshot = Some(meta(&stored));
            membership = stored.membership;
        }
        let state = State { replicated, last_applied, membership, snapshot };
        Ok(Self { shared: Arc::new(Shared { workers, file, log, state: Mutex::new(state) }) })
    }

    /// Writes it, and says whether it is there for a restart: on a full disk it is not.
    async fn write_snapshot(
        &self,
        stored: StoredSnapshot,
    ) -> Result<(Meta, bool), StorageError<u64>> {
        let file = self.shared.file.clone();
        let meta = meta(&stored);
        let write = move || file.write(&stored);
        let signature = Some(meta.signature());
        let written = run(&self.shared.workers, Pool::Metadata, write).await;
        match written.map_err(|error| StorageIOError::write_snapshot(signature.clone(), &error))? {
            Ok(()) => {
                self.shared.log.on_snapshot(meta.last_log_id);
                Ok((meta, true))
            }
            // The log keeps what it holds.
            Err(SnapshotWriteError::Fault(fault)) if fault.is_disk_full() => {
                tracing::warn!(%fault, "no snapshot of the metadata is kept: disk full");
                Ok((meta, false))
            }
            Err(error) => Err(StorageIOError::write_snapshot(signature, &error).into()),
        }
    }
}

fn meta(stored: &StoredSnapshot) -> Meta {
    let snapshot_id = match stored.last_log_id {
        Some(last) => format!("{}-{}-{}", last.leader_id.term, last.leader_id.node_id, last.index),
        None => "empty".to_owned(),
    };
    SnapshotMeta {
        last_log_id: stored.last_log_id,
        last_membership: stored.membership.clone(),
        snapshot_id,
    }
}

impl RaftSnapshotBuilder<Types> for StateMachine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError<u64>> {
        let stored = {
            let state = self.shared.state.lock();
            let bytes = state.replicated.snapshot();
            StoredSnapshot {
                last_log_id: state.last_applied,
                membership: state.membership.clone(),
                state: bytes.map_err(|error| StorageIOError::read_state_machine(&error))?,
            }
        };
        let data = Box::new(Cursor::new(stored.state.to_vec()));
        let (meta, is_kept) = self.write_snapshot(stored).await?;
        if is_kept {
            self.shared.state.lock().snapshot = Some(meta.clone());
        }
        Ok(Snapshot { meta, snapshot: data })
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId<u64>>, StoredMembership<u64, QuorumNode>), StorageError<u64>> {
        let state = self.shared.state.lock();
        Ok((state.last_applied, state.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<()>, StorageError<u64>>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let mut state = self.shared.state.lock();
        let mut answers = Vec::new();
        for entry in entries {
            match &entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(Batch(batch)) => {
                    let applied = state.replicated.apply(batch);
                    applied.map_err(|error| StorageIOError::apply(entry.log_id, &error))?;
                }
                EntryPayload::Membership(membership) => {
                    state.membership =
                        StoredMembership::new(Some(entry.log_id), membership.clone());
                }
            }
            state.last_applied = Some(entry.log_id);
            answers.push(());
        }
        Ok(answers)
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(
        &mut self,
    ) -> Result<Box<Cursor<Vec<u8>>>, StorageError<u64>> {
        Ok(Box::new(Cursor::new(Vec::new())))
    }

    async fn install_snapshot(
        &mut self,
        meta: &Meta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError<u64>> {
        let stored = StoredSnapshot {
            last_log_id: meta.last_log_id,
            membership: meta.last_membership.clone(),
            state: Bytes::from(snapshot.into_inner()),
        };
        let bytes = stored.state.clone();
        let (written, is_kept) = self.write_snapshot(stored).await?;
        if !is_kept {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(StorageIOError::write_snapshot(Some(written.signature()), &full).into());
        }
        let mut state = self.shared.state.lock();
        let installed = state.replicated.install(&bytes);
        installed
            .map_err(|error| StorageIOError::read_snapshot(Some(written.signature()), &error))?;
        state.last_applied = meta.last_log_id;
        state.membership = meta.last_membership.clone();
        state.snapshot = Some(SnapshotMeta { snapshot_id: meta.snapshot_id.clone(), ..written });
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError<u64>> {
        let Some(meta) = self.shared.state.lock().snapshot.clone() else { return Ok(None) };
        let file = self.shared.file.clone();
        let read = run(&self.shared.workers, Pool::Metadata, move || file.read()).await;
        let signature = Some(meta.signature());
        let stored = read
            .map_err(|error| StorageIOError::read_snapshot(signature.clone(), &error))?
            .map_err(|error| StorageIOError::read_snapshot(signature, &error))?;
        let data = stored.map(|stored| Box::new(Cursor::new(stored.state.to_vec())));
        Ok(data.map(|snapshot| Snapshot { meta, snapshot }))
    }
}
