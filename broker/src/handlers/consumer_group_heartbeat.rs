//! ConsumerGroupHeartbeat: all that a member of a KIP-848 group says and hears.

use std::sync::Arc;

use highwater_coordinator::group::Input;
use highwater_protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ResponseAssignment,
    ResponseAssignmentTopicPartition,
};
use highwater_records::Uuid;

use super::group_answer::answer;
use crate::broker::Broker;
use crate::context::RequestContext;

/// Answers when what it changed is committed.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    let group_id = request.group_id.clone();
    let uuid = broker.random.uuid();
    let asked = broker.groups.ask(context, &group_id, |caller| Input::ConsumerHeartbeat {
        caller,
        request,
        uuid,
    });
    match answer!(asked.await, ConsumerHeartbeat) {
        Ok(heard) => ConsumerGroupHeartbeatResponse {
            member_id: heard.member_id,
            member_epoch: heard.member_epoch,
            heartbeat_interval_ms: heard.heartbeat_interval_ms,
            assignment: heard.assignment.map(assignment),
            ..ConsumerGroupHeartbeatResponse::default()
        },
        Err(refused) => ConsumerGroupHeartbeatResponse {
            error_code: refused.code(),
            error_message: refused.message(&group_id),
            ..ConsumerGroupHeartbeatResponse::default()
        },
    }
}

fn assignment(topics: Vec<(Uuid, Vec<i32>)>) -> ResponseAssignment {
    let topic = |(topic_id, partitions)| ResponseAssignmentTopicPartition { topic_id, partitions };
    ResponseAssignment { topic_partitions: topics.into_iter().map(topic).collect() }
}
