//! Zstandard (RFC 8878), by the C library.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::cell::Cell;

use zstd::zstd_safe::{
    CCtx, DCtx, InBuffer, OutBuffer, ResetDirective, compress_bound, get_error_name,
};

use super::{Codec, CompressionError, Output, piece_bytes};

/// Kafka's level, which is also the library's.
const LEVEL_DEFAULT: i32 = 3;
const LEVEL_MAX: i32 = 22;
/// Largest context a thread keeps for its next batch: enough for batches of a megabyte at usual
/// levels, and too little for a window that a stranger chose.
const SPARE_CONTEXT_BYTES_MAX: usize = 4 << 20;

thread_local! {
    static SPARE_DECODER: Cell<Option<DCtx<'static>>> = const { Cell::new(None) };
    static SPARE_ENCODER: Cell<Option<CCtx<'static>>> = const { Cell::new(None) };
}

const fn corrupt(reason: &'static str) -> CompressionError {
    CompressionError::Corrupt { codec: Codec::Zstd, reason }
}

fn failed(code: usize) -> CompressionError {
    corrupt(get_error_name(code))
}

pub(super) fn compress(level: Option<i32>, input: &[u8]) -> Result<Vec<u8>, CompressionError> {
    let level = level.unwrap_or(LEVEL_DEFAULT).min(LEVEL_MAX);
    let mut encoder = SPARE_ENCODER.take().or_else(CCtx::try_create).ok_or(corrupt("no memory"))?;
    let mut output = Vec::with_capacity(compress_bound(input.len()));
    encoder.compress(&mut output, input, level).map_err(failed)?;
    if encoder.sizeof() <= SPARE_CONTEXT_BYTES_MAX {
        SPARE_ENCODER.set(Some(encoder));
    }
    output.shrink_to_fit();
    Ok(output)
}

/// Reads one or more frames.
pub(super) struct Decoder<'a> {
    input: InBuffer<'a>,
    input_bytes: usize,
    piece_bytes: usize,
    /// Absent once the input was used up, or after an error: a context that failed is not used
    /// again.
    context: Option<DCtx<'static>>,
    is_between_frames: bool,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(input: &'a [u8]) -> Result<Self, CompressionError> {
        let context = SPARE_DECODER.take().or_else(DCtx::try_create).ok_or(corrupt("no memory"))?;
        Ok(Self {
            input: InBuffer::around(input),
            input_bytes: input.len(),
            piece_bytes: piece_bytes(input),
            context: Some(context),
            is_between_frames: false,
        })
    }

    /// See [`super::Decompressor::produce`].
    pub(super) fn produce(&mut self, output: &mut Output) -> Result<bool, CompressionError> {
        let Some(mut context) = self.context.take() else {
            return Ok(false);
        };
        let is_input_used_up = self.input.pos() >= self.input_bytes;
        if is_input_used_up && self.is_between_frames {
            keep(context);
            return Ok(false);
        }
        let before = self.input.pos();
        let mut spare = OutBuffer::around(output.spare(self.piece_bytes));
        let hint = context.decompress_stream(&mut spare, &mut self.input).map_err(failed)?;
        let made = spare.pos();
        output.commit(made);
        if made == 0 && self.input.pos() == before {
            return Err(corrupt("ends too early"));
        }
        self.is_between_frames = hint == 0;
        self.context = Some(context);
        Ok(true)
    }
}

/// Keeps a context that has just finished a frame for this thread's next batch.
fn keep(mut context: DCtx<'static>) {
    let is_small = context.sizeof() <= SPARE_CONTEXT_BYTES_MAX;
    if is_small && context.reset(ResetDirective::SessionOnly).is_ok() {
        SPARE_DECODER.set(Some(context));
    }
}
