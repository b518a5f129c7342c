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
///
/// Names become durable in any order, so each step is synced before the next: an old segment that
/// came back beside the one in its place would overlap it.
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
    // Only the log says that a segment is complete: its name may be lost where an index's is kept.
    // And an index that is not renamed yet while its log is can be built again.
    let is_complete = |base: Offset| {
        lowest_cleaned.is_none_or(|lowest| base < lowest)
            && with_suffix(SWAP_SUFFIX)
                .any(|(offset, kind, _)| (offset, kind) == (base, LOG_SUFFIX))
    };
    let sync = || disk.sync_dir(dir).at_path("sync", dir);
    let undone = with_suffix(SWAP_SUFFIX).filter(|(base, ..)| !is_complete(*base));
    let undone: Vec<_> = undone.chain(with_suffix(CLEANED_SUFFIX)).collect();
    let complete: Vec<_> =
        with_suffix(SWAP_SUFFIX).filter(|(base, ..)| is_complete(*base)).collect();
    if undone.is_empty() && complete.is_empty() {
        return Ok(false);
    }
    // A kill leaves names that are seen but not durable: what makes the new segment complete must
    // not be lost once the old ones are gone.
    sync()?;
    for (_, _, entry) in &undone {
        remove_if_there(disk, &dir.join(&entry.name))?;
    }
    for (base, kind, entry) in &complete {
        if *kind == LOG_SUFFIX {
            let end = end_of(disk, &dir.join(&entry.name), *base)?;
            remove_replaced(disk, dir, entries, *base, end)?;
        }
    }
    sync()?;
    for (_, _, entry) in &complete {
        let from = dir.join(&entry.name);
        let to = dir.join(entry.name.trim_end_matches(SWAP_SUFFIX));
        disk.rename(&from, &to).at_path("rename", &from)?;
    }
    if !complete.is_empty() {
        sync()?;
    }
    Ok(true)
}

/// The offset after the last batch of a complete file.
fn end_of(disk: &dyn Disk, path: &Path, base: Offset) -> Result<Offset, StorageFault> {
    let file = disk.open(path, OpenMode::Read).at_path("open", path)?;
    let len_bytes = file.len_bytes().at_path("look at", path)?;
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

/// Removes the segments whose base lies in `base..end`, all but the log at `base`, which the rename
/// replaces.
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
    let indexes = SEGMENT_SUFFIXES.iter().filter(|suffix| **suffix != LOG_SUFFIX);
    for suffix in indexes {
        remove_if_there(disk, &dir.join(file_name(base, suffix)))?;
    }
    Ok(())
}
