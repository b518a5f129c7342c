//! What goes in, and what comes back.

use bytes::Bytes;
use highwater_records::{Header, Offset, Timestamp, TopicName};

/// A record to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerRecord {
    /// The topic.
    pub topic: TopicName,
    /// The partition; none to let the key decide, or the producer where there is no key.
    pub partition: Option<i32>,
    /// The record's time; none for the moment of `send`.
    pub timestamp: Option<Timestamp>,
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// Names and values beside the value.
    pub headers: Vec<Header>,
}

impl ProducerRecord {
    /// A record without key and value.
    #[must_use]
    pub fn new(topic: TopicName) -> Self {
        Self {
            topic,
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers: Vec::new(),
        }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the value.
    #[must_use]
    pub fn value(mut self, value: impl Into<Bytes>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the time.
    #[must_use]
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.headers.push(Header::new(key, value));
        self
    }

    /// Bytes of key, value and headers.
    pub(crate) fn payload_bytes(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter();
        let headers: usize = headers.map(|header| header.key.len() + length(&header.value)).sum();
        length(&self.key) + length(&self.value) + headers
    }
}

/// Where a record was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: i32,
    /// The offset; none with `acks=0`, and where the leader no longer knew it.
    pub offset: Option<Offset>,
    /// The record's time: the producer's, or the leader's if the topic says so.
    pub timestamp: Timestamp,
}
