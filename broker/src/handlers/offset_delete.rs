//! OffsetDelete: an administrator takes committed offsets away.
//!
//! Source: KIP-496.

use std::sync::Arc;

use highwater_coordinator::group::{Input, TopicResults};
use highwater_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, ResponseTopic, ResponseTopicPartition,
};

use super::group_answer::{answer, code_of};
use crate::broker::Broker;
use crate::context::RequestContext;

/// Answers when the deletion is committed.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let group_id = request.group_id.clone();
    let asked =
        broker.groups.ask(context, &group_id, |caller| Input::DeleteOffsets { caller, request });
    match answer!(asked.await, DeleteOffsets) {
        Ok(topics) => OffsetDeleteResponse {
            topics: topics.into_iter().map(topic).collect(),
            ..OffsetDeleteResponse::default()
        },
        Err(refused) => {
            OffsetDeleteResponse { error_code: refused.code(), ..OffsetDeleteResponse::default() }
        }
    }
}

fn topic(results: TopicResults) -> ResponseTopic {
    let partition = |(partition_index, result)| ResponseTopicPartition {
        partition_index,
        error_code: code_of(&result),
    };
    ResponseTopic {
        name: results.name,
        partitions: results.partitions.into_iter().map(partition).collect(),
    }
}
