//! DeleteRecords: moves the start of a log forward.

use std::path::PathBuf;
use std::sync::Arc;

use highwater_protocol::messages::delete_records::{
    DeleteRecordsRequest, DeleteRecordsResponse, RequestTopicPartition, ResponseTopic,
    ResponseTopicPartition,
};
use highwater_records::{ErrorCode, Offset};

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{not_hosted_code, not_serving_code};
use crate::partition::Partition;
use crate::replicas::{HostedTopic, Removal};
use crate::workers::{self, Pool};

/// Deletes what was asked for, makes it durable, then answers.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let hosted = broker.replicas.topic_by_name(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let deleted = delete(broker, hosted.as_deref(), &asked).await;
            let (low_watermark, error_code) = match deleted {
                Ok(low_watermark) => (low_watermark.value(), ErrorCode::None),
                Err(error) => (-1, error),
            };
            partitions.push(ResponseTopicPartition {
                partition_index: asked.partition_index,
                low_watermark,
                error_code,
            });
        }
        topics.push(ResponseTopic { name: topic.name, partitions });
    }
    DeleteRecordsResponse { topics, ..DeleteRecordsResponse::default() }
}

/// Deletes below one offset and returns the least log start of all replicas, which is ours.
async fn delete(
    broker: &Arc<Broker>,
    topic: Option<&HostedTopic>,
    asked: &RequestTopicPartition,
) -> Result<Offset, ErrorCode> {
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if topic.is_internal {
        return Err(ErrorCode::InvalidTopicException);
    }
    let partition = Arc::clone(topic.partition(asked.partition_index).map_err(not_hosted_code)?);
    let policy = topic.settings.cleanup_policy;
    if policy.compact && !policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let delay_ms = topic.settings.file_delete_delay_ms;
    let before = asked.offset;
    let deleted = workers::run(&broker.workers, Pool::File, move || delete_in(&partition, before));
    // Lost only at a stop.
    let (low_watermark, removed) = deleted.await.unwrap_or(Err(ErrorCode::NotLeaderOrFollower))?;
    if !removed.is_empty() {
        broker.replicas.remove_later(delay_ms, Removal::Files(removed));
    }
    Ok(low_watermark)
}

fn delete_in(partition: &Arc<Partition>, before: i64) -> Result<(Offset, Vec<PathBuf>), ErrorCode> {
    let advanced = partition.in_turn(|leading, _| {
        let high_watermark = leading.leader.high_watermark();
        let before = if before == -1 { high_watermark } else { Offset::new(before) };
        if before < Offset::ZERO || before > high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        leading.log.advance_log_start(before);
        Ok(leading.log.log_start_offset())
    });
    let log_start = advanced.map_err(|reason| not_serving_code(&reason))??;
    // The client is told, and segments go, once a restart would not bring the records back.
    if !partition.dir().checkpoint_log_starts() {
        return Err(ErrorCode::KafkaStorageError);
    }
    let removed = partition.in_turn(|leading, turn| {
        if let Err(fault) = leading.log.delete_old_segments() {
            turn.fail(fault);
            return Err(ErrorCode::KafkaStorageError);
        }
        Ok(leading.log.take_deleted())
    });
    Ok((log_start, removed.map_err(|reason| not_serving_code(&reason))??))
}
