//! Room on the disk ahead of a segment's end.
//!
//! What is written without room of its own may be refused long after the write, by the sync; and a
//! failed sync is final. So room is reserved before bytes go into it, in steps that grow with the
//! segment, and given back when the segment is full or the log closes. The length of the file says
//! nothing of it (`docs/decisions/0011-full-disk.md`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::DiskFile;
use crate::error::{AtPath, StorageFault, is_disk_full};
use crate::log::Log;
use crate::segment::Segment;

/// Least and most that is reserved past what is needed; in between, as much as the segment has.
const STEP_BYTES_MIN: u64 = 16 << 10;
const STEP_BYTES_MAX: u64 = 4 << 20;

/// Room is reserved in whole blocks of the usual file systems.
const BLOCK_BYTES: u64 = 4096;

/// What a file is known to have. Only the log's writer changes it.
#[derive(Debug)]
pub(crate) struct Room {
    /// All below has room. Zero if nothing is known.
    reserved_bytes: AtomicU64,
    /// After a refusal nothing is reserved ahead before this is needed: a full disk takes its time
    /// to say no.
    retry_at_bytes: AtomicU64,
}

impl Room {
    pub(crate) const fn of(reserved_bytes: u64) -> Self {
        Self { reserved_bytes: AtomicU64::new(reserved_bytes), retry_at_bytes: AtomicU64::new(0) }
    }

    pub(crate) fn reserved_bytes(&self) -> u64 {
        self.reserved_bytes.load(Ordering::Relaxed)
    }

    /// The file was cut or set to this length: what lay past it is given back.
    pub(crate) fn on_cut(&self, len_bytes: u64) {
        self.reserved_bytes.store(len_bytes, Ordering::Relaxed);
        self.retry_at_bytes.store(0, Ordering::Relaxed);
    }
}

/// What is reserved past what is needed, where the disk has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    /// At least this much, topped up when half of it is used.
    pub(crate) bytes: u64,
    /// But for that, no more than a segment takes.
    pub(crate) segment_bytes: u64,
}

impl Segment {
    /// Makes sure that the file has room up to `end_bytes`, and as far as it can be had for what
    /// comes after.
    pub(crate) fn reserve(
        &self,
        file: &dyn DiskFile,
        end_bytes: u64,
        ahead: Ahead,
    ) -> Result<(), StorageFault> {
        let (room, ahead_bytes) = (&self.room, ahead.bytes);
        let has_enough = end_bytes <= room.reserved_bytes();
        let wants_ahead = end_bytes + ahead_bytes / 2 > room.reserved_bytes();
        if has_enough && !wants_ahead {
            return Ok(());
        }
        if end_bytes >= room.retry_at_bytes.load(Ordering::Relaxed) {
            let step_bytes = end_bytes.clamp(STEP_BYTES_MIN, STEP_BYTES_MAX);
            let wanted_bytes = (end_bytes + step_bytes).min(ahead.segment_bytes);
            let wanted_bytes = wanted_bytes.max(end_bytes + ahead_bytes);
            let wanted_bytes = wanted_bytes.next_multiple_of(BLOCK_BYTES);
            match file.allocate_keep_size(wanted_bytes) {
                Ok(()) => {
                    room.on_cut(wanted_bytes);
                    return Ok(());
                }
                Err(error) if is_disk_full(&error) => {
                    let retry_at_bytes = end_bytes + STEP_BYTES_MIN / 4;
                    room.retry_at_bytes.store(retry_at_bytes, Ordering::Relaxed);
                }
                Err(error) => {
                    return Err(StorageFault::new("reserve room for", &self.log_path(), error));
                }
            }
        }
        if !has_enough {
            let wanted_bytes = end_bytes.next_multiple_of(BLOCK_BYTES);
            let reserved = file.allocate_keep_size(wanted_bytes);
            reserved.at_path("reserve room for", &self.log_path())?;
            room.reserved_bytes.store(wanted_bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives back what is reserved past the end; nothing is written here any more, or not soon.
    pub(crate) fn release_room(self: &Arc<Self>) -> Result<(), StorageFault> {
        let size_bytes = self.size_bytes();
        if self.room.reserved_bytes() > size_bytes {
            self.file()?.set_len(size_bytes).at_path("cut", &self.log_path())?;
            self.room.on_cut(size_bytes);
            self.restore_modified()?;
        }
        Ok(())
    }
}

impl Log {
    /// Room that a new segment begins with.
    pub(crate) fn first_room_bytes(&self) -> Option<u64> {
        if self.config.preallocate {
            return Some(self.segment_bytes());
        }
        Some(self.config.reserved_ahead_bytes).filter(|bytes| *bytes > 0)
    }

    pub(crate) fn ahead(&self) -> Ahead {
        let bytes = self.config.reserved_ahead_bytes;
        Ahead { bytes, segment_bytes: self.segment_bytes() }
    }

    /// Reserves what the configuration wants ahead of the log end, as far as the disk has it.
    pub(crate) fn reserve_ahead(&self) -> Result<(), StorageFault> {
        let ahead = self.ahead();
        if ahead.bytes == 0 {
            return Ok(());
        }
        let active = self.active();
        match active.reserve(&*active.file()?, active.size_bytes(), ahead) {
            Err(fault) if fault.is_disk_full() => Ok(()),
            reserved => reserved,
        }
    }

    /// Whether a batch that ends at `end_bytes` fits into the active segment, room and all, though
    /// a new one is due.
    pub(crate) fn has_room_in_active(&self, end_bytes: u64) -> bool {
        self.config.reserved_ahead_bytes > 0 && end_bytes <= self.active().room.reserved_bytes()
    }
}
