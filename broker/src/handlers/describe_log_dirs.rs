//! DescribeLogDirs: what lies where, and how much room there is.

use std::collections::{BTreeMap, BTreeSet};
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

/// The partitions asked for.
struct Wanted {
    partitions: BTreeSet<(Str, i32)>,
}

impl Wanted {
    fn new(topics: Vec<RequestTopic>) -> Self {
        let named = topics.into_iter().flat_map(|topic| {
            let name = topic.topic;
            topic.partitions.into_iter().map(move |partition| (name.clone(), partition))
        });
        Self { partitions: named.collect() }
    }

    fn holds(&self, topic: &str, partition: i32) -> bool {
        self.partitions.contains(&(Str::from(topic), partition))
    }
}

/// Describes every log directory with the partitions asked for; no list of topics means all.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let dirs: Vec<Arc<HostedDir>> = broker.replicas.log_dirs().cloned().collect();
    let wanted = request.topics.map(Wanted::new);
    let results = workers::run(&broker.workers, Pool::File, move || {
        dirs.iter().map(|dir| describe(dir, wanted.as_ref())).collect()
    });
    DescribeLogDirsResponse {
        // Lost only at a stop.
        results: results.await.unwrap_or_default(),
        ..DescribeLogDirsResponse::default()
    }
}

fn describe(dir: &Arc<HostedDir>, wanted: Option<&Wanted>) -> ResponseResult {
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
        if wanted.is_some_and(|wanted| !wanted.holds(name, topic_partition.partition)) {
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

fn size_bytes(partition: &Partition) -> i64 {
    let view = partition.view();
    let size = view.leading().map_or(0, |leading| leading.log.size_bytes());
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_of_topics_means_its_partitions() {
        let wanted = Wanted::new(vec![
            RequestTopic { topic: Str::from("a"), partitions: vec![1] },
            RequestTopic { topic: Str::from("a"), partitions: vec![3] },
        ]);
        let held = |topic| (0..5).filter(|index| wanted.holds(topic, *index)).collect::<Vec<_>>();
        assert_eq!(held("a"), [1, 3]);
        assert_eq!(held("b"), []);
        assert!(!Wanted::new(Vec::new()).holds("a", 1));
    }
}
