//! The first error in each answer: what the answer is counted under.

use highwater_protocol::messages::{
    alter_configs, api_versions, consumer_group_describe, consumer_group_heartbeat,
    create_partitions, create_topics, delete_groups, delete_records, delete_topics,
    describe_cluster, describe_configs, describe_groups, describe_log_dirs,
    describe_topic_partitions, fetch, find_coordinator, heartbeat, incremental_alter_configs,
    init_producer_id, join_group, leave_group, list_groups, list_offsets, metadata, offset_commit,
    offset_delete, offset_fetch, offset_for_leader_epoch, produce, sync_group,
};
use highwater_records::ErrorCode;

/// An answer that knows how it went.
pub(crate) trait AnswerErrors {
    /// The error of the whole answer, else the first one of a part of it, else none.
    fn first_error(&self) -> ErrorCode;
}

fn first(codes: impl IntoIterator<Item = ErrorCode>) -> ErrorCode {
    codes.into_iter().find(|code| !code.is_none()).unwrap_or(ErrorCode::None)
}

/// The codes of an answer, outermost first.
macro_rules! errors {
    ($($response:path: |$answer:ident| $codes:expr;)+) => {
        $(
            impl AnswerErrors for $response {
                fn first_error(&self) -> ErrorCode {
                    let $answer = self;
                    first($codes)
                }
            }
        )+
    };
}

/// Answers with one code for everything.
macro_rules! one_error {
    ($($response:path;)+) => {
        errors! { $($response: |answer| [answer.error_code];)+ }
    };
}

one_error! {
    api_versions::ApiVersionsResponse;
    consumer_group_heartbeat::ConsumerGroupHeartbeatResponse;
    describe_cluster::DescribeClusterResponse;
    heartbeat::HeartbeatResponse;
    init_producer_id::InitProducerIdResponse;
    join_group::JoinGroupResponse;
    list_groups::ListGroupsResponse;
    sync_group::SyncGroupResponse;
}

errors! {
    alter_configs::AlterConfigsResponse: |it| it.responses.iter().map(|part| part.error_code);
    consumer_group_describe::ConsumerGroupDescribeResponse: |it| {
        it.groups.iter().map(|part| part.error_code)
    };
    create_partitions::CreatePartitionsResponse: |it| it.results.iter().map(|part| part.error_code);
    create_topics::CreateTopicsResponse: |it| it.topics.iter().map(|part| part.error_code);
    delete_groups::DeleteGroupsResponse: |it| it.results.iter().map(|part| part.error_code);
    delete_topics::DeleteTopicsResponse: |it| it.responses.iter().map(|part| part.error_code);
    describe_configs::DescribeConfigsResponse: |it| it.results.iter().map(|part| part.error_code);
    describe_groups::DescribeGroupsResponse: |it| it.groups.iter().map(|part| part.error_code);
    incremental_alter_configs::IncrementalAlterConfigsResponse: |it| {
        it.responses.iter().map(|part| part.error_code)
    };
    delete_records::DeleteRecordsResponse: |it| {
        it.topics.iter().flat_map(|topic| &topic.partitions).map(|part| part.error_code)
    };
    list_offsets::ListOffsetsResponse: |it| {
        it.topics.iter().flat_map(|topic| &topic.partitions).map(|part| part.error_code)
    };
    offset_commit::OffsetCommitResponse: |it| {
        it.topics.iter().flat_map(|topic| &topic.partitions).map(|part| part.error_code)
    };
    offset_for_leader_epoch::OffsetForLeaderEpochResponse: |it| {
        it.topics.iter().flat_map(|topic| &topic.partitions).map(|part| part.error_code)
    };
    produce::ProduceResponse: |it| {
        it.responses.iter().flat_map(|topic| &topic.partition_responses).map(|part| part.error_code)
    };
    describe_log_dirs::DescribeLogDirsResponse: |it| {
        [it.error_code].into_iter().chain(it.results.iter().map(|part| part.error_code))
    };
    find_coordinator::FindCoordinatorResponse: |it| {
        [it.error_code].into_iter().chain(it.coordinators.iter().map(|part| part.error_code))
    };
    leave_group::LeaveGroupResponse: |it| {
        [it.error_code].into_iter().chain(it.members.iter().map(|part| part.error_code))
    };
    fetch::FetchResponse: |it| {
        let parts = it.responses.iter().flat_map(|topic| &topic.partitions);
        [it.error_code].into_iter().chain(parts.map(|part| part.error_code))
    };
    offset_delete::OffsetDeleteResponse: |it| {
        let parts = it.topics.iter().flat_map(|topic| &topic.partitions);
        [it.error_code].into_iter().chain(parts.map(|part| part.error_code))
    };
    metadata::MetadataResponse: |it| {
        let topics = it.topics.iter().flat_map(|topic| {
            [topic.error_code].into_iter().chain(topic.partitions.iter().map(|part| part.error_code))
        });
        [it.error_code].into_iter().chain(topics)
    };
    describe_topic_partitions::DescribeTopicPartitionsResponse: |it| {
        it.topics.iter().flat_map(|topic| {
            [topic.error_code].into_iter().chain(topic.partitions.iter().map(|part| part.error_code))
        })
    };
    offset_fetch::OffsetFetchResponse: |it| {
        let old = it.topics.iter().flat_map(|topic| &topic.partitions).map(|part| part.error_code);
        let groups = it.groups.iter().flat_map(|group| {
            let parts = group.topics.iter().flat_map(|topic| &topic.partitions);
            [group.error_code].into_iter().chain(parts.map(|part| part.error_code))
        });
        [it.error_code].into_iter().chain(old).chain(groups)
    };
}
