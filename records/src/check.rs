//! The walk over a stored batch's records, for whoever looks at a log from outside.
//!
//! Unlike [`validate`](crate::validate()) it asks only what holds of every stored batch, compacted
//! ones and the broker's own among them: offsets that rise within the batch, records that fill it,
//! and the greatest timestamp that the header names.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use crate::compression::{Codec, CompressionError, DECOMPRESSED_BYTES_MAX};
use crate::cursor::{Blocks, Compressed, Cursor, Plain, Stop};
use crate::header::{BatchHeader, TimestampType};

/// Why the records of a batch are not what its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsFault {
    /// The codec is unknown, or not part of this build: nothing is known of the records.
    #[error("codec {codec_id} is not supported here")]
    Unsupported {
        /// The number in the attributes.
        codec_id: u8,
    },
    /// A record is not what the format says.
    #[error("record {index}: {reason}")]
    Record {
        /// Counted from 0.
        index: i32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The records do not decompress.
    #[error("records do not decompress: {0}")]
    Compression(CompressionError),
    /// The header names another greatest timestamp than the records have.
    #[error("greatest timestamp of the records is {found}, the header says {expected}")]
    MaxTimestamp {
        /// What the header says.
        expected: i64,
        /// What the records say.
        found: i64,
    },
}

/// Walks all records of a stored batch: `body` is what follows the header.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_records(header: &BatchHeader, body: &[u8]) -> Result<(), RecordsFault> {
    let codec_id = header.attributes.codec_id();
    match header.codec() {
        Ok(Codec::None) => walk(Plain::new(body), header),
        // A cleaner leaves a header alone; then there is nothing to decompress.
        Ok(_) if header.record_count == 0 && body.is_empty() => Ok(()),
        Ok(codec) if codec.is_supported() => {
            let blocks = Compressed::new(codec, body, DECOMPRESSED_BYTES_MAX);
            let mut blocks = blocks.map_err(RecordsFault::Compression)?;
            let walked = walk(&mut blocks, header);
            blocks.keep_memory();
            walked
        }
        Ok(_) | Err(_) => Err(RecordsFault::Unsupported { codec_id }),
    }
}

fn walk<B: Blocks>(blocks: B, header: &BatchHeader) -> Result<(), RecordsFault> {
    let mut cursor = Cursor::new(blocks);
    let (mut last_delta, mut greatest) = (-1, None);
    for index in 0..header.record_count {
        let refused = |reason| RecordsFault::Record { index, reason };
        let facts = match cursor.any_whole_record() {
            Some(facts) => facts,
            None => cursor.any_record().map_err(|stop| fault(stop, index))?,
        };
        if facts.offset_delta <= last_delta {
            return Err(refused("offset deltas do not rise"));
        }
        if facts.offset_delta > header.last_offset_delta {
            return Err(refused("offset is past the end of the batch"));
        }
        last_delta = facts.offset_delta;
        // Kafka's readers let the sum wrap, see `Records`.
        let timestamp = header.base_timestamp.value().wrapping_add(facts.timestamp_delta);
        greatest = greatest.max(Some(timestamp));
    }
    let end = header.record_count;
    if !cursor.is_at_end().map_err(|stop| fault(stop, end))? {
        let reason = "bytes left after the last record";
        return Err(RecordsFault::Record { index: end, reason });
    }
    let expected = header.max_timestamp.value();
    match (header.timestamp_type(), greatest) {
        (TimestampType::CreateTime, Some(found)) if found != expected => {
            Err(RecordsFault::MaxTimestamp { expected, found })
        }
        (TimestampType::CreateTime | TimestampType::LogAppendTime, _) => Ok(()),
    }
}

fn fault(stop: Stop, index: i32) -> RecordsFault {
    match stop {
        Stop::Invalid(reason) => RecordsFault::Record { index, reason },
        Stop::Decompression(error) => RecordsFault::Compression(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::RecordBatch;
    use crate::builder::BatchBuilder;
    use crate::time::Timestamp;

    fn batch(codec: Codec) -> RecordBatch {
        let mut builder = BatchBuilder::new(codec);
        for at in 0..5 {
            builder.append(Timestamp::new(100 - at), Some(b"key"), Some(&[7; 900]), &[]);
        }
        builder.build()
    }

    fn check(header: &BatchHeader, body: &[u8]) -> String {
        check_records(header, body).map_or_else(|fault| fault.to_string(), |()| "good".to_owned())
    }

    #[test]
    fn good_batches_of_every_codec_pass() {
        for codec in Codec::ALL.into_iter().filter(|codec| codec.is_supported()) {
            let batch = batch(codec);
            assert_eq!(check(batch.header(), &batch.body()), "good", "{codec}");
        }
    }

    #[test]
    fn compacted_batches_pass() {
        // What a cleaner leaves: the last offset stays, records are gone.
        let mut header = batch(Codec::None).header().clone();
        let body = batch(Codec::None).body();
        header.last_offset_delta = 9;
        assert_eq!(check(&header, &body), "good");
        (header.record_count, header.max_timestamp) = (0, Timestamp::NONE);
        assert_eq!(check(&header, &[]), "good");
        let mut compressed = batch(Codec::Lz4).header().clone();
        compressed.record_count = 0;
        assert_eq!(check(&compressed, &[]), "good");
    }

    #[test]
    fn header_that_lies_about_its_records_is_found() {
        let (header, body) = (batch(Codec::None).header().clone(), batch(Codec::None).body());
        let lies = [
            (BatchHeader { record_count: 4, ..header.clone() }, "bytes left after"),
            (BatchHeader { record_count: 6, ..header.clone() }, "record 5"),
            (BatchHeader { last_offset_delta: 3, ..header.clone() }, "past the end"),
            (BatchHeader { max_timestamp: Timestamp::new(101), ..header.clone() }, "is 100"),
        ];
        for (header, expected) in lies {
            let found = check(&header, &body);
            assert!(found.contains(expected), "{found}");
        }
        let mut unsupported = header;
        unsupported.attributes = crate::header::Attributes::new(7);
        assert!(check(&unsupported, &body).contains("codec 7"));
    }

    #[test]
    fn records_out_of_order_or_cut_off_are_found() {
        let (header, body) = (batch(Codec::None).header().clone(), batch(Codec::None).body());
        assert!(check(&header, &body[..body.len() - 1]).contains("record 4"));
        let size = body.len() / 5;
        let swapped = [&body[size..2 * size], &body[..size], &body[2 * size..]].concat();
        assert!(check(&header, &swapped).contains("do not rise"));
    }
}
