//! OffsetForLeaderEpoch: where an epoch ends, so that a client or follower finds where its log and ours part.

use std::sync::Arc;

use highwater_protocol::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, RequestTopicPartition,
    ResponseTopic, ResponseTopicPartition,
};
use highwater_records::{ErrorCode, LeaderEpoch};
use highwater_replication::check_epoch;

use super::PARTITIONS_MAX;
use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{not_hosted_code, not_serving_code, replication_code};
use crate::replicas::HostedTopic;

/// Answers from the published views; touches no file.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let partition_count = request.topics.iter().map(|topic| topic.partitions.len());
    let is_too_large = partition_count.sum::<usize>() > PARTITIONS_MAX;
    let topics = request.topics.into_iter().map(|topic| {
        let hosted = broker.replicas.topic_by_name(&topic.topic);
        let answer = |asked: &RequestTopicPartition| {
            let end = if is_too_large {
                Err(ErrorCode::InvalidRequest)
            } else {
                end_of(hosted.as_deref(), asked)
            };
            let mut partition = ResponseTopicPartition {
                partition: asked.partition,
                leader_epoch: -1,
                end_offset: -1,
                ..ResponseTopicPartition::default()
            };
            match end {
                Ok((epoch, end_offset)) => {
                    partition.leader_epoch = epoch;
                    partition.end_offset = end_offset;
                }
                Err(error) => partition.error_code = error,
            }
            partition
        };
        let partitions = topic.partitions.iter().map(answer).collect();
        ResponseTopic { topic: topic.topic, partitions }
    });
    let topics = topics.collect();
    OffsetForLeaderEpochResponse { topics, ..OffsetForLeaderEpochResponse::default() }
}

fn end_of(
    topic: Option<&HostedTopic>,
    asked: &RequestTopicPartition,
) -> Result<(i32, i64), ErrorCode> {
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = topic.partition(asked.partition).map_err(not_hosted_code)?;
    let view = partition.view();
    let leading = view.leading().map_err(|reason| not_serving_code(&reason))?;
    check_epoch(LeaderEpoch::new(asked.current_leader_epoch), leading.epoch)
        .map_err(|refusal| replication_code(&refusal))?;
    let asked_epoch = LeaderEpoch::new(asked.leader_epoch);
    // The epoch we lead in is known even before its first record.
    if asked_epoch == leading.epoch {
        return Ok((asked.leader_epoch, leading.log.log_end_offset().value()));
    }
    let end = leading.log.end_offset_for_epoch(asked_epoch);
    Ok((end.epoch.value(), end.end_offset.value()))
}
