//! The producer's settings, with Kafka's names and defaults.

use std::time::Duration;

use highwater_client::{Client, ClientOptions, split_servers};
use highwater_records::Codec;

use crate::{ProduceError, Producer};

/// How many replicas must have a batch before it counts as written (`acks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// Nobody says anything; a lost batch goes unnoticed.
    None,
    /// The leader alone.
    Leader,
    /// Every in-sync replica, at least `min.insync.replicas` of them.
    #[default]
    All,
}

impl Acks {
    pub(crate) fn on_the_wire(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// The settings of a producer; made by [`Producer::builder`].
#[derive(Clone, Debug)]
pub struct ProducerBuilder {
    pub(crate) client: ClientOptions,
    pub(crate) acks: Acks,
    pub(crate) linger: Duration,
    pub(crate) batch_size: usize,
    pub(crate) buffer_memory: usize,
    pub(crate) compression: Codec,
    pub(crate) max_in_flight: usize,
    pub(crate) max_request_size: usize,
    pub(crate) delivery_timeout: Duration,
    pub(crate) max_block: Duration,
    pub(crate) allow_auto_create_topics: bool,
    enable_idempotence: Option<bool>,
}

/// The most batches of one partition that a broker remembers to recognize duplicates by.
const IDEMPOTENT_IN_FLIGHT_MAX: usize = 5;

impl ProducerBuilder {
    pub(crate) fn new(servers: &str) -> Self {
        Self {
            client: ClientOptions {
                bootstrap_servers: split_servers(servers),
                client_id: "highwater-producer".into(),
                ..ClientOptions::default()
            },
            acks: Acks::All,
            linger: Duration::from_millis(5),
            batch_size: 16 * 1024,
            buffer_memory: 32 * 1024 * 1024,
            compression: Codec::None,
            max_in_flight: IDEMPOTENT_IN_FLIGHT_MAX,
            max_request_size: 1024 * 1024,
            delivery_timeout: Duration::from_secs(120),
            max_block: Duration::from_secs(60),
            allow_auto_create_topics: true,
            enable_idempotence: None,
        }
    }

    /// Who must have a batch before it counts as written (`acks`, default all).
    #[must_use]
    pub fn acks(mut self, acks: Acks) -> Self {
        self.acks = acks;
        self
    }

    /// How long a batch may wait for more records (`linger.ms`, default 5 ms).
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// When a batch is full, before compression (`batch.size`, default 16 KiB). A larger record
    /// gets a batch of its own.
    #[must_use]
    pub fn batch_size(mut self, bytes: usize) -> Self {
        self.batch_size = bytes;
        self
    }

    /// Bytes of records not yet delivered; at the limit `send` waits (`buffer.memory`, 32 MiB).
    #[must_use]
    pub fn buffer_memory(mut self, bytes: usize) -> Self {
        self.buffer_memory = bytes;
        self
    }

    /// How batches are compressed (`compression.type`, default none).
    #[must_use]
    pub fn compression(mut self, codec: Codec) -> Self {
        self.compression = codec;
        self
    }

    /// Requests without an answer per broker (`max.in.flight.requests.per.connection`, 5).
    #[must_use]
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// The largest request, and with it the largest record (`max.request.size`, 1 MiB).
    #[must_use]
    pub fn max_request_size(mut self, bytes: usize) -> Self {
        self.max_request_size = bytes;
        self
    }

    /// How long a record may take from `send` to the answer (`delivery.timeout.ms`, 2 minutes).
    #[must_use]
    pub fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.delivery_timeout = timeout;
        self
    }

    /// How long `send` may wait for metadata or for room (`max.block.ms`, 1 minute).
    #[must_use]
    pub fn max_block(mut self, timeout: Duration) -> Self {
        self.max_block = timeout;
        self
    }

    /// How long one request may take (`request.timeout.ms`, 30 seconds).
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.client.request_timeout = timeout;
        self
    }

    /// Whether brokers drop what they have already (`enable.idempotence`). On by default with
    /// `acks=all`, and off with other acks.
    #[must_use]
    pub fn enable_idempotence(mut self, enable: bool) -> Self {
        self.enable_idempotence = Some(enable);
        self
    }

    /// Whether the broker may create missing topics, if its settings allow it. On by default, as
    /// with Kafka's own producer.
    #[must_use]
    pub fn allow_auto_create_topics(mut self, allow: bool) -> Self {
        self.allow_auto_create_topics = allow;
        self
    }

    /// What brokers call this client (`client.id`).
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client.client_id = client_id.into();
        self
    }

    /// The settings shared with other clients.
    #[must_use]
    pub fn client_options(mut self, change: impl FnOnce(&mut ClientOptions)) -> Self {
        change(&mut self.client);
        self
    }

    /// Makes the producer; its task runs on the current tokio runtime. Connects to nobody yet.
    ///
    /// Errors: [`ProduceError::InvalidOptions`], [`ProduceError::UnsupportedCodec`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn build(self) -> Result<Producer, ProduceError> {
        self.check()?;
        let client = Client::new(self.client.clone())?;
        Ok(Producer::start(client, self))
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        self.enable_idempotence.unwrap_or(self.acks == Acks::All)
    }

    fn check(&self) -> Result<(), ProduceError> {
        let invalid = |text: &str| Err(ProduceError::InvalidOptions(text.into()));
        if self.enable_idempotence == Some(true) && self.acks != Acks::All {
            return invalid("idempotence needs acks=all");
        }
        if self.is_idempotent() && self.max_in_flight > IDEMPOTENT_IN_FLIGHT_MAX {
            return invalid("idempotence allows at most 5 requests in flight");
        }
        if self.max_in_flight == 0 || self.batch_size == 0 || self.buffer_memory == 0 {
            return invalid("max_in_flight, batch_size and buffer_memory must be above zero");
        }
        if self.delivery_timeout < self.linger + self.client.request_timeout {
            return invalid("delivery_timeout must not be below linger plus request_timeout");
        }
        if !self.compression.is_supported() {
            return Err(ProduceError::UnsupportedCodec(self.compression));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(builder: ProducerBuilder) -> bool {
        matches!(builder.check(), Err(ProduceError::InvalidOptions(_)))
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        let builder = || ProducerBuilder::new("h:1");
        assert!(builder().check().is_ok());
        assert!(refused(builder().acks(Acks::Leader).enable_idempotence(true)));
        assert!(refused(builder().max_in_flight(6)));
        assert!(!refused(builder().max_in_flight(6).enable_idempotence(false)));
        assert!(refused(builder().delivery_timeout(Duration::from_secs(1))));
        assert!(refused(builder().batch_size(0)));
    }

    #[test]
    fn idempotence_follows_acks_unless_it_is_said() {
        let builder = || ProducerBuilder::new("h:1");
        assert!(builder().is_idempotent());
        assert!(!builder().acks(Acks::Leader).is_idempotent());
        assert!(!builder().enable_idempotence(false).is_idempotent());
    }
}
