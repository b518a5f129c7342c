//! JoinGroup: becoming a member of a classic group, and waiting for the others.
//!
//! Source: KIP-345 (static members), KIP-394 (member ids first), KIP-814 (the leader's assignment skipped).

use std::sync::Arc;

use highwater_coordinator::group::{Input, Refusal};
use highwater_protocol::Str;
use highwater_protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupResponse, ResponseMember,
};

use super::group_answer::{Refused, answer};
use crate::broker::Broker;
use crate::context::RequestContext;

/// Before this version a protocol name cannot be null.
const NULL_PROTOCOL_FROM: i16 = 7;

/// Answers when the group has its members, which may take as long as the slowest of them.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let (group_id, member_id) = (request.group_id.clone(), request.member_id.clone());
    let uuid = broker.random.uuid();
    let asked =
        broker.groups.ask(context, &group_id, |caller| Input::Join { caller, request, uuid });
    let response = match answer!(asked.await, Join) {
        Ok(joined) => JoinGroupResponse {
            generation_id: joined.generation_id,
            protocol_type: joined.protocol_type,
            protocol_name: joined.protocol_name,
            leader: joined.leader,
            skip_assignment: joined.skip_assignment,
            member_id: joined.member_id,
            members: joined
                .members
                .into_iter()
                .map(|member| ResponseMember {
                    member_id: member.member_id,
                    group_instance_id: member.group_instance_id,
                    metadata: member.metadata,
                })
                .collect(),
            ..JoinGroupResponse::default()
        },
        Err(refused) => refuse(&refused, member_id),
    };
    if context.api_version < NULL_PROTOCOL_FROM && response.protocol_name.is_none() {
        return JoinGroupResponse { protocol_name: Some(Str::default()), ..response };
    }
    response
}

fn refuse(refused: &Refused, asked_as: Str) -> JoinGroupResponse {
    let member_id = match refused {
        Refused::ByGroup(Refusal::MemberIdRequired { member_id }) => member_id.clone(),
        Refused::ByGroup(_) | Refused::Unavailable(_) | Refused::NoRoom => asked_as,
    };
    JoinGroupResponse {
        error_code: refused.code(),
        generation_id: -1,
        protocol_name: None,
        member_id,
        ..JoinGroupResponse::default()
    }
}
