//! What every generated struct can do.

use highwater_records::Uuid;

use crate::{ApiKey, DecodeError, EncodeError, Reader, Str, Writer};

/// A request, a response, the key or the value of a record, or a struct inside one.
///
/// A field that a version does not have decodes to its default, and is left out on encode
/// whatever it holds: what a version cannot say, it does not say. The exception is null: a
/// `None` where the version has the field but no null is [`EncodeError::Null`], because nothing
/// that could be sent means the same.
pub trait Message: Sized {
    /// Least bytes that one takes on the wire, over all versions; at least 1 inside arrays.
    const LEAST_BYTES: usize;

    /// Reads one.
    ///
    /// Errors: any [`DecodeError`]. The reader then stands somewhere inside.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// Writes one.
    ///
    /// Errors: any [`EncodeError`]. The writer then holds half a message; drop it.
    fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError>;
}

/// The request of an API.
pub trait Request: Message {
    /// Which API.
    const KEY: ApiKey;
    /// What answers it.
    type Response: Message;
}

/// An array element that is no struct.
pub trait Primitive: Sized {
    /// Least bytes that one takes on the wire.
    const LEAST_BYTES: usize;

    /// Reads one.
    fn read(reader: &mut Reader, flexible: bool) -> Result<Self, DecodeError>;

    /// Writes one.
    fn write(&self, writer: &mut Writer, flexible: bool) -> Result<(), EncodeError>;
}

macro_rules! numbers {
    ($($number:ident)+) => {$(
        impl Primitive for $number {
            const LEAST_BYTES: usize = size_of::<$number>();

            #[inline]
            fn read(reader: &mut Reader, _flexible: bool) -> Result<Self, DecodeError> {
                reader.$number()
            }

            #[inline]
            fn write(&self, writer: &mut Writer, _flexible: bool) -> Result<(), EncodeError> {
                writer.$number(*self);
                Ok(())
            }
        }
    )+};
}

numbers! { i8 i16 i32 i64 }

impl Primitive for Uuid {
    const LEAST_BYTES: usize = 16;

    #[inline]
    fn read(reader: &mut Reader, _flexible: bool) -> Result<Self, DecodeError> {
        reader.uuid()
    }

    #[inline]
    fn write(&self, writer: &mut Writer, _flexible: bool) -> Result<(), EncodeError> {
        writer.uuid(*self);
        Ok(())
    }
}

impl Primitive for Str {
    const LEAST_BYTES: usize = 1;

    #[inline]
    fn read(reader: &mut Reader, flexible: bool) -> Result<Self, DecodeError> {
        reader.string(flexible)
    }

    #[inline]
    fn write(&self, writer: &mut Writer, flexible: bool) -> Result<(), EncodeError> {
        writer.string(flexible, self)
    }
}
