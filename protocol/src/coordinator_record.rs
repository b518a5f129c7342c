//! [`CoordinatorKey`] and [`CoordinatorValue`]: what records of internal topics hold.
//!
//! A key is its type (i16) and a struct that is never flexible; a value is its version (i16) and a
//! struct. A record without a value is a tombstone.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::{DecodeError, EncodeError, Message, Reader, Writer};

/// The key of a record in an internal topic. Its version is its type.
pub trait CoordinatorKey: Message {
    /// What it begins with when it is written.
    const TYPE: i16;
    /// What it is the key of.
    type Value: CoordinatorValue;

    /// The key as it stands in a record.
    ///
    /// Errors: any [`EncodeError`].
    fn to_bytes(&self) -> Result<Bytes, EncodeError> {
        prefixed(self, Self::TYPE)
    }
}

/// The value of a record in an internal topic.
pub trait CoordinatorValue: Message {
    /// Those that are read and can be written.
    const VERSIONS: RangeInclusive<i16>;

    /// The value as it stands in a record.
    ///
    /// Errors: any [`EncodeError`].
    fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        prefixed(self, version)
    }

    /// Reads a record's value; as in Kafka, nobody looks at what may follow it.
    ///
    /// Errors: any [`DecodeError`].
    fn from_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::of_record(bytes);
        let version = reader.i16()?;
        Self::decode(&mut reader, version)
    }
}

fn prefixed<M: Message>(message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    writer.i16(version);
    message.encode(&mut writer, version)?;
    writer.into_bytes()
}
