//! The consumer's settings, with Kafka's names and defaults.

use std::time::Duration;

use highwater_client::{Client, ClientOptions, Isolation, split_servers};

use crate::group::GroupSettings;
use crate::{ConsumeError, Consumer};

/// Where to go on when the position lies outside of the log (`auto.offset.reset`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OffsetReset {
    /// At the first record that is kept.
    Earliest,
    /// At the end: only records to come.
    #[default]
    Latest,
    /// Nowhere: it is an error.
    None,
}

/// The settings of a consumer; made by [`Consumer::builder`].
#[derive(Clone, Debug)]
pub struct ConsumerBuilder {
    pub(crate) client: ClientOptions,
    pub(crate) fetch_min_bytes: usize,
    pub(crate) fetch_max_bytes: usize,
    pub(crate) fetch_max_wait: Duration,
    pub(crate) max_partition_fetch_bytes: usize,
    pub(crate) max_poll_records: usize,
    pub(crate) isolation: Isolation,
    pub(crate) auto_offset_reset: OffsetReset,
    pub(crate) group: GroupSettings,
}

impl ConsumerBuilder {
    pub(crate) fn new(servers: &str) -> Self {
        Self {
            client: ClientOptions {
                bootstrap_servers: split_servers(servers),
                client_id: "highwater-consumer".into(),
                ..ClientOptions::default()
            },
            fetch_min_bytes: 1,
            fetch_max_bytes: 50 * 1024 * 1024,
            fetch_max_wait: Duration::from_millis(500),
            max_partition_fetch_bytes: 1024 * 1024,
            max_poll_records: 500,
            isolation: Isolation::ReadUncommitted,
            auto_offset_reset: OffsetReset::Latest,
            group: GroupSettings::default(),
        }
    }

    /// How much a broker gathers before it answers (`fetch.min.bytes`, default 1).
    #[must_use]
    pub fn fetch_min_bytes(mut self, bytes: usize) -> Self {
        self.fetch_min_bytes = bytes;
        self
    }

    /// How much one answer may hold (`fetch.max.bytes`, 50 MiB); a single batch may exceed it.
    #[must_use]
    pub fn fetch_max_bytes(mut self, bytes: usize) -> Self {
        self.fetch_max_bytes = bytes;
        self
    }

    /// How long a broker may gather (`fetch.max.wait.ms`, 500 ms).
    #[must_use]
    pub fn fetch_max_wait(mut self, wait: Duration) -> Self {
        self.fetch_max_wait = wait;
        self
    }

    /// How much of one partition an answer may hold (`max.partition.fetch.bytes`, 1 MiB); a single
    /// batch may exceed it. Twice as much of each partition is held in memory.
    #[must_use]
    pub fn max_partition_fetch_bytes(mut self, bytes: usize) -> Self {
        self.max_partition_fetch_bytes = bytes;
        self
    }

    /// How many records one `poll` returns (`max.poll.records`, 500).
    #[must_use]
    pub fn max_poll_records(mut self, records: usize) -> Self {
        self.max_poll_records = records.max(1);
        self
    }

    /// Whether records of open and aborted transactions are given out (`isolation.level`,
    /// read_uncommitted).
    #[must_use]
    pub fn isolation_level(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// The group to be a member of (`group.id`); see [`Consumer::subscribe`].
    #[must_use]
    pub fn group_id(mut self, group_id: impl Into<String>) -> Self {
        self.group.group_id = Some(group_id.into());
        self
    }

    /// A name that this member keeps over restarts (`group.instance.id`): it gets the same
    /// partitions again, and nobody else gets them before its session ends.
    #[must_use]
    pub fn group_instance_id(mut self, instance_id: impl Into<String>) -> Self {
        self.group.instance_id = Some(instance_id.into());
        self
    }

    /// Which of the coordinator's assignors to use (`group.remote.assignor`): `uniform` or `range`;
    /// its own choice without.
    #[must_use]
    pub fn group_remote_assignor(mut self, assignor: impl Into<String>) -> Self {
        self.group.assignor = Some(assignor.into());
        self
    }

    /// How often the positions of a group are committed (`auto.commit.interval.ms`, 5 seconds);
    /// none never, and then [`Consumer::commit`] does it (`enable.auto.commit=false`).
    #[must_use]
    pub fn auto_commit_interval(mut self, interval: Option<Duration>) -> Self {
        self.group.auto_commit = interval;
        self
    }

    /// Whether a record counts as done, and may be committed, with the `poll` after the one that
    /// returned it (`enable.auto.offset.store` of librdkafka, true). If not,
    /// [`Consumer::store_offset`] says what is done.
    #[must_use]
    pub fn auto_offset_store(mut self, is_automatic: bool) -> Self {
        self.group.auto_offset_store = is_automatic;
        self
    }

    /// Where to go on when the position lies outside of the log, and where to begin when the group
    /// has none (`auto.offset.reset`, latest).
    #[must_use]
    pub fn auto_offset_reset(mut self, reset: OffsetReset) -> Self {
        self.auto_offset_reset = reset;
        self
    }

    /// How long one request may take besides the wait for data (`request.timeout.ms`, 30 seconds).
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.client.request_timeout = timeout;
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

    /// Makes the consumer, with nothing assigned. Connects to nobody yet.
    ///
    /// Errors: without a server.
    pub fn build(self) -> Result<Consumer, ConsumeError> {
        let client = Client::new(self.client.clone())?;
        Ok(Consumer::new(client, self))
    }
}
