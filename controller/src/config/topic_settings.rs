//! A topic's configuration as typed values, and the checks that need more than one key.

use super::{ConfigMap, ConfigSources, ConfigValueError, broker_config, parse_list, topic_config};

/// What happens to old segments; both false: everything is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub delete: bool,
    pub compact: bool,
}

/// Which codec stored batches have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// Whatever the producer chose.
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// Whose clock a record's timestamp comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// What acks=all waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    Fsync,
    Os,
}

/// The configuration of one topic, every key resolved.
///
/// Units: as the names say; -1 means "no limit" where Kafka's key allows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSettings {
    pub cleanup_policy: CleanupPolicy,
    pub compression_type: CompressionType,
    pub compression_gzip_level: i32,
    pub compression_lz4_level: i32,
    pub compression_zstd_level: i32,
    pub delete_retention_ms: i64,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub durability: Durability,
    pub index_interval_bytes: i32,
    pub max_compaction_lag_ms: i64,
    pub min_compaction_lag_ms: i64,
    pub max_message_bytes: i32,
    pub message_timestamp_type: TimestampType,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
    pub min_insync_replicas: i32,
    pub preallocate: bool,
    /// The broker's `producer.id.expiration.ms`: no topic key, but each log goes by it, live.
    pub producer_id_expiration_ms: i32,
    pub retention_bytes: i64,
    pub retention_ms: i64,
    pub segment_bytes: i32,
    pub segment_index_bytes: i32,
    pub segment_ms: i64,
    pub segment_jitter_ms: i64,
    pub unclean_leader_election_enable: bool,
}

impl TopicSettings {
    /// The settings in force, from checked values.
    pub fn resolve(sources: &ConfigSources<'_>) -> Self {
        let read = Reader { sources };
        let policy = read.text("cleanup.policy");
        let policies = parse_list(&policy);
        let segment_bytes = read.optional_int("internal.segment.bytes");
        Self {
            cleanup_policy: CleanupPolicy {
                delete: policies.contains(&"delete"),
                compact: policies.contains(&"compact"),
            },
            compression_type: compression_type(&read.text("compression.type")),
            compression_gzip_level: read.int("compression.gzip.level"),
            compression_lz4_level: read.int("compression.lz4.level"),
            compression_zstd_level: read.int("compression.zstd.level"),
            delete_retention_ms: read.long("delete.retention.ms"),
            file_delete_delay_ms: read.long("file.delete.delay.ms"),
            flush_messages: read.long("flush.messages"),
            flush_ms: read.long("flush.ms"),
            durability: if read.text("highwater.durability") == "os" {
                Durability::Os
            } else {
                Durability::Fsync
            },
            index_interval_bytes: read.int("index.interval.bytes"),
            max_compaction_lag_ms: read.long("max.compaction.lag.ms"),
            min_compaction_lag_ms: read.long("min.compaction.lag.ms"),
            max_message_bytes: read.int("max.message.bytes"),
            message_timestamp_type: if read.text("message.timestamp.type") == "LogAppendTime" {
                TimestampType::LogAppendTime
            } else {
                TimestampType::CreateTime
            },
            message_timestamp_before_max_ms: read.long("message.timestamp.before.max.ms"),
            message_timestamp_after_max_ms: read.long("message.timestamp.after.max.ms"),
            min_cleanable_dirty_ratio: read.double("min.cleanable.dirty.ratio"),
            min_insync_replicas: read.int("min.insync.replicas"),
            preallocate: read.boolean("preallocate"),
            producer_id_expiration_ms: read.broker_int("producer.id.expiration.ms"),
            retention_bytes: read.long("retention.bytes"),
            retention_ms: read.long("retention.ms"),
            segment_bytes: segment_bytes.unwrap_or_else(|| read.int("segment.bytes")),
            segment_index_bytes: read.int("segment.index.bytes"),
            segment_ms: read.long("segment.ms"),
            segment_jitter_ms: read.long("segment.jitter.ms"),
            unclean_leader_election_enable: read.boolean("unclean.leader.election.enable"),
        }
    }
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self::resolve(&ConfigSources::default())
    }
}

fn compression_type(value: &str) -> CompressionType {
    match value {
        "uncompressed" => CompressionType::Uncompressed,
        "gzip" => CompressionType::Gzip,
        "snappy" => CompressionType::Snappy,
        "lz4" => CompressionType::Lz4,
        "zstd" => CompressionType::Zstd,
        _ => CompressionType::Producer,
    }
}

struct Reader<'a> {
    sources: &'a ConfigSources<'a>,
}

impl Reader<'_> {
    fn optional_text(&self, key: &str) -> Option<String> {
        let def = topic_config(key).expect("TopicSettings asks for keys of the table only");
        self.sources.topic_value(def).value.map(|value| value.trim().to_owned())
    }

    fn text(&self, key: &str) -> String {
        self.optional_text(key).unwrap_or_default()
    }

    /// The number in force; the default where a value that was not checked is no number.
    fn long(&self, key: &str) -> i64 {
        let default = || topic_config(key).and_then(|def| def.default)?.parse().ok();
        self.text(key).parse().ok().or_else(default).unwrap_or_default()
    }

    fn int(&self, key: &str) -> i32 {
        let number = self.long(key);
        i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
    }

    /// The number of a key that only brokers have.
    fn broker_int(&self, key: &str) -> i32 {
        let def = broker_config(key).expect("TopicSettings asks for keys of the table only");
        let number = |text: &str| text.trim().parse().ok();
        let set = self.sources.broker_value(def).value.as_deref().and_then(number);
        set.or_else(|| def.default.and_then(number)).unwrap_or_default()
    }

    fn optional_int(&self, key: &str) -> Option<i32> {
        self.optional_text(key)?.parse().ok()
    }

    fn double(&self, key: &str) -> f64 {
        self.text(key).parse().unwrap_or_default()
    }

    fn boolean(&self, key: &str) -> bool {
        self.text(key).eq_ignore_ascii_case("true")
    }
}

/// Why a topic cannot have these configurations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicConfigRefusal {
    #[error("unknown topic configuration {key}")]
    Unknown { key: String },
    #[error(transparent)]
    Value(#[from] ConfigValueError),
    #[error(
        "{key} {value} is above the largest request this broker takes: \
         socket.request.max.bytes is {limit}"
    )]
    AboveRequestLimit { key: &'static str, value: i32, limit: i32 },
    #[error("min.compaction.lag.ms {min} is above max.compaction.lag.ms {max}")]
    CompactionLags { min: i64, max: i64 },
    #[error("remote.storage.enable=true: this broker has no remote storage")]
    RemoteStorage,
}

/// Checks all overrides of a topic, each one and together with what they inherit.
///
/// Shapes: `sources.topic` is ignored; `overrides` stands in its place.
/// Errors: the first finding, in the order of the keys.
pub fn check_topic_configs(
    overrides: &ConfigMap,
    sources: &ConfigSources<'_>,
    request_max_bytes: i32,
) -> Result<(), TopicConfigRefusal> {
    for (key, value) in overrides {
        let def =
            topic_config(key).ok_or_else(|| TopicConfigRefusal::Unknown { key: key.to_owned() })?;
        def.validate(value)?;
    }
    let settings = TopicSettings::resolve(&ConfigSources { topic: Some(overrides), ..*sources });
    if overrides.contains_key("max.message.bytes") && settings.max_message_bytes > request_max_bytes
    {
        return Err(TopicConfigRefusal::AboveRequestLimit {
            key: "max.message.bytes",
            value: settings.max_message_bytes,
            limit: request_max_bytes,
        });
    }
    if settings.min_compaction_lag_ms > settings.max_compaction_lag_ms {
        return Err(TopicConfigRefusal::CompactionLags {
            min: settings.min_compaction_lag_ms,
            max: settings.max_compaction_lag_ms,
        });
    }
    let remote = overrides.get("remote.storage.enable");
    if remote.is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        return Err(TopicConfigRefusal::RemoteStorage);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> ConfigMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn check(pairs: &[(&str, &str)]) -> Result<(), String> {
        check_topic_configs(&map(pairs), &ConfigSources::default(), 16_777_216)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn defaults_are_those_of_kafka_except_durability() {
        let settings = TopicSettings::default();
        assert_eq!(settings.cleanup_policy, CleanupPolicy { delete: true, compact: false });
        assert_eq!(settings.compression_type, CompressionType::Producer);
        assert_eq!(settings.max_message_bytes, 1_048_588);
        assert_eq!(settings.retention_ms, 7 * 24 * 3_600_000);
        assert_eq!(settings.segment_ms, 7 * 24 * 3_600_000);
        assert_eq!(settings.segment_bytes, 1 << 30);
        assert_eq!(settings.flush_messages, i64::MAX);
        assert_eq!(settings.message_timestamp_after_max_ms, 3_600_000);
        assert_eq!(settings.durability, Durability::Fsync);
        assert_eq!(settings.compression_gzip_level, -1);
        assert!((settings.min_cleanable_dirty_ratio - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn settings_follow_overrides_and_the_file() {
        let topic = map(&[
            ("cleanup.policy", "compact,delete"),
            ("highwater.durability", "os"),
            ("internal.segment.bytes", "1000"),
        ]);
        let file = map(&[("log.retention.hours", "1"), ("highwater.durability", "fsync")]);
        let sources =
            ConfigSources { topic: Some(&topic), file: Some(&file), ..ConfigSources::default() };
        let settings = TopicSettings::resolve(&sources);
        assert_eq!(settings.cleanup_policy, CleanupPolicy { delete: true, compact: true });
        assert_eq!(settings.durability, Durability::Os);
        assert_eq!(settings.segment_bytes, 1000);
        assert_eq!(settings.retention_ms, 3_600_000);
    }

    #[test]
    fn expiration_of_producers_is_the_brokers_whichever_way_it_was_set() {
        assert_eq!(TopicSettings::default().producer_id_expiration_ms, 86_400_000);
        let file = map(&[("producer.id.expiration.ms", "5000")]);
        let cluster = map(&[("producer.id.expiration.ms", "7000")]);
        let mut sources = ConfigSources { file: Some(&file), ..ConfigSources::default() };
        assert_eq!(TopicSettings::resolve(&sources).producer_id_expiration_ms, 5000);
        sources.cluster = Some(&cluster);
        assert_eq!(TopicSettings::resolve(&sources).producer_id_expiration_ms, 7000);
    }

    #[test]
    fn message_size_above_the_request_limit_is_refused_naming_both() {
        let message = check(&[("max.message.bytes", "16777217")]).unwrap_err();
        assert!(message.contains("max.message.bytes 16777217"), "{message}");
        assert!(message.contains("socket.request.max.bytes is 16777216"), "{message}");
        assert_eq!(check(&[("max.message.bytes", "16777216")]), Ok(()));
    }

    #[test]
    fn contradictions_and_unknown_keys_are_refused() {
        assert!(check(&[("colour", "blue")]).unwrap_err().contains("unknown topic configuration"));
        assert!(
            check(&[("min.compaction.lag.ms", "2"), ("max.compaction.lag.ms", "1")])
                .unwrap_err()
                .contains("above max.compaction.lag.ms 1")
        );
        assert!(check(&[("remote.storage.enable", "true")]).is_err());
        assert_eq!(check(&[("remote.storage.enable", "false")]), Ok(()));
    }
}
