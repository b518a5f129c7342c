//! [`Writer`]: Kafka's primitives into bytes, with records shared and not copied.

use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};
use highwater_records::{ErrorCode, Uuid};
use smallvec::{SmallVec, smallvec};

use crate::{EncodeError, Message, Primitive, Records, STRING_BYTES_MAX, Str};

/// A chunk of records at least this long is handed over as it is; a shorter one is cheaper to copy
/// than to be one more segment.
pub const SPLICE_BYTES_MIN: usize = 4096;

const FIRST_CAPACITY_BYTES: usize = 256;
const SIZE_PREFIX_BYTES: usize = 4;

/// Bytes ready to be sent, in order.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The pieces; none is empty.
    pub segments: SmallVec<[Bytes; 4]>,
    /// Bytes of all pieces together.
    pub len: usize,
}

impl Frame {
    /// All bytes as one: free for one segment, a copy for more.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.segments.len() == 1 {
            return self.segments.remove(0);
        }
        let mut joined = BytesMut::with_capacity(self.len);
        for segment in &self.segments {
            joined.extend_from_slice(segment);
        }
        joined.freeze()
    }
}

/// Writes one message.
///
/// Small fields go into a buffer of ours; chunks of records from [`SPLICE_BYTES_MIN`] on are noted
/// with the place where they belong, and become segments of their own in the end.
#[derive(Debug, Default)]
pub struct Writer {
    ours: Vec<u8>,
    /// Shared chunks, each with how many of our bytes stand before it.
    spliced: SmallVec<[(usize, Bytes); 2]>,
    spliced_bytes: usize,
    is_framed: bool,
}

impl Writer {
    /// Writes a message without a size before it.
    #[must_use]
    pub fn new() -> Self {
        Self { ours: Vec::with_capacity(FIRST_CAPACITY_BYTES), ..Self::default() }
    }

    /// Writes a message with the 4-byte size that [`Writer::finish`] puts before it.
    #[must_use]
    pub fn framed() -> Self {
        let mut writer = Self::new();
        writer.raw(&[0; SIZE_PREFIX_BYTES]);
        writer.is_framed = true;
        writer
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.ours.len() + self.spliced_bytes
    }

    /// The message as segments.
    ///
    /// Errors: [`EncodeError::TooLong`] if a framed message exceeds 2 GiB.
    pub fn finish(mut self) -> Result<Frame, EncodeError> {
        let len = self.len_bytes();
        if self.is_framed {
            let prefix = checked_i32(len - SIZE_PREFIX_BYTES)?.to_be_bytes();
            self.ours[..SIZE_PREFIX_BYTES].copy_from_slice(&prefix);
        }
        let ours = Bytes::from(self.ours);
        if self.spliced.is_empty() {
            let segments = if ours.is_empty() { SmallVec::new() } else { smallvec![ours] };
            return Ok(Frame { segments, len });
        }
        let mut segments = SmallVec::with_capacity(2 * self.spliced.len() + 1);
        let mut start = 0;
        for (end, chunk) in self.spliced {
            if start < end {
                segments.push(ours.slice(start..end));
            }
            segments.push(chunk);
            start = end;
        }
        if start < ours.len() {
            segments.push(ours.slice(start..));
        }
        Ok(Frame { segments, len })
    }

    /// The message as one, for tests and for what is not sent.
    pub fn into_bytes(self) -> Result<Bytes, EncodeError> {
        self.finish().map(Frame::into_bytes)
    }

    fn splice(&mut self, chunk: &Bytes) {
        if chunk.len() < SPLICE_BYTES_MIN {
            self.raw(chunk);
            return;
        }
        self.spliced_bytes += chunk.len();
        self.spliced.push((self.ours.len(), chunk.clone()));
    }

    /// Bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.ours.extend_from_slice(bytes);
    }

    /// One byte, 0 or 1.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.ours.push(u8::from(value));
    }

    /// One byte.
    #[inline]
    pub fn i8(&mut self, value: i8) {
        self.raw(&value.to_be_bytes());
    }

    /// Two bytes.
    #[inline]
    pub fn i16(&mut self, value: i16) {
        self.raw(&value.to_be_bytes());
    }

    /// Two bytes.
    #[inline]
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// Four bytes.
    #[inline]
    pub fn i32(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes.
    #[inline]
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes.
    #[inline]
    pub fn f64(&mut self, value: f64) {
        self.raw(&value.to_be_bytes());
    }

    /// Sixteen bytes.
    #[inline]
    pub fn uuid(&mut self, value: Uuid) {
        self.raw(&value.to_bytes());
    }

    /// Two bytes, an error code.
    #[inline]
    pub fn error_code(&mut self, value: ErrorCode) {
        self.i16(value.code());
    }

    /// One to five bytes, seven bits in each, the lowest first.
    #[inline]
    pub fn uvarint(&mut self, value: u32) {
        let mut rest = value;
        while rest >= 0x80 {
            self.ours.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.ours.push((rest & 0x7f) as u8);
    }

    /// The length of bytes or of an array; `None` for null.
    fn length(&mut self, flexible: bool, length: Option<usize>) -> Result<(), EncodeError> {
        match (flexible, length) {
            (true, None) => self.uvarint(0),
            (true, Some(length)) => self.uvarint(checked_i32(length)?.cast_unsigned() + 1),
            (false, None) => self.i32(-1),
            (false, Some(length)) => self.i32(checked_i32(length)?),
        }
        Ok(())
    }

    /// Text.
    #[inline]
    pub fn string(&mut self, flexible: bool, value: &Str) -> Result<(), EncodeError> {
        let length = value.as_bytes().len();
        let short = match i16::try_from(length) {
            Ok(short) if length <= STRING_BYTES_MAX => short,
            Ok(_) | Err(_) => return Err(EncodeError::TooLong { length }),
        };
        if flexible {
            self.uvarint(u32::from(short.cast_unsigned()) + 1);
        } else {
            self.i16(short);
        }
        self.raw(value.as_bytes());
        Ok(())
    }

    /// Text or null.
    #[inline]
    pub fn nullable_string(
        &mut self,
        flexible: bool,
        value: &Option<Str>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.string(flexible, value)?,
            None if flexible => self.uvarint(0),
            None => self.i16(-1),
        }
        Ok(())
    }

    /// Bytes, copied.
    pub fn bytes(&mut self, flexible: bool, value: &Bytes) -> Result<(), EncodeError> {
        self.length(flexible, Some(value.len()))?;
        self.raw(value);
        Ok(())
    }

    /// Bytes, copied, or null.
    pub fn nullable_bytes(
        &mut self,
        flexible: bool,
        value: &Option<Bytes>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.bytes(flexible, value),
            None => self.length(flexible, None),
        }
    }

    /// Record batches or null.
    pub fn records(&mut self, flexible: bool, value: &Option<Records>) -> Result<(), EncodeError> {
        self.length(flexible, value.as_ref().map(Records::len_bytes))?;
        for chunk in value.iter().flat_map(Records::chunks) {
            self.splice(chunk);
        }
        Ok(())
    }

    /// Structs.
    pub fn array<T: Message>(
        &mut self,
        flexible: bool,
        version: i16,
        values: &[T],
    ) -> Result<(), EncodeError> {
        self.length(flexible, Some(values.len()))?;
        values.iter().try_for_each(|value| value.encode(self, version))
    }

    /// Structs or null.
    pub fn nullable_array<T: Message>(
        &mut self,
        flexible: bool,
        version: i16,
        values: &Option<Vec<T>>,
    ) -> Result<(), EncodeError> {
        match values {
            Some(values) => self.array(flexible, version, values),
            None => self.length(flexible, None),
        }
    }

    /// Numbers, texts or ids.
    pub fn primitives<T: Primitive>(
        &mut self,
        flexible: bool,
        values: &[T],
    ) -> Result<(), EncodeError> {
        self.length(flexible, Some(values.len()))?;
        values.iter().try_for_each(|value| value.write(self, flexible))
    }

    /// Numbers, texts or ids, or null.
    pub fn nullable_primitives<T: Primitive>(
        &mut self,
        flexible: bool,
        values: &Option<Vec<T>>,
    ) -> Result<(), EncodeError> {
        match values {
            Some(values) => self.primitives(flexible, values),
            None => self.length(flexible, None),
        }
    }

    /// A struct, or null by the byte before it.
    pub fn nullable_struct<T: Message>(
        &mut self,
        version: i16,
        value: &Option<T>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => {
                self.i8(1);
                value.encode(self, version)
            }
            None => {
                self.i8(-1);
                Ok(())
            }
        }
    }

    /// One field of a tag section: tag, size, what `field` writes. Callers go by rising tags, and
    /// no tagged field has records.
    pub fn tagged(
        &mut self,
        tag: u32,
        field: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.uvarint(tag);
        let start = self.ours.len();
        field(self)?;
        // The size stands before what it is the size of: written behind it, then turned around.
        let size = self.ours.len() - start;
        self.uvarint(checked_i32(size)?.cast_unsigned());
        self.ours[start..].rotate_left(size);
        Ok(())
    }
}

fn checked_i32(length: usize) -> Result<i32, EncodeError> {
    i32::try_from(length).map_err(|_| EncodeError::TooLong { length })
}

/// Refuses a version that a message does not have.
#[inline]
pub(crate) fn check_version(
    message: &'static str,
    version: i16,
    versions: RangeInclusive<i16>,
) -> Result<(), EncodeError> {
    if versions.contains(&version) {
        Ok(())
    } else {
        Err(EncodeError::UnsupportedVersion { message, version })
    }
}

/// Refuses null in a version that has none.
#[inline]
pub(crate) fn null_only_if<T>(
    nullable: bool,
    value: &Option<T>,
    field: &'static str,
) -> Result<(), EncodeError> {
    if value.is_none() && !nullable { Err(EncodeError::Null { field }) } else { Ok(()) }
}
