//! Records and batches that several tests use.

use highwater_records::{BatchBuilder, Codec, Header, RecordBatch, Timestamp};

/// A moment in 2023, in milliseconds.
pub(crate) const TIME: i64 = 1_700_000_000_000;

/// 70,000 bytes that compress, but not to nothing; `testdata/` was made from the same.
pub(crate) fn text() -> Vec<u8> {
    let letter =
        |i: u32| b'a' + u8::try_from((i * 7919 + i / 13 * 31 + i / 4096 * 17) % 26).unwrap();
    (0..70_000).map(letter).collect()
}

pub(crate) fn supported() -> impl Iterator<Item = Codec> {
    Codec::ALL.into_iter().filter(|codec| codec.is_supported())
}

/// A good batch of three small records, ready to be changed by a test.
pub(crate) fn three(codec: Codec) -> BatchBuilder {
    let mut builder = BatchBuilder::new(codec);
    builder
        .append(Timestamp::new(TIME), Some(b"a"), Some(b"one"), &[])
        .append(Timestamp::new(TIME + 7), Some(b"b"), None, &[Header::new("h", "x")])
        .append(Timestamp::new(TIME - 7), Some(b"c"), Some(b"three"), &[]);
    builder
}

/// The same bytes with one changed and the CRC made right again.
pub(crate) fn with_byte(batch: &RecordBatch, at: usize, value: u8) -> Vec<u8> {
    let mut bytes = batch.bytes().to_vec();
    bytes[at] = value;
    reseal(bytes)
}

/// Makes length and CRC of a batch right again after a test changed it.
pub(crate) fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - 12).unwrap();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = highwater_records::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes
}
