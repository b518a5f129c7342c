//! What a handler knows about the request besides its body, and what it may answer at once or later.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use highwater_protocol::Str;

/// Who asks. A plaintext listener counts as authenticated, as this principal.
pub(crate) const ANONYMOUS: &str = "User:ANONYMOUS";

/// What every handler gets beside the decoded body.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// The part that does not change between the requests of one connection.
    pub(crate) peer: Arc<PeerContext>,
    #[expect(dead_code, reason = "quotas go by it")]
    pub(crate) client_id: Option<Str>,
    pub(crate) api_version: i16,
    pub(crate) correlation_id: i32,
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct PeerContext {
    /// `User:name`, Kafka's form.
    #[expect(dead_code, reason = "access control goes by it")]
    pub(crate) principal: String,
    /// Name of the listener the connection came in on: metadata answers with the endpoints of that listener.
    pub(crate) listener_name: String,
    #[expect(dead_code, reason = "access control goes by it")]
    pub(crate) address: SocketAddr,
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
