//! Broker keys of groups, transactions, quotas and security: known by name, mostly without effect
//! until those parts are built.

use super::Bounds::{AtLeast, ListOf, OneOf, OneOfInAnyCase};
use super::ConfigDef;
use super::ConfigType::{Boolean, Class, Int, List, Long, Password, String};

pub(super) static REST_CONFIGS: &[ConfigDef] = &[
    // offsets
    ConfigDef::new(
        "offsets.retention.minutes",
        Int,
        "10080",
        "How long offsets of an empty group are kept.",
    )
    .at_least(1),
    ConfigDef::new(
        "offsets.retention.check.interval.ms",
        Long,
        "600000",
        "Time between looks for offsets to drop.",
    )
    .at_least(1),
    ConfigDef::new("offset.metadata.max.bytes", Int, "4096", "Metadata of one committed offset.")
        .at_least(0),
    ConfigDef::new("offsets.commit.timeout.ms", Int, "5000", "Time a commit waits for replicas.")
        .at_least(1),
    ConfigDef::new(
        "offsets.load.buffer.size",
        Int,
        "5242880",
        "Read buffer while offsets are loaded.",
    )
    .at_least(1)
    .unused(),
    // classic and consumer groups
    ConfigDef::new(
        "group.min.session.timeout.ms",
        Int,
        "6000",
        "Least session timeout of a member.",
    ),
    ConfigDef::new(
        "group.max.session.timeout.ms",
        Int,
        "1800000",
        "Greatest session timeout of a member.",
    ),
    ConfigDef::new(
        "group.initial.rebalance.delay.ms",
        Int,
        "3000",
        "Wait for more members before the first rebalance.",
    ),
    ConfigDef::new("group.max.size", Int, "1000", "Members of one group.").at_least(1),
    ConfigDef::new(
        "group.coordinator.rebalance.protocols",
        List,
        "classic,consumer",
        "Group protocols served.",
    )
    .unused(),
    ConfigDef::new("group.coordinator.threads", Int, "4", "Has no counterpart here.")
        .at_least(1)
        .unused(),
    ConfigDef::new(
        "group.coordinator.append.linger.ms",
        Int,
        "5",
        "Wait for more records before an append.",
    )
    .unused(),
    ConfigDef::new(
        "group.consumer.session.timeout.ms",
        Int,
        "45000",
        "Session timeout of a member.",
    )
    .at_least(1),
    ConfigDef::new(
        "group.consumer.min.session.timeout.ms",
        Int,
        "45000",
        "Least session timeout of a member.",
    )
    .at_least(1),
    ConfigDef::new(
        "group.consumer.max.session.timeout.ms",
        Int,
        "60000",
        "Greatest session timeout of a member.",
    )
    .at_least(1),
    ConfigDef::new(
        "group.consumer.heartbeat.interval.ms",
        Int,
        "5000",
        "Heartbeat interval of a member.",
    )
    .at_least(1),
    ConfigDef::new(
        "group.consumer.min.heartbeat.interval.ms",
        Int,
        "5000",
        "Least heartbeat interval.",
    )
    .at_least(1),
    ConfigDef::new(
        "group.consumer.max.heartbeat.interval.ms",
        Int,
        "15000",
        "Greatest heartbeat interval.",
    )
    .at_least(1),
    ConfigDef::new("group.consumer.max.size", Int, "1000", "Members of one group.").at_least(1),
    ConfigDef::new("group.consumer.assignors", List, "uniform,range", "Server-side assignors.")
        .bounds(ListOf(&["uniform", "range"])),
    ConfigDef::new(
        "group.consumer.migration.policy",
        String,
        "bidirectional",
        "Moves between classic and new groups.",
    )
    .bounds(OneOfInAnyCase(&["disabled", "upgrade", "downgrade", "bidirectional"])),
    ConfigDef::new(
        "group.consumer.assignment.interval.ms",
        Int,
        "1000",
        "Least time between two assignments of a group.",
    )
    .at_least(0),
    ConfigDef::new(
        "group.consumer.min.assignment.interval.ms",
        Int,
        "0",
        "Least assignment interval.",
    )
    .at_least(0),
    ConfigDef::new(
        "group.consumer.max.assignment.interval.ms",
        Int,
        "15000",
        "Greatest assignment interval.",
    )
    .at_least(0),
    ConfigDef::new(
        "group.consumer.regex.refresh.interval.ms",
        Int,
        "600000",
        "Time after which topic patterns are looked up again.",
    )
    .at_least(10_000),
    // transactions
    ConfigDef::new("transaction.max.timeout.ms", Int, "900000", "Greatest transaction timeout.")
        .at_least(1)
        .unused(),
    ConfigDef::new(
        "transactional.id.expiration.ms",
        Int,
        "604800000",
        "How long an unused transactional id is kept.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        Int,
        "3600000",
        "Time between looks for expired ids.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        Int,
        "10000",
        "Time between looks for timed-out transactions.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "transaction.state.log.load.buffer.size",
        Int,
        "5242880",
        "Read buffer while transactions are loaded.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "transaction.partition.verification.enable",
        Boolean,
        "true",
        "Whether a partition is verified before a transactional append.",
    )
    .unused(),
    ConfigDef::new(
        "transaction.two.phase.commit.enable",
        Boolean,
        "false",
        "Whether two-phase commit is allowed.",
    )
    .unused(),
    // quotas
    ConfigDef::new("quota.window.num", Int, "11", "Windows kept for client quotas.")
        .at_least(1)
        .unused(),
    ConfigDef::new("quota.window.size.seconds", Int, "1", "Length of a window.")
        .at_least(1)
        .unused(),
    ConfigDef::new(
        "replication.quota.window.num",
        Int,
        "11",
        "Windows kept for replication quotas.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new("replication.quota.window.size.seconds", Int, "1", "Length of a window.")
        .at_least(1)
        .unused(),
    ConfigDef::new(
        "alter.log.dirs.replication.quota.window.num",
        Int,
        "11",
        "Windows kept for moves between directories.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "alter.log.dirs.replication.quota.window.size.seconds",
        Int,
        "1",
        "Length of a window.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new("controller.quota.window.num", Int, "11", "Windows kept for admin quotas.")
        .at_least(1)
        .unused(),
    ConfigDef::new("controller.quota.window.size.seconds", Int, "1", "Length of a window.")
        .at_least(1)
        .unused(),
    ConfigDef::new(
        "leader.replication.throttled.rate",
        Long,
        "9223372036854775807",
        "Rate of throttled leaders.",
    )
    .bounds(AtLeast(0))
    .unused(),
    ConfigDef::new(
        "follower.replication.throttled.rate",
        Long,
        "9223372036854775807",
        "Rate of throttled followers.",
    )
    .bounds(AtLeast(0))
    .unused(),
    ConfigDef::new(
        "replica.alter.log.dirs.io.max.bytes.per.second",
        Long,
        "9223372036854775807",
        "Rate of moves between directories.",
    )
    .bounds(AtLeast(0))
    .unused(),
    // metadata quorum of Kafka
    ConfigDef::new(
        "controller.quorum.election.timeout.ms",
        Int,
        "1000",
        "The quorum here has its own timing.",
    )
    .unused(),
    ConfigDef::new(
        "controller.quorum.fetch.timeout.ms",
        Int,
        "2000",
        "The quorum here has its own timing.",
    )
    .unused(),
    ConfigDef::new(
        "controller.quorum.request.timeout.ms",
        Int,
        "2000",
        "The quorum here has its own timing.",
    )
    .unused(),
    ConfigDef::new(
        "metadata.log.segment.bytes",
        Int,
        "1073741824",
        "The metadata log here has its own form.",
    )
    .unused(),
    ConfigDef::new(
        "metadata.log.segment.ms",
        Long,
        "604800000",
        "The metadata log here has its own form.",
    )
    .unused(),
    ConfigDef::new(
        "metadata.log.max.record.bytes.between.snapshots",
        Long,
        "20971520",
        "See highwater.metadata.snapshot.bytes.",
    )
    .unused(),
    ConfigDef::new(
        "metadata.log.max.snapshot.interval.ms",
        Long,
        "3600000",
        "See highwater.metadata.snapshot.bytes.",
    )
    .unused(),
    ConfigDef::new(
        "metadata.max.retention.bytes",
        Long,
        "104857600",
        "The metadata log here has its own form.",
    )
    .unused(),
    ConfigDef::new(
        "metadata.max.retention.ms",
        Long,
        "604800000",
        "The metadata log here has its own form.",
    )
    .unused(),
    // authorization
    ConfigDef::new("authorizer.class.name", String, "", "Authorizer; none is built yet.").unused(),
    ConfigDef::new("super.users", String, "", "Principals that may do everything.").unused(),
    ConfigDef::new(
        "allow.everyone.if.no.acl.found",
        Boolean,
        "false",
        "Whether a resource without rules is open.",
    )
    .unused(),
    ConfigDef::without_default(
        "principal.builder.class",
        Class,
        "Plug-in; none can be loaded here.",
    )
    .unused(),
    ConfigDef::without_default("security.providers", String, "Plug-ins; none can be loaded here.")
        .unused(),
    // SASL
    ConfigDef::new("sasl.enabled.mechanisms", List, "GSSAPI", "Mechanisms served.").unused(),
    ConfigDef::new(
        "sasl.mechanism.inter.broker.protocol",
        String,
        "GSSAPI",
        "Mechanism between brokers.",
    )
    .unused(),
    ConfigDef::without_default("sasl.jaas.config", Password, "Credentials of a mechanism.")
        .unused(),
    ConfigDef::new(
        "sasl.server.max.receive.size",
        Int,
        "65536",
        "Largest request before authentication.",
    )
    .at_least(1)
    .unused(),
    ConfigDef::new(
        "connections.max.reauth.ms",
        Long,
        "0",
        "Session length after which clients authenticate again.",
    )
    .at_least(0)
    .unused(),
    // TLS
    ConfigDef::new("ssl.client.auth", String, "none", "Whether clients show a certificate.")
        .bounds(OneOf(&["required", "requested", "none"]))
        .unused(),
    ConfigDef::new("ssl.protocol", String, "TLSv1.3", "TLS version.").unused(),
    ConfigDef::new("ssl.enabled.protocols", List, "TLSv1.2,TLSv1.3", "TLS versions.").unused(),
    ConfigDef::new("ssl.cipher.suites", List, "", "Cipher suites.").unused(),
    ConfigDef::new("ssl.keystore.type", String, "JKS", "Form of the key store.").unused(),
    ConfigDef::without_default("ssl.keystore.location", String, "File of the key store.").unused(),
    ConfigDef::without_default("ssl.keystore.password", Password, "Password of the key store.")
        .unused(),
    ConfigDef::without_default("ssl.keystore.key", Password, "Private key.").unused(),
    ConfigDef::without_default("ssl.keystore.certificate.chain", Password, "Certificates.")
        .unused(),
    ConfigDef::without_default("ssl.key.password", Password, "Password of the private key.")
        .unused(),
    ConfigDef::new("ssl.truststore.type", String, "JKS", "Form of the trust store.").unused(),
    ConfigDef::without_default("ssl.truststore.location", String, "File of the trust store.")
        .unused(),
    ConfigDef::without_default("ssl.truststore.password", Password, "Password of the trust store.")
        .unused(),
    ConfigDef::without_default("ssl.truststore.certificates", Password, "Trusted certificates.")
        .unused(),
    ConfigDef::new(
        "ssl.endpoint.identification.algorithm",
        String,
        "https",
        "How host names are checked.",
    )
    .unused(),
    ConfigDef::new(
        "ssl.principal.mapping.rules",
        String,
        "DEFAULT",
        "How a certificate becomes a principal.",
    )
    .unused(),
    // the rest
    ConfigDef::new("group.share.enable", Boolean, "true", "Share groups; not built.").internal(),
    ConfigDef::new(
        "remote.log.storage.system.enable",
        Boolean,
        "false",
        "Tiered storage; not built.",
    )
    .unused(),
    ConfigDef::new("telemetry.max.bytes", Int, "1048576", "Client telemetry; not built.").unused(),
    ConfigDef::new(
        "initial.broker.registration.timeout.ms",
        Int,
        "60000",
        "Time a broker tries to register.",
    )
    .unused(),
];
