//! The broker's configuration: Kafka's `server.properties` with Kafka's keys, checked once.
//!
//! The definitions (types, defaults, bounds) are in `highwater_controller::config`; here they become fields.

mod listeners;
mod properties;

use std::path::PathBuf;
use std::time::Duration;

use highwater_controller::config::{
    ConfigDef, ConfigValueError, Usage, broker_config, is_kafka_broker_key,
};
use highwater_records::NodeId;

use crate::seams::ListenOptions;

pub use listeners::{Endpoint, ListenerConfig};
pub use properties::{PROPERTIES_FILE_BYTES_MAX, Properties, PropertiesError};

/// A checked configuration.
///
/// Keys that only one part needs are asked for by name ([`Config::number`] and its siblings); the value in force is the one
/// set, else that of a synonym, else the default.
#[derive(Clone, Debug)]
pub struct Config {
    pub node_id: NodeId,
    /// Directories that hold the data, at least one. The first one also holds the metadata log.
    pub log_dirs: Vec<PathBuf>,
    pub listeners: Vec<ListenerConfig>,
    /// Where metrics and health are served over HTTP, if anywhere.
    pub admin_listen: Option<Endpoint>,
    pub broker_rack: Option<String>,
    pub limits: Limits,
    /// What was set, as written. All values have passed their definition's check.
    pub properties: Properties,
    /// What the operator should hear about, once.
    pub warnings: Vec<ConfigWarning>,
}

/// Limits on what clients can make the broker hold. Reaching one is never an error of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request; a larger one closes the connection.
    pub socket_request_max_bytes: usize,
    /// Bytes of requests and answers in all; at the limit sockets are not read.
    pub queued_max_request_bytes: usize,
    /// Connections in all; further ones are reset at accept.
    pub max_connections: usize,
    /// Connections per address; further ones are reset at accept.
    pub max_connections_per_ip: usize,
    /// Connections per address for addresses with a number of their own.
    pub max_connections_per_ip_overrides: Vec<(std::net::IpAddr, usize)>,
    /// New connections per second; further ones are reset at accept. 0: no limit.
    pub max_connection_creation_rate: u32,
    /// A connection on which nothing happens for this long is closed; `None`: never.
    pub connections_max_idle: Option<Duration>,
    /// A request that stops in the middle for this long closes its connection.
    pub frame_stall: Duration,
    /// A client that takes nothing of its answers for this long is cut off.
    pub response_stall: Duration,
    /// Requests of one connection that are worked on; at the limit its socket is not read.
    pub in_flight_requests: usize,
    /// Their bytes; at the limit the socket is not read.
    pub in_flight_bytes: usize,
    pub records: RecordLimits,
    /// How listeners are opened; what is not set is left to the kernel, which adapts it.
    pub listen_options: ListenOptions,
}

/// Limits on the records of a batch; a batch past one of them is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimits {
    /// Headers of one record.
    pub headers_max: usize,
    /// Bytes of a batch's records once decompressed.
    pub decompressed_bytes_max: usize,
}

/// A configuration the broker does not start with. One line: key, value, reason, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Value(#[from] ConfigValueError),
    #[error("invalid value {value} for configuration {key}: {reason}")]
    Wrong { key: String, value: String, reason: String },
    #[error("unknown configuration {key}: no key of Highwater has this name{hint}")]
    UnknownKey { key: String, hint: String },
    #[error(
        "listener {name}://{endpoint} would let everyone who reaches it read and write all data: it has neither \
         encryption nor authentication; set highwater.allow.insecure=true to allow that, or listen on 127.0.0.1"
    )]
    Insecure { name: String, endpoint: Endpoint },
    #[error(
        "metrics on {endpoint} could be read by everyone who reaches it, without a password, and they name topics and groups; \
         set highwater.allow.insecure=true to allow that, or give highwater.admin.listen an address of 127.0.0.1"
    )]
    InsecureAdmin { endpoint: Endpoint },
    #[error(
        "listener {name} uses {protocol}, which is not supported yet; use PLAINTEXT \
         (with highwater.allow.insecure=true if it is reachable from other machines)"
    )]
    ProtocolNotSupported { name: String, protocol: String },
    #[error(
        "listener {name}://{endpoint} listens on every address, which is none that a client could connect to; \
         set advertised.listeners={name}://<host>:{port}", port = endpoint.port
    )]
    NotAdvertisable { name: String, endpoint: Endpoint },
    #[error(transparent)]
    Properties(#[from] PropertiesError),
}

/// Something in a configuration that has no effect or not the one its author may expect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigWarning {
    #[error("configuration {key} is Kafka's and has no effect here")]
    NoEffect { key: String },
    #[error("configuration {key} is neither Kafka's nor Highwater's and is ignored{hint}")]
    Foreign { key: String, hint: String },
    #[error(
        "listener {name} is for controllers: the quorum of one node needs none, it is not opened"
    )]
    ControllerListener { name: String },
}

/// Finds values by definition.
struct Lookup<'a> {
    properties: &'a Properties,
}

impl<'a> Lookup<'a> {
    fn explicit(&self, key: &str) -> Option<&'a str> {
        self.properties.get(key)
    }

    /// The value in force: set, else a synonym's, else the default.
    fn text(&self, key: &str) -> Option<String> {
        let def = definition(key);
        if let Some(value) = self.explicit(key) {
            return Some(value.to_owned());
        }
        for synonym in def.synonyms {
            if let Some(value) = self.explicit(synonym.name) {
                return Some(scale(value, synonym.factor));
            }
        }
        if let Some(default) = def.default {
            return Some(default.to_owned());
        }
        def.synonyms.iter().find_map(|synonym| {
            let default = definition(synonym.name).default?;
            Some(scale(default, synonym.factor))
        })
    }

    fn number(&self, key: &str) -> i64 {
        let text = self.text(key).expect("numbers asked for have a default");
        text.parse().expect("values and defaults have passed their definition's check")
    }

    fn flag(&self, key: &str) -> bool {
        self.text(key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    fn list(&self, key: &str) -> Vec<String> {
        let text = self.text(key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// A number with -1 for "no limit".
    fn limit(&self, key: &str) -> usize {
        usize::try_from(self.number(key)).unwrap_or(usize::MAX)
    }

    fn duration_ms(&self, key: &str) -> Duration {
        Duration::from_millis(u64::try_from(self.number(key)).unwrap_or(0))
    }
}

fn definition(key: &str) -> &'static ConfigDef {
    broker_config(key).unwrap_or_else(|| panic!("{key} is asked for and stands in no table"))
}

/// `log.retention.hours=2` as milliseconds; -1 stays "without end".
fn scale(value: &str, factor: i64) -> String {
    match value.trim().parse::<i64>() {
        Ok(number) if factor != 1 && number > 0 => number.saturating_mul(factor).to_string(),
        _ => value.to_owned(),
    }
}

impl Config {
    /// Checks properties and makes a configuration of them.
    ///
    /// Errors: the first value that is wrong, an unknown `highwater.` key, a listener that cannot or must not be opened.
    pub fn from_properties(properties: Properties) -> Result<Self, ConfigError> {
        let mut warnings = check_keys(&properties)?;
        let lookup = Lookup { properties: &properties };
        check_relations(&lookup)?;
        let listeners = listeners::read(&lookup, &host_name(), &mut warnings)?;
        let node_id = i32::try_from(lookup.number("node.id")).expect("bounded by its definition");
        Ok(Self {
            node_id: NodeId::new(node_id),
            log_dirs: log_dirs(&lookup)?,
            listeners,
            admin_listen: listeners::read_admin(&lookup)?,
            broker_rack: lookup.text("broker.rack").filter(|rack| !rack.is_empty()),
            limits: limits(&lookup)?,
            properties,
            warnings,
        })
    }

    /// A broker inside another program, on a free port of loopback, with small caches and budgets. With `is_temporary` a power loss may take
    /// what was acknowledged: such a directory does not outlive one.
    pub fn embedded(data_dir: impl Into<PathBuf>, is_temporary: bool) -> Result<Self, ConfigError> {
        let mut properties = Properties::default();
        let data_dir = data_dir.into();
        properties.set("log.dirs", data_dir.to_string_lossy());
        properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
        properties.set("highwater.tail.cache.bytes", "8388608");
        properties.set("queued.max.request.bytes", "67108864");
        if is_temporary {
            properties.set("highwater.durability", "os");
            properties.set("highwater.ballast.bytes", "0");
        }
        Self::from_properties(properties)
    }

    /// Makes the default budget for requests and answers fit a limit on the process; one that was set stays.
    pub(crate) fn limit_memory(&mut self, memory_limit_bytes: Option<u64>) {
        let quarter = memory_limit_bytes.and_then(|limit| usize::try_from(limit / 4).ok());
        if let Some(quarter) =
            quarter.filter(|_| self.properties.get("queued.max.request.bytes").is_none())
        {
            let budget = &mut self.limits.queued_max_request_bytes;
            *budget = (*budget).min(quarter.max(MEMORY_BUDGET_MIN));
        }
    }

    /// The number in force for `key`.
    ///
    /// # Panics
    /// If no table has the key, or it is not a number with a default.
    #[must_use]
    pub fn number(&self, key: &str) -> i64 {
        self.lookup().number(key)
    }

    /// The number in force for `key` as a size or count; what is below zero means "no limit".
    ///
    /// # Panics
    /// If no table has the key, or it is not a number with a default.
    #[must_use]
    pub fn count(&self, key: &str) -> usize {
        self.lookup().limit(key)
    }

    /// The number of milliseconds in force for `key`.
    ///
    /// # Panics
    /// If no table has the key, or it is not a number with a default.
    #[must_use]
    pub fn duration_ms(&self, key: &str) -> Duration {
        self.lookup().duration_ms(key)
    }

    /// The decimal number in force for `key`.
    ///
    /// # Panics
    /// If no table has the key, or it is not a number with a default.
    #[must_use]
    pub fn decimal(&self, key: &str) -> f64 {
        let text = self.lookup().text(key).expect("numbers asked for have a default");
        text.trim().parse().expect("values and defaults have passed their definition's check")
    }

    /// Whether `key` is true.
    ///
    /// # Panics
    /// If no table has the key.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        self.lookup().flag(key)
    }

    /// The text in force for `key`.
    ///
    /// # Panics
    /// If no table has the key.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.lookup().text(key)
    }

    fn lookup(&self) -> Lookup<'_> {
        Lookup { properties: &self.properties }
    }
}

/// Below this the budget could not hold two requests of the largest size.
const MEMORY_BUDGET_MIN: usize = 64 * 1024 * 1024;

/// Checks every value by its definition, and says what has no effect.
fn check_keys(properties: &Properties) -> Result<Vec<ConfigWarning>, ConfigError> {
    let mut warnings = Vec::new();
    for (key, value) in properties.iter() {
        let definition = broker_config(key);
        if let Some(definition) = definition {
            definition.validate(value)?;
        }
        let has_effect = definition.is_some_and(|definition| definition.usage != Usage::NoEffect);
        if has_effect {
            continue;
        }
        let key = key.to_owned();
        if is_kafka_broker_key(&key) {
            warnings.push(ConfigWarning::NoEffect { key });
        } else if key.starts_with("highwater.") {
            let hint = hint(&key);
            return Err(ConfigError::UnknownKey { key, hint });
        } else {
            let hint = hint(&key);
            warnings.push(ConfigWarning::Foreign { key, hint });
        }
    }
    Ok(warnings)
}

/// "; did you mean ..." for a key that is nearly one.
fn hint(key: &str) -> String {
    const DISTANCE_MAX: usize = 3;
    let known =
        highwater_controller::config::BROKER_CONFIGS.iter().map(|definition| definition.name);
    // Names whose length alone is too far off are not compared: a key may be as long as its file.
    let nearest = known
        .filter(|name| name.len().abs_diff(key.len()) <= DISTANCE_MAX)
        .map(|name| (distance(key, name), name))
        .min();
    match nearest {
        Some((distance, name)) if distance <= DISTANCE_MAX => format!("; did you mean {name}?"),
        _ => String::new(),
    }
}

/// Edit distance, by rows.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (left_index, left_byte) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = left_index + 1;
        for (right_index, right_byte) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(left_byte != right_byte);
            diagonal = row[right_index + 1];
            row[right_index + 1] = replaced.min(diagonal + 1).min(row[right_index] + 1);
        }
    }
    row[right.len()]
}

fn check_relations(lookup: &Lookup<'_>) -> Result<(), ConfigError> {
    let (factor, min_isr) =
        (lookup.number("default.replication.factor"), lookup.number("min.insync.replicas"));
    if min_isr > factor {
        return Err(ConfigError::Wrong {
            key: "min.insync.replicas".to_owned(),
            value: min_isr.to_string(),
            reason: format!(
                "above default.replication.factor, which is {factor}: no new topic could be written with acks=all; \
                 lower the one or raise the other"
            ),
        });
    }
    let (batch, request) =
        (lookup.number("message.max.bytes"), lookup.number("socket.request.max.bytes"));
    if batch > request {
        return Err(ConfigError::Wrong {
            key: "message.max.bytes".to_owned(),
            value: batch.to_string(),
            reason: format!(
                "above socket.request.max.bytes, which is {request}: no such batch could arrive"
            ),
        });
    }
    check_group_relations(lookup)
}

/// Each value of groups within its own bounds; a session longer than the heartbeats in it.
fn check_group_relations(lookup: &Lookup<'_>) -> Result<(), ConfigError> {
    // The first of each pair must not be above the second.
    let ordered = [
        ("group.min.session.timeout.ms", "group.max.session.timeout.ms"),
        ("group.consumer.min.session.timeout.ms", "group.consumer.session.timeout.ms"),
        ("group.consumer.session.timeout.ms", "group.consumer.max.session.timeout.ms"),
        ("group.consumer.min.heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms"),
        ("group.consumer.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"),
        ("group.consumer.min.assignment.interval.ms", "group.consumer.assignment.interval.ms"),
        ("group.consumer.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"),
        ("group.consumer.heartbeat.interval.ms", "group.consumer.session.timeout.ms"),
    ];
    for (low, high) in ordered {
        let (value, limit) = (lookup.number(low), lookup.number(high));
        if value > limit {
            let reason =
                format!("above {high}, which is {limit}; lower the one or raise the other");
            return Err(ConfigError::Wrong {
                key: low.to_owned(),
                value: value.to_string(),
                reason,
            });
        }
    }
    Ok(())
}

fn log_dirs(lookup: &Lookup<'_>) -> Result<Vec<PathBuf>, ConfigError> {
    let dirs: Vec<PathBuf> = lookup.list("log.dirs").into_iter().map(PathBuf::from).collect();
    if dirs.is_empty() {
        return Err(ConfigError::Wrong {
            key: "log.dirs".to_owned(),
            value: String::new(),
            reason: "no data directory; set log.dirs, or give --data-dir".to_owned(),
        });
    }
    Ok(dirs)
}

fn limits(lookup: &Lookup<'_>) -> Result<Limits, ConfigError> {
    let idle_ms = lookup.number("connections.max.idle.ms");
    Ok(Limits {
        socket_request_max_bytes: lookup.limit("socket.request.max.bytes"),
        queued_max_request_bytes: lookup.limit("queued.max.request.bytes"),
        max_connections: lookup.limit("max.connections"),
        max_connections_per_ip: lookup.limit("max.connections.per.ip"),
        max_connections_per_ip_overrides: per_ip_overrides(lookup)?,
        max_connection_creation_rate: u32::try_from(lookup.number("max.connection.creation.rate"))
            .unwrap_or(u32::MAX),
        connections_max_idle: u64::try_from(idle_ms).ok().map(Duration::from_millis),
        frame_stall: lookup.duration_ms("highwater.frame.stall.ms"),
        response_stall: lookup.duration_ms("highwater.response.stall.ms"),
        in_flight_requests: lookup.limit("highwater.connection.in.flight.max"),
        in_flight_bytes: lookup.limit("highwater.connection.in.flight.bytes"),
        records: RecordLimits {
            headers_max: lookup.limit("highwater.record.headers.max"),
            decompressed_bytes_max: lookup.limit("highwater.decompressed.batch.max.bytes"),
        },
        listen_options: listen_options(lookup),
    })
}

fn listen_options(lookup: &Lookup<'_>) -> ListenOptions {
    let bytes = |key: &str| usize::try_from(lookup.number(key)).ok();
    ListenOptions {
        backlog: i32::try_from(lookup.number("socket.listen.backlog.size")).unwrap_or(i32::MAX),
        send_buffer_bytes: bytes("socket.send.buffer.bytes"),
        receive_buffer_bytes: bytes("socket.receive.buffer.bytes"),
    }
}

fn per_ip_overrides(lookup: &Lookup<'_>) -> Result<Vec<(std::net::IpAddr, usize)>, ConfigError> {
    let key = "max.connections.per.ip.overrides";
    let parse = |entry: String| {
        let pair = entry.rsplit_once(':');
        let parsed = pair.and_then(|(host, count)| {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            Some((host.trim().parse().ok()?, count.trim().parse().ok()?))
        });
        parsed.ok_or_else(|| ConfigError::Wrong {
            key: key.to_owned(),
            value: entry,
            reason: "expected address:count".to_owned(),
        })
    };
    lookup.list(key).into_iter().map(parse).collect()
}

/// The name clients are told for a listener on all addresses.
fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_str().ok().filter(|name| !name.is_empty()).unwrap_or("localhost").to_owned()
}

#[cfg(test)]
pub(crate) mod tests;
