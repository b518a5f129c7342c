//! The three indexes of a segment against its batches.

use std::io;
use std::iter::{Enumerate, Peekable};
use std::path::{Path, PathBuf};

use highwater_records::{BatchHeader, Offset, ProducerId, Timestamp};

use super::findings::Findings;
use crate::disk::Disk;
use crate::dump::{read_all_entries, read_index};
use crate::error::StorageFault;
use crate::index_file::IndexEntry;
use crate::offset_index::OffsetEntry;
use crate::segment::file_name;
use crate::time_index::TimeEntry;
use crate::transaction_index::AbortedTransaction;

/// Entries of an index that the walk over the segment has not met yet.
pub(super) struct Expected<E> {
    path: PathBuf,
    base: Offset,
    entries: Peekable<Enumerate<std::vec::IntoIter<E>>>,
    /// Entries that agree with the log.
    pub(super) agreed: u64,
}

impl<E: IndexEntry> Expected<E> {
    /// Reads an index; what is wrong with the file itself is noted.
    pub(super) fn read(disk: &dyn Disk, dir: &Path, base: Offset, findings: &mut Findings) -> Self {
        let path = dir.join(file_name(base, E::SUFFIX));
        let mut entries = or_problem(read_index::<E>(disk, &path), &path, findings);
        let pairs = entries.iter().zip(entries.iter().skip(1));
        let wrong = pairs.enumerate().find(|(_, (one, two))| !two.may_follow(one));
        if let Some(index) = wrong.map(|(index, _)| index.saturating_add(1)) {
            findings.problem(
                &path,
                byte_of::<E>(index),
                format_args!("entry {index} does not rise"),
            );
            entries.truncate(index);
        }
        Self { path, base, entries: entries.into_iter().enumerate().peekable(), agreed: 0 }
    }

    fn problem(&self, findings: &mut Findings, index: usize, reason: &str) {
        let reason = format_args!("entry {index} {reason}");
        findings.problem(&self.path, byte_of::<E>(index), reason);
    }

    /// Entries left once the whole segment was walked name nothing that is there.
    pub(super) fn end(&mut self, findings: &mut Findings, reason: &str) {
        if let Some((index, _)) = self.entries.next() {
            self.problem(findings, index, reason);
        }
    }
}

fn byte_of<E: IndexEntry>(index: usize) -> u64 {
    (index as u64).saturating_mul(E::BYTES as u64)
}

/// What was read, or nothing, and why.
fn or_problem<E>(
    read: Result<Vec<E>, StorageFault>,
    path: &Path,
    findings: &mut Findings,
) -> Vec<E> {
    match read {
        Ok(entries) => return entries,
        Err(fault) if fault.source.kind() == io::ErrorKind::NotFound => {}
        Err(fault) if fault.source.kind() == io::ErrorKind::InvalidData => {
            findings.problem(path, 0, &fault.source);
        }
        Err(fault) => findings.problem(path, 0, format_args!("cannot be read: {}", fault.source)),
    }
    Vec::new()
}

impl Expected<OffsetEntry> {
    pub(super) fn check(&mut self, findings: &mut Findings, at: u64, header: &BatchHeader) {
        while let Some((index, entry)) =
            self.entries.next_if(|(_, entry)| u64::from(entry.position_bytes) <= at)
        {
            let last = self.base.checked_plus(i64::from(entry.relative_offset));
            let is_here = u64::from(entry.position_bytes) == at;
            if is_here && last == Some(header.last_offset()) {
                self.agreed = self.agreed.saturating_add(1);
            } else {
                self.problem(findings, index, "does not name the batch at its position");
            }
        }
    }

    /// Passes entries for batches that cannot be read.
    pub(super) fn skip_until(&mut self, at: u64) {
        while self.entries.next_if(|(_, entry)| u64::from(entry.position_bytes) < at).is_some() {}
    }
}

impl Expected<TimeEntry> {
    pub(super) fn check(
        &mut self,
        findings: &mut Findings,
        greatest_before: Timestamp,
        header: &BatchHeader,
    ) {
        let last = header.last_offset();
        let base = self.base;
        let offset_of = |entry: &TimeEntry| base.checked_plus(i64::from(entry.relative_offset));
        while let Some((index, entry)) =
            self.entries.next_if(|(_, entry)| offset_of(entry).is_none_or(|offset| offset <= last))
        {
            if offset_of(&entry) == Some(last)
                && entry.timestamp == header.max_timestamp
                && entry.timestamp > greatest_before
            {
                self.agreed = self.agreed.saturating_add(1);
            } else {
                let reason = "does not name the first batch with its timestamp";
                self.problem(findings, index, reason);
            }
        }
    }

    /// Gives up: a batch that cannot be read may have had any timestamp.
    pub(super) fn give_up(&mut self) {
        self.entries = Vec::new().into_iter().enumerate().peekable();
    }
}

/// The ABORT markers of a segment, and the transactions that they are known to have aborted.
#[derive(Debug, Default)]
pub(super) struct Aborts {
    markers: Vec<(Offset, ProducerId)>,
    known: Vec<AbortedTransaction>,
}

impl Aborts {
    /// Takes note of a marker; `aborted` is what it ended, if that is known.
    pub(super) fn push(&mut self, header: &BatchHeader, aborted: Option<AbortedTransaction>) {
        self.markers.push((header.last_offset(), header.producer_id));
        self.known.extend(aborted);
    }

    /// Compares them with the transaction index.
    pub(super) fn check(&self, index: &AbortsIndex<'_>, findings: &mut Findings) -> u64 {
        let path = index.dir.join(file_name(index.base, AbortedTransaction::SUFFIX));
        let read = read_all_entries::<AbortedTransaction>(index.disk, &path);
        let entries = or_problem(read, &path, findings);
        let mut agreed = 0_u64;
        let mut before: Option<AbortedTransaction> = None;
        for (at, entry) in entries.iter().enumerate() {
            let rises = before.is_none_or(|before| entry.may_follow(&before));
            before = Some(*entry);
            let checked = if rises { entry.check(index.base) } else { Err("does not rise") };
            match checked
                .map_or_else(|reason| Err(reason.to_owned()), |()| self.agrees(entry, index))
            {
                Ok(()) => agreed = agreed.saturating_add(1),
                Err(reason) => {
                    let reason = format_args!("entry {at} {reason}");
                    findings.problem(&path, byte_of::<AbortedTransaction>(at), reason);
                }
            }
        }
        let is_missing = |known: &&AbortedTransaction| {
            let found = entries.binary_search_by_key(&known.last_offset, |entry| entry.last_offset);
            found.is_err() && known.last_offset < index.complete_below
        };
        if let Some(missing) = self.known.iter().find(is_missing).filter(|_| !index.is_cleaned) {
            let end = byte_of::<AbortedTransaction>(entries.len());
            let (first, last) = (missing.first_offset, missing.last_offset);
            let reason = format_args!(
                "no entry for the transaction aborted at offset {last}, which began at {first}"
            );
            findings.problem(&path, end, reason);
        }
        agreed
    }

    fn agrees(&self, entry: &AbortedTransaction, index: &AbortsIndex<'_>) -> Result<(), String> {
        let last = entry.last_offset;
        let Ok(at) = self.markers.binary_search_by_key(&last, |(offset, _)| *offset) else {
            return match index.is_damaged {
                true => Ok(()),
                false => Err(format!("names offset {last}, where no ABORT marker is")),
            };
        };
        let producer = self.markers.get(at).map(|(_, producer)| *producer);
        if producer != Some(entry.producer_id) {
            return Err(format!("names another producer than the marker at offset {last}"));
        }
        let known = self.known.binary_search_by_key(&last, |known| known.last_offset);
        let Some(known) = known.ok().and_then(|at| self.known.get(at)) else {
            let is_wrong = index.is_state_known && !index.is_cleaned;
            return match is_wrong {
                true => Err(format!("names a marker at offset {last} that aborted nothing")),
                false => Ok(()),
            };
        };
        // A cleaner takes the records of aborted transactions away, and with them what is compared.
        if index.is_cleaned {
            return Ok(());
        }
        if known.first_offset != entry.first_offset {
            let (said, true_one) = (entry.first_offset, known.first_offset);
            return Err(format!("says the transaction began at {said}, it began at {true_one}"));
        }
        if index.is_state_known && known.last_stable_offset != entry.last_stable_offset {
            let (said, true_one) = (entry.last_stable_offset, known.last_stable_offset);
            return Err(format!("says last stable offset {said}, it was {true_one}"));
        }
        Ok(())
    }
}

/// What must be known to judge a transaction index.
pub(super) struct AbortsIndex<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) dir: &'a Path,
    pub(super) base: Offset,
    /// Whether it was known what was open at the base.
    pub(super) is_state_known: bool,
    pub(super) is_cleaned: bool,
    /// Whether some batches cannot be read.
    pub(super) is_damaged: bool,
    /// Entries for markers below this must be there.
    pub(super) complete_below: Offset,
}
