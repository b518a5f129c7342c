//! ConsumerGroupDescribe: KIP-848 groups, their members and who shall have what.

use std::sync::Arc;

use highwater_coordinator::group::{
    DescribedConsumerGroup, DescribedConsumerMember, DescribedTopic, Input,
};
use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ResponseGroup,
    ResponseGroupMember, ResponseGroupMemberAssignment,
    ResponseGroupMemberAssignmentTopicPartition, ResponseGroupMemberTargetAssignment,
    ResponseGroupMemberTargetAssignmentTopicPartition,
};
use highwater_records::Uuid;

use super::answer_room::{AnswerRoom, once_each};
use super::authorized_operations;
use super::group_answer::{Refused, answer};
use crate::broker::Broker;
use crate::context::RequestContext;

/// Kafka's codes of how a member joined.
const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

/// Answers group by group, as far as there is room.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let operations = authorized_operations::group(request.include_authorized_operations);
    let mut groups = Vec::with_capacity(request.group_ids.len());
    let mut room = AnswerRoom::new();
    for group_id in once_each(request.group_ids) {
        if room.is_used_up() {
            groups.push(refuse(group_id, &Refused::NoRoom));
            continue;
        }
        let asked = broker.groups.ask(context, &group_id, |caller| Input::DescribeConsumerGroup {
            caller,
            group_id: group_id.clone(),
        });
        groups.push(match answer!(asked.await, DescribeConsumerGroup) {
            Ok(described) => {
                room.take(described.members.iter().map(bytes_of).sum());
                ResponseGroup { authorized_operations: operations, ..group(group_id, described) }
            }
            Err(refused) => refuse(group_id, &refused),
        });
    }
    ConsumerGroupDescribeResponse { groups, ..ConsumerGroupDescribeResponse::default() }
}

/// About what a member takes in the answer.
fn bytes_of(member: &DescribedConsumerMember) -> usize {
    let texts = [&member.member_id, &member.client_id, &member.client_host];
    let texts = texts
        .into_iter()
        .chain(&member.instance_id)
        .chain(&member.rack_id)
        .chain(&member.subscribed_topic_names)
        .chain(&member.subscribed_topic_regex)
        .map(|text| size_of::<i16>() + text.len());
    let assigned = member.assignment.iter().chain(&member.target_assignment).map(|topic| {
        size_of::<Uuid>() + topic.topic_name.len() + size_of_val(topic.partitions.as_slice())
    });
    texts.sum::<usize>() + assigned.sum::<usize>() + size_of::<[i32; 4]>()
}

fn refuse(group_id: Str, refused: &Refused) -> ResponseGroup {
    ResponseGroup {
        error_code: refused.code(),
        error_message: refused.message(&group_id),
        group_id,
        authorized_operations: authorized_operations::NOT_ASKED,
        ..ResponseGroup::default()
    }
}

fn group(group_id: Str, described: DescribedConsumerGroup) -> ResponseGroup {
    ResponseGroup {
        group_id,
        group_state: Str::from_static(described.state),
        group_epoch: described.group_epoch,
        assignment_epoch: described.assignment_epoch,
        assignor_name: described.assignor,
        members: described.members.into_iter().map(member).collect(),
        ..ResponseGroup::default()
    }
}

fn member(described: DescribedConsumerMember) -> ResponseGroupMember {
    let assigned = |topic: DescribedTopic| ResponseGroupMemberAssignmentTopicPartition {
        topic_id: topic.topic_id,
        topic_name: topic.topic_name,
        partitions: topic.partitions,
    };
    let targeted = |topic: DescribedTopic| ResponseGroupMemberTargetAssignmentTopicPartition {
        topic_id: topic.topic_id,
        topic_name: topic.topic_name,
        partitions: topic.partitions,
    };
    let assignment = described.assignment.into_iter().map(assigned).collect();
    let target = described.target_assignment.into_iter().map(targeted).collect();
    ResponseGroupMember {
        member_id: described.member_id,
        instance_id: described.instance_id,
        rack_id: described.rack_id,
        member_epoch: described.member_epoch,
        client_id: described.client_id,
        client_host: described.client_host,
        subscribed_topic_names: described.subscribed_topic_names,
        // Kafka knows no null here.
        subscribed_topic_regex: Some(described.subscribed_topic_regex.unwrap_or_default()),
        assignment: ResponseGroupMemberAssignment { topic_partitions: assignment },
        target_assignment: ResponseGroupMemberTargetAssignment { topic_partitions: target },
        member_type: if described.is_classic { CLASSIC_MEMBER } else { CONSUMER_MEMBER },
    }
}
