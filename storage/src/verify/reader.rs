//! Reads whole batches of a `.log` file, one after another, in large reads of bounded memory.

use std::io;
use std::ops::Range;

use crc_fast::{CrcAlgorithm, Digest};
use highwater_records::{
    BATCH_CRC_START, BATCH_HEADER_BYTES, BATCH_MAGIC, BatchError, BatchHeader, Offset, crc32c,
};

use crate::batch_scanner::Scanned;
use crate::disk::DiskFile;

/// Bytes read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// Batches up to this size are held whole; of larger ones only the CRC is computed.
const WHOLE_BATCH_BYTES_MAX: usize = 64 << 20;

/// What stands at a position.
#[derive(Debug)]
pub(super) enum Found {
    End,
    /// A batch with a right CRC; see [`BatchReader::body`].
    Batch(Scanned),
    /// No good batch. The reader stays there.
    Bad {
        reason: BatchError,
        /// Where the next one begins if the length field is true.
        next_bytes: Option<u64>,
    },
    /// Batches in a format older than v2.
    OldFormat(BatchError),
}

/// The walk over `0..end` of a file.
pub(super) struct BatchReader<'a> {
    file: &'a dyn DiskFile,
    end_bytes: u64,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that hold bytes of the file, and where in the file the first of them is.
    filled: usize,
    buffer_at: u64,
    /// The reader's position in `buffer`.
    start: usize,
    body: Option<Range<usize>>,
}

impl<'a> BatchReader<'a> {
    pub(super) fn new(file: &'a dyn DiskFile, end_bytes: u64) -> Self {
        let buffer = Vec::new();
        Self { file, end_bytes, buffer, filled: 0, buffer_at: 0, start: 0, body: None }
    }

    pub(super) fn position(&self) -> u64 {
        self.buffer_at.saturating_add(self.start as u64)
    }

    /// What follows the header of the batch that was found last; `None` if it is too large to be
    /// held.
    pub(super) fn body(&self) -> Option<&[u8]> {
        self.buffer.get(self.body.clone()?)
    }

    pub(super) fn seek(&mut self, position: u64) {
        let ahead = position.checked_sub(self.buffer_at).and_then(|n| usize::try_from(n).ok());
        match ahead.filter(|ahead| *ahead <= self.filled) {
            Some(ahead) => self.start = ahead,
            None => (self.buffer_at, self.filled, self.start) = (position, 0, 0),
        }
    }

    /// Takes the batch at the position.
    pub(super) fn next(&mut self) -> io::Result<Found> {
        self.body = None;
        let position_bytes = self.position();
        let left = self.end_bytes.saturating_sub(position_bytes);
        if left == 0 {
            return Ok(Found::End);
        }
        let header = match BatchHeader::read(self.held(BATCH_HEADER_BYTES)?) {
            Ok(header) => header,
            Err(reason @ BatchError::UnsupportedMagic { magic: 0 | 1 }) => {
                let is_v2 = self.is_v2_but_for_its_magic()?;
                return Ok(match is_v2 {
                    true => Found::Bad { reason, next_bytes: None },
                    false => Found::OldFormat(reason),
                });
            }
            Err(reason) => return Ok(Found::Bad { reason, next_bytes: None }),
        };
        let size_bytes = header.size_bytes();
        if size_bytes as u64 > left {
            let found_bytes = usize::try_from(left).unwrap_or(usize::MAX);
            let reason = BatchError::Partial { expected_bytes: size_bytes, found_bytes };
            return Ok(Found::Bad { reason, next_bytes: None });
        }
        let Some(crc) = self.crc_of(size_bytes)? else {
            let found_bytes = self.filled.saturating_sub(self.start);
            let reason = BatchError::Partial { expected_bytes: size_bytes, found_bytes };
            return Ok(Found::Bad { reason, next_bytes: None });
        };
        let next_bytes = position_bytes.saturating_add(size_bytes as u64);
        if crc != header.crc {
            self.seek(position_bytes);
            let reason = BatchError::WrongCrc { expected: header.crc, found: crc };
            return Ok(Found::Bad { reason, next_bytes: Some(next_bytes) });
        }
        if size_bytes <= WHOLE_BATCH_BYTES_MAX {
            let body = self.start.saturating_add(BATCH_HEADER_BYTES);
            self.body = Some(body..self.start.saturating_add(size_bytes));
        }
        self.seek(next_bytes);
        Ok(Found::Batch(Scanned { position_bytes, header }))
    }

    /// The first good batch at or after `from` whose base offset lies in `offsets`: what a search
    /// for anything that looks like a batch and has a right CRC finds.
    pub(super) fn find_batch(
        &mut self,
        from: u64,
        offsets: &Range<Offset>,
    ) -> io::Result<Option<u64>> {
        let mut at = from;
        loop {
            self.seek(at);
            let left = self.end_bytes.saturating_sub(at);
            let window = self.held(WINDOW_BYTES)?;
            let heads = window.windows(BATCH_HEADER_BYTES);
            let found = heads.clone().position(|head| is_plausible(head, offsets, left));
            let passed = found.unwrap_or(heads.len());
            if passed == 0 && found.is_none() {
                return Ok(None);
            }
            at = at.saturating_add(passed as u64);
            if found.is_some() {
                self.seek(at);
                if let Found::Batch(_) = self.next()? {
                    self.seek(at);
                    return Ok(Some(at));
                }
                at = at.saturating_add(1);
            }
        }
    }

    /// Whether what looks like an old format is a batch of v2 whose magic byte has changed.
    fn is_v2_but_for_its_magic(&mut self) -> io::Result<bool> {
        let position_bytes = self.position();
        let left = self.end_bytes.saturating_sub(position_bytes);
        let mut head = self.held(BATCH_HEADER_BYTES)?.to_vec();
        if let Some(magic) = head.get_mut(16) {
            *magic = BATCH_MAGIC.cast_unsigned();
        }
        let Ok(header) = BatchHeader::read(&head) else { return Ok(false) };
        let is_there = header.size_bytes() as u64 <= left;
        let crc = if is_there { self.crc_of(header.size_bytes())? } else { None };
        self.seek(position_bytes);
        Ok(crc == Some(header.crc))
    }

    /// CRC of the batch at the position; `None` if the file has become shorter.
    fn crc_of(&mut self, size_bytes: usize) -> io::Result<Option<u32>> {
        if size_bytes <= WHOLE_BATCH_BYTES_MAX {
            let bytes = self.held(size_bytes)?;
            let covered = bytes.get(BATCH_CRC_START..size_bytes);
            return Ok(covered.map(crc32c));
        }
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        let mut at = self.position().saturating_add(BATCH_CRC_START as u64);
        let end = self.position().saturating_add(size_bytes as u64);
        while at < end {
            self.seek(at);
            let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
            let wanted = left.min(WINDOW_BYTES);
            let part = self.held(wanted)?;
            let Some(part) = part.get(..part.len().min(wanted)).filter(|part| !part.is_empty())
            else {
                return Ok(None);
            };
            digest.update(part);
            at = at.saturating_add(part.len() as u64);
        }
        Ok(u32::try_from(digest.finalize() & u64::from(u32::MAX)).ok())
    }

    /// Bytes from the position on: at least `wanted`, except at the end of the file.
    fn held(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let held = self.filled.saturating_sub(self.start);
        if held < wanted {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.buffer_at = self.position();
            (self.start, self.filled) = (0, held);
            let read_at = self.buffer_at.saturating_add(held as u64);
            let left = usize::try_from(self.end_bytes.saturating_sub(read_at));
            let more = wanted.max(WINDOW_BYTES).saturating_sub(held);
            let size = held.saturating_add(more.min(left.unwrap_or(usize::MAX)));
            if self.buffer.len() < size {
                self.buffer.resize(size, 0);
            }
            let room = self.buffer.get_mut(held..size).unwrap_or_default();
            self.filled = held.saturating_add(self.file.read_at(room, read_at)?);
        }
        Ok(self.buffer.get(self.start..self.filled).unwrap_or_default())
    }
}

/// Whether a header could be that of a batch with an offset that is wanted.
fn is_plausible(head: &[u8], offsets: &Range<Offset>, left: u64) -> bool {
    if head.get(16) != Some(&BATCH_MAGIC.cast_unsigned()) {
        return false;
    }
    BatchHeader::read(head).is_ok_and(|header| {
        header.size_bytes() as u64 <= left
            && offsets.contains(&header.base_offset)
            && header.record_count <= header.last_offset_delta.saturating_add(1)
            && !header.attributes.has_unused_bits()
    })
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::path::Path;

    use highwater_records::{BatchBuilder, Codec, Timestamp};

    use super::*;
    use crate::disk::{Disk, OpenMode, SimDisk};

    fn batch(base: i64, value_bytes: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new(Codec::None);
        builder.base_offset(Offset::new(base));
        builder.append(Timestamp::new(base), None, Some(&vec![7; value_bytes]), &[]);
        builder.build().into_bytes().to_vec()
    }

    fn walk(bytes: &[u8]) -> Vec<String> {
        let file = SimDisk::new().open(Path::new("/0.log"), OpenMode::Create).unwrap();
        file.write_all_at(&mut [IoSlice::new(bytes)], 0).unwrap();
        let mut reader = BatchReader::new(&*file, bytes.len() as u64);
        let mut found = Vec::new();
        loop {
            match reader.next().unwrap() {
                Found::End => return found,
                Found::Batch(batch) => {
                    assert_eq!(
                        reader.body().unwrap().len() + BATCH_HEADER_BYTES,
                        batch.header.size_bytes()
                    );
                    found.push(format!("{}@{}", batch.header.base_offset, batch.position_bytes));
                }
                Found::OldFormat(_) => {
                    found.push("old".to_owned());
                    return found;
                }
                Found::Bad { .. } => {
                    let from = reader.position();
                    found.push(format!("bad@{from}"));
                    let offsets = Offset::ZERO..Offset::new(100);
                    match reader.find_batch(from + 1, &offsets).unwrap() {
                        Some(next) => reader.seek(next),
                        None => return found,
                    }
                }
            }
        }
    }

    #[test]
    fn batches_of_all_sizes_are_read_whole() {
        let sizes = [0, 20, 1_048_500, 3_000_000, 5, 700_000, 700_000, 1];
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (base, size) in (0..).zip(sizes) {
            expected.push(format!("{base}@{}", bytes.len()));
            bytes.extend(batch(base, size));
        }
        assert_eq!(walk(&bytes), expected);
    }

    #[test]
    fn batches_behind_any_damage_are_found_again() {
        let parts = [batch(0, 10), batch(1, 2_000_000), batch(2, 10)];
        let (first, second) = (parts[0].len(), parts[1].len());
        for at in [8, 16, 17, 30, 61, 1_500_000] {
            let mut bytes = parts.concat();
            bytes[first + at] ^= 0x40;
            let expected =
                ["0@0".to_owned(), format!("bad@{first}"), format!("2@{}", first + second)];
            assert_eq!(walk(&bytes), expected, "byte {at}");
        }
    }

    #[test]
    fn changed_magic_is_not_taken_for_an_old_format() {
        let mut bytes = [batch(0, 10), batch(1, 10)].concat();
        bytes[16] = 0;
        assert_eq!(walk(&bytes), ["bad@0".to_owned(), format!("1@{}", batch(0, 10).len())]);
        let mut old = vec![0; 40];
        old[16] = 1;
        assert_eq!(walk(&old), ["old"]);
    }
}
