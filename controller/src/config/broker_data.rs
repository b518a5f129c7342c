//! Broker keys of logs, replication and topics.

use super::Bounds::{Between, BetweenDoubles, ListOf, MinusOneOr, OneOf};
use super::ConfigDef;
use super::ConfigType::{Boolean, Class, Double, Int, List, Long, Short, String};
use super::{HOUR_MS, MINUTE_MS, same, times};

const MAX_I64: &str = "9223372036854775807";

pub(super) static DATA_CONFIGS: &[ConfigDef] = &[
    // directories and topics
    ConfigDef::without_default("log.dirs", List, "Directories that hold the data.")
        .synonyms(&[same("log.dir")]),
    ConfigDef::without_default(
        "log.dir",
        String,
        "One directory that holds the data; log.dirs goes first.",
    ),
    ConfigDef::without_default(
        "metadata.log.dir",
        String,
        "Directory of the metadata log; the first of log.dirs when not set.",
    )
    .unused(),
    ConfigDef::new("num.partitions", Int, "1", "Partitions of a topic created without a count.")
        .at_least(1),
    ConfigDef::new(
        "default.replication.factor",
        Int,
        "1",
        "Replicas of a topic created without a factor.",
    )
    .at_least(1),
    ConfigDef::new("min.insync.replicas", Int, "1", "Default of the topic key.").at_least(1).live(),
    ConfigDef::new("unclean.leader.election.enable", Boolean, "false", "Default of the topic key.")
        .live(),
    ConfigDef::new("compression.type", String, "producer", "Default of the topic key.")
        .bounds(OneOf(&["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]))
        .live(),
    ConfigDef::new("compression.gzip.level", Int, "-1", "Default of the topic key.")
        .bounds(MinusOneOr(1, 9))
        .live(),
    ConfigDef::new("compression.lz4.level", Int, "9", "Default of the topic key.")
        .bounds(Between(1, 17))
        .live(),
    ConfigDef::new("compression.zstd.level", Int, "3", "Default of the topic key.")
        .bounds(Between(-131_072, 22))
        .live(),
    ConfigDef::new(
        "message.max.bytes",
        Int,
        "1048588",
        "Default of the topic key max.message.bytes.",
    )
    .at_least(0)
    .live(),
    // segments
    ConfigDef::new(
        "log.segment.bytes",
        Int,
        "1073741824",
        "Default of the topic key segment.bytes.",
    )
    .at_least(1_048_576)
    .live(),
    ConfigDef::without_default(
        "log.roll.ms",
        Long,
        "Default of the topic key segment.ms; log.roll.hours when not set.",
    )
    .at_least(1)
    .live(),
    ConfigDef::new("log.roll.hours", Int, "168", "Default of the topic key segment.ms, in hours.")
        .at_least(1),
    ConfigDef::without_default(
        "log.roll.jitter.ms",
        Long,
        "Default of the topic key segment.jitter.ms; log.roll.jitter.hours when not set.",
    )
    .at_least(0)
    .live(),
    ConfigDef::new(
        "log.roll.jitter.hours",
        Int,
        "0",
        "Default of the topic key segment.jitter.ms, in hours.",
    )
    .at_least(0),
    ConfigDef::new(
        "log.index.size.max.bytes",
        Int,
        "10485760",
        "Default of the topic key segment.index.bytes.",
    )
    .at_least(4)
    .live(),
    ConfigDef::new(
        "log.index.interval.bytes",
        Int,
        "4096",
        "Default of the topic key index.interval.bytes.",
    )
    .at_least(0)
    .live(),
    ConfigDef::new(
        "log.segment.delete.delay.ms",
        Long,
        "60000",
        "Default of the topic key file.delete.delay.ms.",
    )
    .at_least(0)
    .live(),
    ConfigDef::new("log.preallocate", Boolean, "false", "Default of the topic key preallocate.")
        .live(),
    ConfigDef::new(
        "log.message.timestamp.type",
        String,
        "CreateTime",
        "Default of the topic key message.timestamp.type.",
    )
    .bounds(OneOf(&["CreateTime", "LogAppendTime"]))
    .live(),
    ConfigDef::new(
        "log.message.timestamp.before.max.ms",
        Long,
        MAX_I64,
        "Default of the topic key message.timestamp.before.max.ms.",
    )
    .at_least(0)
    .live(),
    ConfigDef::new(
        "log.message.timestamp.after.max.ms",
        Long,
        "3600000",
        "Default of the topic key message.timestamp.after.max.ms.",
    )
    .at_least(0)
    .live(),
    // retention
    ConfigDef::new(
        "log.cleanup.policy",
        List,
        "delete",
        "Default of the topic key cleanup.policy.",
    )
    .bounds(ListOf(&["delete", "compact"]))
    .live(),
    ConfigDef::new("log.retention.bytes", Long, "-1", "Default of the topic key retention.bytes.")
        .at_least(-1)
        .live(),
    ConfigDef::without_default(
        "log.retention.ms",
        Long,
        "Default of the topic key retention.ms; minutes and hours when not set.",
    )
    .at_least(-1)
    .synonyms(&[times("log.retention.minutes", MINUTE_MS), times("log.retention.hours", HOUR_MS)])
    .live(),
    ConfigDef::without_default(
        "log.retention.minutes",
        Int,
        "Default of the topic key retention.ms, in minutes.",
    )
    .at_least(-1),
    ConfigDef::new(
        "log.retention.hours",
        Int,
        "168",
        "Default of the topic key retention.ms, in hours.",
    )
    .at_least(-1),
    ConfigDef::new(
        "log.retention.check.interval.ms",
        Long,
        "300000",
        "Time between looks for segments to delete.",
    )
    .at_least(1),
    ConfigDef::new(
        "log.initial.task.delay.ms",
        Long,
        "30000",
        "Delay of the first background work on logs.",
    )
    .at_least(0),
    ConfigDef::new(
        "log.local.retention.bytes",
        Long,
        "-2",
        "Default of the topic key local.retention.bytes.",
    )
    .at_least(-2)
    .unused(),
    ConfigDef::new(
        "log.local.retention.ms",
        Long,
        "-2",
        "Default of the topic key local.retention.ms.",
    )
    .at_least(-2)
    .unused(),
    ConfigDef::new(
        "log.dir.failure.timeout.ms",
        Long,
        "30000",
        "A broker stops when it cannot report a failed directory for this long.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new("cordoned.log.dirs", List, "", "Directories that get no new replicas.").unused(),
    // compaction
    ConfigDef::new("log.cleaner.enable", Boolean, "true", "Whether compacted topics are cleaned."),
    ConfigDef::new("log.cleaner.threads", Int, "1", "Threads that compact.").at_least(0).unused(),
    ConfigDef::new(
        "log.cleaner.io.max.bytes.per.second",
        Double,
        "1.7976931348623157E308",
        "Limit of the cleaner's reads and writes.",
    ),
    ConfigDef::new(
        "log.cleaner.dedupe.buffer.size",
        Long,
        "134217728",
        "Memory of the cleaner's offset map.",
    )
    .at_least(1 << 20),
    ConfigDef::new("log.cleaner.io.buffer.size", Int, "524288", "Memory of the cleaner's buffers.")
        .at_least(0)
        .unused(),
    ConfigDef::new(
        "log.cleaner.io.buffer.load.factor",
        Double,
        "0.9",
        "How full the offset map may get.",
    )
    .unused(),
    ConfigDef::new(
        "log.cleaner.backoff.ms",
        Long,
        "15000",
        "Pause of the cleaner when there is nothing to do.",
    )
    .at_least(0),
    ConfigDef::new(
        "log.cleaner.min.cleanable.ratio",
        Double,
        "0.5",
        "Default of the topic key min.cleanable.dirty.ratio.",
    )
    .bounds(BetweenDoubles(0.0, 1.0))
    .live(),
    ConfigDef::new(
        "log.cleaner.delete.retention.ms",
        Long,
        "86400000",
        "Default of the topic key delete.retention.ms.",
    )
    .at_least(0)
    .live(),
    ConfigDef::new(
        "log.cleaner.min.compaction.lag.ms",
        Long,
        "0",
        "Default of the topic key min.compaction.lag.ms.",
    )
    .at_least(0)
    .live(),
    ConfigDef::new(
        "log.cleaner.max.compaction.lag.ms",
        Long,
        MAX_I64,
        "Default of the topic key max.compaction.lag.ms.",
    )
    .at_least(1)
    .live(),
    // flush
    ConfigDef::new(
        "log.flush.interval.messages",
        Long,
        MAX_I64,
        "Default of the topic key flush.messages.",
    )
    .at_least(1)
    .live(),
    ConfigDef::without_default(
        "log.flush.interval.ms",
        Long,
        "Default of the topic key flush.ms; log.flush.scheduler.interval.ms when not set.",
    )
    .at_least(0)
    .live(),
    ConfigDef::new(
        "log.flush.scheduler.interval.ms",
        Long,
        MAX_I64,
        "Time between looks for logs to sync.",
    )
    .at_least(1),
    ConfigDef::new(
        "log.flush.offset.checkpoint.interval.ms",
        Int,
        "60000",
        "Time between writes of the recovery points.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "log.flush.start.offset.checkpoint.interval.ms",
        Int,
        "60000",
        "Time between writes of the log start offsets.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "num.recovery.threads.per.data.dir",
        Int,
        "2",
        "Threads that open logs at start, per directory.",
    )
    .at_least(1)
    .unused(),
    // replication
    ConfigDef::new(
        "replica.lag.time.max.ms",
        Long,
        "30000",
        "A follower that has not caught up for this long leaves the in-sync set.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "replica.fetch.max.bytes",
        Int,
        "1048576",
        "Bytes per partition a follower fetches.",
    )
    .at_least(0)
    .unused(),
    ConfigDef::new(
        "replica.fetch.response.max.bytes",
        Int,
        "10485760",
        "Bytes of a whole fetch by a follower.",
    )
    .at_least(0)
    .unused(),
    ConfigDef::new(
        "replica.fetch.wait.max.ms",
        Int,
        "500",
        "How long a follower's fetch waits for data.",
    )
    .unused(),
    ConfigDef::new("replica.fetch.min.bytes", Int, "1", "Bytes a follower's fetch waits for.")
        .unused(),
    ConfigDef::new("replica.fetch.backoff.ms", Int, "1000", "Pause of a follower after an error.")
        .at_least(0)
        .unused(),
    ConfigDef::new(
        "replica.socket.timeout.ms",
        Int,
        "30000",
        "Time a follower waits for its leader.",
    )
    .unused(),
    ConfigDef::new(
        "replica.socket.receive.buffer.bytes",
        Int,
        "65536",
        "Receive buffer of a follower.",
    )
    .unused(),
    ConfigDef::new(
        "replica.high.watermark.checkpoint.interval.ms",
        Long,
        "5000",
        "Time between writes of the high watermarks.",
    )
    .unused(),
    ConfigDef::without_default(
        "replica.selector.class",
        Class,
        "Chooses the replica a consumer reads from.",
    )
    .unused(),
    ConfigDef::new("num.replica.fetchers", Int, "1", "Fetchers per leader.").at_least(1).unused(),
    ConfigDef::new(
        "num.replica.alter.log.dirs.threads",
        Int,
        "1",
        "Threads that move replicas between directories.",
    )
    .unused(),
    // producers
    ConfigDef::new(
        "producer.id.expiration.ms",
        Int,
        "86400000",
        "State of an idempotent producer is dropped after this time without a record.",
    )
    .at_least(1)
    .live(),
    ConfigDef::new(
        "producer.id.expiration.check.interval.ms",
        Int,
        "600000",
        "Time between looks for producers to drop.",
    )
    .at_least(1)
    .internal(),
    // features of the internal topics
    ConfigDef::new("offsets.topic.num.partitions", Int, "50", "Partitions of __consumer_offsets.")
        .at_least(1),
    ConfigDef::new(
        "offsets.topic.replication.factor",
        Short,
        "3",
        "Replicas of __consumer_offsets; fewer while there are fewer brokers.",
    )
    .at_least(1),
    ConfigDef::new(
        "offsets.topic.segment.bytes",
        Int,
        "104857600",
        "Segment size of __consumer_offsets.",
    )
    .at_least(1),
    ConfigDef::new("offsets.topic.compression.codec", Int, "0", "Codec of __consumer_offsets.")
        .bounds(Between(0, 4)),
    ConfigDef::new(
        "transaction.state.log.num.partitions",
        Int,
        "50",
        "Partitions of __transaction_state.",
    )
    .at_least(1),
    ConfigDef::new(
        "transaction.state.log.replication.factor",
        Short,
        "3",
        "Replicas of __transaction_state; fewer while there are fewer brokers.",
    )
    .at_least(1),
    ConfigDef::new(
        "transaction.state.log.min.isr",
        Int,
        "2",
        "In-sync replicas that __transaction_state needs.",
    )
    .at_least(1),
    ConfigDef::new(
        "transaction.state.log.segment.bytes",
        Int,
        "104857600",
        "Segment size of __transaction_state.",
    )
    .at_least(1),
];
