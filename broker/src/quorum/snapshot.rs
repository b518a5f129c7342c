//! The snapshot: the whole metadata as of one entry of the log, in one file that is replaced in one step.
//!
//! | offset | bytes | name | meaning |
//! |---|---|---|---|
//! | 0 | 4 | magic | `HWMS` |
//! | 4 | 4 | version | 1 |
//! | 8 | 4 | crc | CRC-32 (IEEE) of everything after it |
//! | 12 | .. | last | id of the last entry in it, as in `encoding.rs` |
//! | .. | .. | membership | the voters, with the id of the entry that made them so |
//! | .. | .. | state | 4 bytes length, then what [`Replicated`](super::Replicated) gave |
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use highwater_protocol::{Reader, Writer};
use highwater_storage::{Disk, StorageFault, read_file, write_atomically};
use openraft::{LogId, StoredMembership};

use super::QuorumError;
use super::encoding::{
    EncodingError, read_optional_log_id, read_stored_membership, write_optional_log_id,
    write_stored_membership,
};
use super::openraft::QuorumNode;

const MAGIC: [u8; 4] = *b"HWMS";
const VERSION: u32 = 1;
const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;

/// A snapshot, in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredSnapshot {
    pub(super) last_log_id: Option<LogId<u64>>,
    pub(super) membership: StoredMembership<u64, QuorumNode>,
    pub(super) state: Bytes,
}

/// Where the snapshot lies.
#[derive(Clone)]
pub(super) struct SnapshotFile {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
}

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnapshotWriteError {
    #[error(transparent)]
    Fault(#[from] StorageFault),
    #[error("the snapshot has no bytes")]
    Encoding(#[from] EncodingError),
}

impl SnapshotFile {
    /// Reads the snapshot; `None` if there is none. Blocks.
    ///
    /// Errors: the file is damaged, which is never taken for an older or an empty snapshot.
    pub(super) fn read(&self) -> Result<Option<StoredSnapshot>, QuorumError> {
        let content = read_file(self.disk.as_ref(), &self.path, SNAPSHOT_BYTES_MAX);
        let content = content.map_err(|source| StorageFault::new("read", &self.path, source))?;
        let Some(content) = content else { return Ok(None) };
        decode(&Bytes::from(content)).map(Some).map_err(|reason| QuorumError::Damaged {
            path: self.path.display().to_string(),
            offset: 0,
            reason,
        })
    }

    /// Replaces the snapshot; durable when this returns. Blocks.
    pub(super) fn write(&self, snapshot: &StoredSnapshot) -> Result<(), SnapshotWriteError> {
        let bytes = encode(snapshot)?;
        let fault = |source| StorageFault::new("replace", &self.path, source);
        let directory = self.path.parent().unwrap_or(Path::new("."));
        self.disk.create_dir_all(directory).map_err(fault)?;
        write_atomically(self.disk.as_ref(), &self.path, &bytes).map_err(fault)?;
        Ok(())
    }
}

fn encode(snapshot: &StoredSnapshot) -> Result<Bytes, EncodingError> {
    let mut body = Writer::new();
    write_optional_log_id(&mut body, snapshot.last_log_id.as_ref());
    write_stored_membership(&mut body, &snapshot.membership)?;
    body.bytes(false, &snapshot.state)?;
    let body = body.into_bytes()?;
    let mut file = Writer::new();
    file.raw(&MAGIC);
    file.raw(&VERSION.to_be_bytes());
    file.raw(&crc32fast::hash(&body).to_be_bytes());
    file.raw(&body);
    Ok(file.into_bytes()?)
}

fn decode(content: &Bytes) -> Result<StoredSnapshot, String> {
    let header: Option<(&[u8; 4], &[u8])> = content.split_first_chunk();
    let Some((&MAGIC, rest)) = header else { return Err("it is no metadata snapshot".to_owned()) };
    let (version, rest) = rest.split_first_chunk().ok_or("it is cut short")?;
    let version = u32::from_be_bytes(*version);
    if version != VERSION {
        return Err(format!("version {version} of the format: written by a newer version?"));
    }
    let (crc, body) = rest.split_first_chunk().ok_or("it is cut short")?;
    if crc32fast::hash(body) != u32::from_be_bytes(*crc) {
        return Err("it does not match its checksum".to_owned());
    }
    let mut reader = Reader::new(content.slice_ref(body));
    let read = |reader: &mut Reader| -> Result<StoredSnapshot, EncodingError> {
        let snapshot = StoredSnapshot {
            last_log_id: read_optional_log_id(reader)?,
            membership: read_stored_membership(reader)?,
            state: reader.bytes(false)?,
        };
        reader.expect_end()?;
        Ok(snapshot)
    };
    read(&mut reader).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use highwater_storage::SimDisk;
    use openraft::{CommittedLeaderId, Membership};

    use super::*;

    fn file(disk: &SimDisk) -> SnapshotFile {
        SnapshotFile { disk: Arc::new(disk.clone()), path: PathBuf::from("/d/m/quorum.snapshot") }
    }

    fn snapshot(state: &'static [u8]) -> StoredSnapshot {
        let id = LogId::new(CommittedLeaderId::new(3, 1), 42);
        let voters = vec![BTreeSet::from([1, 2])];
        StoredSnapshot {
            last_log_id: Some(id),
            membership: StoredMembership::new(Some(id), Membership::new(voters, ())),
            state: Bytes::from_static(state),
        }
    }

    #[test]
    fn snapshot_reads_back_and_is_replaced_in_one_step() {
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new("/d/m")).unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(file(&disk).read().unwrap(), None);
        file(&disk).write(&snapshot(b"old")).unwrap();
        disk.power_cut(1);
        assert_eq!(file(&disk).read().unwrap(), Some(snapshot(b"old")));
        for changes in 0..8 {
            let disk = disk.copy();
            disk.stop_after(changes);
            let is_written = file(&disk).write(&snapshot(b"new")).is_ok();
            disk.power_cut(changes);
            let found = file(&disk).read().unwrap().unwrap();
            assert!(found == snapshot(b"new") || !is_written && found == snapshot(b"old"));
        }
    }

    #[test]
    fn any_flipped_bit_refuses_the_snapshot() {
        let bytes = encode(&snapshot(b"state")).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&Bytes::from(flipped)).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(decode(&bytes.slice(..cut)).is_err(), "cut at {cut}");
        }
    }
}
