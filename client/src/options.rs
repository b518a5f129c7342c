//! The settings that every client shares, with Kafka's names and defaults.

use std::time::Duration;

use crate::retry::RetryPolicy;

/// How a client finds and talks to its cluster.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where to look first, each `host:port` (`bootstrap.servers`).
    pub bootstrap_servers: Vec<String>,
    /// What brokers call us in their logs and quotas (`client.id`).
    pub client_id: String,
    /// How long a connection may take until it can be used (`socket.connection.setup.timeout.ms`).
    pub connect_timeout: Duration,
    /// How long one request may take (`request.timeout.ms`); when it is over the connection is
    /// given up, because what comes late would still hold up everything behind it.
    pub request_timeout: Duration,
    /// How long a call that is tried again may take altogether (`default.api.timeout.ms`).
    pub api_timeout: Duration,
    /// How old metadata may be before it is asked for again (`metadata.max.age.ms`).
    pub metadata_max_age: Duration,
    /// The waits between attempts.
    pub retry: RetryPolicy,
    /// The largest answer that is accepted; a larger one ends the connection.
    pub response_bytes_max: usize,
    /// Requests in flight on one connection; at the limit the next caller waits.
    pub in_flight_max: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            bootstrap_servers: Vec::new(),
            client_id: "highwater".into(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            api_timeout: Duration::from_secs(60),
            metadata_max_age: Duration::from_secs(5 * 60),
            retry: RetryPolicy::default(),
            response_bytes_max: 256 * 1024 * 1024,
            in_flight_max: 64,
        }
    }
}

impl ClientOptions {
    /// The defaults, with servers from a list such as `broker-1:9092,broker-2:9092`.
    #[must_use]
    pub fn with_servers(servers: &str) -> Self {
        Self { bootstrap_servers: split_servers(servers), ..Self::default() }
    }
}

/// The servers of a comma-separated list, without blanks; a missing port is Kafka's 9092.
#[must_use]
pub fn split_servers(servers: &str) -> Vec<String> {
    let servers = servers.split(',').map(str::trim).filter(|server| !server.is_empty());
    servers.map(with_default_port).collect()
}

fn with_default_port(server: &str) -> String {
    let without_port = match server.rsplit_once(':') {
        None => true,
        // `[::1]` has colons but no port; a bare `::1` is taken for an address without port too.
        Some((host, port)) => port.ends_with(']') || (host.contains(':') && !host.ends_with(']')),
    };
    match (without_port, server.contains(':') && !server.starts_with('[')) {
        (false, _) => server.to_owned(),
        (true, false) => format!("{server}:9092"),
        (true, true) => format!("[{server}]:9092"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_split_trimmed_and_given_the_default_port() {
        let expected = ["a:1", "b:9092", "[::1]:9092", "[::1]:7", "[fe80::1]:9092"];
        assert_eq!(split_servers(" a:1, b,,[::1],[::1]:7,fe80::1,"), expected);
        assert!(split_servers(" , ").is_empty());
    }
}
