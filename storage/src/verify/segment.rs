//! One segment: every batch, and what the files beside it say of it.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{
    BatchError, BatchHeader, EndTransactionMarker, Offset, RecordBatch, RecordsFault, Timestamp,
    check_records,
};

use super::context::{Context, OFFSET_MAX};
use super::findings::Findings;
use super::indexes::{Aborts, AbortsIndex, Expected};
use super::producers::Replay;
use super::reader::{BatchReader, Found};
use crate::batch_scanner::Scanned;
use crate::disk::{Disk, OpenMode, read_file};
use crate::error::Damage;
use crate::leader_epochs::LEADER_EPOCHS_FILE;
use crate::offset_index::OffsetEntry;
use crate::producer_snapshot::{SNAPSHOT_BYTES_MAX, SNAPSHOT_SUFFIX, SnapshotEntry, read_snapshot};
use crate::segment::file_name;
use crate::time_index::TimeEntry;
use crate::transactions::{Transactions, marker_in};

/// Holes of one segment that are kept.
const HOLES_MAX: usize = 100;

/// One segment to be checked, on any thread.
pub struct SegmentCheck<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) context: Arc<Context>,
    pub(super) base: Offset,
    pub(super) path: PathBuf,
    /// Offsets of the snapshots that are compared: above the base, up to the next one.
    pub(super) snapshots: Vec<Offset>,
}

/// What was found in one segment.
#[derive(Debug, Default)]
pub struct SegmentFacts {
    pub(super) base: Offset,
    /// The offset after the last good batch.
    pub(super) end: Offset,
    pub(super) findings: Findings,
    pub(super) batch_count: u64,
    pub(super) record_count: u64,
    pub(super) log_bytes: u64,
    pub(super) index_entry_count: u64,
    /// Bytes at the end that are no batch: where they begin and why.
    pub(super) bad_tail: Option<Damage>,
    /// Whether damage was found before the tail.
    pub(super) has_damage: bool,
    /// The first place that is no good batch, and the offset that comes next there.
    pub(super) first_bad: Option<(u64, Offset)>,
    /// Whether batches and the epoch file say different things.
    pub(super) contradicts_epochs: bool,
    /// Missing offsets: where in the file, and which.
    pub(super) holes: Vec<(u64, Range<Offset>)>,
    /// Whether batches show that a cleaner was here.
    pub(super) is_cleaned: bool,
    /// Whether the segment was not there any more.
    pub(super) is_gone: bool,
}

impl SegmentCheck<'_> {
    /// Bytes of the segment when it was listed, for sharing the work out.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.disk.metadata(&self.path).map_or(0, |metadata| metadata.len_bytes)
    }

    /// Checks it. Reads the indexes before the log: beside a running broker they are then no
    /// newer.
    #[must_use]
    pub fn run(&self) -> SegmentFacts {
        let mut facts = SegmentFacts { base: self.base, end: self.base, ..SegmentFacts::default() };
        match self.walk(&mut facts) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => facts.is_gone = true,
            Err(error) => {
                facts.findings.problem(&self.path, 0, format_args!("cannot be read: {error}"));
            }
        }
        facts
    }

    fn walk(&self, facts: &mut SegmentFacts) -> io::Result<()> {
        let dir = &self.context.dir;
        let offsets = Expected::read(self.disk, dir, self.base, &mut facts.findings);
        let times = Expected::read(self.disk, dir, self.base, &mut facts.findings);
        let base_snapshot = self.snapshot(self.base);
        let file = self.disk.open(&self.path, OpenMode::Read)?;
        let mut reader = BatchReader::new(&*file, file.len_bytes()?);
        let mut walk = Walk {
            check: self,
            facts,
            offsets,
            times,
            greatest: Timestamp::NONE,
            last_epoch: -1,
            replay: Replay::new(self.base, base_snapshot.as_deref()),
            transactions: Transactions::of_snapshot(base_snapshot.as_deref().unwrap_or_default()),
            is_state_known: base_snapshot.is_some() || self.base == Offset::ZERO,
            aborts: Aborts::default(),
            snapshots: self.snapshots.iter().copied().peekable(),
            jump: None,
        };
        loop {
            match reader.next()? {
                Found::End => break,
                Found::Batch(batch) => walk.on_batch(&batch, reader.body()),
                Found::OldFormat(reason) => {
                    let damage = Damage::new(&self.path, reader.position(), reason);
                    walk.facts.findings.unsupported.push(damage);
                    walk.give_up();
                    return Ok(());
                }
                Found::Bad { reason, next_bytes } => {
                    if !walk.on_bad(&mut reader, &reason, next_bytes)? {
                        break;
                    }
                }
            }
        }
        walk.end();
        Ok(())
    }

    /// A good snapshot of an offset; what is wrong with others is said where all are looked at.
    fn snapshot(&self, offset: Offset) -> Option<Vec<SnapshotEntry>> {
        let path = self.context.dir.join(file_name(offset, SNAPSHOT_SUFFIX));
        let bytes = read_file(self.disk, &path, SNAPSHOT_BYTES_MAX).ok().flatten()?;
        read_snapshot(&bytes).ok()
    }
}

/// The state of a walk over a segment.
struct Walk<'a> {
    check: &'a SegmentCheck<'a>,
    facts: &'a mut SegmentFacts,
    offsets: Expected<OffsetEntry>,
    times: Expected<TimeEntry>,
    greatest: Timestamp,
    last_epoch: i32,
    replay: Replay,
    transactions: Transactions,
    is_state_known: bool,
    aborts: Aborts,
    snapshots: std::iter::Peekable<std::iter::Copied<std::slice::Iter<'a, Offset>>>,
    /// A batch whose offset jumped ahead: where it is, what was expected, how many offsets it has.
    jump: Option<(u64, Offset, i32)>,
}

impl Walk<'_> {
    fn problem(&mut self, position_bytes: u64, reason: impl std::fmt::Display) {
        self.facts.findings.problem(&self.check.path, position_bytes, reason);
    }

    fn on_batch(&mut self, batch: &Scanned, body: Option<&[u8]>) {
        let (at, header) = (batch.position_bytes, &batch.header);
        self.check_offsets(at, header);
        self.check_epoch(at, header);
        self.check_snapshots(header.base_offset);
        self.offsets.check(&mut self.facts.findings, at, header);
        self.times.check(&mut self.facts.findings, self.greatest, header);
        self.greatest = self.greatest.max(header.max_timestamp);
        if self.check.context.decodes_records {
            self.check_body(at, header, body);
        }
        if header.record_count <= header.last_offset_delta {
            self.facts.is_cleaned = true;
        }
        let marker = body.and_then(|body| self.check_marker(at, header, body));
        self.replay.on_batch(header, marker);
        let aborted = self.transactions.on_batch(header, marker);
        if marker.is_some_and(|marker| !marker.is_commit) {
            self.aborts.push(header, aborted);
        }
        self.facts.end = header.next_offset();
        self.facts.batch_count = self.facts.batch_count.saturating_add(1);
        let records = u64::try_from(header.record_count).unwrap_or(0);
        self.facts.record_count = self.facts.record_count.saturating_add(records);
        let bytes = header.size_bytes() as u64;
        self.facts.log_bytes = self.facts.log_bytes.saturating_add(bytes);
    }

    /// Offsets rise. A base offset lies outside the CRC, so which of two batches is wrong is told
    /// by the one after them.
    fn check_offsets(&mut self, at: u64, header: &BatchHeader) {
        let (found, end) = (header.base_offset, self.facts.end);
        let jump = self.jump.take();
        if found < end {
            if let Some((jumped_at, expected, count)) = jump
                && expected.checked_plus(i64::from(count)).is_some_and(|next| found >= next)
            {
                self.facts.holes.pop();
                let reason = format_args!("base offset jumps ahead where {expected} comes next");
                self.problem(jumped_at, reason);
            } else {
                self.problem(at, format_args!("offset {found} after {end}"));
            }
        }
        if found > end {
            let count = header.last_offset_delta.saturating_add(1);
            self.jump = Some((at, end, count));
            if self.facts.holes.len() < HOLES_MAX {
                self.facts.holes.push((at, end..found));
            }
        }
        let relative = header.last_offset().checked_distance_from(self.check.base);
        if relative.is_none_or(|relative| relative > i64::from(i32::MAX)) {
            self.problem(at, format_args!("offset {found} does not belong to this segment"));
        }
    }

    /// The epoch file may not know the newest epoch yet, but must not contradict a batch.
    fn check_epoch(&mut self, at: u64, header: &BatchHeader) {
        let found = header.partition_leader_epoch;
        let before = self.last_epoch;
        if found.value() < -1 {
            self.problem(at, format_args!("leader epoch {found}"));
            return;
        }
        if found.value() < before {
            self.problem(at, format_args!("leader epoch {found} after {before}"));
        }
        if let Some(reason) = self.contradicts_epochs(header) {
            self.facts.contradicts_epochs = true;
            self.problem(at, reason);
            return;
        }
        self.last_epoch = before.max(found.value());
    }

    /// Why the epoch of a batch and the epoch file cannot both be right.
    fn contradicts_epochs(&self, header: &BatchHeader) -> Option<String> {
        let found = header.partition_leader_epoch;
        let context = &self.check.context;
        let epochs = context.epochs.as_ref()?;
        let known = epochs.epoch_of(header.base_offset);
        if known == Some(found) {
            return None;
        }
        let is_newest = epochs.latest() == known && known.is_none_or(|known| found > known);
        let may_lag = is_newest && context.may_lag(header.base_offset);
        let reason = match known {
            Some(known) => format!("leader epoch {found}, but {LEADER_EPOCHS_FILE} says {known}"),
            // Epochs are cut to the log start, which may not be known on disk yet.
            None if found.value() < 0 || !context.is_clean => return None,
            None if header.base_offset < context.log_start => return None,
            None => format!("leader epoch {found}, which {LEADER_EPOCHS_FILE} does not know"),
        };
        (!may_lag).then_some(reason)
    }

    fn check_body(&mut self, at: u64, header: &BatchHeader, body: Option<&[u8]>) {
        let Some(body) = body else {
            let reason = "the batch is too large to look at its records";
            self.facts.findings.note(&self.check.path, at, reason);
            return;
        };
        match check_records(header, body) {
            Ok(()) => {}
            Err(fault @ RecordsFault::Unsupported { .. }) => {
                let damage = Damage::new(&self.check.path, at, fault);
                self.facts.findings.unsupported.push(damage);
            }
            Err(
                fault @ (RecordsFault::Record { .. }
                | RecordsFault::Compression(_)
                | RecordsFault::MaxTimestamp { .. }),
            ) => self.problem(at, fault),
        }
    }

    fn check_marker(
        &mut self,
        at: u64,
        header: &BatchHeader,
        body: &[u8],
    ) -> Option<EndTransactionMarker> {
        if !header.is_control() || !header.has_producer_id() || header.record_count == 0 {
            return None;
        }
        let bytes = Bytes::from([&header.write()[..], body].concat());
        let marker = RecordBatch::parse(bytes).ok().and_then(|batch| marker_in(&batch));
        if marker.is_none() {
            self.problem(at, "a control batch of a producer that is no end of a transaction");
        }
        marker
    }

    /// Compares the snapshots up to `offset` with what the batches before it say.
    fn check_snapshots(&mut self, offset: Offset) {
        while let Some(at) = self.snapshots.next_if(|at| *at <= offset) {
            let Some(snapshot) = self.check.snapshot(at) else { continue };
            let is_cleaned = self.is_cleaned();
            let path = self.check.context.dir.join(file_name(at, SNAPSHOT_SUFFIX));
            for (index, reason) in self.replay.contradictions(&snapshot, is_cleaned) {
                let position = (index as u64).saturating_mul(46).saturating_add(10);
                self.facts.findings.problem(&path, position, reason);
            }
        }
    }

    fn is_cleaned(&self) -> bool {
        self.facts.is_cleaned
            || self.facts.has_damage
            || self.check.context.cleaned_below() > self.check.base
    }

    /// Names a place where no good batch is and goes on behind it; false if nothing good follows.
    fn on_bad(
        &mut self,
        reader: &mut BatchReader<'_>,
        reason: &BatchError,
        next_bytes: Option<u64>,
    ) -> io::Result<bool> {
        let at = reader.position();
        self.facts.first_bad.get_or_insert((at, self.facts.end));
        let greatest = self.check.base.checked_plus(i64::from(i32::MAX)).unwrap_or(OFFSET_MAX);
        let offsets = self.facts.end..greatest;
        let mut next = None;
        if let Some(position) = next_bytes {
            reader.seek(position);
            if let Found::Batch(batch) = reader.next()?
                && offsets.contains(&batch.header.base_offset)
            {
                next = Some(position);
            }
        }
        if next.is_none() {
            next = reader.find_batch(at.saturating_add(1), &offsets)?;
        }
        let Some(next) = next else {
            self.facts.bad_tail = Some(Damage::new(&self.check.path, at, reason));
            return Ok(false);
        };
        let bytes = next.saturating_sub(at);
        self.problem(at, format_args!("{reason}; {bytes} bytes until the next good batch"));
        self.facts.has_damage = true;
        self.offsets.skip_until(next);
        self.times.give_up();
        self.is_state_known = false;
        reader.seek(next);
        Ok(true)
    }

    /// Nothing of the indexes is judged.
    fn give_up(&mut self) {
        self.facts.has_damage = true;
    }

    fn end(&mut self) {
        let is_whole = self.facts.bad_tail.is_none();
        let end = self.facts.end;
        if is_whole {
            self.check_snapshots(end);
            self.offsets.end(&mut self.facts.findings, "names a batch that is not in the log");
            self.times.end(&mut self.facts.findings, "names an offset that is not in the log");
        }
        let context = &self.check.context;
        let complete_below = match (is_whole, context.is_clean) {
            (true, true) => OFFSET_MAX,
            (true, false) => context.recovery_point.unwrap_or(Offset::ZERO),
            (false, _) => Offset::ZERO,
        };
        let index = AbortsIndex {
            disk: self.check.disk,
            dir: &context.dir,
            base: self.check.base,
            is_state_known: self.is_state_known,
            is_cleaned: self.is_cleaned(),
            is_damaged: self.facts.first_bad.is_some(),
            complete_below,
        };
        let agreed = self.aborts.check(&index, &mut self.facts.findings);
        let agreed = agreed.saturating_add(self.offsets.agreed).saturating_add(self.times.agreed);
        self.facts.index_entry_count = agreed;
    }
}

/// Whether `path` is a segment's file that is checked by itself.
pub(super) fn dir_of(path: &Path) -> PathBuf {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
}
