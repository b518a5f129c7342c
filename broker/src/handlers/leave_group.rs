//! LeaveGroup: members go, one by itself or several by an administrator.
//!
//! Source: KIP-345 (several at a time, from version 3 on).

use std::sync::Arc;

use highwater_coordinator::group::{Input, MemberLeft};
use highwater_protocol::messages::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, ResponseMember,
};
use highwater_records::ErrorCode;

use super::group_answer::{answer, code_of};
use crate::broker::Broker;
use crate::context::RequestContext;

/// From this version on each member has its own result.
const BATCH_FROM: i16 = 3;

/// Answers at once.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    let group_id = request.group_id.clone();
    let asked = broker.groups.ask(context, &group_id, |caller| Input::Leave { caller, request });
    match answer!(asked.await, Leave) {
        Ok(members) if context.api_version < BATCH_FROM => {
            let result = members.first().map(|member| code_of(&member.result));
            let error_code = result.unwrap_or(ErrorCode::None);
            LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() }
        }
        Ok(members) => LeaveGroupResponse {
            members: members.into_iter().map(member).collect(),
            ..LeaveGroupResponse::default()
        },
        Err(refused) => {
            LeaveGroupResponse { error_code: refused.code(), ..LeaveGroupResponse::default() }
        }
    }
}

fn member(left: MemberLeft) -> ResponseMember {
    ResponseMember {
        error_code: code_of(&left.result),
        member_id: left.member_id,
        group_instance_id: left.group_instance_id,
    }
}
