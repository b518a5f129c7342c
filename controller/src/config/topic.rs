//! The topic keys.

use super::Bounds::{
    AtLeast, Between, BetweenDoubles, ListOf, MinusOneOr, OneOf, ThrottledReplicas,
};
use super::ConfigType::{Boolean, Double, Int, List, Long, String};
use super::{ConfigDef, HOUR_MS, MINUTE_MS, same, times};

const MAX_I64: &str = "9223372036854775807";

/// Every topic key, sorted by name.
pub static TOPIC_CONFIGS: &[ConfigDef] = &[
    ConfigDef::new("cleanup.policy", List, "delete",
        "What happens to old segments: delete drops them by age and size, compact keeps the last record of each key, both do both, an empty list keeps everything.")
        .bounds(ListOf(&["delete", "compact"])).synonyms(&[same("log.cleanup.policy")]),
    ConfigDef::new("compression.gzip.level", Int, "-1", "Level used when the broker compresses with gzip.")
        .bounds(MinusOneOr(1, 9)).synonyms(&[same("compression.gzip.level")]),
    ConfigDef::new("compression.lz4.level", Int, "9", "Level used when the broker compresses with lz4.")
        .bounds(Between(1, 17)).synonyms(&[same("compression.lz4.level")]),
    ConfigDef::new("compression.type", String, "producer",
        "Codec of stored batches; producer keeps what the producer chose.")
        .bounds(OneOf(&["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]))
        .synonyms(&[same("compression.type")]),
    ConfigDef::new("compression.zstd.level", Int, "3", "Level used when the broker compresses with zstd.")
        .bounds(Between(-131_072, 22)).synonyms(&[same("compression.zstd.level")]),
    ConfigDef::new("delete.retention.ms", Long, "86400000",
        "How long a deletion marker of a compacted topic is kept after the cleaner could drop it.")
        .bounds(AtLeast(0)).synonyms(&[same("log.cleaner.delete.retention.ms")]),
    ConfigDef::new("file.delete.delay.ms", Long, "60000",
        "How long a segment stays on disk, renamed, after it was deleted.")
        .bounds(AtLeast(0)).synonyms(&[same("log.segment.delete.delay.ms")]),
    ConfigDef::new("flush.messages", Long, MAX_I64, "Sync the log after this many records.")
        .bounds(AtLeast(1)).synonyms(&[same("log.flush.interval.messages")]),
    ConfigDef::new("flush.ms", Long, MAX_I64, "Sync the log when records have waited this long.")
        .bounds(AtLeast(0))
        .synonyms(&[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")]),
    ConfigDef::new("follower.replication.throttled.replicas", List, "",
        "Replicas whose fetching is throttled: * or a list of partition:broker.")
        .bounds(ThrottledReplicas).unused(),
    ConfigDef::new("highwater.durability", String, "fsync",
        "What acks=all waits for: fsync = synced on every in-sync replica, os = in the page cache of every in-sync replica.")
        .bounds(OneOf(&["fsync", "os"])).synonyms(&[same("highwater.durability")]),
    ConfigDef::new("index.interval.bytes", Int, "4096", "One offset index entry per this many bytes.")
        .bounds(AtLeast(0)).synonyms(&[same("log.index.interval.bytes")]),
    ConfigDef::without_default("internal.segment.bytes", Int,
        "Segment size without the lower bound of segment.bytes, for tests.")
        .bounds(AtLeast(1)).internal(),
    ConfigDef::new("leader.replication.throttled.replicas", List, "",
        "Replicas whose serving to followers is throttled: * or a list of partition:broker.")
        .bounds(ThrottledReplicas).unused(),
    ConfigDef::new("local.retention.bytes", Long, "-2",
        "Bytes kept on local disk when the topic is tiered; -2 means retention.bytes.")
        .bounds(AtLeast(-2)).synonyms(&[same("log.local.retention.bytes")]).unused(),
    ConfigDef::new("local.retention.ms", Long, "-2",
        "Time kept on local disk when the topic is tiered; -2 means retention.ms.")
        .bounds(AtLeast(-2)).synonyms(&[same("log.local.retention.ms")]).unused(),
    ConfigDef::new("max.compaction.lag.ms", Long, MAX_I64,
        "A record becomes eligible for compaction after this time at the latest.")
        .bounds(AtLeast(1)).synonyms(&[same("log.cleaner.max.compaction.lag.ms")]),
    ConfigDef::new("max.message.bytes", Int, "1048588", "Largest record batch the topic takes.")
        .bounds(AtLeast(0)).synonyms(&[same("message.max.bytes")]),
    ConfigDef::new("message.downconversion.enable", Boolean, "true",
        "Accepted without effect: old message formats are gone.").unused(),
    ConfigDef::new("message.timestamp.after.max.ms", Long, "3600000",
        "How far a record's timestamp may lie ahead of the broker's clock.")
        .bounds(AtLeast(0)).synonyms(&[same("log.message.timestamp.after.max.ms")]),
    ConfigDef::new("message.timestamp.before.max.ms", Long, MAX_I64,
        "How far a record's timestamp may lie behind the broker's clock.")
        .bounds(AtLeast(0)).synonyms(&[same("log.message.timestamp.before.max.ms")]),
    ConfigDef::new("message.timestamp.type", String, "CreateTime",
        "Whether a record keeps the producer's timestamp or gets the time of the append.")
        .bounds(OneOf(&["CreateTime", "LogAppendTime"]))
        .synonyms(&[same("log.message.timestamp.type")]),
    ConfigDef::new("min.cleanable.dirty.ratio", Double, "0.5",
        "Share of uncleaned bytes from which the cleaner starts on a log.")
        .bounds(BetweenDoubles(0.0, 1.0)).synonyms(&[same("log.cleaner.min.cleanable.ratio")]),
    ConfigDef::new("min.compaction.lag.ms", Long, "0", "A record is not compacted before this time.")
        .bounds(AtLeast(0)).synonyms(&[same("log.cleaner.min.compaction.lag.ms")]),
    ConfigDef::new("min.insync.replicas", Int, "1",
        "In-sync replicas that acks=all needs; with fewer, writes are refused.")
        .bounds(AtLeast(1)).synonyms(&[same("min.insync.replicas")]),
    ConfigDef::new("preallocate", Boolean, "false", "Allocate a segment's bytes when it is made.")
        .synonyms(&[same("log.preallocate")]),
    ConfigDef::new("remote.log.copy.disable", Boolean, "false", "Stops copying of a tiered topic.").unused(),
    ConfigDef::new("remote.log.delete.on.disable", Boolean, "false",
        "Deletes the tiered part when tiering is switched off.").unused(),
    ConfigDef::new("remote.storage.enable", Boolean, "false",
        "Keeps older segments in remote storage; refused here, tiering is not built.").unused(),
    ConfigDef::new("retention.bytes", Long, "-1",
        "Bytes per partition above which old segments are deleted; -1 means no limit.")
        .bounds(AtLeast(-1)).synonyms(&[same("log.retention.bytes")]),
    ConfigDef::new("retention.ms", Long, "604800000",
        "Age above which segments are deleted; -1 means no limit.")
        .bounds(AtLeast(-1))
        .synonyms(&[
            same("log.retention.ms"),
            times("log.retention.minutes", MINUTE_MS),
            times("log.retention.hours", HOUR_MS),
        ]),
    ConfigDef::new("segment.bytes", Int, "1073741824", "Size at which a new segment is started.")
        .bounds(AtLeast(1_048_576)).synonyms(&[same("log.segment.bytes")]),
    ConfigDef::new("segment.index.bytes", Int, "10485760", "Largest size of a segment's index file.")
        .bounds(AtLeast(4)).synonyms(&[same("log.index.size.max.bytes")]),
    ConfigDef::new("segment.jitter.ms", Long, "0",
        "Random time taken off segment.ms, so that not all logs roll at once.")
        .bounds(AtLeast(0))
        .synonyms(&[same("log.roll.jitter.ms"), times("log.roll.jitter.hours", HOUR_MS)]),
    ConfigDef::new("segment.ms", Long, "604800000", "Age at which a new segment is started.")
        .bounds(AtLeast(1))
        .synonyms(&[same("log.roll.ms"), times("log.roll.hours", HOUR_MS)]),
    ConfigDef::new("unclean.leader.election.enable", Boolean, "false",
        "Whether a replica outside the in-sync set may lead when no other is left; records can be lost.")
        .synonyms(&[same("unclean.leader.election.enable")]),
];

/// The definition of a topic key.
pub fn topic_config(name: &str) -> Option<&'static ConfigDef> {
    TOPIC_CONFIGS.binary_search_by(|def| def.name.cmp(name)).ok().map(|at| &TOPIC_CONFIGS[at])
}

/// The topic key whose default this broker key sets.
pub fn topic_key_of_broker_key(name: &str) -> Option<&'static ConfigDef> {
    TOPIC_CONFIGS.iter().find(|def| def.synonyms.iter().any(|synonym| synonym.name == name))
}

#[cfg(test)]
mod tests {
    use super::super::broker_config;
    use super::*;

    #[test]
    fn table_is_sorted_and_its_defaults_are_valid() {
        assert!(TOPIC_CONFIGS.is_sorted_by(|a, b| a.name < b.name));
        for def in TOPIC_CONFIGS {
            if let Some(default) = def.default {
                assert_eq!(def.validate(default), Ok(()), "{}", def.name);
            }
        }
    }

    #[test]
    fn every_synonym_is_a_broker_key_and_its_default_agrees() {
        for def in TOPIC_CONFIGS {
            for synonym in def.synonyms {
                let broker = broker_config(synonym.name)
                    .unwrap_or_else(|| panic!("{} of {}", synonym.name, def.name));
                if let (Some(topic), Some(own), 1) = (def.default, broker.default, synonym.factor) {
                    assert_eq!(topic, own, "{} and {}", def.name, synonym.name);
                }
            }
        }
    }
}
