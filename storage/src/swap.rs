//! What a crash in the middle of a cleaning or a split left behind: `.cleaned` and `.swap` files.
//!
//! `.cleaned` is output being written; `.swap` is complete output that takes the place of the
//! segments in its range.

use std::path::Path;

use highwater_records::Offset;

use crate::batch_scanner::{BatchScanner, Depth, ScanError};
use crate::disk::{DirEntry, Disk, OpenMode};
use crate::error::{AtPath, StorageFault};
use crate::segment::{
    LOG_SUFFIX, SEGMENT_SUFFIXES, Stage, file_name, parse_file_name, remove_if_there,
};

const CLEANED_SUFFIX: &str = Stage::Cleaned.suffix();
const SWAP_SUFFIX: &str = Stage::Swap.suffix();

/// Finishes or undoes an interrupted swap; true if names changed. Safe to be interrupted itself.
pub(crate) fn finish_swaps(
    disk: &dyn Disk,
    dir: &Path,
    entries: &[DirEntry],
) -> Result<bool, StorageFault> {
    let with_suffix = |suffix: &'static str| {
        entries.iter().filter(|entry| !entry.is_dir).filter_map(move |entry| {
            let (offset, kind) = parse_file_name(entry.name.strip_suffix(suffix)?)?;
            Some((offset, kind, entry))
        })
    };
    let lowest_cleaned = with_suffix(CLEANED_SUFFIX).map(|(offset, ..)| offset).min();
    let mut has_changed = false;
    for (_, _, entry) in with_suffix(CLEANED_SUFFIX) {
        remove_if_there(disk, &dir.join(&entry.name))?;
        has_changed = true;
    }
    let is_undone = |offset: Offset| lowest_cleaned.is_some_and(|lowest| offset >= lowest);
    for (_, _, entry) in with_suffix(SWAP_SUFFIX).filter(|(offset, ..)| is_undone(*offset)) {
        remove_if_there(disk, &dir.join(&entry.name))?;
        has_changed = true;
    }
    let complete = || with_suffix(SWAP_SUFFIX).filter(|(offset, ..)| !is_undone(*offset));
    for (base, kind, entry) in complete() {
        if kind == LOG_SUFFIX {
            let end = end_of(disk, &dir.join(&entry.name), base, entry.len_bytes)?;
            remove_replaced(disk, dir, entries, base, end)?;
        }
    }
    for (_, _, entry) in complete() {
        let from = dir.join(&entry.name);
        let to = dir.join(entry.name.trim_end_matches(SWAP_SUFFIX));
        disk.rename(&from, &to).at_path("rename", &from)?;
        has_changed = true;
    }
    if has_changed {
        disk.sync_dir(dir).at_path("sync", dir)?;
    }
    Ok(has_changed)
}

/// The offset after the last batch of a complete file.
fn end_of(
    disk: &dyn Disk,
    path: &Path,
    base: Offset,
    len_bytes: u64,
) -> Result<Offset, StorageFault> {
    let file = disk.open(path, OpenMode::Read).at_path("open", path)?;
    let mut scanner = BatchScanner::new(&*file, path, 0..len_bytes, Depth::Headers);
    let mut end = base;
    loop {
        match scanner.next_batch() {
            Ok(Some(batch)) => end = batch.header.next_offset(),
            Ok(None) | Err(ScanError::Bad(_)) => return Ok(end),
            Err(ScanError::Fault(fault)) => return Err(fault),
        }
    }
}

/// Removes the segments whose base lies in `base..end`.
fn remove_replaced(
    disk: &dyn Disk,
    dir: &Path,
    entries: &[DirEntry],
    base: Offset,
    end: Offset,
) -> Result<(), StorageFault> {
    for entry in entries {
        let Some((offset, LOG_SUFFIX)) = parse_file_name(&entry.name) else { continue };
        if offset > base && offset < end {
            for suffix in SEGMENT_SUFFIXES {
                remove_if_there(disk, &dir.join(file_name(offset, suffix)))?;
            }
        }
    }
    Ok(())
}
