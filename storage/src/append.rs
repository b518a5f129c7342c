//! Appending: check, stamp, collect, write once, show.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{
    BatchHeader, EndTransactionMarker, LeaderEpoch, Mutation, Offset, Timestamp, TimestampType,
};

use crate::disk::DiskFile;
use crate::error::{AppendError, Refusal, StorageFault};
use crate::log::{Appended, Log, ValidatedBatch};
use crate::producer_state::{Check, Undo};
use crate::room_ahead::Ahead;
use crate::segment::Segment;
use crate::tail_cache::Staged;
use crate::transactions::marker_of;

/// Segments are at most this large, since their indexes hold positions of 31 bits.
const SEGMENT_BYTES_MAX: u64 = i32::MAX as u64;

/// What one turn appended and did not write yet.
#[derive(Debug)]
pub(crate) struct Turn {
    batches: Vec<Waiting>,
    bytes: u64,
    /// When the newest of them came.
    now: Timestamp,
    /// How to take the turn's changes of producer state back, oldest first.
    undo: Vec<Undo>,
    /// A write that failed inside the turn: nothing more is taken in it.
    failed: Option<AppendError>,
}

#[derive(Debug)]
struct Waiting {
    header: BatchHeader,
    /// Whose end it is, if it is the end of a transaction.
    marker: Option<EndTransactionMarker>,
    staged: Staged,
}

impl Default for Turn {
    fn default() -> Self {
        let (batches, undo) = (Vec::new(), Vec::new());
        Self { batches, bytes: 0, now: Timestamp::NONE, undo, failed: None }
    }
}

impl Turn {
    pub(crate) const fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    fn next_offset(&self) -> Option<Offset> {
        self.batches.last().map(|waiting| waiting.header.next_offset())
    }

    fn write(
        &self,
        active: &Arc<Segment>,
        ahead: Ahead,
    ) -> Result<Arc<dyn DiskFile>, StorageFault> {
        let chunks = self.batches.iter().flat_map(|waiting| &waiting.staged.chunks);
        let mut slices: Vec<IoSlice<'_>> = chunks.map(|chunk| IoSlice::new(chunk)).collect();
        active.write(&mut slices, ahead)
    }
}

impl Log {
    /// Checks a batch, gives it its offsets and leader epoch, and puts it into the turn's write.
    /// Nothing is on disk, and no reader sees it, before [`Log::flush_writes`].
    ///
    /// A batch that an idempotent producer sent before is not appended again; the answer is where
    /// it went then. If that was in this turn, it is true only if the turn's write succeeds, like
    /// any other.
    ///
    /// # Errors
    /// [`Refusal`]s leave the log as it was. When a write inside the turn fails (a roll needs one)
    /// the rest of the turn is refused with the same error, until `flush_writes`.
    ///
    /// Source: KIP-98 (sequences), KIP-101 (leader epoch stamped into each batch).
    pub fn append(
        &mut self,
        batch: ValidatedBatch,
        leader_epoch: LeaderEpoch,
        now: Timestamp,
    ) -> Result<Appended, AppendError> {
        self.check_usable().map_err(AppendError::Fault)?;
        if let Some(failed) = &self.turn.failed {
            return Err(failed.clone());
        }
        let ValidatedBatch { mut header, body } = batch;
        let base_offset = self.next_append_offset();
        self.check_size_and_offsets(&header, base_offset)?;
        if header.has_producer_id() {
            let takes_gaps = self.config.mutant.is(Mutation::GapAfterSnapshotTaken)
                && !self.snapshots.is_empty();
            if let Err(fault) = self.loaded_producers(now) {
                return Err(self.refuse_or_fault(fault));
            }
            let producers = self.producers.as_mut().expect("loaded just now");
            let checked = match producers.check(&header) {
                Err(Refusal::OutOfOrderSequence { .. }) if takes_gaps => Ok(Check::New),
                checked => checked,
            };
            match checked.map_err(AppendError::Refused)? {
                Check::New => {}
                Check::Duplicate(batch) => {
                    return Ok(Appended {
                        base_offset: batch.first_offset(),
                        last_offset: batch.last_offset,
                        log_append_time: append_time(&header),
                        duplicate: true,
                    });
                }
            }
        }
        header.base_offset = base_offset;
        if !self.config.mutant.is(Mutation::EpochNotStamped) {
            header.partition_leader_epoch = leader_epoch;
        }
        if let Err(error) = self.maybe_roll(&header, now) {
            self.turn.failed = Some(error.clone());
            return Err(error);
        }
        self.stage(header.clone(), &body, now);
        Ok(Appended {
            base_offset,
            last_offset: header.last_offset(),
            log_append_time: append_time(&header),
            duplicate: false,
        })
    }

    /// Where the next batch of this turn begins.
    #[must_use]
    pub fn next_append_offset(&self) -> Offset {
        self.turn.next_offset().unwrap_or(self.log_end_offset)
    }

    fn check_size_and_offsets(
        &self,
        header: &BatchHeader,
        base: Offset,
    ) -> Result<(), AppendError> {
        let (size_bytes, segment_bytes) = (header.size_bytes() as u64, self.segment_bytes());
        if size_bytes > segment_bytes {
            let refusal = Refusal::RecordListTooLarge { size_bytes, segment_bytes };
            return Err(AppendError::Refused(refusal));
        }
        if base.checked_plus(i64::from(header.last_offset_delta) + 1).is_none() {
            let log_end_offset = base;
            return Err(AppendError::Refused(Refusal::OffsetsExhausted { log_end_offset }));
        }
        Ok(())
    }

    pub(crate) fn segment_bytes(&self) -> u64 {
        self.config.segment_bytes.min(SEGMENT_BYTES_MAX)
    }

    fn stage(&mut self, header: BatchHeader, body: &Bytes, now: Timestamp) {
        let marker = marker_of(&header, body);
        if header.has_producer_id() {
            let producers = self.producers.as_mut().expect("loaded by the check");
            self.turn.undo.push(producers.update(&header, marker, now));
        }
        if self.active_since.is_none() && self.active().size_bytes() == 0 {
            let first = Some(header.max_timestamp).filter(|time| !time.is_none());
            self.active_since = Some((first, now));
        }
        let is_reused = self.config.mutant.is(Mutation::BufferReused)
            && header.base_offset.value() % 100_000 == 99_999;
        let reused = is_reused.then(|| Bytes::from(vec![b'!'; body.len()]));
        let staged = self.tail_cache.stage(&header.write(), reused.as_ref().unwrap_or(body));
        self.turn.bytes += header.size_bytes() as u64;
        self.turn.now = now;
        self.turn.batches.push(Waiting { header, marker, staged });
    }

    /// Writes all that the turn appended with one vectored write, shows it to the next view and
    /// ends the turn.
    ///
    /// # Errors
    /// What is not written is not in the log: a batch is in it if and only if its `last_offset` is
    /// below [`Log::log_end_offset`]. After [`Refusal::DiskFull`] the log goes on; a half-written
    /// batch has been cut off again. After a fault it takes nothing any more.
    pub fn flush_writes(&mut self) -> Result<(), AppendError> {
        self.check_usable().map_err(AppendError::Fault)?;
        let written = match self.turn.failed.take() {
            Some(failed) => Err(failed),
            None => self.write_turn(),
        };
        self.turn = Turn::default();
        written
    }

    /// Writes what waits; on an error takes it back.
    fn write_turn(&mut self) -> Result<(), AppendError> {
        if self.turn.is_empty() {
            return Ok(());
        }
        let active = Arc::clone(self.active());
        let turn = std::mem::take(&mut self.turn);
        let ahead = self.ahead();
        let file = match active.prepare_append().and_then(|()| turn.write(&active, ahead)) {
            Ok(file) => file,
            Err(fault) => {
                if let Some(producers) = &mut self.producers {
                    turn.undo.into_iter().rev().for_each(|step| producers.undo(step));
                }
                if active.size_bytes() == 0 {
                    self.active_since = None;
                }
                return Err(self.refuse_or_fault(fault));
            }
        };
        active.note_append(turn.now);
        self.show(&active, turn.batches);
        self.sync.on_written(&active, file, turn.bytes, self.log_end_offset);
        match active.maybe_write_indexes() {
            // The entries stay in memory; the next turn or checkpoint tries again.
            Err(fault) if fault.is_disk_full() || fault.is_out_of_descriptors() => Ok(()),
            Err(fault) => {
                self.on_fault(fault.clone());
                Err(AppendError::Fault(fault))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Takes note of written batches: indexes, epochs, cache, log end.
    fn show(&mut self, active: &Segment, batches: Vec<Waiting>) {
        for Waiting { header, marker, staged } in batches {
            assert_eq!(header.base_offset, self.log_end_offset, "batches follow each other");
            self.note_epoch(header.partition_leader_epoch, header.base_offset);
            self.note_transaction(active, &header, marker);
            active.publish(&header);
            let offsets = (header.base_offset, header.last_offset());
            self.tail_cache.insert(&self.tail, offsets, staged);
            self.log_end_offset = header.next_offset();
        }
    }

    /// A full disk is a refusal, and so is a want of descriptors; everything else is final.
    fn refuse_or_fault(&mut self, fault: StorageFault) -> AppendError {
        if fault.is_disk_full() {
            return AppendError::Refused(Refusal::DiskFull { path: fault.path });
        }
        if fault.is_out_of_descriptors() {
            return AppendError::Refused(Refusal::OutOfDescriptors { path: fault.path });
        }
        self.on_fault(fault.clone());
        AppendError::Fault(fault)
    }

    fn maybe_roll(&mut self, header: &BatchHeader, now: Timestamp) -> Result<(), AppendError> {
        let wants = self.wants_roll(header, now);
        if wants.map_err(|fault| self.refuse_or_fault(fault))? {
            self.write_turn()?;
            match self.roll_segment(now) {
                // The old segment is as good, and what is reserved there is ours.
                Err(AppendError::Refused(Refusal::DiskFull { .. })) if self.may_stay(header) => {}
                rolled => rolled?,
            }
        }
        Ok(())
    }

    /// Whether a batch may go into the active segment though a new one is due.
    fn may_stay(&self, header: &BatchHeader) -> bool {
        let active = self.active();
        let end_bytes = active.size_bytes() + header.size_bytes() as u64;
        let relative = header.last_offset().distance_from(active.base_offset());
        relative <= i64::from(i32::MAX)
            && end_bytes <= SEGMENT_BYTES_MAX
            && self.has_room_in_active(end_bytes)
    }

    fn wants_roll(&mut self, header: &BatchHeader, now: Timestamp) -> Result<bool, StorageFault> {
        let active = Arc::clone(self.active());
        let used_bytes = active.size_bytes() + self.turn.bytes;
        if used_bytes == 0 {
            return Ok(false);
        }
        let relative = header.last_offset().distance_from(active.base_offset());
        if used_bytes + header.size_bytes() as u64 > self.segment_bytes()
            || relative > i64::from(i32::MAX)
            || active.indexes_are_full(self.config.segment_index_bytes)
        {
            return Ok(true);
        }
        let (first, since) = match self.active_since {
            Some(known) => known,
            None => {
                let known = (active.first_timestamp()?, now);
                self.active_since = Some(known);
                known
            }
        };
        let age_ms = match first {
            Some(first) => header.max_timestamp.saturating_ms_since(first),
            None => now.saturating_ms_since(since),
        };
        let limit_ms = self.config.segment_ms.saturating_sub(self.config.segment_jitter_ms);
        Ok(u64::try_from(age_ms).is_ok_and(|age_ms| age_ms > limit_ms))
    }

    /// Starts a new segment at the log end. An empty active segment stays.
    ///
    /// # Errors
    /// As [`Log::flush_writes`].
    pub fn roll(&mut self, now: Timestamp) -> Result<(), AppendError> {
        self.check_usable().map_err(AppendError::Fault)?;
        assert!(self.turn.is_empty(), "a turn ends with flush_writes");
        if self.active().size_bytes() == 0 { Ok(()) } else { self.roll_segment(now) }
    }

    /// Order matters for a crash between any two steps: everything of the old segment first, the
    /// new file last. The snapshot carries a CRC and is only a help until a checkpoint syncs it.
    fn roll_segment(&mut self, now: Timestamp) -> Result<(), AppendError> {
        let rolled = self.try_roll(now);
        rolled.map_err(|fault| self.refuse_or_fault(fault))
    }

    fn try_roll(&mut self, now: Timestamp) -> Result<(), StorageFault> {
        let old = Arc::clone(self.active());
        old.prepare_append()?;
        old.seal()?;
        self.sync.on_segment_written(&old);
        self.write_roll_snapshot(now)?;
        // Even if it fails there may have been a name for a moment.
        self.sync.on_names_changed();
        let new = Segment::create(&self.home, self.log_end_offset, self.first_room_bytes())?;
        old.release_room()?;
        self.sync.on_new_segment(&new);
        Arc::make_mut(&mut self.segments).push(new);
        self.active_since = None;
        Ok(())
    }
}

fn append_time(header: &BatchHeader) -> Timestamp {
    match header.timestamp_type() {
        TimestampType::CreateTime => Timestamp::NONE,
        TimestampType::LogAppendTime => header.max_timestamp,
    }
}
