//! Heartbeat: a member of a classic group is alive, and learns whether it must join again.

use std::sync::Arc;

use highwater_coordinator::group::Input;
use highwater_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use highwater_records::ErrorCode;

use super::group_answer::{Refused, answer};
use crate::broker::Broker;
use crate::context::RequestContext;
use crate::hosts::groups::Unavailable;

/// Answers at once. While the group is loading all is well: nobody is missed before the load has ended.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: HeartbeatRequest,
) -> HeartbeatResponse {
    let group_id = request.group_id.clone();
    let asked =
        broker.groups.ask(context, &group_id, |caller| Input::Heartbeat { caller, request });
    let error_code = match answer!(asked.await, Heartbeat) {
        Ok(()) | Err(Refused::Unavailable(Unavailable::Loading)) => ErrorCode::None,
        Err(refused) => refused.code(),
    };
    HeartbeatResponse { error_code, ..HeartbeatResponse::default() }
}
