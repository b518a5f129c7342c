//! Shows what is in the files of a log: `highwater log dump`. Reads only.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{BatchHeader, Offset, RecordBatch, Timestamp};

use crate::batch_scanner::{BatchScanner, Depth, ScanError};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{AtPath, Damage, ReadError, StorageFault};
use crate::index_file::{IndexEntry, read_entries};
use crate::offset_index::OffsetEntry;
use crate::segment::parse_file_name;
use crate::time_index::TimeEntry;
use crate::transaction_index::AbortedTransaction;

/// Bytes of an index that are read; Kafka's are at most 10 MiB unless configured otherwise.
const INDEX_BYTES_MAX: u64 = 256 << 20;

/// Walks the batches of a `.log` file, good ones or not.
///
/// Ends after the first place that is no batch, which is given as an error.
#[derive(Debug)]
pub struct SegmentDump {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    position_bytes: u64,
    end_bytes: u64,
    has_ended: bool,
}

/// One batch of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpedBatch {
    /// Where it starts in the file.
    pub position_bytes: u64,
    /// Its header.
    pub header: BatchHeader,
    /// Whether its bytes are what was written.
    pub crc_is_right: bool,
}

/// Opens a `.log` file for a dump.
///
/// # Errors
/// If it cannot be opened.
pub fn dump_segment(disk: &dyn Disk, path: &Path) -> Result<SegmentDump, StorageFault> {
    let file = disk.open(path, OpenMode::Read).at_path("open", path)?;
    let end_bytes = file.len_bytes().at_path("look at", path)?;
    Ok(SegmentDump {
        file,
        path: path.to_path_buf(),
        position_bytes: 0,
        end_bytes,
        has_ended: false,
    })
}

impl SegmentDump {
    /// Reads a batch of this dump whole, for its records.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] if its CRC is wrong.
    pub fn read_batch(&self, batch: &DumpedBatch) -> Result<RecordBatch, ReadError> {
        let mut bytes = vec![0; batch.header.size_bytes()];
        let read = self.file.read_at(&mut bytes, batch.position_bytes);
        bytes.truncate(read.at_path("read", &self.path)?);
        let parsed = RecordBatch::parse(Bytes::from(bytes));
        Ok(parsed.map_err(|error| Damage::new(&self.path, batch.position_bytes, error))?)
    }

    fn scan(&mut self, depth: Depth) -> Result<Option<DumpedBatch>, ScanError> {
        let range = self.position_bytes..self.end_bytes;
        let mut scanner = BatchScanner::new(&*self.file, &self.path, range, depth);
        let Some(batch) = scanner.next_batch()? else { return Ok(None) };
        self.position_bytes = scanner.position_bytes();
        Ok(Some(DumpedBatch {
            position_bytes: batch.position_bytes,
            header: batch.header,
            crc_is_right: depth == Depth::Crcs,
        }))
    }
}

impl Iterator for SegmentDump {
    type Item = Result<DumpedBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let found = match self.scan(Depth::Crcs) {
            // A batch with a wrong CRC is shown; only what has no header ends the dump.
            Err(ScanError::Bad(_)) => self.scan(Depth::Headers),
            other => other,
        };
        match found {
            Ok(Some(batch)) => Some(Ok(batch)),
            Ok(None) => {
                self.has_ended = true;
                None
            }
            Err(error) => {
                self.has_ended = true;
                Some(Err(error.at(&self.path)))
            }
        }
    }
}

/// The entries of an `.index` file: last offset of a batch, and where it starts.
///
/// # Errors
/// If it cannot be read or is no whole number of entries.
pub fn dump_offset_index(disk: &dyn Disk, path: &Path) -> Result<Vec<(Offset, u64)>, StorageFault> {
    let base = base_of(path);
    let entries = read_index::<OffsetEntry>(disk, path)?.into_iter();
    let shown = entries.map(|entry| {
        let offset = base.checked_plus(i64::from(entry.relative_offset)).unwrap_or(base);
        (offset, u64::from(entry.position_bytes))
    });
    Ok(shown.collect())
}

/// The entries of a `.timeindex` file: greatest timestamp so far, and the last offset of the batch
/// that brought it.
///
/// # Errors
/// If it cannot be read or is no whole number of entries.
pub fn dump_time_index(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Vec<(Timestamp, Offset)>, StorageFault> {
    let base = base_of(path);
    let entries = read_index::<TimeEntry>(disk, path)?.into_iter();
    let shown = entries.map(|entry| {
        let offset = base.checked_plus(i64::from(entry.relative_offset)).unwrap_or(base);
        (entry.timestamp, offset)
    });
    Ok(shown.collect())
}

/// The entries of a `.txnindex` file.
///
/// # Errors
/// If it cannot be read or is no whole number of entries.
pub fn dump_transaction_index(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Vec<AbortedTransaction>, StorageFault> {
    read_all_entries(disk, path)
}

fn base_of(path: &Path) -> Offset {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parse_file_name(&name).map_or(Offset::ZERO, |(base, _)| base)
}

/// All entries of an index, without the zeros to which Apache Kafka preallocates one that is in
/// use. A file that is too large, or no whole number of entries, is
/// [`io::ErrorKind::InvalidData`].
pub(crate) fn read_index<E: IndexEntry>(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Vec<E>, StorageFault> {
    let mut entries = read_all_entries(disk, path)?;
    let zero = E::read(&vec![0; E::BYTES]);
    let kept = entries.iter().rposition(|entry| Some(*entry) != zero);
    entries.truncate(kept.map_or(0, |last| last.saturating_add(1)));
    Ok(entries)
}

/// The same with the zeros.
pub(crate) fn read_all_entries<E: IndexEntry>(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Vec<E>, StorageFault> {
    let invalid = |reason: &str| {
        let error = io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
        StorageFault::new("read", path, error)
    };
    let file = disk.open(path, OpenMode::Read).at_path("open", path)?;
    let len_bytes = file.len_bytes().at_path("look at", path)?;
    if len_bytes > INDEX_BYTES_MAX {
        return Err(invalid("too large for an index"));
    }
    if len_bytes.checked_rem(E::BYTES as u64) != Some(0) {
        return Err(invalid("not a whole number of entries"));
    }
    let mut entries: Vec<E> = Vec::new();
    loop {
        let block = read_entries::<E>(&*file, entries.len() as u64, u64::MAX);
        let block = block.at_path("read", path)?;
        if block.is_empty() {
            break;
        }
        entries.extend(block);
    }
    Ok(entries)
}
