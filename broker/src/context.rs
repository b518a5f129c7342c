//! What a handler knows about the request besides its body, and what it may answer at once or later.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use highwater_coordinator::ConnectionId;
use highwater_protocol::Str;
use highwater_records::Monotonic;
use parking_lot::Mutex;

/// Who asks. A plaintext listener counts as authenticated, as this principal.
pub(crate) const ANONYMOUS: &str = "User:ANONYMOUS";

/// What every handler gets beside the decoded body.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// The part that does not change between the requests of one connection.
    pub(crate) peer: Arc<PeerContext>,
    pub(crate) client_id: Option<Str>,
    pub(crate) api_version: i16,
    pub(crate) correlation_id: i32,
    /// When it was taken from the socket's bytes.
    pub(crate) received: Monotonic,
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct PeerContext {
    /// `User:name`, Kafka's form.
    #[expect(dead_code, reason = "access control goes by it")]
    pub(crate) principal: String,
    /// Name of the listener the connection came in on: metadata answers with the endpoints of that listener.
    pub(crate) listener_name: String,
    /// The address as Java writes it, such as `/127.0.0.1`: groups show it.
    pub(crate) host: Str,
    /// This connection and no other.
    pub(crate) connection: ConnectionId,
    /// Partitions of `__consumer_offsets` whose groups were asked on it: they are told when the peer closes it.
    pub(crate) group_shards: Mutex<BTreeSet<i32>>,
}

impl PeerContext {
    pub(crate) fn new(
        connection: ConnectionId,
        principal: &str,
        listener_name: &str,
        address: SocketAddr,
    ) -> Self {
        Self {
            principal: principal.to_owned(),
            listener_name: listener_name.to_owned(),
            host: Str::from(java_address(address.ip())),
            connection,
            group_shards: Mutex::default(),
        }
    }
}

/// `/` and the address: Java shortens no run of zeros, and knows no mapped addresses.
fn java_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("/{address}"),
        IpAddr::V6(address) => {
            let parts = address.segments().map(|segment| format!("{segment:x}"));
            format!("/{}", parts.join(":"))
        }
    }
}

impl RequestContext {
    pub(crate) fn listener_name(&self) -> &str {
        &self.peer.listener_name
    }
}

/// What a request that may wait has become once it has taken effect.
///
/// The connection calls `start` of Produce and Fetch in the order of the requests; when it returns, the append or the session change has
/// happened, and only the answer may be outstanding.
pub(crate) enum Started<R> {
    /// The answer is known; no future is made for it.
    Ready(R),
    /// The answer comes later. The future is polled when its turn among the connection's answers comes, perhaps not before: it must need no
    /// poll to make progress elsewhere. Dropping it gives the answer up and nothing else.
    Waiting(BoxFuture<'static, R>),
    /// The request has no answer (acks=0).
    NoResponse,
    /// The connection is closed without an answer (a failed acks=0 produce).
    Close,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_java_writes_them() {
        for (address, expected) in [
            ("127.0.0.1", "/127.0.0.1"),
            ("::ffff:10.0.0.7", "/10.0.0.7"),
            ("::1", "/0:0:0:0:0:0:0:1"),
            ("fe80::a:0:12", "/fe80:0:0:0:0:a:0:12"),
        ] {
            assert_eq!(java_address(address.parse().unwrap()), expected);
        }
    }
}
