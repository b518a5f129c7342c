//! One pass over one log, a step at a time.

use std::fmt;
use std::io;
use std::sync::Arc;

use highwater_records::{BatchError, BatchHeader, Mutation, Offset, Timestamp};

use super::cleanable::Cleanable;
use super::copying::{Copied, Copying, groups};
use super::filter::{CleaningRules, LastOfProducer, LastOfProducers};
use super::mapping::Mapping;
use super::offset_map::{KeyHash, OffsetMap};
use super::replacement::Replacement;
use super::transactions::CleanedTransactions;
use crate::config::LogConfig;
use crate::error::{Damage, ReadError, StorageFault};
use crate::log::Log;
use crate::producer_state::Producer;
use crate::segment::{Segment, SegmentHome};
use crate::transaction_index::AbortedTransaction;

/// Bytes of log that a step reads, about.
pub(super) const STEP_BYTES: u64 = 1 << 20;

/// How a pass is made.
#[derive(Clone, Copy, Debug)]
pub struct CleaningSetup {
    /// What there is to clean.
    pub cleanable: Cleanable,
    /// What it goes by.
    pub rules: CleaningRules,
    /// Memory of the map of keys; a pass ends early when it is full, and the next one goes on there.
    pub map_bytes_max: usize,
    /// How the map spreads keys.
    pub key_hash: KeyHash,
}

/// What a step did.
#[derive(Debug)]
pub enum Progress {
    /// There is more to do.
    Worked {
        /// Read and written.
        bytes: u64,
    },
    /// A segment is ready to take the place of others.
    Replaces {
        /// For [`Log::replace`].
        replacement: Replacement,
        /// Read and written.
        bytes: u64,
    },
    /// The pass is over.
    Done(CleaningSummary),
}

/// What a pass came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleaningSummary {
    /// All below is clean: for the cleaner-offset checkpoint, once every segment has been replaced.
    pub cleaned_through: Offset,
    /// Different keys in the part that was never cleaned.
    pub key_count: u64,
    /// Records that were looked at.
    pub records_read: u64,
    /// Records that stayed.
    pub records_kept: u64,
    /// Bytes read, in both parts.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
}

/// Why a pass ends early. What it had replaced stays replaced; for the rest the log is as it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CleanError {
    /// The log was cut or deleted meanwhile.
    #[error("the log changed while it was cleaned")]
    Changed,
    /// The log cannot be cleaned: a batch that cannot be read is in the way.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk failed; if it is merely full, try again later.
    #[error("cannot clean the log")]
    Fault(#[from] StorageFault),
}

/// A pass under way. Dropped in the middle it leaves files that the next opening removes; see
/// [`Cleaning::discard`].
pub struct Cleaning {
    home: Arc<SegmentHome>,
    cuts: u64,
    config: LogConfig,
    setup: CleaningSetup,
    /// Segments below the end, oldest first.
    segments: Vec<Arc<Segment>>,
    producers: LastOfProducers,
    aborted: Vec<AbortedTransaction>,
    map: OffsetMap,
    stage: Stage,
    summary: CleaningSummary,
}

enum Stage {
    Mapping(Mapping),
    Copying(Copying),
}

impl fmt::Debug for Cleaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cleaning({} to {})", self.home.dir.display(), self.setup.cleanable.end_offset)
    }
}

impl Log {
    /// Begins a pass over what [`crate::LogView::cleanable`] found.
    ///
    /// # Errors
    /// If the state of producers or transactions cannot be read.
    pub fn begin_cleaning(
        &mut self,
        mut setup: CleaningSetup,
        now: Timestamp,
    ) -> Result<Cleaning, CleanError> {
        self.check_usable()?;
        // What an earlier pass could not finish must have its names before they are taken again.
        self.finish_replacing(false)?;
        if self.config.mutant.is(Mutation::TombstonesGoByTimeOnly) {
            setup.rules.others_compacted_through = None;
        }
        let end = setup.cleanable.end_offset;
        let first = self.segments[0].base_offset();
        let aborted = self.view().aborted_transactions(first, end).map_err(unreadable)?;
        let producers = self.loaded_producers(now)?;
        let last_of = |producer: &Producer| match producer.batches.last() {
            Some(batch) => LastOfProducer::Batch(batch.last_offset),
            None => LastOfProducer::Marker(producer.epoch),
        };
        let producers = producers.iter().map(|(id, producer)| (*id, last_of(producer))).collect();
        let below = self.segments.iter().take_while(|segment| segment.base_offset() < end);
        let segments: Vec<Arc<Segment>> = below.cloned().collect();
        let first_dirty = setup.cleanable.first_dirty_offset;
        Ok(Cleaning {
            home: Arc::clone(&self.home),
            cuts: self.home.cut_count(),
            config: self.config.clone(),
            setup,
            map: OffsetMap::new(setup.key_hash, setup.map_bytes_max).with(self.config.mutant),
            stage: Stage::Mapping(Mapping::new(&segments, first_dirty, &aborted)),
            segments,
            producers,
            aborted,
            summary: CleaningSummary::default(),
        })
    }
}

impl Cleaning {
    /// Does a little: reads about a megabyte, or finishes a segment. Blocks.
    ///
    /// After [`Progress::Replaces`] the caller sees to the replacement, then goes on.
    ///
    /// # Errors
    /// Any [`CleanError`]; call [`Cleaning::discard`] then.
    pub fn step(&mut self) -> Result<Progress, CleanError> {
        if self.home.cut_count() != self.cuts {
            return Err(CleanError::Changed);
        }
        match self.advance() {
            // Deleting a log takes its files away under us, and so does retention.
            Err(_) if self.home.cut_count() != self.cuts => Err(CleanError::Changed),
            Err(CleanError::Fault(fault)) if fault.source.kind() == io::ErrorKind::NotFound => {
                Err(CleanError::Changed)
            }
            done => done,
        }
    }

    fn advance(&mut self) -> Result<Progress, CleanError> {
        let end = self.setup.cleanable.end_offset;
        match &mut self.stage {
            Stage::Mapping(mapping) => {
                let (bytes, mapped) = mapping.step(&self.segments, end, &mut self.map)?;
                self.summary.bytes_read += bytes;
                if let Some(mapped_to) = mapped {
                    self.begin_copying(mapped_to);
                }
                Ok(Progress::Worked { bytes })
            }
            Stage::Copying(copying) => {
                let copied = Copied {
                    home: &self.home,
                    cuts: self.cuts,
                    rules: &self.setup.rules,
                    map: &self.map,
                    mapped_to: self.summary.cleaned_through,
                    producers: &self.producers,
                };
                let Some(copy) = copying.step(&copied, &mut self.summary)? else {
                    return Ok(Progress::Done(self.summary));
                };
                Ok(match copy.finished {
                    Some((old, new)) => {
                        let replacement = Replacement::new(&self.home, (self.cuts, end), old, new);
                        Progress::Replaces { replacement, bytes: copy.bytes }
                    }
                    None => Progress::Worked { bytes: copy.bytes },
                })
            }
        }
    }

    fn begin_copying(&mut self, mapped_to: Offset) {
        self.summary.cleaned_through = mapped_to;
        self.summary.key_count = self.map.key_count() as u64;
        let below = self.segments.partition_point(|segment| segment.base_offset() < mapped_to);
        self.segments.truncate(below);
        let groups = groups(&self.segments, self.setup.cleanable.end_offset, &self.config);
        let transactions = CleanedTransactions::new(std::mem::take(&mut self.aborted));
        self.stage = Stage::Copying(Copying::new(groups, transactions));
    }

    /// Ends the pass and removes what it has written and not given away. Blocks.
    ///
    /// # Errors
    /// If the files cannot be removed; the next opening of the log does it.
    pub fn discard(self) -> Result<(), StorageFault> {
        let Stage::Copying(copying) = self.stage else { return Ok(()) };
        let Some(output) = copying.into_output() else { return Ok(()) };
        let _cutting = self.home.cutting.lock();
        // A deleted log took its files along; another one may stand where it stood.
        if self.home.cut_count() == self.cuts { output.discard() } else { Ok(()) }
    }
}

pub(super) fn unreadable(error: ReadError) -> CleanError {
    match error {
        ReadError::Corrupt(damage) => CleanError::Damaged(damage),
        ReadError::Fault(fault) => CleanError::Fault(fault),
        ReadError::Stale | ReadError::OffsetOutOfRange { .. } => CleanError::Changed,
    }
}

/// A batch whose records cannot be read.
pub(super) fn damaged(segment: &Segment, header: &BatchHeader, error: &BatchError) -> CleanError {
    let reason = format!("batch at offset {}: {error}", header.base_offset);
    CleanError::Damaged(Damage::new(&segment.log_path(), 0, reason))
}
