//! DescribeTopicPartitions: topics page by page, with their eligible leaders.
//!
//! Source: KIP-966.

use std::collections::BTreeSet;
use std::sync::Arc;

use highwater_controller::image::{PartitionImage, TopicImage};
use highwater_protocol::Str;
use highwater_protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, RequestCursor,
    ResponseNextCursor, ResponseTopic, ResponseTopicPartition,
};
use highwater_records::{ErrorCode, TopicName};

use super::authorized_operations as operations;
use super::metadata::{View, numbers};
use crate::broker::Broker;
use crate::context::RequestContext;

pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let image = broker.metadata.load();
    let view = View {
        image: &image,
        listener: context.listener_name(),
        version: i16::MAX, // the leader's codes are those of the newest Metadata
        controller: None,
    };
    answer(&view, broker.config.number("max.request.partition.size.limit"), &request)
}

/// One page: topics by name from the cursor on, until the limit of partitions is used up.
fn answer(
    view: &View<'_>,
    limit: i64,
    request: &DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let limit = limit.min(i64::from(request.response_partition_limit)).max(1);
    let mut page = Page {
        view,
        left: usize::try_from(limit).unwrap_or(usize::MAX),
        response: DescribeTopicPartitionsResponse::default(),
    };
    let no_cursor = RequestCursor::default();
    let cursor = request.cursor.as_ref().unwrap_or(&no_cursor);
    let named: BTreeSet<&str> = request.topics.iter().map(|topic| &*topic.name).collect();
    if cursor.partition_index < 0 {
        let names = named.into_iter();
        page.response.topics = names.map(|name| refused(name, ErrorCode::InvalidRequest)).collect();
        return page.response;
    }
    let first = usize::try_from(cursor.partition_index).unwrap_or(0);
    let start_of = |name: &str| if *name == *cursor.topic_name { first } else { 0 };
    if named.is_empty() {
        for topic in view.image.topics().starting_at(&cursor.topic_name) {
            if !page.add(topic, start_of(topic.name.as_str())) {
                break;
            }
        }
        return page.response;
    }
    for name in named.range(&*cursor.topic_name..) {
        let is_added = match view.image.topics().get(name) {
            Some(topic) => page.add(topic, start_of(name)),
            None => page.add_unknown(name),
        };
        if !is_added {
            break;
        }
    }
    page.response
}

struct Page<'a> {
    view: &'a View<'a>,
    /// Partitions that still fit.
    left: usize,
    response: DescribeTopicPartitionsResponse,
}

impl Page<'_> {
    /// Adds a topic from partition `first` on; false if the page ended before the topic did.
    fn add(&mut self, topic: &TopicImage, first: usize) -> bool {
        if self.left == 0 {
            return self.end(topic.name.as_str(), first);
        }
        let rest = topic.numbered().skip(first);
        let partitions: Vec<_> =
            rest.take(self.left).map(|(number, state)| self.partition(number, state)).collect();
        self.left -= partitions.len();
        let next = first.saturating_add(partitions.len());
        self.response.topics.push(ResponseTopic {
            error_code: ErrorCode::None,
            name: Some(Str::from(topic.name.as_str())),
            topic_id: topic.id,
            is_internal: topic.is_internal(),
            partitions,
            topic_authorized_operations: operations::topic(true),
        });
        next >= topic.partitions.len() || self.end(topic.name.as_str(), next)
    }

    fn add_unknown(&mut self, name: &str) -> bool {
        let error_code = match TopicName::parse(name) {
            Ok(_) => ErrorCode::UnknownTopicOrPartition,
            Err(_) => ErrorCode::InvalidTopicException,
        };
        self.response.topics.push(refused(name, error_code));
        true
    }

    fn end(&mut self, name: &str, partition: usize) -> bool {
        self.response.next_cursor = Some(ResponseNextCursor {
            topic_name: Str::from(name),
            partition_index: i32::try_from(partition).unwrap_or(i32::MAX),
        });
        false
    }

    fn partition(&self, number: i32, state: &PartitionImage) -> ResponseTopicPartition {
        let leader = self.view.leader(state);
        ResponseTopicPartition {
            error_code: leader.error_code,
            partition_index: number,
            leader_id: leader.leader_id,
            leader_epoch: state.leader_epoch.value(),
            replica_nodes: numbers(&state.replicas),
            isr_nodes: numbers(&state.isr),
            eligible_leader_replicas: Some(numbers(&state.elr)),
            last_known_elr: Some(numbers(&state.last_known_elr)),
            offline_replicas: self.view.offline(state),
        }
    }
}

fn refused(name: &str, error_code: ErrorCode) -> ResponseTopic {
    ResponseTopic {
        error_code,
        name: Some(Str::from(name)),
        topic_authorized_operations: operations::NOT_ASKED,
        ..ResponseTopic::default()
    }
}

#[cfg(test)]
mod tests;
