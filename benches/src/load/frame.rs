//! Requests that are built once; before each send only a few bytes change.

use anyhow::{Context, Result};
use highwater_protocol::messages::fetch::{self, FetchRequest};
use highwater_protocol::messages::produce::{
    ProduceRequest, RequestTopicData, RequestTopicDataPartitionData,
};
use highwater_records::{BatchBuilder, Codec, Timestamp};
use highwater_tests::request_frame;

use crate::machine::now_ms;

/// Known to Kafka 2.4 up to 4.3 and to us.
pub(crate) const PRODUCE_VERSION: i16 = 9;
/// The last version without compact lengths, so that an answer's fields stand where they stand.
pub(crate) const FETCH_VERSION: i16 = 11;
/// Behind the size prefix, the API's key and its version.
const CORRELATION_ID_AT: usize = 8;

/// What a Produce request holds.
#[derive(Clone, Copy, Debug)]
pub struct ProduceShape {
    pub record_bytes: usize,
    pub records: usize,
    pub acks: i16,
}

impl ProduceShape {
    /// A request of about `request_bytes` of records.
    pub const fn filled(request_bytes: usize, record_bytes: usize, acks: i16) -> Self {
        // A record's length, attributes, timestamp and offset deltas, and no key: 7 to 10 bytes.
        Self { record_bytes, records: request_bytes / (record_bytes + 8), acks }
    }
}

/// A Produce request of one batch for one partition.
#[derive(Clone, Debug)]
pub struct ProduceFrame {
    frame: Vec<u8>,
    partition_at: usize,
    topic_bytes: usize,
    pub records: u64,
    /// Bytes of the record batch.
    pub batch_bytes: u64,
}

impl ProduceFrame {
    pub fn new(topic: &str, shape: ProduceShape) -> Result<Self> {
        let values = noise(shape.record_bytes * shape.records);
        let mut batch = BatchBuilder::new(Codec::None);
        // Of now: what is older than its retention is deleted half a minute after a broker's start.
        let now = Timestamp::new(now_ms()?);
        for value in values.chunks_exact(shape.record_bytes) {
            batch.append(now, None, Some(value), &[]);
        }
        let batch = batch.build().bytes().clone();
        let encode = |partition| {
            let data = RequestTopicDataPartitionData {
                index: partition,
                records: Some(batch.clone().into()),
            };
            let topic = RequestTopicData {
                name: topic.into(),
                partition_data: vec![data],
                ..RequestTopicData::default()
            };
            let request = ProduceRequest {
                acks: shape.acks,
                timeout_ms: 30_000,
                topic_data: vec![topic],
                ..ProduceRequest::default()
            };
            request_frame(PRODUCE_VERSION, 0, &request)
        };
        let frame = encode(0)?;
        let partition_at = first_difference(&frame, &encode(0x0101_0101)?)?;
        Ok(Self {
            frame,
            partition_at,
            topic_bytes: topic.len(),
            records: u64::try_from(shape.records)?,
            batch_bytes: u64::try_from(batch.len())?,
        })
    }

    /// The whole frame, size prefix included, under a number of its own.
    pub(crate) fn numbered(&mut self, correlation_id: u32, partition: u32) -> &[u8] {
        put_u32(&mut self.frame, CORRELATION_ID_AT, correlation_id);
        put_u32(&mut self.frame, self.partition_at, partition);
        &self.frame
    }

    /// Where the error code stands in an answer without its size prefix: behind the correlation id, no tags, one topic, its
    /// name, one partition and its index.
    pub(crate) fn error_at(&self) -> usize {
        4 + 1 + 1 + 1 + self.topic_bytes + 1 + 4
    }
}

/// A Fetch request for one partition.
#[derive(Clone, Debug)]
pub struct FetchFrame {
    frame: Vec<u8>,
    offset_at: usize,
    topic_bytes: usize,
}

impl FetchFrame {
    pub fn new(topic: &str, partition: i32, max_bytes: i32) -> Result<Self> {
        let encode = |fetch_offset| {
            let asked = fetch::RequestTopicPartition {
                partition,
                fetch_offset,
                partition_max_bytes: max_bytes,
                ..Default::default()
            };
            let topic = fetch::RequestTopic {
                topic: topic.into(),
                partitions: vec![asked],
                ..Default::default()
            };
            let request = FetchRequest {
                max_wait_ms: 500,
                min_bytes: 1,
                max_bytes,
                session_epoch: -1,
                topics: vec![topic],
                ..FetchRequest::default()
            };
            request_frame(FETCH_VERSION, 0, &request)
        };
        let frame = encode(0)?;
        let offset_at = first_difference(&frame, &encode(0x0101_0101_0101_0101)?)?;
        Ok(Self { frame, offset_at, topic_bytes: topic.len() })
    }

    pub(crate) fn numbered(&mut self, correlation_id: u32, offset: u64) -> &[u8] {
        put_u32(&mut self.frame, CORRELATION_ID_AT, correlation_id);
        self.frame[self.offset_at..self.offset_at + 8].copy_from_slice(&offset.to_be_bytes());
        &self.frame
    }

    /// Where the partition's part of an answer begins, at its error code: behind correlation id, throttle time, error code,
    /// session, one topic, its name, one partition and its index.
    pub(crate) fn partition_at(&self) -> usize {
        4 + 4 + 2 + 4 + 4 + 2 + self.topic_bytes + 4 + 4
    }
}

fn put_u32(frame: &mut [u8], at: usize, value: u32) {
    frame[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

fn first_difference(left: &[u8], right: &[u8]) -> Result<usize> {
    left.iter().zip(right).position(|(left, right)| left != right).context("equal frames")
}

/// Bytes that nothing compresses, the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
mod tests {
    use highwater_protocol::{Message, Reader};

    use super::*;

    /// Behind size prefix, key, version, number and the client id `tests`.
    const BODY_AT: usize = 4 + 2 + 2 + 4 + 2 + 5;

    #[test]
    fn numbered_produce_frame_decodes_to_what_was_asked() {
        let shape = ProduceShape { record_bytes: 100, records: 3, acks: -1 };
        let mut frame = ProduceFrame::new("topic", shape).unwrap();
        let bytes = frame.numbered(7, 41).to_vec();
        assert_eq!(bytes[CORRELATION_ID_AT..CORRELATION_ID_AT + 4], 7_u32.to_be_bytes());
        let mut reader = Reader::new(bytes[BODY_AT + 1..].to_vec().into());
        let request = ProduceRequest::decode(&mut reader, PRODUCE_VERSION).unwrap();
        assert_eq!(request.acks, -1);
        let data = &request.topic_data[0].partition_data[0];
        assert_eq!(data.index, 41);
        assert_eq!(data.records.as_ref().unwrap().len_bytes() as u64, frame.batch_bytes);
    }

    #[test]
    fn numbered_fetch_frame_decodes_to_what_was_asked() {
        let mut frame = FetchFrame::new("topic", 2, 1 << 20).unwrap();
        let bytes = frame.numbered(7, 1 << 33).to_vec();
        let mut reader = Reader::new(bytes[BODY_AT..].to_vec().into());
        let request = FetchRequest::decode(&mut reader, FETCH_VERSION).unwrap();
        let asked = &request.topics[0].partitions[0];
        assert_eq!((asked.partition, asked.fetch_offset), (2, 1 << 33));
    }
}
