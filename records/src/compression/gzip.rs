//! Gzip (RFC 1952), by flate2 with zlib-rs.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Codec, CompressionError, Output, piece_bytes};

/// log2 of the greatest window of the format.
const WINDOW_BITS: u8 = 15;
/// Members that may follow one another in one batch; producers write one. Past it the batch is
/// corrupt, as each costs a fresh decoder and may hold nothing.
const MEMBERS_MAX: u32 = 64;

const fn corrupt(reason: &'static str) -> CompressionError {
    CompressionError::Corrupt { codec: Codec::Gzip, reason }
}

pub(super) fn compress(level: Option<i32>, input: &[u8]) -> Result<Vec<u8>, CompressionError> {
    let level = match level {
        None => Compression::default(),
        Some(level) => Compression::new(level.clamp(0, 9).unsigned_abs()),
    };
    let mut encoder = Compress::new_gzip(level, WINDOW_BITS);
    let mut output = Vec::with_capacity((input.len() / 2).saturating_add(64));
    let mut rest = input;
    loop {
        let before = encoder.total_in();
        let status = encoder.compress_vec(rest, &mut output, FlushCompress::Finish);
        match status.map_err(|_| corrupt("cannot compress"))? {
            Status::StreamEnd => return Ok(output),
            Status::Ok | Status::BufError => output.reserve(4 << 10),
        }
        rest = after(rest, encoder.total_in().saturating_sub(before));
    }
}

/// Reads one or more gzip members, checking their lengths and CRCs.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    piece_bytes: usize,
    member: Decompress,
    members_left: u32,
    is_finished: bool,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            rest: input,
            piece_bytes: piece_bytes(input),
            member: Decompress::new_gzip(WINDOW_BITS),
            members_left: MEMBERS_MAX,
            is_finished: false,
        }
    }

    /// See [`super::Decompressor::produce`].
    pub(super) fn produce(&mut self, output: &mut Output) -> Result<bool, CompressionError> {
        if self.is_finished {
            return Ok(false);
        }
        let (read, written) = (self.member.total_in(), self.member.total_out());
        let spare = output.spare(self.piece_bytes);
        let status = self.member.decompress(self.rest, spare, FlushDecompress::None);
        let status = status.map_err(|_| corrupt("not a gzip stream"))?;
        let read = self.member.total_in().saturating_sub(read);
        let written = self.member.total_out().saturating_sub(written);
        self.rest = after(self.rest, read);
        output.commit(usize::try_from(written).unwrap_or(usize::MAX));
        match status {
            Status::StreamEnd if self.rest.is_empty() => self.is_finished = true,
            Status::StreamEnd => {
                let members_left = self.members_left.checked_sub(1);
                self.members_left = members_left.ok_or(corrupt("too many members"))?;
                self.member = Decompress::new_gzip(WINDOW_BITS);
            }
            Status::Ok | Status::BufError if read == 0 && written == 0 => {
                return Err(corrupt("ends too early"));
            }
            Status::Ok | Status::BufError => {}
        }
        Ok(true)
    }
}

fn after(bytes: &[u8], count: u64) -> &[u8] {
    usize::try_from(count).ok().and_then(|count| bytes.get(count..)).unwrap_or_default()
}
