//! Snappy blocks, in the framing of the xerial library or bare.
//!
//! Kafka's own client frames: magic `82 53 4e 41 50 50 59 00`, version i32 1, compatible version
//! i32 1, then blocks of at most 32 KiB, each an i32 length (big-endian) and a snappy block.
//! librdkafka writes one bare block. Both are read; the first is written.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use super::{Codec, CompressionError, Limit, Output};

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const VERSION: i32 = 1;
/// Input of one block; Kafka's readers make a buffer of this size.
const BLOCK_BYTES: usize = 32 << 10;
/// No snappy element makes more than 64 bytes of 3, so a block that claims more is lying.
const EXPANSION_MAX: usize = 22;

const fn corrupt(reason: &'static str) -> CompressionError {
    CompressionError::Corrupt { codec: Codec::Snappy, reason }
}

pub(super) fn compress(input: &[u8]) -> Result<Vec<u8>, CompressionError> {
    let mut output = Vec::with_capacity((input.len() / 2).saturating_add(64));
    output.extend_from_slice(&MAGIC);
    output.extend_from_slice(&VERSION.to_be_bytes());
    output.extend_from_slice(&VERSION.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    let mut block = vec![0; snap::raw::max_compress_len(BLOCK_BYTES.min(input.len()))];
    for piece in input.chunks(BLOCK_BYTES) {
        let size = encoder.compress(piece, &mut block).map_err(|_| corrupt("cannot compress"))?;
        let length = i32::try_from(size).map_err(|_| corrupt("cannot compress"))?;
        output.extend_from_slice(&length.to_be_bytes());
        output.extend_from_slice(block.get(..size).unwrap_or_default());
    }
    Ok(output)
}

/// Reads either form.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    is_framed: bool,
    decoder: snap::raw::Decoder,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(input: &'a [u8]) -> Result<Self, CompressionError> {
        let decoder = snap::raw::Decoder::new();
        let Some(framed) = input.strip_prefix(&MAGIC) else {
            return Ok(Self { rest: input, is_framed: false, decoder });
        };
        let (version, rest) = split_i32(framed).ok_or(corrupt("frame header cut off"))?;
        let (_compatible, rest) = split_i32(rest).ok_or(corrupt("frame header cut off"))?;
        if version < VERSION {
            return Err(corrupt("unknown frame version"));
        }
        Ok(Self { rest, is_framed: true, decoder })
    }

    /// See [`super::Decompressor::produce`].
    pub(super) fn produce(
        &mut self,
        output: &mut Output,
        limit: &Limit,
    ) -> Result<bool, CompressionError> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        let block =
            if self.is_framed { self.next_block()? } else { std::mem::take(&mut self.rest) };
        let claimed =
            snap::raw::decompress_len(block).map_err(|_| corrupt("not a snappy block"))?;
        if claimed > block.len().saturating_mul(EXPANSION_MAX) {
            return Err(corrupt("block claims more than it can hold"));
        }
        limit.check(claimed)?;
        let spare = output.spare(claimed);
        let made = self.decoder.decompress(block, spare);
        output.commit(made.map_err(|_| corrupt("not a snappy block"))?);
        Ok(true)
    }

    fn next_block(&mut self) -> Result<&'a [u8], CompressionError> {
        let (length, rest) = split_i32(self.rest).ok_or(corrupt("block length cut off"))?;
        let length = usize::try_from(length).map_err(|_| corrupt("negative block length"))?;
        let (block, rest) = rest.split_at_checked(length).ok_or(corrupt("block cut off"))?;
        if block.is_empty() {
            return Err(corrupt("empty block"));
        }
        self.rest = rest;
        Ok(block)
    }
}

fn split_i32(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((i32::from_be_bytes(*number), rest))
}
