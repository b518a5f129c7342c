//! DescribeLogDirs: what lies where, and how much room there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::Str;
use highwater_protocol::messages::describe_log_dirs::{
    DescribeLogDirsRequest, DescribeLogDirsResponse, RequestTopic, ResponseResult,
    ResponseResultTopic, ResponseResultTopicPartition,
};
use highwater_records::ErrorCode;

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::partition::Partition;
use crate::replicas::HostedDir;
use crate::workers::{self, Pool};

/// Describes every log directory with the partitions asked for; no list of topics means all.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let dirs: Vec<Arc<HostedDir>> = broker.replicas.log_dirs().cloned().collect();
    let wanted = request.topics;
    let results = workers::run(&broker.workers, Pool::File, move || {
        dirs.iter().map(|dir| describe(dir, wanted.as_deref())).collect()
    });
    DescribeLogDirsResponse {
        // Lost only at a stop.
        results: results.await.unwrap_or_default(),
        ..DescribeLogDirsResponse::default()
    }
}

fn describe(dir: &Arc<HostedDir>, wanted: Option<&[RequestTopic]>) -> ResponseResult {
    let log_dir = Str::from(dir.path().to_string_lossy().into_owned());
    let nothing =
        ResponseResult { log_dir, total_bytes: -1, usable_bytes: -1, ..ResponseResult::default() };
    if dir.fault().is_some() {
        return ResponseResult { error_code: ErrorCode::KafkaStorageError, ..nothing };
    }
    let Ok(space) = dir.log_dir().space() else {
        return ResponseResult { error_code: ErrorCode::KafkaStorageError, ..nothing };
    };
    let mut topics: BTreeMap<String, Vec<ResponseResultTopicPartition>> = BTreeMap::new();
    for partition in dir.partitions() {
        let topic_partition = partition.topic_partition();
        let name = topic_partition.topic.as_str();
        if !is_wanted(wanted, name, topic_partition.partition) {
            continue;
        }
        topics.entry(name.to_owned()).or_default().push(ResponseResultTopicPartition {
            partition_index: topic_partition.partition,
            partition_size: size_bytes(&partition),
            // How far a copy is behind: this replica leads, so it is not.
            offset_lag: 0,
            is_future_key: false,
        });
    }
    let topics = topics.into_iter();
    let topics =
        topics.map(|(name, partitions)| ResponseResultTopic { name: Str::from(name), partitions });
    ResponseResult {
        topics: topics.collect(),
        total_bytes: i64::try_from(space.total_bytes).unwrap_or(i64::MAX),
        usable_bytes: i64::try_from(space.usable_bytes).unwrap_or(i64::MAX),
        ..nothing
    }
}

fn is_wanted(wanted: Option<&[RequestTopic]>, topic: &str, partition: i32) -> bool {
    let Some(wanted) = wanted else { return true };
    let mut topics = wanted.iter().filter(|wanted| &*wanted.topic == topic);
    topics.any(|wanted| wanted.partitions.contains(&partition))
}

fn size_bytes(partition: &Partition) -> i64 {
    let view = partition.view();
    let size = view.leading().map_or(0, |leading| leading.log.size_bytes());
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_list_means_all_and_a_list_means_its_partitions() {
        let one = [RequestTopic { topic: Str::from("a"), partitions: vec![1] }];
        assert!(is_wanted(None, "a", 0));
        assert!(is_wanted(Some(&one), "a", 1));
        assert!(!is_wanted(Some(&one), "a", 0));
        assert!(!is_wanted(Some(&one), "b", 1));
        assert!(!is_wanted(Some(&[]), "a", 1));
    }
}
