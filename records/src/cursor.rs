//! A walk over record bytes that may come in pieces, without taking anything out of them.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::cell::Cell;

use crate::compression::{Codec, CompressionError, Decompressor, Output};
use crate::varint::{CUT_OFF, Raw, read_raw, unzigzag_32, unzigzag_64};

/// Largest block that a thread keeps for its next compressed batch.
const SPARE_BLOCK_BYTES_MAX: usize = 256 << 10;

/// Why the walk cannot go on.
pub(crate) enum Stop {
    Invalid(&'static str),
    Decompression(CompressionError),
}

/// Record bytes that come in pieces; records may lie across them.
pub(crate) trait Blocks {
    fn current(&self) -> &[u8];
    /// Replaces the current piece by the next, or says that there is none.
    fn refill(&mut self) -> Result<bool, CompressionError>;
}

/// Uncompressed: one piece, not copied.
pub(crate) struct Plain<'a> {
    records: &'a [u8],
}

impl<'a> Plain<'a> {
    pub(crate) const fn new(records: &'a [u8]) -> Self {
        Self { records }
    }
}

impl Blocks for Plain<'_> {
    #[inline]
    fn current(&self) -> &[u8] {
        self.records
    }

    fn refill(&mut self) -> Result<bool, CompressionError> {
        Ok(false)
    }
}

thread_local! {
    /// What a block was decompressed into, for the next batch.
    static SPARE_BLOCK: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Compressed: one block at a time, so that a batch needs no more memory than its largest block.
pub(crate) struct Compressed<'a> {
    decompressor: Decompressor<'a>,
    block: Output,
}

impl<'a> Compressed<'a> {
    pub(crate) fn new(
        codec: Codec,
        body: &'a [u8],
        max_bytes: usize,
    ) -> Result<Self, CompressionError> {
        let decompressor = Decompressor::new(codec, body, max_bytes)?;
        Ok(Self { decompressor, block: Output::reusing(SPARE_BLOCK.take()) })
    }

    /// Leaves the block's memory for this thread's next batch.
    pub(crate) fn keep_memory(self) {
        let memory = self.block.into_memory();
        if memory.capacity() <= SPARE_BLOCK_BYTES_MAX {
            SPARE_BLOCK.set(memory);
        }
    }
}

impl Blocks for &mut Compressed<'_> {
    #[inline]
    fn current(&self) -> &[u8] {
        self.block.filled()
    }

    fn refill(&mut self) -> Result<bool, CompressionError> {
        self.block.clear();
        self.decompressor.produce(&mut self.block)
    }
}

/// What the walk needs to know of a record.
pub(crate) struct RecordFacts {
    pub(crate) offset_delta: i32,
    pub(crate) timestamp_delta: i64,
    pub(crate) has_key: bool,
    pub(crate) header_count: usize,
}

/// A position in record bytes.
pub(crate) struct Cursor<B> {
    blocks: B,
    /// Position in the current piece.
    at: usize,
    /// Bytes of the pieces before it.
    before: u64,
}

impl<B: Blocks> Cursor<B> {
    pub(crate) const fn new(blocks: B) -> Self {
        Self { blocks, at: 0, before: 0 }
    }

    /// Takes a good record that lies whole in the current piece, which nearly all do. Everything
    /// else, also what is wrong with a record, is left to [`Cursor::record`].
    #[inline]
    pub(crate) fn whole_record(&mut self, index: i32) -> Option<RecordFacts> {
        let (facts, at) = self.split_record()?;
        if facts.offset_delta != index {
            return None;
        }
        self.at = at;
        Some(facts)
    }

    /// The same whatever its offset is.
    #[inline]
    pub(crate) fn any_whole_record(&mut self) -> Option<RecordFacts> {
        let (facts, at) = self.split_record()?;
        self.at = at;
        Some(facts)
    }

    /// The record at the position, and the position after it.
    #[inline]
    fn split_record(&self) -> Option<(RecordFacts, usize)> {
        let piece = self.blocks.current();
        let (length, rest) = split_varint::<32>(piece.get(self.at..)?)?;
        let length = usize::try_from(unzigzag_32(length)).ok()?;
        let (record, after) = rest.split_at_checked(length)?;
        let (_attributes, rest) = record.split_first()?;
        let (timestamp_delta, rest) = split_varint::<64>(rest)?;
        let (offset_delta, rest) = split_varint::<32>(rest)?;
        let (has_key, rest) = split_nullable(rest)?;
        let (_has_value, rest) = split_nullable(rest)?;
        let (header_count, mut rest) = split_varint::<32>(rest)?;
        let header_count = usize::try_from(unzigzag_32(header_count)).ok()?;
        for _ in 0..header_count {
            let (true, after_key) = split_nullable(rest)? else { return None };
            (_, rest) = split_nullable(after_key)?;
        }
        if !rest.is_empty() {
            return None;
        }
        let at = piece.len().saturating_sub(after.len());
        let timestamp_delta = unzigzag_64(timestamp_delta);
        let offset_delta = unzigzag_32(offset_delta);
        Some((RecordFacts { offset_delta, timestamp_delta, has_key, header_count }, at))
    }

    /// Takes a record wherever it lies, or says what is wrong with it.
    #[cold]
    pub(crate) fn record(&mut self, index: i32) -> Result<RecordFacts, Stop> {
        self.take_record(Some(index))
    }

    /// The same whatever its offset is.
    #[cold]
    pub(crate) fn any_record(&mut self) -> Result<RecordFacts, Stop> {
        self.take_record(None)
    }

    fn take_record(&mut self, index: Option<i32>) -> Result<RecordFacts, Stop> {
        let length = self.length()?;
        let end = self.position().saturating_add(length);
        self.skip(1)?; // attributes, unused
        let timestamp_delta = self.varlong()?;
        let offset_delta = self.varint()?;
        if index.is_some_and(|index| offset_delta != index) {
            return Err(Stop::Invalid("offset deltas are not consecutive from 0"));
        }
        let has_key = self.skip_nullable()?;
        self.skip_nullable()?;
        let header_count = self.varint()?;
        let header_count =
            usize::try_from(header_count).map_err(|_| Stop::Invalid("negative header count"))?;
        for _ in 0..header_count {
            let key_length = self.length()?;
            self.skip(key_length)?;
            self.skip_nullable()?;
        }
        if self.position() != end {
            return Err(Stop::Invalid("fields do not fill the record"));
        }
        Ok(RecordFacts { offset_delta, timestamp_delta, has_key, header_count })
    }

    fn position(&self) -> u64 {
        self.before.saturating_add(self.at as u64)
    }

    fn varint(&mut self) -> Result<i32, Stop> {
        self.raw::<32>().map(unzigzag_32)
    }

    fn varlong(&mut self) -> Result<i64, Stop> {
        self.raw::<64>().map(unzigzag_64)
    }

    fn raw<const BITS: u32>(&mut self) -> Result<u64, Stop> {
        let mut raw = Raw::<BITS>::default();
        loop {
            if let Some(&byte) = self.blocks.current().get(self.at) {
                self.at = self.at.saturating_add(1);
                if raw.push(byte).map_err(Stop::Invalid)? {
                    return Ok(raw.value);
                }
            } else if !self.next_block()? {
                return Err(Stop::Invalid(CUT_OFF));
            }
        }
    }

    /// A length that may not be null.
    fn length(&mut self) -> Result<u64, Stop> {
        u64::try_from(self.varint()?).map_err(|_| Stop::Invalid("negative length"))
    }

    /// Passes a field that may be null; says whether it was there.
    fn skip_nullable(&mut self) -> Result<bool, Stop> {
        match self.varint()? {
            -1 => Ok(false),
            length => {
                let length = u64::try_from(length).map_err(|_| Stop::Invalid("negative length"))?;
                self.skip(length)?;
                Ok(true)
            }
        }
    }

    fn skip(&mut self, count: u64) -> Result<(), Stop> {
        let mut left = count;
        loop {
            let here = self.blocks.current().len().saturating_sub(self.at);
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(here);
            self.at = self.at.saturating_add(step);
            left = left.saturating_sub(step as u64);
            if left == 0 {
                return Ok(());
            }
            if !self.next_block()? {
                return Err(Stop::Invalid("longer than the batch"));
            }
        }
    }

    /// Whether every byte was used; of compressed records also whether their end is good.
    pub(crate) fn is_at_end(&mut self) -> Result<bool, Stop> {
        loop {
            if self.at < self.blocks.current().len() {
                return Ok(false);
            }
            if !self.next_block()? {
                return Ok(true);
            }
        }
    }

    /// Goes on to the next piece once the current one is used up.
    fn next_block(&mut self) -> Result<bool, Stop> {
        let passed = self.blocks.current().len() as u64;
        let more = self.blocks.refill().map_err(Stop::Decompression)?;
        if more {
            self.before = self.before.saturating_add(passed);
            self.at = 0;
        }
        Ok(more)
    }
}

#[inline]
fn split_varint<const BITS: u32>(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes {
        [first @ ..0x80, rest @ ..] => Some((u64::from(*first), rest)),
        [first, second @ ..0x80, rest @ ..] => {
            Some((u64::from(*first & 0x7f) | u64::from(*second) << 7, rest))
        }
        [first, second, third @ ..0x80, rest @ ..] => {
            let low = u64::from(*first & 0x7f) | u64::from(*second & 0x7f) << 7;
            Some((low | u64::from(*third) << 14, rest))
        }
        longer => {
            let (raw, used) = read_raw::<BITS>(longer).ok()?;
            Some((raw, longer.get(used..)?))
        }
    }
}

/// Passes a field that may be null; says whether it was there.
#[inline]
fn split_nullable(bytes: &[u8]) -> Option<(bool, &[u8])> {
    let (length, rest) = split_varint::<32>(bytes)?;
    match unzigzag_32(length) {
        -1 => Some((false, rest)),
        length => Some((true, rest.get(usize::try_from(length).ok()?..)?)),
    }
}
