use super::*;

/// The configuration of a file, on top of a data directory.
pub(crate) fn config(file: &str) -> Config {
    try_config(file).unwrap()
}

fn try_config(file: &str) -> Result<Config, ConfigError> {
    let mut properties = Properties::parse(file.as_bytes())?;
    if properties.get("log.dirs").is_none() {
        properties.set("log.dirs", "/data");
    }
    Config::from_properties(properties)
}

/// Every part of the message must be there: what is wrong and what to do.
fn refused(file: &str, parts: &[&str]) {
    let message = try_config(file).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    for part in parts {
        assert!(message.contains(part), "{file:?}: {message:?} lacks {part:?}");
    }
}

#[test]
fn nothing_configured_listens_on_loopback_only() {
    let config = config("");
    assert_eq!(config.listeners.len(), 1);
    assert!(config.listeners[0].bind.is_loopback());
    assert_eq!(config.listeners[0].advertised.to_string(), "127.0.0.1:9092");
    assert_eq!(config.node_id, NodeId::new(1));
    assert_eq!(config.warnings, []);
}

#[test]
fn values_become_fields_word_for_word() {
    let config = config(
        "node.id=7\nlog.dirs=/a, /b\nsocket.request.max.bytes=2000000\nmax.connections.per.ip=5\n\
         max.connections.per.ip.overrides=10.0.0.1:7,[::1]:9\nconnections.max.idle.ms=-1\n\
         queued.max.request.bytes=-1\nbroker.rack=r1\n",
    );
    assert_eq!(config.node_id, NodeId::new(7));
    assert_eq!(config.log_dirs, [PathBuf::from("/a"), PathBuf::from("/b")]);
    assert_eq!(config.broker_rack.as_deref(), Some("r1"));
    let limits = config.limits;
    assert_eq!((limits.socket_request_max_bytes, limits.max_connections_per_ip), (2_000_000, 5));
    assert_eq!(limits.connections_max_idle, None);
    assert_eq!(limits.queued_max_request_bytes, usize::MAX);
    assert_eq!(limits.max_connections_per_ip_overrides.len(), 2);
}

#[test]
fn defaults_are_the_limits_table() {
    let limits = config("").limits;
    assert_eq!(limits.socket_request_max_bytes, 16 << 20);
    assert_eq!(limits.queued_max_request_bytes, 512 << 20);
    assert_eq!((limits.max_connections, limits.max_connections_per_ip), (10_000, 1000));
    assert_eq!(limits.max_connection_creation_rate, 500);
    assert_eq!(limits.connections_max_idle, Some(Duration::from_secs(600)));
    assert_eq!(
        (limits.frame_stall, limits.response_stall),
        (Duration::from_secs(30), Duration::from_secs(30))
    );
    assert_eq!((limits.in_flight_requests, limits.in_flight_bytes), (100, 32 << 20));
}

#[test]
fn synonyms_count_in_their_own_unit() {
    assert_eq!(config("broker.id=3").node_id, NodeId::new(3));
    assert_eq!(config("broker.id=3\nnode.id=4").node_id, NodeId::new(4));
    assert_eq!(config("log.retention.hours=2").number("log.retention.ms"), 7_200_000);
    assert_eq!(config("log.retention.hours=-1").number("log.retention.ms"), -1);
    assert_eq!(config("").number("log.retention.ms"), 604_800_000);
}

#[test]
fn wrong_values_name_key_value_and_reason() {
    refused("num.partitions=many", &["num.partitions", "many", "not a number"]);
    refused("num.partitions=0", &["num.partitions", "0", "at least 1"]);
    refused(
        "auto.create.topics.enable=yes",
        &["auto.create.topics.enable", "yes", "true or false"],
    );
    refused("highwater.durability=none", &["highwater.durability", "none", "fsync, os"]);
    refused(
        "max.connections.per.ip.overrides=host",
        &["max.connections.per.ip.overrides", "address:count"],
    );
    refused("log.dirs=", &["log.dirs", "--data-dir"]);
    refused(
        "min.insync.replicas=2",
        &["min.insync.replicas", "2", "default.replication.factor", "1"],
    );
    refused(
        "message.max.bytes=20000000",
        &["message.max.bytes", "socket.request.max.bytes", "16777216"],
    );
}

#[test]
fn unknown_keys_warn_or_refuse() {
    let told = |file: &str| -> Vec<String> {
        config(file).warnings.iter().map(ToString::to_string).collect()
    };
    assert!(told("num.io.threads=4")[0].contains("num.io.threads is Kafka's and has no effect"));
    assert!(told("zookeeper.connect=a:1")[0].contains("zookeeper.connect is Kafka's"));
    assert!(told("confluent.license=x")[0].contains("neither Kafka's nor Highwater's"));
    assert!(told("num.partition=4")[0].contains("did you mean num.partitions?"));
    assert_eq!(told("num.partitions=4"), Vec::<String>::new());
    refused(
        "highwater.durabilty=os",
        &["highwater.durabilty", "did you mean highwater.durability?"],
    );
    refused("highwater.x=1", &["highwater.x", "no key of Highwater"]);
}

#[test]
fn plaintext_off_loopback_needs_consent() {
    for listener in
        ["PLAINTEXT://:9092", "PLAINTEXT://10.1.2.3:9092", "PLAINTEXT://example.org:9092"]
    {
        let file = format!("listeners={listener}");
        refused(&file, &["highwater.allow.insecure=true", "127.0.0.1", listener]);
        assert!(try_config(&format!("{file}\nhighwater.allow.insecure=true")).is_ok());
    }
    for listener in [
        "PLAINTEXT://127.0.0.1:0",
        "PLAINTEXT://localhost:1",
        "PLAINTEXT://[::1]:1",
        "PLAINTEXT://127.9.9.9:1",
    ] {
        assert!(try_config(&format!("listeners={listener}")).is_ok(), "{listener}");
    }
}

#[test]
fn listeners_are_told_by_their_advertised_address() {
    let config = config(
        "listeners=PLAINTEXT://0.0.0.0:9092,inside://[::1]:0\nhighwater.allow.insecure=true\n\
         advertised.listeners=PLAINTEXT://kafka.example.org:19092\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT\n",
    );
    let told: Vec<String> = config
        .listeners
        .iter()
        .map(|l| format!("{} {} {}", l.name, l.bind, l.advertised))
        .collect();
    assert_eq!(told, ["PLAINTEXT 0.0.0.0:9092 kafka.example.org:19092", "INSIDE [::1]:0 [::1]:0"]);
}

#[test]
fn controller_listeners_of_a_kafka_file_are_left_out_with_a_warning() {
    let config = config(
        "process.roles=broker,controller\nlisteners=PLAINTEXT://localhost:9092,CONTROLLER://:9093\n\
         controller.listener.names=CONTROLLER\n",
    );
    assert_eq!(config.listeners.len(), 1);
    assert!(
        config
            .warnings
            .contains(&ConfigWarning::ControllerListener { name: "CONTROLLER".to_owned() })
    );
}

#[test]
fn combined_server_properties_of_kafka_start_with_warnings() {
    let file = "process.roles=broker,controller\nnode.id=1\n\
        controller.quorum.bootstrap.servers=localhost:9093\n\
        listeners=PLAINTEXT://:9092,CONTROLLER://:9093\n\
        inter.broker.listener.name=PLAINTEXT\n\
        advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
        controller.listener.names=CONTROLLER\n\
        listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL\n\
        num.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\n\
        socket.receive.buffer.bytes=102400\nsocket.request.max.bytes=104857600\n\
        log.dirs=/tmp/kraft-combined-logs\nnum.partitions=1\n\
        num.recovery.threads.per.data.dir=2\noffsets.topic.replication.factor=1\n\
        share.coordinator.state.topic.replication.factor=1\n\
        share.coordinator.state.topic.min.isr=1\n\
        transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
        log.retention.hours=168\nlog.segment.bytes=1073741824\n\
        log.retention.check.interval.ms=300000\n";
    refused(file, &["highwater.allow.insecure=true"]);
    let config = config(&format!("{file}highwater.allow.insecure=true\n"));
    let [listener] = &config.listeners[..] else { panic!("{:?}", config.listeners) };
    assert_eq!(
        (listener.bind.port, listener.advertised.to_string().as_str()),
        (9092, "localhost:9092")
    );
    let warned =
        |key: &str| config.warnings.iter().any(|warning| warning.to_string().contains(key));
    for key in ["process.roles", "num.io.threads", "share.coordinator", "CONTROLLER"] {
        assert!(warned(key), "{key}: {:?}", config.warnings);
    }
}

#[test]
fn wrong_listeners_say_what_is_wrong() {
    refused("listeners=SSL://localhost:9092", &["SSL", "not supported yet"]);
    refused("listeners=SASL_PLAINTEXT://localhost:9092", &["SASL_PLAINTEXT", "not supported yet"]);
    refused("listeners=MINE://localhost:9092", &["MINE", "listener.security.protocol.map"]);
    refused("listeners=localhost:9092", &["localhost:9092", "NAME://host:port"]);
    refused("listeners=PLAINTEXT://localhost", &["port is missing"]);
    refused("listeners=PLAINTEXT://localhost:99999", &["0 to 65535"]);
    refused("listeners=PLAINTEXT://::1:9092", &["[]"]);
    refused(
        "listeners=PLAINTEXT://localhost:1,PLAINTEXT://localhost:2",
        &["PLAINTEXT stands twice"],
    );
    refused("listeners=", &["listeners"]);
    refused("advertised.listeners=OTHER://a:1", &["OTHER", "advertised.listeners"]);
    refused(
        "listeners=PLAINTEXT://0.0.0.0:9092\nhighwater.allow.insecure=true",
        &["advertised.listeners=PLAINTEXT://<host>:9092"],
    );
}

#[test]
fn memory_limit_of_the_process_bounds_the_default_budget_only() {
    let mut unset = config("");
    unset.limit_memory(Some(1 << 30));
    assert_eq!(unset.limits.queued_max_request_bytes, 256 << 20);
    unset.limit_memory(None);
    assert_eq!(unset.limits.queued_max_request_bytes, 256 << 20);
    let mut set = config("queued.max.request.bytes=400000000");
    set.limit_memory(Some(1 << 30));
    assert_eq!(set.limits.queued_max_request_bytes, 400_000_000);
}

#[test]
fn socket_options_are_the_kernels_unless_set() {
    assert_eq!(config("").limits.listen_options, ListenOptions::default());
    let set = config(
        "socket.listen.backlog.size=7\nsocket.send.buffer.bytes=-1\nsocket.receive.buffer.bytes=4096",
    );
    let expected =
        ListenOptions { backlog: 7, send_buffer_bytes: None, receive_buffer_bytes: Some(4096) };
    assert_eq!(set.limits.listen_options, expected);
}

#[test]
fn group_settings_must_fit_each_other() {
    refused(
        "group.consumer.session.timeout.ms=10000",
        &[
            "group.consumer.min.session.timeout.ms",
            "group.consumer.session.timeout.ms, which is 10000",
        ],
    );
    refused(
        "group.min.session.timeout.ms=2000000",
        &["group.max.session.timeout.ms", "lower the one or raise the other"],
    );
    refused("group.consumer.assignors=sticky", &["group.consumer.assignors", "sticky"]);
    let fitting = "group.consumer.session.timeout.ms=10000\n\
                   group.consumer.min.session.timeout.ms=6000\n\
                   group.consumer.heartbeat.interval.ms=1000\n\
                   group.consumer.min.heartbeat.interval.ms=1000";
    assert_eq!(config(fitting).warnings, []);
}
