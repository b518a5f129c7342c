//! SyncGroup: the leader gives the assignment, everybody gets their part of it.

use std::sync::Arc;

use highwater_coordinator::group::Input;
use highwater_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::group_answer::answer;
use crate::broker::Broker;
use crate::context::RequestContext;

/// Answers when the leader has spoken and its assignment is committed.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: SyncGroupRequest,
) -> SyncGroupResponse {
    let group_id = request.group_id.clone();
    let asked = broker.groups.ask(context, &group_id, |caller| Input::Sync { caller, request });
    match answer!(asked.await, Sync) {
        Ok(synced) => SyncGroupResponse {
            protocol_type: synced.protocol_type,
            protocol_name: synced.protocol_name,
            assignment: synced.assignment,
            ..SyncGroupResponse::default()
        },
        Err(refused) => {
            SyncGroupResponse { error_code: refused.code(), ..SyncGroupResponse::default() }
        }
    }
}
