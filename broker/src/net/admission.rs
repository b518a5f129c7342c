//! The one asynchronous step between a parsed produce and its append.
//!
//! Quotas and the verification of transactions wait here, and the connection keeps its order meanwhile: nothing behind the request starts
//! before it is let through. Today everything passes at once.

use futures_util::future::BoxFuture;
use highwater_protocol::messages::produce::ProduceRequest;

use crate::context::RequestContext;

/// Whether a request may go on.
pub(crate) enum Admission {
    Pass,
    /// It may once the future ends.
    #[expect(dead_code, reason = "the place of quotas and transaction verification")]
    Wait(BoxFuture<'static, ()>),
}

/// Decides about a produce request.
pub(crate) fn admit_produce(_context: &RequestContext, _request: &ProduceRequest) -> Admission {
    Admission::Pass
}
