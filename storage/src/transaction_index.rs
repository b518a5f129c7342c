//! `.txnindex`: which transactions were aborted by the markers of a segment.
//!
//! | at | bytes | name | meaning |
//! | --- | --- | --- | --- |
//! | 0 | 2 | version | 0 |
//! | 2 | 8 | producer id | whose transaction it was |
//! | 10 | 8 | first offset | of the transaction's first record, perhaps in an earlier segment |
//! | 18 | 8 | last offset | of the ABORT marker; rises from entry to entry |
//! | 26 | 8 | last stable offset | once this transaction had ended: where the next one that was open then begins, else the offset after the marker |
//!
//! The file exists only where a marker aborted something. Like the other indexes it is derived, and
//! its newest entries may be in memory only.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::io;
use std::path::Path;

use highwater_records::{Offset, ProducerId};

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::index_file::{IndexEntry, IndexFile, read_entries};

/// The only version there is.
const ENTRY_VERSION: i16 = 0;

/// A transaction that was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Version of the entry; 0.
    pub(crate) version: i16,
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Offset of its first record.
    pub first_offset: Offset,
    /// Offset of its marker.
    pub last_offset: Offset,
    /// What was decided for good once it had ended: all below.
    pub last_stable_offset: Offset,
}

impl AbortedTransaction {
    pub(crate) const fn new(
        producer_id: ProducerId,
        first_offset: Offset,
        last_offset: Offset,
        last_stable_offset: Offset,
    ) -> Self {
        Self { version: ENTRY_VERSION, producer_id, first_offset, last_offset, last_stable_offset }
    }

    /// Whether an entry can be true at all in a segment that begins at `base`.
    pub(crate) fn check(&self, base: Offset) -> Result<(), &'static str> {
        if self.version != ENTRY_VERSION {
            return Err("has a version that is not 0");
        }
        if self.producer_id.value() < 0 || self.first_offset.value() < 0 {
            return Err("has a negative producer id or offset");
        }
        if self.last_offset < base {
            return Err("ends below its segment");
        }
        if self.first_offset >= self.last_offset {
            return Err("ends before it begins");
        }
        let after = self.last_offset.checked_plus(1);
        if self.last_stable_offset.value() < 0 || Some(self.last_stable_offset) > after {
            return Err("has a last stable offset past its end");
        }
        Ok(())
    }
}

impl IndexEntry for AbortedTransaction {
    const BYTES: usize = 34;
    const SUFFIX: &'static str = "txnindex";

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.producer_id.value().to_be_bytes());
        out.extend_from_slice(&self.first_offset.value().to_be_bytes());
        out.extend_from_slice(&self.last_offset.value().to_be_bytes());
        out.extend_from_slice(&self.last_stable_offset.value().to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk::<2>()?;
        let (producer_id, rest) = rest.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (last, rest) = rest.split_first_chunk::<8>()?;
        let stable: &[u8; 8] = rest.try_into().ok()?;
        Some(Self {
            version: i16::from_be_bytes(*version),
            producer_id: ProducerId::new(i64::from_be_bytes(*producer_id)),
            first_offset: Offset::new(i64::from_be_bytes(*first)),
            last_offset: Offset::new(i64::from_be_bytes(*last)),
            last_stable_offset: Offset::new(i64::from_be_bytes(*stable)),
        })
    }

    fn key(&self) -> i64 {
        self.last_offset.value()
    }

    fn may_follow(&self, earlier: &Self) -> bool {
        self.last_offset > earlier.last_offset
    }
}

/// Calls `visit` for the entries of an index, those in the file first, until it says false. What
/// cannot be an entry of a segment that begins at `base` is [`io::ErrorKind::InvalidData`].
pub(crate) fn visit_aborted(
    index: &IndexFile<AbortedTransaction>,
    disk: &dyn Disk,
    path: &Path,
    base: Offset,
    mut visit: impl FnMut(&AbortedTransaction) -> bool,
) -> io::Result<()> {
    let mut last: Option<AbortedTransaction> = None;
    let mut check = |entry: &AbortedTransaction| -> io::Result<bool> {
        let follows = last.is_none_or(|last| entry.may_follow(&last));
        if entry.check(base).is_err() || !follows {
            return Err(io::ErrorKind::InvalidData.into());
        }
        last = Some(*entry);
        Ok(visit(entry))
    };
    if index.stored_count() > 0 {
        let file = disk.open(path, OpenMode::Read)?;
        let mut at = 0_u64;
        while at < index.stored_count() {
            let block = stored_block(&*file, at, index.stored_count())?;
            for entry in &block {
                if !check(entry)? {
                    return Ok(());
                }
            }
            at = at.saturating_add(block.len() as u64);
        }
    }
    for entry in index.tail() {
        if !check(entry)? {
            return Ok(());
        }
    }
    Ok(())
}

fn stored_block(
    file: &dyn DiskFile,
    at: u64,
    stored_count: u64,
) -> io::Result<Vec<AbortedTransaction>> {
    let block = read_entries(file, at, stored_count.saturating_sub(at))?;
    if block.is_empty() {
        // The file is shorter than it was when it was looked at.
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(first: i64, last: i64, stable: i64) -> AbortedTransaction {
        AbortedTransaction::new(
            ProducerId::new(7),
            Offset::new(first),
            Offset::new(last),
            Offset::new(stable),
        )
    }

    #[test]
    fn entry_bytes_are_kafkas() {
        let mut bytes = Vec::new();
        entry(0x0102, 0x0a0b, 0x0a0c).write(&mut bytes);
        let mut expected = vec![0; 34];
        expected[9] = 7;
        expected[16..18].copy_from_slice(&[1, 2]);
        expected[24..26].copy_from_slice(&[10, 11]);
        expected[32..34].copy_from_slice(&[10, 12]);
        assert_eq!(bytes, expected);
        assert_eq!(AbortedTransaction::read(&bytes), Some(entry(0x0102, 0x0a0b, 0x0a0c)));
        assert_eq!(AbortedTransaction::read(&bytes[1..]), None);
    }

    #[test]
    fn entry_that_cannot_be_is_refused() {
        let base = Offset::new(10);
        assert_eq!(entry(3, 12, 13).check(base), Ok(()));
        assert_eq!(entry(3, 12, 5).check(base), Ok(()), "another one is open since before");
        for wrong in [entry(3, 9, 10), entry(12, 12, 13), entry(3, 12, 14), entry(-1, 12, 13)] {
            assert!(wrong.check(base).is_err(), "{wrong:?}");
        }
        assert!(AbortedTransaction { version: 1, ..entry(3, 12, 13) }.check(base).is_err());
    }
}
