//! After an unclean stop: find what is good, cut off what is not, make sure of the rest.
//!
//! Bytes below the recovery point were synced with their indexes, epochs and producer state; they
//! are not read. From there on every batch is checked. At the first bad one the log ends: what
//! follows was never synced as a whole (a crash keeps sectors of unsynced bytes in any order), so
//! no promise covers it. What is good is *written again* as it is found, and synced: a sync that
//! failed before the crash leaves pages that look clean but are not on disk. The tail is read once;
//! only batches larger than the scanner's window are read again.
//!
//! **Invariant:** nothing below the recovery point is ever cut off.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_records::{Mutation, Offset, Timestamp};

use crate::batch_scanner::{BatchScanner, Depth, ScanError, Scanned};
use crate::disk::DiskFile;
use crate::error::{AtPath, Damage, OpenError, StorageFault};
use crate::log::Log;
use crate::open::Opening;
use crate::producer_state::Producers;
use crate::segment::Segment;
use crate::sync::SyncState;
use crate::transactions::marker_at;

/// Bytes that are written again at once.
const REWRITE_BYTES: usize = 1 << 20;

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Whether the files were trusted.
    pub was_clean: bool,
    /// Bytes read, checked and written again.
    pub checked_bytes: u64,
    /// What was cut off, if anything.
    pub truncated: Option<Truncation>,
}

/// What recovery cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// The file in which the first bad batch begins.
    pub path: PathBuf,
    /// Where in it.
    pub position_bytes: u64,
    /// The log ends here now.
    pub log_end_offset: Offset,
    /// Bytes cut off, later segments included.
    pub dropped_bytes: u64,
    /// What was wrong with the first bad batch.
    pub reason: String,
}

/// Where the walk over the tail begins.
#[derive(Clone, Copy, Debug)]
struct Start {
    segment: usize,
    position_bytes: u64,
    /// The offset that the first batch has.
    offset: Offset,
}

/// Where the walk ended too early.
#[derive(Debug)]
struct FirstBad {
    segment: usize,
    position_bytes: u64,
    reason: String,
}

impl Log {
    /// Checks and mends the log from `recovery_point` on. The log files are synced; indexes, epochs
    /// and producer state wait for the next checkpoint, so that a start after a kill makes few syncs.
    /// The recovery point waits with them: another unclean stop before it looks at the same bytes.
    pub(crate) fn recover(
        &mut self,
        opening: Opening,
        recovery_point: Offset,
    ) -> Result<Recovery, OpenError> {
        let first = self.segments[0].base_offset();
        let start = match self.find_start(recovery_point.max(first))? {
            Some(start) => start,
            // The log is shorter than the recovery point says; so that is not about this log, or
            // bytes are gone. Nothing is believed.
            None => Start { segment: 0, position_bytes: 0, offset: first },
        };
        self.sync = SyncState::synced_to(start.offset);
        self.remove_snapshots_above(recovery_point.min(start.offset))?;
        if Arc::make_mut(&mut self.epochs).truncate_from_end(start.offset.next()) {
            self.epochs_changed += 1;
        }
        if let Some(before) = start.segment.checked_sub(1).filter(|_| start.position_bytes == 0) {
            // Its last index entry was written when it was rolled, perhaps after the checkpoint.
            let before = Arc::clone(&self.segments[before]);
            before.truncate_indexes(start.offset)?;
            before.restore_times()?;
            seal(&before)?;
            self.sync.on_segment_written(&before);
        }
        self.transactions = self.transactions_at(start.offset)?;
        let mut walk = Walk {
            start: start.offset,
            next_offset: start.offset,
            keep_holes: opening.keep_holes,
            compacted_through: self.home.compacted_through(),
            producers: None,
            now: opening.now,
            checked: Vec::new(),
        };
        let bad = self.walk(start, &mut walk)?;
        self.log_end_offset = walk.next_offset;
        let truncated = bad.map(|bad| self.cut_bad(bad)).transpose()?;
        let mut checked_bytes = 0;
        for (segment, start_bytes) in &walk.checked {
            checked_bytes += segment.size_bytes() - start_bytes;
            segment.restore_modified()?;
        }
        self.producers = walk.producers.map(|mut producers| {
            producers.remove_expired(opening.now, self.config.producer_id_expiration_ms);
            producers
        });
        let end = self.log_end_offset;
        if end < opening.recovery_point && self.limit_until.is_none() {
            // The log is shorter than the checkpoint says: new bytes up there are not durable.
            self.sync.recovery_point = opening.recovery_point;
            self.limit_recovery_point(start.offset.min(end))?;
        }
        self.sync.on_recovered(start.offset, end, checked_bytes);
        Ok(Recovery { was_clean: false, checked_bytes, truncated })
    }

    /// The first batch that ends after `recovery_point`; `None` if the log ends before it.
    fn find_start(&self, recovery_point: Offset) -> Result<Option<Start>, OpenError> {
        let after =
            self.segments.partition_point(|segment| segment.base_offset() <= recovery_point);
        let index = after.saturating_sub(1);
        let segment = &self.segments[index];
        // Entries at or above the recovery point may be rubbish; they are not even looked at.
        segment.truncate_indexes(recovery_point)?;
        let from = match recovery_point.checked_plus(-1) {
            Some(before) if before >= segment.base_offset() => segment.position_before(before)?,
            Some(_) | None => 0,
        };
        let (file, path) = (segment.file()?, segment.log_path());
        let range = from..segment.size_bytes();
        let mut scanner = BatchScanner::new(&*file, &path, range, Depth::Headers);
        let mut reached = segment.base_offset();
        loop {
            let at = Start {
                segment: index,
                position_bytes: scanner.position_bytes(),
                offset: recovery_point.max(reached),
            };
            if reached >= recovery_point {
                return Ok(Some(at));
            }
            match scanner.next_batch() {
                Ok(Some(batch)) if batch.header.base_offset >= recovery_point => {
                    return Ok(Some(at));
                }
                Ok(Some(batch)) => reached = batch.header.next_offset(),
                Ok(None) => return Ok(None),
                Err(ScanError::Fault(fault)) => return Err(fault.into()),
                Err(ScanError::Bad(_)) if self.config.mutant.is(Mutation::RecoveryCutsMiddle) => {
                    return Ok(Some(Start { offset: reached, ..at }));
                }
                Err(ScanError::Bad(bad)) => {
                    let reason = format!("{} (below the recovery point)", bad.reason);
                    return Err(Damage::new(&path, bad.position_bytes, reason).into());
                }
            }
        }
    }

    /// Checks every batch from `start` on, indexing the good ones; returns the first bad one.
    fn walk(&mut self, start: Start, walk: &mut Walk) -> Result<Option<FirstBad>, StorageFault> {
        for index in start.segment..self.segments.len() {
            let segment = Arc::clone(&self.segments[index]);
            let file_bytes = segment.size_bytes();
            let start_bytes = if index == start.segment { start.position_bytes } else { 0 };
            let base = segment.base_offset();
            if index > start.segment && !walk.may_follow(base) {
                let reason = format!("segment begins at {base}, expected {}", walk.next_offset);
                return Ok(Some(FirstBad { segment: index, position_bytes: 0, reason }));
            }
            walk.next_offset = walk.next_offset.max(base);
            segment.truncate_indexes(walk.next_offset)?;
            segment.prepare_recovery(start_bytes)?;
            let bad = self.walk_segment(&segment, start_bytes..file_bytes, walk)?;
            seal(&segment)?;
            if segment.size_bytes() > start_bytes {
                walk.checked.push((Arc::clone(&segment), start_bytes));
            }
            if segment.size_bytes() > start_bytes || segment.has_unsynced_indexes() {
                self.sync.on_segment_written(&segment);
            }
            if let Some((position_bytes, reason)) = bad {
                return Ok(Some(FirstBad { segment: index, position_bytes, reason }));
            }
        }
        Ok(None)
    }

    fn walk_segment(
        &mut self,
        segment: &Arc<Segment>,
        range: std::ops::Range<u64>,
        walk: &mut Walk,
    ) -> Result<Option<(u64, String)>, StorageFault> {
        let (file, path) = (segment.file()?, segment.log_path());
        let depth = match self.config.mutant.is(Mutation::RecoverySkipsCrcs) {
            true => Depth::Headers,
            false => Depth::Crcs,
        };
        let start_bytes = range.start;
        let mut rewriting = Rewriting::new(&*file, &path, start_bytes);
        let mut scanner = BatchScanner::new(&*file, &path, range, depth);
        let bad = loop {
            let batch = match scanner.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break None,
                Err(ScanError::Bad(bad)) => {
                    break Some((bad.position_bytes, bad.reason.to_string()));
                }
                Err(ScanError::Fault(fault)) => return Err(fault),
            };
            let Scanned { position_bytes, ref header } = batch;
            let found = header.base_offset;
            if !walk.may_follow(found) {
                let reason = format!("offset {found} where {} comes next", walk.next_offset);
                break Some((position_bytes, reason));
            }
            let relative = header.last_offset().checked_distance_from(segment.base_offset());
            if relative.is_none_or(|relative| relative > i64::from(i32::MAX)) {
                let reason = format!("offset {found} is not of this segment");
                break Some((position_bytes, reason));
            }
            // Even if no batch of the tail has one: the next snapshot wants them.
            if walk.producers.is_none() {
                walk.producers = Some(self.producers_at(walk.now, walk.start)?);
            }
            self.note_epoch(header.partition_leader_epoch, found);
            walk.next_offset = header.next_offset();
            if header.has_producer_id() {
                let marker = marker_at(&*file, &batch).at_path("read", &path)?;
                self.note_transaction(segment, header, marker);
                if let Some(producers) = &mut walk.producers {
                    producers.update(header, marker, walk.now);
                }
            }
            let end_bytes = position_bytes + header.size_bytes() as u64;
            match scanner.bytes_of(&batch) {
                Some(bytes) => rewriting.push(bytes)?,
                None => rewriting.copy_to(end_bytes)?,
            }
            segment.index_recovered(&batch);
            segment.set_size(end_bytes);
        };
        rewriting.flush()?;
        if segment.size_bytes() > start_bytes {
            // By the handle that wrote: one that is opened anew may not hear of an error.
            file.sync_data().at_path("sync", &path)?;
            segment.restore_modified()?;
        }
        Ok(bad)
    }

    /// Cuts the log at the first bad batch. Later segments go first, durably: were the bad batch
    /// cut before them, another crash could leave a gap that looks like a hole.
    fn cut_bad(&mut self, bad: FirstBad) -> Result<Truncation, StorageFault> {
        let segment = Arc::clone(&self.segments[bad.segment]);
        let path = segment.log_path();
        let file_bytes = segment.file()?.len_bytes().at_path("look at", &path)?;
        let later = self.segments[bad.segment + 1..].iter().map(|later| later.size_bytes());
        let dropped_bytes = file_bytes.saturating_sub(bad.position_bytes) + later.sum::<u64>();
        self.drop_segments_after(bad.segment)?;
        let end = self.log_end_offset;
        let is_whole_segment = bad.position_bytes == 0 && bad.segment > 0;
        if is_whole_segment {
            self.drop_segments_after(bad.segment - 1)?;
        }
        self.disk().sync_dir(&self.home.dir).at_path("sync", &self.home.dir)?;
        if !is_whole_segment {
            segment.truncate(bad.position_bytes, end)?;
        }
        Ok(Truncation {
            path,
            position_bytes: bad.position_bytes,
            log_end_offset: end,
            dropped_bytes,
            reason: bad.reason,
        })
    }
}

/// The state of a walk over the tail.
#[derive(Debug)]
struct Walk {
    start: Offset,
    next_offset: Offset,
    /// Every hole is a cleaner's.
    keep_holes: bool,
    /// Holes below are a cleaner's.
    compacted_through: Offset,
    /// At `next_offset`; not looked for before there is a batch.
    producers: Option<Producers>,
    now: Timestamp,
    /// Segments with good batches, and where the first of them starts.
    checked: Vec<(Arc<Segment>, u64)>,
}

impl Walk {
    fn may_follow(&self, offset: Offset) -> bool {
        let is_of_a_cleaner = self.keep_holes || offset <= self.compacted_through;
        offset == self.next_offset || (is_of_a_cleaner && offset > self.next_offset)
    }
}

/// Seals a segment; on a full disk its index entries stay in memory until there is room.
fn seal(segment: &Arc<Segment>) -> Result<(), StorageFault> {
    match segment.seal() {
        Err(fault) if fault.is_disk_full() => Ok(()),
        sealed => sealed,
    }
}

/// Writes good bytes again, in place and as they are.
struct Rewriting<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
    /// Where `pending` belongs.
    at_bytes: u64,
    pending: Vec<u8>,
}

impl<'a> Rewriting<'a> {
    fn new(file: &'a dyn DiskFile, path: &'a Path, at_bytes: u64) -> Self {
        Self { file, path, at_bytes, pending: Vec::new() }
    }

    /// Takes the next bytes of the file.
    fn push(&mut self, bytes: &[u8]) -> Result<(), StorageFault> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= REWRITE_BYTES { self.flush() } else { Ok(()) }
    }

    /// Takes the next bytes of the file from the file, up to `end_bytes`.
    fn copy_to(&mut self, end_bytes: u64) -> Result<(), StorageFault> {
        self.flush()?;
        while self.at_bytes < end_bytes {
            let left = usize::try_from(end_bytes - self.at_bytes).unwrap_or(REWRITE_BYTES);
            self.pending.resize(left.min(REWRITE_BYTES), 0);
            let read = self.file.read_at(&mut self.pending, self.at_bytes);
            let read = read.at_path("read", self.path)?;
            if read == 0 {
                let ended = std::io::ErrorKind::UnexpectedEof.into();
                return Err(StorageFault::new("read", self.path, ended));
            }
            self.pending.truncate(read);
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StorageFault> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all_at(&mut [IoSlice::new(&self.pending)], self.at_bytes);
        written.at_path("write", self.path)?;
        self.at_bytes += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}
