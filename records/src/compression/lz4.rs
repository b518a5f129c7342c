//! The LZ4 frame as Kafka uses it, around the block functions of `lz4_flex`.
//!
//! | bytes | field |
//! | --- | --- |
//! | 4 | magic `04 22 4d 18` |
//! | 1 | flags: version 01 (bits 6-7), independent blocks (5), block checksums (4), content size (3), content checksum (2), dictionary (0) |
//! | 1 | greatest block: 4 = 64 KiB, 5 = 256 KiB, 6 = 1 MiB, 7 = 4 MiB (bits 4-6) |
//! | 0 or 8 | content size |
//! | 1 | header checksum: second byte of XXH32 of flags to content size |
//! | | blocks: length u32 (bit 31: stored as is), bytes, checksum if flagged |
//! | 4 | end mark 0, then the content checksum if flagged |
//!
//! Numbers are little-endian. Written is what Kafka's reader insists on: independent 64 KiB blocks
//! without checksums. Read is all of it except dictionaries.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use lz4_flex::block::{
    CompressTable, DecompressError, compress_into_with_table, decompress_into,
    decompress_into_with_dict, get_maximum_output_size,
};

use super::xxh32::Xxh32;
use super::{Codec, CompressionError, Output};

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// Version 1, independent 64 KiB blocks, and the checksum of these two bytes.
const WRITTEN_HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
const WRITTEN_BLOCK_BYTES: usize = 64 << 10;
const STORED: u32 = 1 << 31;
const END_MARK: u32 = 0;
/// How far back a linked block may refer.
const WINDOW_BYTES: usize = 64 << 10;
/// A byte of a block makes at most 255 bytes, and a block ends with literals.
const EXPANSION_MAX: usize = 255;

const fn corrupt(reason: &'static str) -> CompressionError {
    CompressionError::Corrupt { codec: Codec::Lz4, reason }
}

pub(super) fn compress(input: &[u8]) -> Result<Vec<u8>, CompressionError> {
    let mut output = Vec::with_capacity((input.len() / 2).saturating_add(64));
    output.extend_from_slice(&WRITTEN_HEADER);
    let block_bytes = WRITTEN_BLOCK_BYTES.min(input.len());
    let mut block = vec![0; get_maximum_output_size(block_bytes)];
    let mut table = CompressTable::default();
    for piece in input.chunks(WRITTEN_BLOCK_BYTES) {
        let size = compress_into_with_table(piece, &mut block, &mut table)
            .map_err(|_| corrupt("cannot compress"))?;
        match block.get(..size) {
            Some(block) if size < piece.len() => {
                output.extend_from_slice(&length_bytes(size, 0)?);
                output.extend_from_slice(block);
            }
            Some(_) | None => {
                output.extend_from_slice(&length_bytes(piece.len(), STORED)?);
                output.extend_from_slice(piece);
            }
        }
    }
    output.extend_from_slice(&END_MARK.to_be_bytes());
    Ok(output)
}

#[expect(clippy::little_endian_bytes, reason = "the LZ4 frame is little-endian")]
fn length_bytes(length: usize, flag: u32) -> Result<[u8; 4], CompressionError> {
    let length = u32::try_from(length).map_err(|_| corrupt("cannot compress"))?;
    Ok((length | flag).to_le_bytes())
}

/// What the flags of a frame say.
#[derive(Clone, Copy)]
struct Flags {
    has_independent_blocks: bool,
    has_block_checksums: bool,
    has_content_size: bool,
    has_content_checksum: bool,
}

impl Flags {
    fn read(flags: u8) -> Result<Self, CompressionError> {
        if flags >> 6 != 0b01 {
            return Err(corrupt("unknown frame version"));
        }
        if flags & 0b10 != 0 {
            return Err(corrupt("reserved flag set"));
        }
        if flags & 0b01 != 0 {
            return Err(corrupt("needs a dictionary"));
        }
        Ok(Self {
            has_independent_blocks: flags & (1 << 5) != 0,
            has_block_checksums: flags & (1 << 4) != 0,
            has_content_size: flags & (1 << 3) != 0,
            has_content_checksum: flags & (1 << 2) != 0,
        })
    }
}

/// Reads one frame.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    flags: Flags,
    block_bytes_max: usize,
    content_size: Option<u64>,
    content_bytes: u64,
    content_checksum: Xxh32,
    /// The newest output, which linked blocks refer to; unused with independent ones.
    window: Vec<u8>,
    is_finished: bool,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(input: &'a [u8]) -> Result<Self, CompressionError> {
        let rest = input.strip_prefix(&MAGIC).ok_or(corrupt("not an lz4 frame"))?;
        let described = rest;
        let ([flags, block_size], rest) = take_array(rest)?;
        let flags = Flags::read(flags)?;
        let block_bytes_max = match block_size {
            0x40 => 64 << 10,
            0x50 => 256 << 10,
            0x60 => 1 << 20,
            0x70 => 4 << 20,
            _ => return Err(corrupt("unknown block size")),
        };
        let (content_size, rest) = if flags.has_content_size {
            let (size, rest) = take_array(rest)?;
            (Some(read_u64(size)), rest)
        } else {
            (None, rest)
        };
        let described_bytes = described.len().saturating_sub(rest.len());
        let ([checksum], rest) = take_array(rest)?;
        let expected = Xxh32::of(described.get(..described_bytes).unwrap_or_default());
        if expected.to_be_bytes()[2] != checksum {
            return Err(corrupt("wrong header checksum"));
        }
        Ok(Self {
            rest,
            flags,
            block_bytes_max,
            content_size,
            content_bytes: 0,
            content_checksum: Xxh32::new(),
            window: Vec::new(),
            is_finished: false,
        })
    }

    /// See [`super::Decompressor::produce`].
    pub(super) fn produce(&mut self, output: &mut Output) -> Result<bool, CompressionError> {
        if self.is_finished {
            return Ok(false);
        }
        let length = self.take_u32()?;
        if length == END_MARK {
            self.finish()?;
            return Ok(false);
        }
        let is_stored = length & STORED != 0;
        let length = usize::try_from(length & !STORED).map_err(|_| corrupt("block too long"))?;
        if length > self.block_bytes_max {
            return Err(corrupt("block too long"));
        }
        let (block, rest) = self.rest.split_at_checked(length).ok_or(corrupt("block cut off"))?;
        self.rest = rest;
        if self.flags.has_block_checksums && self.take_u32()? != Xxh32::of(block) {
            return Err(corrupt("wrong block checksum"));
        }
        let before = output.filled().len();
        if is_stored {
            output.append(block);
        } else {
            self.decompress_block(block, output)?;
        }
        self.note(output.filled().get(before..).unwrap_or_default());
        Ok(true)
    }

    fn decompress_block(&self, block: &[u8], output: &mut Output) -> Result<(), CompressionError> {
        // The frame only says how large a block may be. Room is made for what a usual block holds,
        // and more if that was not enough, up to what these bytes could hold at all.
        let possible = block.len().saturating_mul(EXPANSION_MAX).saturating_add(16);
        let most = self.block_bytes_max.min(possible);
        let mut room = most.min(block.len().saturating_mul(8).max(WRITTEN_BLOCK_BYTES));
        loop {
            let spare = output.spare(room);
            let made = if self.flags.has_independent_blocks {
                decompress_into(block, spare)
            } else {
                decompress_into_with_dict(block, spare, &self.window)
            };
            match made {
                Ok(made) => {
                    output.commit(made);
                    return Ok(());
                }
                Err(DecompressError::OutputTooSmall { .. }) if room < most => {
                    room = most.min(room.saturating_mul(4));
                }
                Err(DecompressError::OutputTooSmall { .. }) => {
                    return Err(corrupt("block holds more than the frame allows"));
                }
                Err(_) => return Err(corrupt("not an lz4 block")),
            }
        }
    }

    /// Remembers what later blocks and the end of the frame need of a block's content.
    fn note(&mut self, content: &[u8]) {
        self.content_bytes = self.content_bytes.saturating_add(content.len() as u64);
        if self.flags.has_content_checksum {
            self.content_checksum.update(content);
        }
        if !self.flags.has_independent_blocks {
            self.window.extend_from_slice(content);
            let excess = self.window.len().saturating_sub(WINDOW_BYTES);
            self.window.drain(..excess);
        }
    }

    fn finish(&mut self) -> Result<(), CompressionError> {
        self.is_finished = true;
        if self.flags.has_content_checksum && self.take_u32()? != self.content_checksum.finish() {
            return Err(corrupt("wrong content checksum"));
        }
        if self.content_size.is_some_and(|size| size != self.content_bytes) {
            return Err(corrupt("wrong content size"));
        }
        if !self.rest.is_empty() {
            return Err(corrupt("bytes after the frame"));
        }
        Ok(())
    }

    fn take_u32(&mut self) -> Result<u32, CompressionError> {
        let (number, rest) = take_array(self.rest)?;
        self.rest = rest;
        Ok(read_u32(number))
    }
}

fn take_array<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), CompressionError> {
    let (array, rest) = bytes.split_first_chunk().ok_or(corrupt("frame cut off"))?;
    Ok((*array, rest))
}

#[expect(clippy::little_endian_bytes, reason = "the LZ4 frame is little-endian")]
const fn read_u32(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes)
}

#[expect(clippy::little_endian_bytes, reason = "the LZ4 frame is little-endian")]
const fn read_u64(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}
