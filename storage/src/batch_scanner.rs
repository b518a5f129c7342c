//! Walks the batches of a segment file, headers only or with their CRCs.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::path::Path;

use crc_fast::{CrcAlgorithm, Digest};
use highwater_records::{BATCH_HEADER_BYTES, BatchError, BatchHeader};

use crate::disk::DiskFile;
use crate::error::{AtPath, Damage, ReadError, StorageFault};

/// Where in a batch the part begins that its CRC covers.
const CRC_START: u64 = 21;

/// Bytes read at once when only headers are wanted: few for the first, and where batches are so
/// large that a window holds one header anyway; more as long as the next header is near.
const HEADER_WINDOW_BYTES_MIN: usize = 512;
const HEADER_WINDOW_BYTES_MAX: usize = 16 << 10;

/// Bytes read at once when everything is.
const CRC_WINDOW_BYTES: usize = 256 << 10;

/// Batches up to this size are held as a whole when their CRC is wanted, and read only once.
const WHOLE_BATCH_BYTES_MAX: usize = 4 << 20;

/// How closely a scanner looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Structure of the headers only.
    Headers,
    /// The CRC of every batch too.
    Crcs,
}

/// One batch of a segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub(crate) position_bytes: u64,
    pub(crate) header: BatchHeader,
}

/// A place at which no good batch starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadBatch {
    pub(crate) position_bytes: u64,
    pub(crate) reason: BatchError,
}

/// Why a scan stopped.
#[derive(Clone, Debug)]
pub(crate) enum ScanError {
    Bad(BadBatch),
    Fault(StorageFault),
}

impl ScanError {
    pub(crate) fn at(self, path: &Path) -> ReadError {
        match self {
            Self::Bad(bad) => ReadError::Corrupt(Damage::new(path, bad.position_bytes, bad.reason)),
            Self::Fault(fault) => ReadError::Fault(fault),
        }
    }
}

/// A walk over the batches in `position..end` of a file, in a window of bounded size: a length
/// field that lies costs nothing.
pub(crate) struct BatchScanner<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
    position_bytes: u64,
    end_bytes: u64,
    depth: Depth,
    window: Vec<u8>,
    window_at: u64,
    header_window_bytes: usize,
}

impl<'a> BatchScanner<'a> {
    pub(crate) fn new(
        file: &'a dyn DiskFile,
        path: &'a Path,
        range: std::ops::Range<u64>,
        depth: Depth,
    ) -> Self {
        let window = Vec::new();
        let window_at = range.start;
        Self {
            file,
            path,
            position_bytes: range.start,
            end_bytes: range.end,
            depth,
            window,
            window_at,
            header_window_bytes: HEADER_WINDOW_BYTES_MIN,
        }
    }

    /// The next batch; `None` at the end. After an error the scanner stays where it is.
    pub(crate) fn next_batch(&mut self) -> Result<Option<Scanned>, ScanError> {
        let position_bytes = self.position_bytes;
        let left = self.end_bytes.saturating_sub(position_bytes);
        if left == 0 {
            return Ok(None);
        }
        let bad = |reason| ScanError::Bad(BadBatch { position_bytes, reason });
        let head = self.bytes_at(position_bytes, BATCH_HEADER_BYTES)?;
        let header = BatchHeader::read(head).map_err(bad)?;
        let size_bytes = header.size_bytes();
        if size_bytes as u64 > left {
            let found_bytes = usize::try_from(left).unwrap_or(usize::MAX);
            return Err(bad(BatchError::Partial { expected_bytes: size_bytes, found_bytes }));
        }
        if self.depth == Depth::Crcs {
            if size_bytes <= WHOLE_BATCH_BYTES_MAX {
                self.hold(position_bytes, size_bytes)?;
            }
            let found = self.crc_of(position_bytes, size_bytes as u64)?;
            if found != header.crc {
                return Err(bad(BatchError::WrongCrc { expected: header.crc, found }));
            }
        }
        self.position_bytes = position_bytes.saturating_add(size_bytes as u64);
        Ok(Some(Scanned { position_bytes, header }))
    }

    /// Where the next batch starts.
    pub(crate) const fn position_bytes(&self) -> u64 {
        self.position_bytes
    }

    /// The bytes of the batch that was found last, if the window holds them all.
    pub(crate) fn bytes_of(&self, batch: &Scanned) -> Option<&[u8]> {
        let start = batch.position_bytes.checked_sub(self.window_at)?;
        let held = self.window.get(usize::try_from(start).ok()?..)?;
        held.get(..batch.header.size_bytes())
    }

    /// Moves the window so that it holds these bytes, as far as the file has them; what it holds of
    /// them already is not read again.
    fn hold(&mut self, position: u64, size_bytes: usize) -> Result<(), ScanError> {
        let start = position.checked_sub(self.window_at).and_then(|at| usize::try_from(at).ok());
        let start = start.unwrap_or(usize::MAX).min(self.window.len());
        if self.window.len().saturating_sub(start) >= size_bytes {
            return Ok(());
        }
        self.window.drain(..start);
        self.window_at = position;
        let held = self.window.len();
        let left = usize::try_from(self.end_bytes.saturating_sub(position)).unwrap_or(size_bytes);
        self.window.resize(size_bytes.max(CRC_WINDOW_BYTES).min(left), 0);
        let rest = self.window.get_mut(held..).unwrap_or_default();
        let read = self.file.read_at(rest, position.saturating_add(held as u64));
        self.window.truncate(held.saturating_add(*read.as_ref().unwrap_or(&0)));
        read.at_path("read", self.path).map_err(ScanError::Fault)?;
        Ok(())
    }

    fn crc_of(&mut self, position: u64, size_bytes: u64) -> Result<u32, ScanError> {
        let end = position.saturating_add(size_bytes);
        let mut at = position.saturating_add(CRC_START);
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        while at < end {
            let wanted = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
            let part = self.bytes_at(at, wanted.min(CRC_WINDOW_BYTES))?;
            if part.is_empty() {
                break;
            }
            digest.update(part);
            at = at.saturating_add(part.len() as u64);
        }
        let crc = digest.finalize();
        Ok(u32::try_from(crc & u64::from(u32::MAX)).unwrap_or(0))
    }

    /// How much to read for a header at `at`, after the window that was read last.
    fn next_header_window(&mut self, at: u64) -> usize {
        let end = self.window_at.saturating_add(self.window.len() as u64);
        let is_first = self.window.is_empty();
        let is_near = !is_first && at.abs_diff(end) <= HEADER_WINDOW_BYTES_MAX as u64;
        self.header_window_bytes = if is_near {
            self.header_window_bytes.saturating_mul(2).min(HEADER_WINDOW_BYTES_MAX)
        } else {
            HEADER_WINDOW_BYTES_MIN
        };
        self.header_window_bytes
    }

    /// Bytes of the file at `at`, at least one and at most `wanted`, except at the end of the file.
    /// If the window holds fewer than a header's worth of what is wanted, it moves.
    fn bytes_at(&mut self, at: u64, wanted: usize) -> Result<&[u8], ScanError> {
        let enough = wanted.min(BATCH_HEADER_BYTES);
        let start = at.checked_sub(self.window_at).and_then(|start| usize::try_from(start).ok());
        let held = start.and_then(|start| self.window.get(start..)).map_or(0, <[u8]>::len);
        let start = match start {
            Some(start) if held >= enough => start,
            Some(_) | None => {
                let size = match self.depth {
                    Depth::Headers => self.next_header_window(at),
                    Depth::Crcs => CRC_WINDOW_BYTES,
                };
                let left = usize::try_from(self.end_bytes.saturating_sub(at)).unwrap_or(size);
                self.window.resize(size.min(left), 0);
                let read = self.file.read_at(&mut self.window, at);
                self.window.truncate(*read.as_ref().unwrap_or(&0));
                self.window_at = at;
                read.at_path("read", self.path).map_err(ScanError::Fault)?;
                0
            }
        };
        let held = self.window.get(start..).unwrap_or_default();
        Ok(held.get(..wanted).unwrap_or(held))
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::path::PathBuf;
    use std::sync::Arc;

    use highwater_records::{BatchBuilder, Codec, Offset, Timestamp};

    use super::*;
    use crate::disk::{Disk, OpenMode, SimDisk};

    fn file_of(bytes: &[u8]) -> (Arc<dyn DiskFile>, PathBuf) {
        let path = PathBuf::from("/0.log");
        let file = SimDisk::new().open(&path, OpenMode::Create).unwrap();
        file.write_all_at(&mut [IoSlice::new(bytes)], 0).unwrap();
        (file, path)
    }

    fn batch(base: i64, value_bytes: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new(Codec::None);
        builder.base_offset(Offset::new(base));
        builder.append(Timestamp::new(base), None, Some(&vec![7; value_bytes]), &[]);
        builder.build().into_bytes().to_vec()
    }

    fn scan(bytes: &[u8], depth: Depth) -> (Vec<(u64, i64)>, Option<BadBatch>) {
        let (file, path) = file_of(bytes);
        let mut scanner = BatchScanner::new(&*file, &path, 0..bytes.len() as u64, depth);
        let mut found = Vec::new();
        loop {
            match scanner.next_batch() {
                Ok(Some(batch)) => {
                    found.push((batch.position_bytes, batch.header.base_offset.value()));
                }
                Ok(None) => return (found, None),
                Err(ScanError::Bad(bad)) => return (found, Some(bad)),
                Err(ScanError::Fault(fault)) => panic!("{fault}"),
            }
        }
    }

    #[test]
    fn batches_of_all_sizes_are_found_at_both_depths() {
        let sizes = [0, 1, 16_300, 20, 300_000, 5, 1_000_000, 0];
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (base, size) in (0..).zip(sizes) {
            expected.push((bytes.len() as u64, base));
            bytes.extend(batch(base, size));
        }
        for depth in [Depth::Headers, Depth::Crcs] {
            assert_eq!(scan(&bytes, depth), (expected.clone(), None));
        }
    }

    #[test]
    fn flipped_bit_is_found_where_the_crc_looks() {
        let mut bytes = [batch(0, 10), batch(1, 300_000), batch(2, 10)].concat();
        let position = batch(0, 10).len();
        bytes[position + 299_000] ^= 1;
        assert_eq!(scan(&bytes, Depth::Headers).0.len(), 3);
        let (found, bad) = scan(&bytes, Depth::Crcs);
        assert_eq!(found.len(), 1);
        assert_eq!(bad.unwrap().position_bytes, position as u64);
    }

    #[test]
    fn every_cut_ends_the_scan_at_the_last_whole_batch() {
        let (first, second) = (batch(0, 10), batch(1, 30));
        let bytes = [first.clone(), second].concat();
        for cut in first.len() + 1..bytes.len() {
            let (found, bad) = scan(&bytes[..cut], Depth::Crcs);
            assert_eq!(found.len(), 1, "cut at {cut}");
            assert_eq!(bad.unwrap().position_bytes, first.len() as u64);
        }
    }

    #[test]
    fn length_field_that_lies_is_refused_without_reading_that_much() {
        let mut bytes = batch(0, 10);
        bytes[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
        let (found, bad) = scan(&bytes, Depth::Crcs);
        assert!(found.is_empty());
        assert!(matches!(bad.unwrap().reason, BatchError::Partial { .. }));
    }
}
