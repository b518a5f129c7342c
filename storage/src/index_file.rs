//! What the offset index and the time index have in common: sorted entries of one size, the older
//! ones in a file, the newest in memory.
//!
//! Differs from design decision 10: look-ups read the file by a handful of small `pread`s and map
//! nothing. That needs no unsafe code, no limit on maps and no care when a file is cut, and it
//! keeps no index in memory; a look-up happens once per cold read, beside the read of the data.
//!
//! Entries are derived from the log. A look-up's result is believed only after the batch it points
//! at has been seen to be there (`segment.rs`), so that a damaged index costs time, not truth.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{AtPath, StorageFault};

/// Entries kept in memory before they are written; about 2 MiB of log apart from each other.
const TAIL_ENTRIES_MAX: usize = 512;

/// Entries that the last step of a search reads at once.
const SEARCH_BLOCK_ENTRIES: u64 = 256;

/// One entry of an index.
pub(crate) trait IndexEntry: Copy + PartialEq + fmt::Debug {
    /// Size on disk.
    const BYTES: usize;
    /// Suffix of the file.
    const SUFFIX: &'static str;
    fn write(&self, out: &mut Vec<u8>);
    /// `None` only if `bytes` is not one entry long.
    fn read(bytes: &[u8]) -> Option<Self>;
    /// What the entries are sorted and searched by.
    fn key(&self) -> i64;
    /// Whether `self` may stand right after `earlier`.
    fn may_follow(&self, earlier: &Self) -> bool;
}

/// The entries of one index.
#[derive(Debug)]
pub(crate) struct IndexFile<E> {
    /// Entries at the start of the file; what follows them there is rubbish.
    stored_count: u64,
    /// Whether the file may be longer than its entries.
    must_cut: bool,
    /// Entries after those in the file.
    tail: Vec<E>,
}

impl<E: IndexEntry> IndexFile<E> {
    /// An index whose file has this many bytes. A part of an entry at the end is none.
    pub(crate) fn with_file_of(len_bytes: u64) -> Self {
        Self {
            stored_count: len_bytes.checked_div(E::BYTES as u64).unwrap_or(0),
            must_cut: len_bytes.checked_rem(E::BYTES as u64) != Some(0),
            tail: Vec::new(),
        }
    }

    /// An index without entries, whatever its file holds.
    pub(crate) const fn empty() -> Self {
        Self { stored_count: 0, must_cut: true, tail: Vec::new() }
    }

    pub(crate) fn count(&self) -> u64 {
        self.stored_count.saturating_add(self.tail.len() as u64)
    }

    pub(crate) const fn stored_count(&self) -> u64 {
        self.stored_count
    }

    pub(crate) fn tail(&self) -> &[E] {
        &self.tail
    }

    pub(crate) fn push(&mut self, entry: E) {
        debug_assert!(self.tail.last().is_none_or(|last| entry.may_follow(last)));
        self.tail.push(entry);
    }

    pub(crate) fn wants_write(&self) -> bool {
        self.tail.len() >= TAIL_ENTRIES_MAX
    }

    /// Writes the entries in memory to the file, not synced; false if there was nothing to do.
    pub(crate) fn write_tail(
        &mut self,
        disk: &dyn Disk,
        path: &Path,
    ) -> Result<bool, StorageFault> {
        if self.tail.is_empty() && !self.must_cut {
            return Ok(false);
        }
        let mode = if self.tail.is_empty() { OpenMode::Write } else { OpenMode::Create };
        let file = match disk.open(path, mode) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.tail.is_empty() => {
                self.must_cut = false;
                return Ok(false);
            }
            opened => opened.at_path("open", path)?,
        };
        let at = self.stored_count.saturating_mul(E::BYTES as u64);
        if self.must_cut {
            file.set_len(at).at_path("cut", path)?;
            self.must_cut = false;
        }
        let mut bytes = Vec::new();
        self.tail.iter().for_each(|entry| entry.write(&mut bytes));
        file.write_all_at(&mut [IoSlice::new(&bytes)], at).at_path("write", path)?;
        self.stored_count = self.count();
        self.tail = Vec::new();
        Ok(true)
    }

    /// Keeps only the first entries, as long as they rise and `keep` holds. Reads the whole file:
    /// after a crash anything may stand behind what was synced.
    pub(crate) fn truncate(
        &mut self,
        disk: &dyn Disk,
        path: &Path,
        keep: impl Fn(&E) -> bool,
    ) -> io::Result<()> {
        self.tail.truncate(self.tail.partition_point(&keep));
        if !self.tail.is_empty() || self.stored_count == 0 {
            return Ok(());
        }
        let file = disk.open(path, OpenMode::Read)?;
        let kept = count_rising(&*file, self.stored_count, &keep)?;
        if kept < self.stored_count {
            self.stored_count = kept;
            self.must_cut = true;
        }
        Ok(())
    }

    /// The last entry.
    pub(crate) fn last(&self, disk: &dyn Disk, path: &Path) -> io::Result<Option<E>> {
        if let Some(last) = self.tail.last() {
            return Ok(Some(*last));
        }
        match self.stored_count.checked_sub(1) {
            None => Ok(None),
            Some(last) => read_entry(&*disk.open(path, OpenMode::Read)?, last),
        }
    }
}

fn read_entry<E: IndexEntry>(file: &dyn DiskFile, index: u64) -> io::Result<Option<E>> {
    Ok(read_entries(file, index, 1)?.first().copied())
}

/// Reads up to `count` entries from `index` on; fewer if the file ends.
pub(crate) fn read_entries<E: IndexEntry>(
    file: &dyn DiskFile,
    index: u64,
    count: u64,
) -> io::Result<Vec<E>> {
    let bytes = usize::try_from(count.min(SEARCH_BLOCK_ENTRIES)).unwrap_or(0);
    let mut buffer = vec![0; bytes.saturating_mul(E::BYTES)];
    let read = file.read_at(&mut buffer, index.saturating_mul(E::BYTES as u64))?;
    let whole = buffer.get(..read).unwrap_or_default().chunks_exact(E::BYTES);
    Ok(whole.filter_map(E::read).collect())
}

/// How many of the first `count` entries rise and satisfy `keep`, up to the first that does not.
fn count_rising<E: IndexEntry>(
    file: &dyn DiskFile,
    count: u64,
    keep: &impl Fn(&E) -> bool,
) -> io::Result<u64> {
    let mut kept = 0_u64;
    let mut last: Option<E> = None;
    while kept < count {
        let block = read_entries::<E>(file, kept, count.saturating_sub(kept))?;
        for entry in &block {
            if !keep(entry) || last.is_some_and(|last| !entry.may_follow(&last)) {
                return Ok(kept);
            }
            last = Some(*entry);
            kept = kept.saturating_add(1);
        }
        if block.is_empty() {
            break;
        }
    }
    Ok(kept)
}

/// How many of the first `count` entries satisfy `keep`, which holds for the first ones only.
fn partition_stored<E: IndexEntry>(
    file: &dyn DiskFile,
    count: u64,
    keep: &impl Fn(&E) -> bool,
) -> io::Result<u64> {
    let (mut low, mut high) = (0, count);
    while high.saturating_sub(low) > SEARCH_BLOCK_ENTRIES {
        let middle = low.midpoint(high);
        match read_entry::<E>(file, middle)? {
            Some(entry) if keep(&entry) => low = middle.saturating_add(1),
            Some(_) | None => high = middle,
        }
    }
    let block = read_entries::<E>(file, low, high.saturating_sub(low))?;
    let kept = block.iter().take_while(|entry| keep(entry)).count();
    Ok(low.saturating_add(kept as u64))
}

/// The last of the first `count` entries whose key is not above `key`.
pub(crate) fn floor_stored<E: IndexEntry>(
    disk: &dyn Disk,
    path: &Path,
    count: u64,
    key: i64,
) -> io::Result<Option<E>> {
    if count == 0 {
        return Ok(None);
    }
    let file = disk.open(path, OpenMode::Read)?;
    let below = partition_stored(&*file, count, &|entry: &E| entry.key() <= key)?;
    match below.checked_sub(1) {
        Some(index) => read_entry(&*file, index),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::disk::SimDisk;
    use crate::offset_index::OffsetEntry;

    fn entry(relative_offset: u32) -> OffsetEntry {
        OffsetEntry { relative_offset, position_bytes: relative_offset * 7 }
    }

    fn index_of(count: u32) -> (SimDisk, PathBuf, IndexFile<OffsetEntry>) {
        let (disk, path) = (SimDisk::new(), PathBuf::from("/0.index"));
        let mut index = IndexFile::empty();
        for n in 1..=count {
            index.push(entry(n * 10));
            if index.wants_write() {
                index.write_tail(&disk, &path).unwrap();
            }
        }
        (disk, path, index)
    }

    fn floor(disk: &SimDisk, path: &Path, index: &IndexFile<OffsetEntry>, key: i64) -> Option<u32> {
        let found = index.tail().iter().rev().find(|entry| entry.key() <= key).copied();
        let found = found.or_else(|| {
            floor_stored::<OffsetEntry>(disk, path, index.stored_count(), key).unwrap()
        });
        found.map(|entry| entry.relative_offset)
    }

    #[test]
    fn floor_agrees_with_a_plain_search_in_file_and_memory() {
        for count in [0, 1, 2, 255, 256, 257, 511, 512, 513, 1700] {
            let (disk, path, index) = index_of(count);
            assert_eq!(index.count(), u64::from(count));
            for key in (0..=i64::from(count) * 10 + 20).step_by(if count > 600 { 37 } else { 5 }) {
                let expected = (1..=count).rev().map(|n| n * 10).find(|n| i64::from(*n) <= key);
                assert_eq!(floor(&disk, &path, &index, key), expected, "{count} entries, {key}");
            }
        }
    }

    #[test]
    fn truncated_index_forgets_entries_in_file_and_memory() {
        for keep in [0, 5, 512, 700, 1024, 1100, 1199, 1200] {
            let (disk, path, mut index) = index_of(1200);
            let limit = keep * 10;
            index.truncate(&disk, &path, |entry| entry.relative_offset <= limit).unwrap();
            assert_eq!(index.count(), u64::from(keep));
            index.push(entry(limit + 3));
            index.write_tail(&disk, &path).unwrap();
            let len = disk.open(&path, OpenMode::Read).unwrap().len_bytes().unwrap();
            assert_eq!(len, u64::from(keep + 1) * 8, "nothing old is left behind the end");
            assert_eq!(floor(&disk, &path, &index, i64::MAX), Some(limit + 3));
        }
    }

    #[test]
    fn part_of_an_entry_at_the_end_is_none_and_goes_with_the_next_write() {
        let (disk, path) = (SimDisk::new(), PathBuf::from("/0.index"));
        let file = disk.open(&path, OpenMode::Create).unwrap();
        file.write_all_at(&mut [IoSlice::new(&[0, 0, 0, 10, 0, 0, 0, 70, 9, 9, 9])], 0).unwrap();
        let mut index = IndexFile::<OffsetEntry>::with_file_of(11);
        assert_eq!(index.count(), 1);
        index.write_tail(&disk, &path).unwrap();
        assert_eq!(file.len_bytes().unwrap(), 8);
        assert_eq!(index.last(&disk, &path).unwrap(), Some(entry(10)));
    }
}
