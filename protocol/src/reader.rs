//! [`Reader`]: Kafka's primitives out of bytes that nobody has checked.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::ops::RangeInclusive;

use bytes::Bytes;
use highwater_records::{ErrorCode, Uuid};

use crate::{DecodeError, Message, Primitive, Records, Str};

/// The longest string: what Kafka's 16-bit length can say. A longer one is
/// [`DecodeError::StringTooLong`].
pub const STRING_BYTES_MAX: usize = 32_767;

/// The longest tagged field of a message. A longer one is [`DecodeError::TagTooLong`].
pub const TAGGED_FIELD_BYTES_MAX: usize = 128 * 1024;

/// Room for this many elements is made before any has arrived.
const ELEMENTS_RESERVED_MAX: usize = 1024;

/// Memory that the arrays of one message may take: this many bytes for each of its own...
const MEMORY_PER_BYTE: usize = 4;
/// ... or, in the answer of a broker that we chose to ask, this many (short names and small
/// structs make honest answers take five)...
const MEMORY_PER_BYTE_OF_BROKER: usize = 16;
/// ... and this much on top, for small messages.
const MEMORY_BASE_BYTES: usize = 60 * 1024;
/// The same for a request that a broker serves: ten thousand short topic names must fit.
const MEMORY_BASE_BYTES_OF_REQUEST: usize = 1024 * 1024;
/// Of a record in an internal topic: more than its smallest elements need, because a record that
/// was once written must always be readable.
const MEMORY_PER_BYTE_OF_RECORD: usize = 64;

const _: () = assert!(size_of::<Str>() <= Str::LEAST_BYTES * MEMORY_PER_BYTE_OF_RECORD);

/// Reads one message from its frame, whose bytes it shares.
///
/// `flexible` says whether lengths are compact, as they are from an API's first flexible version.
///
/// **Invariant:** a length is compared with the bytes left, and an array also with a memory budget
/// in proportion to the frame, before anything is allocated for it.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    position: usize,
    budget: usize,
    tagged_field_bytes_max: usize,
}

impl Reader {
    /// Reads these bytes, with four times their size (and a base of 60 KiB) for arrays.
    ///
    /// An array past it is [`DecodeError::MemoryBudget`]: an empty string is one byte in a frame
    /// and 32 in memory, so the count alone bounds nothing.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self::in_proportion(bytes, MEMORY_PER_BYTE, MEMORY_BASE_BYTES)
    }

    /// Reads a request that a broker serves, with four times its size and 1 MiB for arrays.
    ///
    /// Differs from Kafka: a request whose arrays would take more than four times its size and
    /// 1 MiB is refused, where Kafka takes any count that the bytes could hold.
    #[must_use]
    pub fn of_request(bytes: Bytes) -> Self {
        Self::in_proportion(bytes, MEMORY_PER_BYTE, MEMORY_BASE_BYTES_OF_REQUEST)
    }

    /// Reads an answer of a broker, with sixteen times its size for arrays: less is sometimes too
    /// little for honest ones, and a client may trust whom it asked a little further.
    #[must_use]
    pub fn of_broker(bytes: Bytes) -> Self {
        Self::in_proportion(bytes, MEMORY_PER_BYTE_OF_BROKER, MEMORY_BASE_BYTES)
    }

    /// Reads a key or a value of an internal topic, with 64 times its size for arrays and tagged
    /// fields of any length: enough for whatever could be written.
    #[must_use]
    pub fn of_record(bytes: Bytes) -> Self {
        let reader = Self::in_proportion(bytes, MEMORY_PER_BYTE_OF_RECORD, 0);
        Self { tagged_field_bytes_max: usize::MAX, ..reader }
    }

    fn in_proportion(bytes: Bytes, per_byte: usize, base: usize) -> Self {
        let budget = bytes.len().saturating_mul(per_byte).saturating_add(base);
        Self::with_budget(bytes, budget)
    }

    /// Reads these bytes, with another number of bytes for arrays.
    #[must_use]
    pub fn with_budget(bytes: Bytes, budget_bytes: usize) -> Self {
        let tagged_field_bytes_max = TAGGED_FIELD_BYTES_MAX;
        Self { bytes, position: 0, budget: budget_bytes, tagged_field_bytes_max }
    }

    /// How many bytes have been read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// How many bytes are left.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// Checks that nothing is left.
    ///
    /// Errors: [`DecodeError::TrailingBytes`].
    pub fn expect_end(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { count }),
        }
    }

    #[inline]
    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let chunk = rest.first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.position = self.position.saturating_add(N);
        Ok(*chunk)
    }

    /// Shares the next bytes.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if length > self.remaining() {
            return Err(DecodeError::Truncated);
        }
        let start = self.position;
        self.position = start.saturating_add(length);
        Ok(self.bytes.slice(start..self.position))
    }

    /// Passes over the next bytes.
    pub fn skip(&mut self, length: usize) -> Result<(), DecodeError> {
        if length > self.remaining() {
            return Err(DecodeError::Truncated);
        }
        self.position = self.position.saturating_add(length);
        Ok(())
    }

    /// One byte; every value but 0 is true.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        let [byte] = self.array_of()?;
        Ok(byte != 0)
    }

    /// One byte.
    #[inline]
    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        self.array_of().map(i8::from_be_bytes)
    }

    /// Two bytes.
    #[inline]
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        self.array_of().map(i16::from_be_bytes)
    }

    /// Two bytes.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array_of().map(u16::from_be_bytes)
    }

    /// Four bytes.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array_of().map(i32::from_be_bytes)
    }

    /// Eight bytes.
    #[inline]
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array_of().map(i64::from_be_bytes)
    }

    /// Eight bytes.
    #[inline]
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        self.array_of().map(f64::from_be_bytes)
    }

    /// Sixteen bytes.
    #[inline]
    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        self.array_of().map(Uuid::from_bytes)
    }

    /// Two bytes, an error code.
    #[inline]
    pub fn error_code(&mut self) -> Result<ErrorCode, DecodeError> {
        self.i16().map(ErrorCode::from_code)
    }

    /// One to five bytes, seven bits in each, the lowest first.
    #[inline]
    pub fn uvarint(&mut self) -> Result<u32, DecodeError> {
        let [first] = self.array_of()?;
        if first < 0x80 { Ok(u32::from(first)) } else { self.uvarint_after(first) }
    }

    fn uvarint_after(&mut self, first: u8) -> Result<u32, DecodeError> {
        let mut value = u32::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let [byte] = self.array_of()?;
            if shift == 28 && byte > 0x0f {
                return Err(DecodeError::VarintTooLong);
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::VarintTooLong)
    }

    /// The length of bytes or of an array; `None` for null.
    // Not inlined, the four below cost a decode of Produce a third of its time.
    #[inline(always)]
    fn length(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        if flexible {
            return self.compact_length();
        }
        match self.i32()? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) => Ok(Some(length)),
                Err(_) => Err(DecodeError::NegativeLength { length }),
            },
        }
    }

    #[inline(always)]
    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(self.uvarint()?.checked_sub(1).map(|length| length as usize))
    }

    #[inline]
    fn string_length(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        if flexible {
            return self.compact_length();
        }
        match self.i16()? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) => Ok(Some(length)),
                Err(_) => Err(DecodeError::NegativeLength { length: i32::from(length) }),
            },
        }
    }

    /// Text; null is an error.
    #[inline]
    pub fn string(&mut self, flexible: bool) -> Result<Str, DecodeError> {
        self.nullable_string(flexible)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// Text or null.
    #[inline(always)]
    pub fn nullable_string(&mut self, flexible: bool) -> Result<Option<Str>, DecodeError> {
        let Some(length) = self.string_length(flexible)? else { return Ok(None) };
        if length > STRING_BYTES_MAX {
            return Err(DecodeError::StringTooLong { length });
        }
        Str::from_utf8(self.take(length)?).map(Some)
    }

    /// Bytes, shared; null is an error.
    #[inline]
    pub fn bytes(&mut self, flexible: bool) -> Result<Bytes, DecodeError> {
        self.nullable_bytes(flexible)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// Bytes, shared, or null.
    #[inline]
    pub fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, DecodeError> {
        match self.length(flexible)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    /// Record batches, shared, or null.
    #[inline]
    pub fn records(&mut self, flexible: bool) -> Result<Option<Records>, DecodeError> {
        Ok(self.nullable_bytes(flexible)?.map(Records::from))
    }

    /// Structs; null is an error.
    #[inline]
    pub fn array<T: Message>(
        &mut self,
        flexible: bool,
        version: i16,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(flexible, version)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// Structs or null.
    pub fn nullable_array<T: Message>(
        &mut self,
        flexible: bool,
        version: i16,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        self.elements(flexible, T::LEAST_BYTES, |reader| T::decode(reader, version))
    }

    /// Numbers, texts or ids; null is an error.
    #[inline]
    pub fn primitives<T: Primitive>(&mut self, flexible: bool) -> Result<Vec<T>, DecodeError> {
        self.nullable_primitives(flexible)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// Numbers, texts or ids, or null.
    pub fn nullable_primitives<T: Primitive>(
        &mut self,
        flexible: bool,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        self.elements(flexible, T::LEAST_BYTES, |reader| T::read(reader, flexible))
    }

    #[inline]
    fn elements<T>(
        &mut self,
        flexible: bool,
        least_bytes: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.length(flexible)? else { return Ok(None) };
        let left = self.remaining();
        if count.saturating_mul(least_bytes) > left {
            return Err(DecodeError::ArrayTooLong { count, left });
        }
        let wanted = count.saturating_mul(size_of::<T>());
        self.budget =
            self.budget.checked_sub(wanted).ok_or(DecodeError::MemoryBudget { wanted })?;
        let mut elements = Vec::with_capacity(count.min(ELEMENTS_RESERVED_MAX));
        for index in 0..count {
            if index == ELEMENTS_RESERVED_MAX {
                elements.reserve_exact(count.saturating_sub(index));
            }
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// A struct, or null by the byte before it.
    pub fn nullable_struct<T: Message>(&mut self, version: i16) -> Result<Option<T>, DecodeError> {
        match self.i8()? {
            -1 => Ok(None),
            1 => T::decode(self, version).map(Some),
            marker => Err(DecodeError::NullMarker { marker }),
        }
    }

    /// The tag section at the end of a flexible struct. `known` reads the field of a tag that the
    /// version has and says true; every other field is passed over.
    #[inline]
    pub fn tags(
        &mut self,
        known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        match self.uvarint()? {
            0 => Ok(()),
            count => self.tagged_fields(count, known),
        }
    }

    /// The tag section of a struct whose version has no tagged field.
    #[inline(always)]
    pub fn skip_tags(&mut self) -> Result<(), DecodeError> {
        match self.uvarint()? {
            0 => Ok(()),
            count => self.tagged_fields(count, |_, _| Ok(false)),
        }
    }

    fn tagged_fields(
        &mut self,
        count: u32,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..count {
            let tag = self.uvarint()?;
            let length = self.uvarint()? as usize;
            if length > self.tagged_field_bytes_max {
                return Err(DecodeError::TagTooLong { tag, length });
            }
            let left = self.remaining();
            let after = left.checked_sub(length).ok_or(DecodeError::Truncated)?;
            if known(self, tag)? {
                if self.remaining() != after {
                    return Err(DecodeError::TagSize { tag });
                }
            } else {
                self.skip(length)?;
            }
        }
        Ok(())
    }
}

/// Refuses a version that a message does not have.
#[inline]
pub(crate) fn check_version(
    message: &'static str,
    version: i16,
    versions: RangeInclusive<i16>,
) -> Result<(), DecodeError> {
    if versions.contains(&version) {
        Ok(())
    } else {
        Err(DecodeError::UnsupportedVersion { message, version })
    }
}

/// Whether [`Reader::of_record`] reads any number of these.
pub(crate) const fn fits_record_budget<T: Message>() -> bool {
    size_of::<T>() <= T::LEAST_BYTES.saturating_mul(MEMORY_PER_BYTE_OF_RECORD)
}

/// Refuses null in a version that has none.
#[inline]
pub(crate) fn null_only_if<T>(nullable: bool, value: Option<T>) -> Result<Option<T>, DecodeError> {
    if value.is_none() && !nullable { Err(DecodeError::UnexpectedNull) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Writer;

    fn reader(bytes: &[u8]) -> Reader {
        Reader::new(Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn uvarint_of_every_width_comes_back() {
        for shift in 0..32 {
            for value in [1_u32 << shift, (1 << shift) - 1, u32::MAX >> shift] {
                let mut writer = Writer::new();
                writer.uvarint(value);
                let mut reader = Reader::new(writer.into_bytes().unwrap());
                assert_eq!(reader.uvarint(), Ok(value));
                assert_eq!(reader.expect_end(), Ok(()));
            }
        }
    }

    #[test]
    fn uvarint_of_known_bytes_is_that_of_kafka() {
        assert_eq!(reader(&[0xac, 0x02]).uvarint(), Ok(300));
        assert_eq!(reader(&[0xff, 0xff, 0xff, 0xff, 0x0f]).uvarint(), Ok(u32::MAX));
    }

    #[test]
    fn uvarint_of_more_than_32_bits_is_refused() {
        let long = reader(&[0xff, 0xff, 0xff, 0xff, 0x1f]).uvarint();
        assert_eq!(long, Err(DecodeError::VarintTooLong));
        let long = reader(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]).uvarint();
        assert_eq!(long, Err(DecodeError::VarintTooLong));
        assert_eq!(reader(&[0x80]).uvarint(), Err(DecodeError::Truncated));
    }

    #[test]
    fn null_and_empty_are_different() {
        assert_eq!(reader(&[0xff, 0xff]).nullable_string(false), Ok(None));
        assert_eq!(reader(&[0x00, 0x00]).nullable_string(false), Ok(Some(Str::default())));
        assert_eq!(reader(&[0x00]).nullable_string(true), Ok(None));
        assert_eq!(reader(&[0x01]).nullable_string(true), Ok(Some(Str::default())));
        assert_eq!(reader(&[0x00]).string(true), Err(DecodeError::UnexpectedNull));
        assert_eq!(reader(&[0xff; 4]).nullable_primitives::<i32>(false), Ok(None));
        assert_eq!(reader(&[0x00]).primitives::<i32>(true), Err(DecodeError::UnexpectedNull));
    }

    #[test]
    fn length_below_minus_one_is_refused() {
        let string = reader(&[0xff, 0xfe]).nullable_string(false);
        assert_eq!(string, Err(DecodeError::NegativeLength { length: -2 }));
        let bytes = reader(&[0x80, 0, 0, 0]).nullable_bytes(false);
        assert_eq!(bytes, Err(DecodeError::NegativeLength { length: i32::MIN }));
    }

    #[test]
    fn string_above_the_limit_is_refused_before_its_bytes_are_looked_for() {
        // Compact length 32,768.
        let refused = reader(&[0x81, 0x80, 0x02]).string(true);
        assert_eq!(refused, Err(DecodeError::StringTooLong { length: 32_768 }));
    }

    #[test]
    fn array_longer_than_the_bytes_left_is_refused() {
        let refused = reader(&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]).primitives::<i32>(false);
        assert_eq!(refused, Err(DecodeError::ArrayTooLong { count: 2, left: 7 }));
    }

    #[test]
    fn array_of_more_elements_than_are_reserved_at_once_comes_back() {
        let numbers: Vec<i32> = (0..5000).collect();
        let mut writer = Writer::new();
        writer.primitives(true, &numbers).unwrap();
        let read = Reader::new(writer.into_bytes().unwrap()).primitives::<i32>(true).unwrap();
        assert_eq!(read, numbers);
        assert_eq!(read.capacity(), 5000, "no room beyond what the budget was charged for");
    }

    #[test]
    fn request_for_ten_thousand_short_names_is_read() {
        use crate::messages::{create_topics, metadata};
        let mut writer = Writer::new();
        let topic = metadata::RequestTopic { name: Some("topic".into()), ..Default::default() };
        let topics = Some(vec![topic; 10_000]);
        let request = metadata::MetadataRequest { topics, ..Default::default() };
        request.encode(&mut writer, 9).unwrap();
        let mut reader = Reader::of_request(writer.into_bytes().unwrap());
        assert_eq!(metadata::MetadataRequest::decode(&mut reader, 9), Ok(request));
        let mut writer = Writer::new();
        let topic = create_topics::RequestTopic { name: "topic".into(), ..Default::default() };
        let topics = vec![topic; 10_000];
        let request = create_topics::CreateTopicsRequest { topics, ..Default::default() };
        request.encode(&mut writer, 7).unwrap();
        let mut reader = Reader::of_request(writer.into_bytes().unwrap());
        assert_eq!(create_topics::CreateTopicsRequest::decode(&mut reader, 7), Ok(request));
    }

    #[test]
    fn unknown_tags_are_passed_over() {
        // Two fields: tag 5 of 2 bytes, tag 9 of 1 byte (known).
        let mut source = reader(&[2, 5, 2, 0xaa, 0xbb, 9, 1, 0x07, 0xee]);
        let mut seen = None;
        let read = source.tags(|source, tag| match tag {
            9 => {
                seen = Some(source.i8()?);
                Ok(true)
            }
            _ => Ok(false),
        });
        assert_eq!((read, seen), (Ok(()), Some(7)));
        assert_eq!(source.remaining(), 1);
    }

    #[test]
    fn tagged_field_of_another_size_than_it_says_is_refused() {
        let read_i32 = |source: &mut Reader, _: u32| source.i32().map(|_| true);
        let refused = reader(&[1, 0, 5, 0, 0, 0, 0, 0]).tags(read_i32);
        assert_eq!(refused, Err(DecodeError::TagSize { tag: 0 }));
        let refused = reader(&[1, 0, 3, 0, 0, 0, 0, 0]).tags(read_i32);
        assert_eq!(refused, Err(DecodeError::TagSize { tag: 0 }));
    }

    #[test]
    fn tag_section_claiming_more_than_there_is_is_refused() {
        assert_eq!(reader(&[1, 0, 5, 0]).skip_tags(), Err(DecodeError::Truncated));
        let many = reader(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]).skip_tags();
        assert_eq!(many, Err(DecodeError::Truncated));
        // 128 KiB and one byte.
        let refused = reader(&[1, 4, 0x81, 0x80, 0x08]).skip_tags();
        assert_eq!(refused, Err(DecodeError::TagTooLong { tag: 4, length: 131_073 }));
    }
}
