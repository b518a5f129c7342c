//! What an operator can set.

/// Whether groups may change between the classic and the consumer protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationPolicy {
    /// Never.
    Disabled,
    /// Classic to consumer only.
    Upgrade,
    /// Consumer to classic only.
    Downgrade,
    /// Both ways.
    Bidirectional,
}

impl MigrationPolicy {
    /// Whether a classic group may become a consumer group.
    #[must_use]
    pub const fn allows_upgrade(self) -> bool {
        matches!(self, Self::Upgrade | Self::Bidirectional)
    }

    /// Whether a consumer group may become a classic group.
    #[must_use]
    pub const fn allows_downgrade(self) -> bool {
        matches!(self, Self::Downgrade | Self::Bidirectional)
    }
}

/// Settings of the broker for all groups. Defaults are Kafka's, unless said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.min.session.timeout.ms`: classic members may not ask for less.
    pub session_timeout_min_ms: i32,
    /// `group.max.session.timeout.ms`: classic members may not ask for more.
    pub session_timeout_max_ms: i32,
    /// `group.initial.rebalance.delay.ms`: how long the first join of an empty group waits for
    /// others.
    pub initial_rebalance_delay_ms: i32,
    /// `group.max.size`: one more member is refused. Ours: 1,000 (Kafka has no limit). As many
    /// members again may hold an id and not have joined.
    pub group_size_max: usize,
    /// Bytes that members of one classic group may put into it, all their protocols and the
    /// assignment together; a join or an assignment above it is refused. Kafka takes a group whose
    /// record, with one protocol of each member, fits into `max.message.bytes`.
    pub group_bytes_max: usize,
    /// Bytes of records that one commit may make: Kafka's `max.message.bytes`.
    pub commit_bytes_max: usize,
    /// How long a new classic member may wait for its first join to complete.
    pub new_member_join_timeout_ms: i32,
    /// `offset.metadata.max.bytes`: text a commit may carry; more is refused for that partition.
    pub offset_metadata_bytes_max: usize,
    /// `offsets.retention.minutes`, in milliseconds.
    pub offsets_retention_ms: i64,
    /// `highwater.group.disconnect.timeout.ms`: how long after its connection was closed by the
    /// peer a member may be silent; 0 is Kafka's behaviour.
    pub disconnect_timeout_ms: i32,
    /// `group.consumer.session.timeout.ms`.
    pub consumer_session_timeout_ms: i32,
    /// `group.consumer.min.session.timeout.ms`.
    pub consumer_session_timeout_min_ms: i32,
    /// `group.consumer.max.session.timeout.ms`.
    pub consumer_session_timeout_max_ms: i32,
    /// `group.consumer.heartbeat.interval.ms`.
    pub consumer_heartbeat_interval_ms: i32,
    /// `group.consumer.min.heartbeat.interval.ms`.
    pub consumer_heartbeat_interval_min_ms: i32,
    /// `group.consumer.max.heartbeat.interval.ms`.
    pub consumer_heartbeat_interval_max_ms: i32,
    /// `group.consumer.max.size`. Ours: 1,000 (Kafka has no limit).
    pub consumer_group_size_max: usize,
    /// `group.consumer.assignors`: names, the default one first.
    pub consumer_assignors: Vec<String>,
    /// `group.consumer.assignment.interval.ms`: least time between two target assignments.
    pub consumer_assignment_interval_ms: i32,
    /// `group.consumer.regex.refresh.interval.ms`.
    pub consumer_regex_refresh_interval_ms: i32,
    /// `group.consumer.migration.policy`.
    pub consumer_migration_policy: MigrationPolicy,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            session_timeout_min_ms: 6_000,
            session_timeout_max_ms: 1_800_000,
            initial_rebalance_delay_ms: 3_000,
            group_size_max: 1_000,
            group_bytes_max: 4_000_000,
            commit_bytes_max: 1_048_588,
            new_member_join_timeout_ms: 5 * 60 * 1_000,
            offset_metadata_bytes_max: 4_096,
            offsets_retention_ms: 10_080 * 60 * 1_000,
            disconnect_timeout_ms: 6_000,
            consumer_session_timeout_ms: 45_000,
            consumer_session_timeout_min_ms: 45_000,
            consumer_session_timeout_max_ms: 60_000,
            consumer_heartbeat_interval_ms: 5_000,
            consumer_heartbeat_interval_min_ms: 5_000,
            consumer_heartbeat_interval_max_ms: 15_000,
            consumer_group_size_max: 1_000,
            consumer_assignors: vec!["uniform".to_owned(), "range".to_owned()],
            consumer_assignment_interval_ms: 1_000,
            consumer_regex_refresh_interval_ms: 10 * 60 * 1_000,
            consumer_migration_policy: MigrationPolicy::Bidirectional,
        }
    }
}

/// Settings of one group (config resource type 32); `None` is the broker's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupOverrides {
    /// `consumer.session.timeout.ms`.
    pub consumer_session_timeout_ms: Option<i32>,
    /// `consumer.heartbeat.interval.ms`.
    pub consumer_heartbeat_interval_ms: Option<i32>,
    /// `consumer.assignment.interval.ms`.
    pub consumer_assignment_interval_ms: Option<i32>,
}
