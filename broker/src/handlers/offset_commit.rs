//! OffsetCommit: how far a group has come.

use std::sync::Arc;

use highwater_coordinator::group::{Input, TopicResults};
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, RequestTopic, ResponseTopic, ResponseTopicPartition,
};

use super::group_answer::{answer, code_of};
use crate::broker::Broker;
use crate::context::RequestContext;

/// Answers when the offsets are committed; an error of the group stands at every partition.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let group_id = request.group_id.clone();
    let named: Vec<ResponseTopic> = request.topics.iter().map(unanswered).collect();
    let asked =
        broker.groups.ask(context, &group_id, |caller| Input::CommitOffsets { caller, request });
    let topics = match answer!(asked.await, CommitOffsets) {
        Ok(topics) => topics.into_iter().map(topic).collect(),
        Err(refused) => {
            let mut topics = named;
            for partition in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
                partition.error_code = refused.code();
            }
            topics
        }
    };
    OffsetCommitResponse { topics, ..OffsetCommitResponse::default() }
}

fn unanswered(topic: &RequestTopic) -> ResponseTopic {
    let partition = |partition_index| ResponseTopicPartition {
        partition_index,
        ..ResponseTopicPartition::default()
    };
    ResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic.partitions.iter().map(|asked| partition(asked.partition_index)).collect(),
    }
}

fn topic(results: TopicResults) -> ResponseTopic {
    let partition = |(partition_index, result)| ResponseTopicPartition {
        partition_index,
        error_code: code_of(&result),
    };
    ResponseTopic {
        name: results.name,
        topic_id: results.topic_id,
        partitions: results.partitions.into_iter().map(partition).collect(),
    }
}
