//! The producer's face.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use highwater_client::{Client, ClientError};
use highwater_records::{Timestamp, TopicName};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::accumulator::{Accumulator, Limits, NotAppended};
use crate::options::ProducerBuilder;
use crate::sender::Sender;
use crate::{Delivery, ProduceError, ProducerRecord};

/// What a batch adds to a record that is alone in it: header, lengths, deltas.
const OVERHEAD_BYTES: usize = 61 + 30;

/// Sends records to a Kafka cluster; cheap to clone, shared by all who send.
///
/// When the last clone is dropped, the producer stops at once and what it still holds is lost;
/// [`Producer::close`] delivers it first.
#[derive(Clone, Debug)]
pub struct Producer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    accumulator: Arc<Accumulator>,
    max_request_size: usize,
    max_block: Duration,
    may_create: bool,
    /// Owns the sender's task: dropped with the last clone, it aborts the task.
    _sender: JoinSet<()>,
}

impl Producer {
    /// Settings for a producer; `servers` is a list such as `broker-1:9092,broker-2:9092`.
    #[must_use]
    pub fn builder(servers: &str) -> ProducerBuilder {
        ProducerBuilder::new(servers)
    }

    pub(crate) fn start(client: Client, settings: ProducerBuilder) -> Self {
        let limits = Limits {
            batch_size: settings.batch_size,
            buffer_memory: settings.buffer_memory,
            linger: settings.linger,
            max_block: settings.max_block,
            codec: settings.compression,
        };
        let accumulator = Arc::new(Accumulator::new(limits));
        let inner = Inner {
            client: client.clone(),
            accumulator: Arc::clone(&accumulator),
            max_request_size: settings.max_request_size,
            max_block: settings.max_block,
            may_create: settings.allow_auto_create_topics,
            _sender: {
                let mut sender = JoinSet::new();
                sender.spawn(Sender::new(client, settings, accumulator).run());
                sender
            },
        };
        Self { inner: Arc::new(inner) }
    }

    /// Puts a record into the buffer, waiting for metadata and for room where needed; the result
    /// is a future of what became of it.
    ///
    /// Cancel-safe: dropped before it returns, the record is not sent.
    ///
    /// Errors: [`ProduceError::RecordTooLarge`], [`ProduceError::NoSuchPartition`],
    /// [`ProduceError::BufferFull`], [`ProduceError::Client`] if the topic is unknown and stays so,
    /// [`ProduceError::Closed`].
    pub async fn send(&self, record: ProducerRecord) -> Result<Delivery, ProduceError> {
        let inner = &self.inner;
        let payload_bytes = record.payload_bytes();
        let size_bytes = payload_bytes + OVERHEAD_BYTES;
        if size_bytes > inner.max_request_size {
            let max_bytes = inner.max_request_size;
            return Err(ProduceError::RecordTooLarge { size_bytes, max_bytes });
        }
        loop {
            let reserved = inner.accumulator.reserve(payload_bytes).await?;
            match inner.accumulator.append(&record, now(), reserved) {
                Ok(delivery) => return Ok(delivery),
                Err(NotAppended::UnknownTopic) => self.look_up(&record.topic).await?,
                Err(NotAppended::Failed(ProduceError::NoSuchPartition { .. }))
                    if self.has_grown(&record).await? => {}
                Err(NotAppended::Failed(error)) => return Err(error),
            }
        }
    }

    /// Waits until everything sent so far is delivered or has failed; the deliveries know which.
    pub async fn flush(&self) {
        self.inner.accumulator.flush().await;
    }

    /// Takes no more records, delivers what is in the buffer, and ends. Other clones can then only
    /// report [`ProduceError::Closed`].
    ///
    /// Cancel-safe: dropped half-way, what is in the buffer is still sent as long as another clone
    /// lives.
    pub async fn close(&self) -> Result<(), ProduceError> {
        self.inner.accumulator.close();
        self.flush().await;
        Ok(())
    }

    /// The client below, for look-ups beside the records.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    async fn look_up(&self, topic: &TopicName) -> Result<(), ProduceError> {
        let inner = &self.inner;
        let deadline = Instant::now() + inner.max_block;
        let metadata = inner.client.topic(topic, inner.may_create, deadline).await?;
        inner.accumulator.update_topics(&metadata);
        Ok(())
    }

    /// Whether the record's partition exists after all: topics grow.
    async fn has_grown(&self, record: &ProducerRecord) -> Result<bool, ProduceError> {
        let partition = record.partition.unwrap_or(-1);
        self.look_up(&record.topic).await.or_else(|error| match error {
            ProduceError::Client(ClientError::UnknownTopic { .. }) => Ok(()),
            other => Err(other),
        })?;
        Ok(self.inner.client.metadata().partition(&record.topic, partition).is_some())
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
