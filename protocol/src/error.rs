//! Why bytes are not a message, and why a message cannot become bytes.

/// The bytes are not what they claim to be.
///
/// Carries sizes, never the bytes: it ends in a log line. Where reading stopped is
/// [`Reader::position`](crate::Reader::position).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field needs more bytes than are left.
    #[error("the bytes end inside a field")]
    Truncated,
    /// The message ended and bytes are left over.
    #[error("{count} bytes are left after the message")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A length below -1.
    #[error("a length of {length}")]
    NegativeLength {
        /// As it stood in the bytes.
        length: i32,
    },
    /// A variable-length number of more than 32 bits.
    #[error("a variable-length number does not fit 32 bits")]
    VarintTooLong,
    /// Null where the version has no null.
    #[error("null in a field that cannot be null in this version")]
    UnexpectedNull,
    /// The byte before a nullable struct is neither -1 nor 1.
    #[error("{marker} before a nullable struct")]
    NullMarker {
        /// As it stood in the bytes.
        marker: i8,
    },
    /// A string above [`STRING_BYTES_MAX`](crate::STRING_BYTES_MAX).
    #[error("a string of {length} bytes")]
    StringTooLong {
        /// Claimed length in bytes.
        length: usize,
    },
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    InvalidUtf8,
    /// An array claims more elements than the bytes left could hold.
    #[error("an array of {count} elements in {left} bytes")]
    ArrayTooLong {
        /// Claimed number of elements.
        count: usize,
        /// Bytes left in the message.
        left: usize,
    },
    /// The message would take too much memory for its size: arrays of almost empty elements.
    #[error(
        "{wanted} more bytes of memory for an array exceed what a message of this size may use"
    )]
    MemoryBudget {
        /// What the array at hand would take.
        wanted: usize,
    },
    /// A tagged field of a message above [`TAGGED_FIELD_BYTES_MAX`](crate::TAGGED_FIELD_BYTES_MAX).
    #[error("tagged field {tag} of {length} bytes")]
    TagTooLong {
        /// Its tag.
        tag: u32,
        /// Claimed length in bytes.
        length: usize,
    },
    /// A known tagged field is shorter or longer than its size says.
    #[error("tagged field {tag} does not have the size it claims")]
    TagSize {
        /// Its tag.
        tag: u32,
    },
    /// The codec has no such version of the message.
    #[error("{message} has no version {version}")]
    UnsupportedVersion {
        /// Which request, response, key or value.
        message: &'static str,
        /// Version asked for.
        version: i16,
    },
    /// The codec has no messages for this key.
    #[error("no messages are defined for api key {key}")]
    UnknownApiKey {
        /// As it stood in the header.
        key: i16,
    },
}

/// The message cannot be said in this version; always a mistake of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// `None` in a field that has no null in this version.
    #[error("{field} cannot be null in this version")]
    Null {
        /// Field name as Kafka spells it.
        field: &'static str,
    },
    /// A string, array or byte field is longer than its length can say.
    #[error("a field of {length} bytes or elements is too long to send")]
    TooLong {
        /// Bytes or elements.
        length: usize,
    },
    /// The codec has no such version of the message.
    #[error("{message} has no version {version}")]
    UnsupportedVersion {
        /// Which request, response, key or value.
        message: &'static str,
        /// Version asked for.
        version: i16,
    },
}
