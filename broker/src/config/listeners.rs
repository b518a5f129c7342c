//! `listeners`, `advertised.listeners` and what protects them.

use std::net::IpAddr;

use super::{ConfigError, ConfigWarning, Lookup};

/// A host and a port, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address; empty means all addresses of this machine.
    pub host: String,
    /// 0 takes a free port.
    pub port: u16,
}

/// One listener that clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    pub name: String,
    pub bind: Endpoint,
    /// What metadata tells the clients of this listener. Port 0 means the port that was bound.
    pub advertised: Endpoint,
}

impl Endpoint {
    /// Whether only this machine reaches it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host
            .parse::<IpAddr>()
            .map_or(self.host == "localhost", |address| address.is_loopback())
    }

    fn is_unspecified(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

struct Named {
    name: String,
    endpoint: Endpoint,
}

const ADMIN_LISTEN: &str = "highwater.admin.listen";
const LISTENERS: &str = "listeners";
const ADVERTISED: &str = "advertised.listeners";
const PROTOCOL_MAP: &str = "listener.security.protocol.map";

/// Reads all keys about listeners. Without `listeners` the broker listens on loopback.
pub(super) fn read(
    lookup: &Lookup<'_>,
    host_name: &str,
    warnings: &mut Vec<ConfigWarning>,
) -> Result<Vec<ListenerConfig>, ConfigError> {
    let text = lookup.explicit(LISTENERS).unwrap_or("PLAINTEXT://127.0.0.1:9092");
    let mut bound = parse_list(LISTENERS, text)?;
    let mut advertised = match lookup.explicit(ADVERTISED) {
        Some(text) => parse_list(ADVERTISED, text)?,
        None => Vec::new(),
    };
    let controller_names = lookup.list("controller.listener.names");
    let is_controller = |listener: &Named| {
        controller_names.iter().any(|name| name.eq_ignore_ascii_case(&listener.name))
    };
    for listener in bound.extract_if(.., |listener| is_controller(listener)) {
        warnings.push(ConfigWarning::ControllerListener { name: listener.name });
    }
    advertised.retain(|listener| !is_controller(listener));
    if bound.is_empty() {
        return Err(wrong(LISTENERS, text, "no listener for clients"));
    }
    check_advertised_names(&bound, &advertised)?;
    let allow_insecure = lookup.flag("highwater.allow.insecure");
    let mut listeners = Vec::new();
    for Named { name, endpoint } in bound {
        check_protocol(lookup, &name)?;
        if !endpoint.is_loopback() && !allow_insecure {
            return Err(ConfigError::Insecure { name, endpoint });
        }
        let told = advertised.iter().find(|other| other.name == name).map(|other| &other.endpoint);
        let advertised = advertise(&name, &endpoint, told, host_name)?;
        listeners.push(ListenerConfig { name, bind: endpoint, advertised });
    }
    Ok(listeners)
}

/// Where metrics are served, if anywhere. A port alone is one of loopback.
pub(super) fn read_admin(lookup: &Lookup<'_>) -> Result<Option<Endpoint>, ConfigError> {
    let text = lookup.text(ADMIN_LISTEN).unwrap_or_default();
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let is_port = text.bytes().all(|byte| byte.is_ascii_digit());
    let address = if is_port { format!("127.0.0.1:{text}") } else { text.to_owned() };
    let mut endpoint =
        parse_endpoint(&address).map_err(|reason| wrong(ADMIN_LISTEN, text, reason))?;
    if endpoint.host.is_empty() {
        "127.0.0.1".clone_into(&mut endpoint.host);
    }
    if !endpoint.is_loopback() && !lookup.flag("highwater.allow.insecure") {
        return Err(ConfigError::InsecureAdmin { endpoint });
    }
    Ok(Some(endpoint))
}

fn check_advertised_names(bound: &[Named], advertised: &[Named]) -> Result<(), ConfigError> {
    for other in advertised {
        if !bound.iter().any(|listener| listener.name == other.name) {
            let reason = format!("no listener in {LISTENERS} has the name {}", other.name);
            return Err(wrong(
                ADVERTISED,
                &format!("{}://{}", other.name, other.endpoint),
                &reason,
            ));
        }
    }
    Ok(())
}

fn advertise(
    name: &str,
    bind: &Endpoint,
    told: Option<&Endpoint>,
    host_name: &str,
) -> Result<Endpoint, ConfigError> {
    let from = told.unwrap_or(bind);
    if from.is_unspecified() {
        return Err(ConfigError::NotAdvertisable { name: name.to_owned(), endpoint: from.clone() });
    }
    let host = if from.host.is_empty() { host_name } else { &from.host };
    Ok(Endpoint { host: host.to_owned(), port: from.port })
}

/// Only plaintext can be served now; the map decides for names of the operator's own.
fn check_protocol(lookup: &Lookup<'_>, name: &str) -> Result<(), ConfigError> {
    let map = lookup.list(PROTOCOL_MAP);
    let mapped = map.iter().find_map(|entry| {
        let (mapped, protocol) = entry.split_once(':')?;
        mapped.trim().eq_ignore_ascii_case(name).then(|| protocol.trim().to_ascii_uppercase())
    });
    match mapped.as_deref() {
        Some("PLAINTEXT") => Ok(()),
        Some(protocol @ ("SSL" | "SASL_PLAINTEXT" | "SASL_SSL")) => {
            Err(ConfigError::ProtocolNotSupported {
                name: name.to_owned(),
                protocol: protocol.to_owned(),
            })
        }
        Some(protocol) => Err(wrong(PROTOCOL_MAP, protocol, "not a security protocol")),
        None => {
            let reason =
                format!("no security protocol for the listener {name}; add {name}:PLAINTEXT");
            Err(wrong(PROTOCOL_MAP, &map.join(","), &reason))
        }
    }
}

fn parse_list(key: &'static str, text: &str) -> Result<Vec<Named>, ConfigError> {
    let mut listeners: Vec<Named> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let listener = parse(entry).map_err(|reason| wrong(key, entry, reason))?;
        if listeners.iter().any(|other| other.name == listener.name) {
            return Err(wrong(key, text, &format!("the name {} stands twice", listener.name)));
        }
        let port = listener.endpoint.port;
        if key == LISTENERS
            && port != 0
            && listeners.iter().any(|other| other.endpoint == listener.endpoint)
        {
            return Err(wrong(key, text, &format!("the port {port} stands twice")));
        }
        listeners.push(listener);
    }
    if listeners.is_empty() {
        return Err(wrong(key, text, "expected NAME://host:port"));
    }
    Ok(listeners)
}

fn parse(entry: &str) -> Result<Named, &'static str> {
    let (name, address) = entry.split_once("://").ok_or("expected NAME://host:port")?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.is_empty() || !name.bytes().all(is_legal) {
        return Err("a listener name is made of letters, digits, '_', '-' and '.'");
    }
    let endpoint = parse_endpoint(address)?;
    Ok(Named { name: name.to_ascii_uppercase(), endpoint })
}

fn parse_endpoint(address: &str) -> Result<Endpoint, &'static str> {
    let (host, port) = address.rsplit_once(':').ok_or("the port is missing")?;
    let port = port.parse().map_err(|_| "the port is not a number from 0 to 65535")?;
    let host = match host.strip_prefix('[') {
        Some(rest) => {
            let inner = rest.strip_suffix(']').ok_or("the ']' is missing")?;
            inner.parse::<std::net::Ipv6Addr>().map_err(|_| "not an IPv6 address")?;
            inner
        }
        None if host.contains([':', '/']) => {
            return Err("expected host:port; an IPv6 address stands in []");
        }
        None => host,
    };
    Ok(Endpoint { host: host.to_owned(), port })
}

fn wrong(key: &str, value: &str, reason: &str) -> ConfigError {
    ConfigError::Wrong { key: key.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
}
