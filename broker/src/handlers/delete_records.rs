//! DeleteRecords: moves the start of logs forward.

use std::path::PathBuf;
use std::sync::Arc;

use highwater_protocol::messages::delete_records::{
    DeleteRecordsRequest, DeleteRecordsResponse, RequestTopicPartition, ResponseTopic,
    ResponseTopicPartition,
};
use highwater_records::{ErrorCode, Offset};

use super::PARTITIONS_MAX;
use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{not_hosted_code, not_serving_code};
use crate::partition::Partition;
use crate::replicas::{HostedDir, HostedTopic, Removal};
use crate::workers::{self, Pool};

/// One log to be cut at its start, and where its answer goes.
struct Deletion {
    place: (usize, usize),
    partition: Arc<Partition>,
    /// -1: up to the high watermark.
    before: i64,
    file_delete_delay_ms: i64,
    /// The new log start, or why there is none.
    result: Result<Offset, ErrorCode>,
    removed: Vec<PathBuf>,
}

/// Deletes what was asked for, makes it durable, then answers.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let partition_count = request.topics.iter().map(|topic| topic.partitions.len());
    let is_too_large = partition_count.sum::<usize>() > PARTITIONS_MAX;
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut deletions = Vec::new();
    for topic in request.topics {
        let hosted = broker.replicas.topic_by_name(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let place = (topics.len(), partitions.len());
            let checked = if is_too_large {
                Err(ErrorCode::InvalidRequest)
            } else {
                check(hosted.as_deref(), &asked, place)
            };
            let error_code = checked.as_ref().err().copied().unwrap_or_default();
            deletions.extend(checked);
            partitions.push(ResponseTopicPartition {
                partition_index: asked.partition_index,
                low_watermark: -1,
                error_code,
            });
        }
        topics.push(ResponseTopic { name: topic.name, partitions });
    }
    let mut response = DeleteRecordsResponse { topics, ..DeleteRecordsResponse::default() };
    run(broker, deletions, &mut response).await;
    response
}

fn check(
    topic: Option<&HostedTopic>,
    asked: &RequestTopicPartition,
    place: (usize, usize),
) -> Result<Deletion, ErrorCode> {
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if topic.is_internal {
        return Err(ErrorCode::InvalidTopicException);
    }
    let partition = topic.partition(asked.partition_index).map_err(not_hosted_code)?;
    let policy = topic.settings.cleanup_policy;
    if policy.compact && !policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    Ok(Deletion {
        place,
        partition: Arc::clone(partition),
        before: asked.offset,
        file_delete_delay_ms: topic.settings.file_delete_delay_ms,
        result: Err(ErrorCode::NotLeaderOrFollower),
        removed: Vec::new(),
    })
}

/// Deletes on a worker thread and fills the answers in.
async fn run(broker: &Arc<Broker>, deletions: Vec<Deletion>, response: &mut DeleteRecordsResponse) {
    if deletions.is_empty() {
        return;
    }
    let places: Vec<(usize, usize)> = deletions.iter().map(|deletion| deletion.place).collect();
    let deleted = workers::run(&broker.workers, Pool::File, move || delete(deletions));
    let Ok(deleted) = deleted.await else {
        // Lost at a stop: nobody leads here any more.
        for (topic, index) in places {
            response.topics[topic].partitions[index].error_code = ErrorCode::NotLeaderOrFollower;
        }
        return;
    };
    for Deletion { place: (topic, index), result, removed, file_delete_delay_ms, .. } in deleted {
        let partition = &mut response.topics[topic].partitions[index];
        match result {
            // The least log start of all live replicas, which is ours.
            Ok(log_start) => partition.low_watermark = log_start.value(),
            Err(error) => partition.error_code = error,
        }
        if !removed.is_empty() {
            broker.replicas.remove_later(file_delete_delay_ms, Removal::Files(removed));
        }
    }
}

/// Moves all log starts, makes them durable with one file for each directory, then lets segments go. Blocks.
fn delete(mut deletions: Vec<Deletion>) -> Vec<Deletion> {
    for deletion in &mut deletions {
        deletion.result = advance(&deletion.partition, deletion.before);
    }
    let mut dirs: Vec<(Arc<HostedDir>, bool)> = Vec::new();
    for deletion in deletions.iter().filter(|deletion| deletion.result.is_ok()) {
        let dir = deletion.partition.dir();
        if !dirs.iter().any(|(known, _)| Arc::ptr_eq(known, dir)) {
            dirs.push((Arc::clone(dir), dir.checkpoint_log_starts()));
        }
    }
    for deletion in deletions.iter_mut().filter(|deletion| deletion.result.is_ok()) {
        let dir = deletion.partition.dir();
        // The client is told, and segments go, only once a restart would not bring the records back.
        if dirs.iter().any(|(known, is_durable)| Arc::ptr_eq(known, dir) && *is_durable) {
            match deletion.partition.delete_old_segments() {
                Ok(removed) => deletion.removed = removed,
                Err(reason) => deletion.result = Err(not_serving_code(&reason)),
            }
        } else {
            deletion.result = Err(ErrorCode::KafkaStorageError);
        }
    }
    deletions
}

fn advance(partition: &Arc<Partition>, before: i64) -> Result<Offset, ErrorCode> {
    let advanced = partition.in_turn(|leading, _| {
        let high_watermark = leading.leader.high_watermark();
        let before = if before == -1 { high_watermark } else { Offset::new(before) };
        if before < Offset::ZERO || before > high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        leading.log.advance_log_start(before);
        Ok(leading.log.log_start_offset())
    });
    advanced.map_err(|reason| not_serving_code(&reason))?
}
