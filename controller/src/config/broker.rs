//! The broker keys: look-up, and the keys of the server itself.

use std::sync::LazyLock;

use super::Bounds::{AtLeast, Between, NonEmpty, OneOf};
use super::ConfigDef;
use super::ConfigType::{Boolean, Class, Int, List, Long, String};
use super::broker_data::DATA_CONFIGS;
use super::broker_rest::REST_CONFIGS;
use super::same;

/// Every broker key, sorted by name.
pub static BROKER_CONFIGS: LazyLock<Vec<&'static ConfigDef>> = LazyLock::new(|| {
    let tables = [SERVER_CONFIGS, HIGHWATER_CONFIGS, DATA_CONFIGS, REST_CONFIGS];
    let mut all: Vec<&'static ConfigDef> = tables.into_iter().flatten().collect();
    all.sort_by_key(|def| def.name);
    all
});

/// The definition of a broker key.
pub fn broker_config(name: &str) -> Option<&'static ConfigDef> {
    let all = &*BROKER_CONFIGS;
    all.binary_search_by(|def| def.name.cmp(name)).ok().map(|at| all[at])
}

/// Prefixes under which Kafka has keys that this table does not list one by one.
const KAFKA_PREFIXES: &[&str] = &[
    "client.quota.",
    "config.providers",
    "controller.",
    "delegation.token.",
    "group.",
    "kafka.",
    "listener.name.",
    "metadata.",
    "metrics.",
    "principal.",
    "remote.",
    "sasl.",
    "security.",
    "share.",
    "ssl.",
    "telemetry.",
    "transaction.",
    "zookeeper.",
];

/// Whether the key is one of Kafka's, listed here or not: such a key warns and never refuses a start.
pub fn is_kafka_broker_key(name: &str) -> bool {
    broker_config(name).is_some_and(|def| !def.name.starts_with("highwater."))
        || KAFKA_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Identity, listeners, connections, requests.
static SERVER_CONFIGS: &[ConfigDef] = &[
    ConfigDef::new("node.id", Int, "1", "Id of this node in the cluster.")
        .at_least(0)
        .synonyms(&[same("broker.id")]),
    ConfigDef::without_default("broker.id", Int, "Old spelling of node.id.").at_least(-1),
    ConfigDef::without_default(
        "broker.rack",
        String,
        "Rack of this broker; replicas are spread over racks.",
    ),
    ConfigDef::new(
        "process.roles",
        List,
        "broker,controller",
        "Roles of this node; a node here always has both.",
    )
    .bounds(super::Bounds::ListOf(&["broker", "controller"]))
    .unused(),
    ConfigDef::new("controller.listener.names", List, "", "Listeners of the metadata quorum.")
        .unused(),
    ConfigDef::new("controller.quorum.voters", List, "", "Voters of the metadata quorum.").unused(),
    ConfigDef::new(
        "controller.quorum.bootstrap.servers",
        List,
        "",
        "Addresses under which the metadata quorum is found.",
    )
    .unused(),
    ConfigDef::new(
        "listeners",
        List,
        "PLAINTEXT://:9092",
        "Addresses to listen on: NAME://host:port, host may be empty for all interfaces.",
    )
    .bounds(NonEmpty),
    ConfigDef::without_default(
        "advertised.listeners",
        List,
        "Addresses told to clients, per listener name; the bound addresses when not set.",
    ),
    ConfigDef::new(
        "listener.security.protocol.map",
        List,
        "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
        "Security protocol of each listener name.",
    ),
    ConfigDef::without_default(
        "inter.broker.listener.name",
        String,
        "Listener that other brokers use.",
    )
    .unused(),
    ConfigDef::new(
        "security.inter.broker.protocol",
        String,
        "PLAINTEXT",
        "Security protocol between brokers.",
    )
    .bounds(OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]))
    .unused(),
    ConfigDef::new(
        "auto.create.topics.enable",
        Boolean,
        "true",
        "Whether asking for an unknown topic creates it.",
    ),
    ConfigDef::new("delete.topic.enable", Boolean, "true", "Whether topics can be deleted."),
    ConfigDef::new(
        "num.network.threads",
        Int,
        "3",
        "Threads for network requests; here the runtime has one thread per core.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new("num.io.threads", Int, "8", "Threads that do file work.").at_least(1).unused(),
    ConfigDef::new("background.threads", Int, "10", "Threads for background work.")
        .at_least(1)
        .unused(),
    ConfigDef::new(
        "socket.send.buffer.bytes",
        Int,
        "-1",
        "Send buffer of a socket; -1 leaves it to the system.",
    )
    .at_least(-1),
    ConfigDef::new(
        "socket.receive.buffer.bytes",
        Int,
        "-1",
        "Receive buffer of a socket; -1 leaves it to the system.",
    )
    .at_least(-1),
    ConfigDef::new(
        "socket.request.max.bytes",
        Int,
        "16777216",
        "Largest request; a larger one closes the connection.",
    )
    .at_least(1),
    ConfigDef::new(
        "socket.listen.backlog.size",
        Int,
        "1024",
        "Connections that wait to be accepted.",
    )
    .at_least(1),
    ConfigDef::new("queued.max.requests", Int, "500", "Requests waiting for a thread.")
        .at_least(1)
        .unused(),
    ConfigDef::new(
        "queued.max.request.bytes",
        Long,
        "536870912",
        "Memory for requests and responses in all; when it is used up, sockets are not read.",
    )
    .at_least(-1),
    ConfigDef::new("request.timeout.ms", Int, "30000", "Time a request between brokers may take.")
        .at_least(1)
        .unused(),
    ConfigDef::new(
        "max.connections",
        Int,
        "10000",
        "Connections in all; more are reset at accept.",
    )
    .at_least(0),
    ConfigDef::new(
        "max.connections.per.ip",
        Int,
        "1000",
        "Connections per address; more are reset at accept.",
    )
    .at_least(0),
    ConfigDef::new(
        "max.connections.per.ip.overrides",
        String,
        "",
        "Per address: host:count, separated by commas.",
    ),
    ConfigDef::new("max.connection.creation.rate", Int, "500", "New connections per second.")
        .at_least(0),
    ConfigDef::new(
        "connections.max.idle.ms",
        Long,
        "600000",
        "An idle connection is closed after this time; -1 never.",
    )
    .at_least(-1),
    ConfigDef::new(
        "connection.failed.authentication.delay.ms",
        Int,
        "1000",
        "How long the answer to a failed authentication is held back.",
    )
    .at_least(0)
    .unused(),
    ConfigDef::new("fetch.max.bytes", Int, "57671680", "Largest fetch response.").at_least(1024),
    ConfigDef::new(
        "max.incremental.fetch.session.cache.slots",
        Int,
        "1000",
        "Incremental fetch sessions kept.",
    )
    .at_least(0),
    ConfigDef::new(
        "max.request.partition.size.limit",
        Int,
        "2000",
        "Partitions in one page of DescribeTopicPartitions.",
    )
    .at_least(1),
    ConfigDef::new(
        "fetch.purgatory.purge.interval.requests",
        Int,
        "1000",
        "Has no counterpart here.",
    )
    .unused(),
    ConfigDef::new(
        "producer.purgatory.purge.interval.requests",
        Int,
        "1000",
        "Has no counterpart here.",
    )
    .unused(),
    ConfigDef::new(
        "controlled.shutdown.enable",
        Boolean,
        "true",
        "Whether leadership moves away before a broker stops.",
    )
    .unused(),
    ConfigDef::new(
        "broker.heartbeat.interval.ms",
        Int,
        "2000",
        "Time between heartbeats of a broker.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "broker.session.timeout.ms",
        Int,
        "9000",
        "A broker silent for this long is fenced.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::without_default(
        "create.topic.policy.class.name",
        Class,
        "Plug-in; none can be loaded here.",
    )
    .unused(),
    ConfigDef::without_default(
        "alter.config.policy.class.name",
        Class,
        "Plug-in; none can be loaded here.",
    )
    .unused(),
    ConfigDef::new(
        "auto.leader.rebalance.enable",
        Boolean,
        "true",
        "Whether leadership returns to the preferred replicas by itself.",
    )
    .unused(),
    ConfigDef::new(
        "leader.imbalance.check.interval.seconds",
        Long,
        "300",
        "Time between looks at the balance of leaders.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "leader.imbalance.per.broker.percentage",
        Int,
        "10",
        "Imbalance that is tolerated.",
    )
    .unused(),
    ConfigDef::new("metric.reporters", List, "", "Plug-ins; none can be loaded here.").unused(),
    ConfigDef::new("metrics.num.samples", Int, "2", "Has no counterpart here.")
        .at_least(1)
        .unused(),
    ConfigDef::new("metrics.sample.window.ms", Long, "30000", "Has no counterpart here.")
        .at_least(1)
        .unused(),
    ConfigDef::new("metrics.recording.level", String, "INFO", "Has no counterpart here.").unused(),
];

/// Keys that only this broker has.
static HIGHWATER_CONFIGS: &[ConfigDef] = &[
    ConfigDef::new("highwater.durability", String, "fsync",
        "Default of the topic key: fsync waits for the disk, os for the page cache.")
        .bounds(OneOf(&["fsync", "os"])).live(),
    ConfigDef::new("highwater.allow.insecure", Boolean, "false",
        "Allows a plaintext listener that is reachable from other machines."),
    ConfigDef::new("highwater.admin.listen", String, "",
        "Where metrics and health are served over HTTP (host:port, or a port of 127.0.0.1); empty: nowhere."),
    ConfigDef::new("highwater.metrics.series.max", Int, "10000",
        "Series of one metric whose labels clients choose (topics, groups); what is left out is counted.")
        .at_least(0),
    ConfigDef::new("highwater.tail.cache.bytes", Long, "67108864",
        "Memory for the newest batches of all partitions, shared by producers and consumers.").at_least(0),
    ConfigDef::new("highwater.partitions.max", Int, "20000",
        "Partitions on one broker; creating more is refused with POLICY_VIOLATION.").at_least(1),
    ConfigDef::new("highwater.connection.in.flight.max", Int, "100",
        "Requests of one connection that are worked on; at the limit its socket is not read.")
        .bounds(Between(1, 10_000)),
    ConfigDef::new("highwater.connection.in.flight.bytes", Long, "33554432",
        "Bytes of requests of one connection that are worked on; at the limit its socket is not read.")
        .at_least(1),
    ConfigDef::new("highwater.frame.stall.ms", Long, "30000",
        "A connection whose request stops in the middle is closed after this time.").at_least(1),
    ConfigDef::new("highwater.response.stall.ms", Long, "30000",
        "A connection that does not take its answers is closed after this time.").at_least(1),
    ConfigDef::new("highwater.group.disconnect.timeout.ms", Int, "6000",
        "A member of a group whose connection its client closed counts as gone after this time; 0: after its session timeout.")
        .at_least(0),
    ConfigDef::new("highwater.record.headers.max", Int, "1000",
        "Headers of one record; more is INVALID_RECORD.").at_least(0),
    ConfigDef::new("highwater.decompressed.batch.max.bytes", Long, "67108864",
        "Size of a batch after decompression; more is INVALID_RECORD.")
        .bounds(Between(1_048_576, 67_108_864)),
    ConfigDef::new("highwater.ballast.bytes", Long, "-1",
        "Room kept on each disk for metadata, commits and deletions when it is full; -1: 64 MiB or 1 % of the disk, 0: none.")
        .at_least(-1),
    ConfigDef::new("highwater.recovery.window.bytes", Long, "67108864",
        "Bytes of all fsync partitions together that a restart after a crash has to check.")
        .at_least(1_048_576),
    ConfigDef::new("highwater.recovery.window.os.bytes", Long, "1073741824",
        "The same for os partitions; producers are slowed when the disk cannot keep up.")
        .at_least(1_048_576),
    ConfigDef::new("highwater.metadata.snapshot.bytes", Long, "4194304",
        "Size of the metadata log from which a snapshot is taken and the log cut.")
        .bounds(AtLeast(4096)),
];

#[cfg(test)]
mod tests {
    use super::super::{Update, Usage, topic_key_of_broker_key};
    use super::*;

    #[test]
    fn names_are_unique_and_defaults_valid() {
        for pair in BROKER_CONFIGS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} twice", pair[1].name);
        }
        for def in BROKER_CONFIGS.iter() {
            if let Some(default) = def.default {
                assert_eq!(def.validate(default), Ok(()), "{}", def.name);
            }
        }
    }

    #[test]
    fn live_keys_are_those_that_topics_inherit() {
        let live = BROKER_CONFIGS.iter().filter(|def| def.update == Update::Live);
        let live: Vec<&str> = live.map(|def| def.name).collect();
        assert!(live.len() > 20 && live.contains(&"log.retention.ms"), "{live:?}");
        // Each log goes by it, so it reaches them by the way of the topics.
        for name in live.into_iter().filter(|name| *name != "producer.id.expiration.ms") {
            let topic_key = topic_key_of_broker_key(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(topic_key.usage, Usage::Used, "{name}");
        }
    }

    #[test]
    fn foreign_keys_are_told_from_those_of_kafka() {
        for key in ["zookeeper.connect", "listener.name.internal.ssl.keystore.location", "log.dirs"]
        {
            assert!(is_kafka_broker_key(key), "{key}");
        }
        for key in ["confluent.license", "highwater.durability", "highwater.typo", "lsiteners"] {
            assert!(!is_kafka_broker_key(key), "{key}");
        }
    }
}
