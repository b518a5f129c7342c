//! Kafka's codecs, both ways.
//!
//! Output is bounded and made piece by piece: a batch that claims or hides more than the caller
//! allows costs no more memory than what it has produced so far.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

mod gzip;
mod lz4;
mod snappy;
mod xxh32;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::str::FromStr;

/// Most bytes the records of one batch may have once decompressed; past it the batch is refused.
pub const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;
/// Output up to which any ratio is fine: Kafka takes 900 KB of equal bytes in 122.
pub const RATIO_FREE_BYTES: usize = 16 << 20;
/// Most bytes of output for each byte of input past [`RATIO_FREE_BYTES`].
pub const RATIO_MAX: usize = 1_000;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy blocks in the framing of the xerial library, or one bare block.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// RFC 8878; only with the feature `zstd`.
    Zstd,
}

impl Codec {
    /// Every codec, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec of a number.
    ///
    /// # Errors
    /// If it is not from 0 to 4.
    pub const fn from_id(id: u8) -> Result<Self, UnknownCodec> {
        match id {
            0 => Ok(Self::None),
            1 => Ok(Self::Gzip),
            2 => Ok(Self::Snappy),
            3 => Ok(Self::Lz4),
            4 => Ok(Self::Zstd),
            id => Err(UnknownCodec { id }),
        }
    }

    /// The number in a batch's attributes.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The name in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Whether this build can compress and decompress with it.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        match self {
            Self::None | Self::Gzip | Self::Snappy | Self::Lz4 => true,
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Codec {
    type Err = UnknownCodecName;

    fn from_str(name: &str) -> Result<Self, UnknownCodecName> {
        let found = Self::ALL.into_iter().find(|codec| codec.name() == name);
        found.ok_or_else(|| UnknownCodecName { name: name.to_owned() })
    }
}

/// A number that names no codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("compression codec {id} is unknown")]
pub struct UnknownCodec {
    /// The number.
    pub id: u8,
}

/// A text that names no codec.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("compression codec {name:?} is unknown; known are none, gzip, snappy, lz4 and zstd")]
pub struct UnknownCodecName {
    /// The text.
    pub name: String,
}

/// Why records cannot be compressed or decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    /// The codec is not part of this build.
    #[error("{codec} is not built in")]
    Unsupported {
        /// Which one.
        codec: Codec,
    },
    /// The bytes are not what the codec writes.
    #[error("{codec}: {reason}")]
    Corrupt {
        /// Which one.
        codec: Codec,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The output passes the limit.
    #[error("more than {max_bytes} bytes once decompressed")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
}

/// Compresses `input` as Kafka's Java client reads it.
///
/// `level` is in the codec's own scale (gzip 0-9, zstd 1-22; what lies outside is taken as the
/// nearest), none is the codec's default. Snappy and lz4 have one level here and ignore it.
///
/// # Errors
/// [`CompressionError::Unsupported`] if the codec is not part of this build.
pub fn compress(
    codec: Codec,
    level: Option<i32>,
    input: &[u8],
) -> Result<Vec<u8>, CompressionError> {
    match codec {
        Codec::None => Ok(input.to_vec()),
        Codec::Gzip => gzip::compress(level, input),
        Codec::Snappy => snappy::compress(input),
        Codec::Lz4 => lz4::compress(input),
        #[cfg(feature = "zstd")]
        Codec::Zstd => zstd::compress(level, input),
        #[cfg(not(feature = "zstd"))]
        Codec::Zstd => Err(CompressionError::Unsupported { codec }),
    }
}

/// Decompresses the whole of `input`, to at most `max_bytes` and, past [`RATIO_FREE_BYTES`], at
/// most [`RATIO_MAX`] times the size of `input`.
///
/// # Errors
/// As [`CompressionError`] says. Bytes after the end of the compressed data are an error too.
pub fn decompress(
    codec: Codec,
    input: &[u8],
    max_bytes: usize,
) -> Result<Vec<u8>, CompressionError> {
    let mut decompressor = Decompressor::new(codec, input, max_bytes)?;
    let mut output = Output::default();
    while decompressor.produce(&mut output)? {}
    Ok(output.into_filled())
}

/// Decompresses piece by piece, within the limits.
pub(crate) struct Decompressor<'a> {
    format: Format<'a>,
    limit: Limit,
}

enum Format<'a> {
    Stored(&'a [u8]),
    Gzip(gzip::Decoder<'a>),
    Snappy(snappy::Decoder<'a>),
    Lz4(Box<lz4::Decoder<'a>>),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Decoder<'a>),
}

impl<'a> Decompressor<'a> {
    pub(crate) fn new(
        codec: Codec,
        input: &'a [u8],
        max_bytes: usize,
    ) -> Result<Self, CompressionError> {
        let format = match codec {
            Codec::None => Format::Stored(input),
            Codec::Gzip => Format::Gzip(gzip::Decoder::new(input)),
            Codec::Snappy => Format::Snappy(snappy::Decoder::new(input)?),
            Codec::Lz4 => Format::Lz4(Box::new(lz4::Decoder::new(input)?)),
            #[cfg(feature = "zstd")]
            Codec::Zstd => Format::Zstd(zstd::Decoder::new(input)?),
            #[cfg(not(feature = "zstd"))]
            Codec::Zstd => return Err(CompressionError::Unsupported { codec }),
        };
        let by_ratio = input.len().saturating_mul(RATIO_MAX).max(RATIO_FREE_BYTES);
        let max_bytes = max_bytes.min(by_ratio);
        Ok(Self { format, limit: Limit { room_bytes: max_bytes, max_bytes } })
    }

    /// Adds a piece to `output`, or says that all of the input is used up and was good.
    pub(crate) fn produce(&mut self, output: &mut Output) -> Result<bool, CompressionError> {
        let before = output.filled;
        let more = match &mut self.format {
            Format::Stored(input) => {
                self.limit.check(input.len())?;
                output.append(input);
                !std::mem::take(input).is_empty()
            }
            Format::Gzip(decoder) => decoder.produce(output)?,
            Format::Snappy(decoder) => decoder.produce(output, &self.limit)?,
            Format::Lz4(decoder) => decoder.produce(output)?,
            #[cfg(feature = "zstd")]
            Format::Zstd(decoder) => decoder.produce(output)?,
        };
        let produced = output.filled.saturating_sub(before);
        self.limit.check(produced)?;
        self.limit.room_bytes = self.limit.room_bytes.saturating_sub(produced);
        Ok(more)
    }
}

/// How much more may come out.
pub(crate) struct Limit {
    room_bytes: usize,
    max_bytes: usize,
}

impl Limit {
    fn check(&self, next_bytes: usize) -> Result<(), CompressionError> {
        if next_bytes > self.room_bytes {
            return Err(CompressionError::TooLarge { max_bytes: self.max_bytes });
        }
        Ok(())
    }
}

/// Where decoders put what they make. It grows with what was made, never with what is claimed, and
/// clearing it keeps its bytes, so that a block is not zeroed again for the next one.
#[derive(Default)]
pub(crate) struct Output {
    /// All of it initialised; only the first `filled` bytes count.
    bytes: Vec<u8>,
    filled: usize,
}

impl Output {
    /// An empty output that reuses the memory of another.
    pub(crate) const fn reusing(bytes: Vec<u8>) -> Self {
        Self { bytes, filled: 0 }
    }

    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    pub(crate) const fn clear(&mut self) {
        self.filled = 0;
    }

    fn into_filled(mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled);
        self.bytes
    }

    /// Room for `count` bytes after those filled; [`Output::commit`] says how many were used.
    fn spare(&mut self, count: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(count);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(self.filled..end).unwrap_or_default()
    }

    fn commit(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.bytes.len());
    }

    fn append(&mut self, bytes: &[u8]) {
        self.spare(bytes.len()).copy_from_slice(bytes);
        self.commit(bytes.len());
    }
}

/// Bytes to make room for at a time where the format has no blocks: small inputs need little.
fn piece_bytes(input: &[u8]) -> usize {
    input.len().saturating_mul(8).clamp(1 << 10, 64 << 10)
}
