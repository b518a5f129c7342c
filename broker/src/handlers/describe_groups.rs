//! DescribeGroups: classic groups and their members.

use std::sync::Arc;

use highwater_coordinator::group::{DescribedGroup, DescribedMember, Input, Refusal};
use highwater_protocol::Str;
use highwater_protocol::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, ResponseGroup, ResponseGroupMember,
};

use super::answer_room::{AnswerRoom, once_each};
use super::authorized_operations;
use super::group_answer::{Refused, answer};
use crate::broker::Broker;
use crate::context::RequestContext;

/// State of a group that does not exist.
const DEAD: &str = "Dead";

/// From this version on a group that does not exist is an error too.
const NOT_FOUND_FROM: i16 = 6;

/// Answers group by group, as far as there is room.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let operations = authorized_operations::group(request.include_authorized_operations);
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut room = AnswerRoom::new();
    for group_id in once_each(request.groups) {
        if room.is_used_up() {
            groups.push(refuse(group_id, &Refused::NoRoom));
            continue;
        }
        let asked = broker.groups.ask(context, &group_id, |caller| Input::DescribeGroup {
            caller,
            group_id: group_id.clone(),
        });
        groups.push(match answer!(asked.await, DescribeGroup) {
            Ok(described) => {
                room.take(described.members.iter().map(bytes_of).sum());
                ResponseGroup { authorized_operations: operations, ..group(group_id, described) }
            }
            Err(Refused::ByGroup(Refusal::GroupIdNotFound))
                if context.api_version < NOT_FOUND_FROM =>
            {
                ResponseGroup {
                    group_id,
                    group_state: Str::from_static(DEAD),
                    authorized_operations: operations,
                    ..ResponseGroup::default()
                }
            }
            Err(refused) => refuse(group_id, &refused),
        });
    }
    DescribeGroupsResponse { groups, ..DescribeGroupsResponse::default() }
}

/// About what a member takes in the answer.
fn bytes_of(member: &DescribedMember) -> usize {
    let texts = [&member.member_id, &member.client_id, &member.client_host];
    let texts = texts.into_iter().chain(&member.group_instance_id).map(|text| text.len());
    texts.sum::<usize>() + member.metadata.len() + member.assignment.len() + size_of::<[i32; 6]>()
}

fn refuse(group_id: Str, refused: &Refused) -> ResponseGroup {
    let is_missing = matches!(refused, Refused::ByGroup(Refusal::GroupIdNotFound));
    ResponseGroup {
        error_code: refused.code(),
        error_message: refused.message(&group_id),
        group_id,
        group_state: if is_missing { Str::from_static(DEAD) } else { Str::default() },
        authorized_operations: authorized_operations::NOT_ASKED,
        ..ResponseGroup::default()
    }
}

fn group(group_id: Str, described: DescribedGroup) -> ResponseGroup {
    ResponseGroup {
        group_id,
        group_state: Str::from_static(described.state),
        protocol_type: described.protocol_type,
        protocol_data: described.protocol,
        members: described.members.into_iter().map(member).collect(),
        ..ResponseGroup::default()
    }
}

fn member(described: DescribedMember) -> ResponseGroupMember {
    ResponseGroupMember {
        member_id: described.member_id,
        group_instance_id: described.group_instance_id,
        client_id: described.client_id,
        client_host: described.client_host,
        member_metadata: described.metadata,
        member_assignment: described.assignment,
    }
}
