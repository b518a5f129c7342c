use std::collections::BTreeMap;
use std::time::Duration;

use highwater_client::admin::{CommittedOffset, GroupKind};
use highwater_client::retry::RetryPolicy;
use highwater_client::{Admin, ClientOptions};
use highwater_protocol::ApiKey;
use highwater_protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use highwater_protocol::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ResponseGroup as ConsumerGroup,
};
use highwater_protocol::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, ResponseGroup as ClassicGroup,
};
use highwater_protocol::messages::find_coordinator::{
    FindCoordinatorRequest, FindCoordinatorResponse, ResponseCoordinator,
};
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, ResponseTopic, ResponseTopicPartition,
};
use highwater_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchResponse, ResponseGroup as FetchedGroup, ResponseGroupTopic,
    ResponseGroupTopicPartition, ResponseTopic as FetchedTopic,
    ResponseTopicPartition as FetchedPartition,
};
use highwater_records::{ErrorCode, Offset, TopicPartition};

use crate::fake_broker::{Asked, FakeBroker, Reply, all_versions};

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("t".parse().unwrap(), number)
}

/// What a broker of the years before flexible versions serves.
fn old_versions() -> ApiVersionsResponse {
    let mut versions = all_versions();
    versions.api_keys.retain_mut(|key| {
        key.max_version = key.max_version.min(match ApiKey::from_code(key.api_key) {
            Some(ApiKey::FindCoordinator) => 2,
            Some(ApiKey::OffsetFetch) => 5,
            Some(ApiKey::OffsetCommit) => 4,
            Some(ApiKey::DescribeGroups) => 2,
            Some(ApiKey::ConsumerGroupDescribe) => return false,
            _ => key.max_version,
        });
        true
    });
    versions
}

/// A coordinator of one group with an offset in partition 1 of `t`; `refusals` come first.
async fn coordinator(
    versions: ApiVersionsResponse,
    mut refusals: Vec<ErrorCode>,
) -> (FakeBroker, Admin) {
    let (tell, told) = std::sync::mpsc::channel();
    let mut port = 0;
    let broker = FakeBroker::start(move |asked| {
        if port == 0 {
            port = told.recv().unwrap();
        }
        match asked.key {
            ApiKey::ApiVersions => asked.answer::<ApiVersionsRequest>(&versions),
            ApiKey::Metadata => {
                let response = crate::fake_broker::metadata(&asked.request(), port, 2);
                asked.answer::<highwater_protocol::messages::metadata::MetadataRequest>(&response)
            }
            ApiKey::FindCoordinator => find(asked, port, refusals.pop()),
            ApiKey::OffsetFetch => fetch(asked, refusals.pop()),
            ApiKey::OffsetCommit => commit(asked, refusals.pop()),
            ApiKey::DescribeGroups => describe_classic(asked),
            ApiKey::ConsumerGroupDescribe => describe_consumer(asked),
            other => panic!("unexpected {other:?}"),
        }
    })
    .await;
    tell.send(broker.port).unwrap();
    let options = ClientOptions {
        api_timeout: Duration::from_secs(20),
        retry: RetryPolicy { initial: Duration::from_millis(1), max: Duration::from_millis(5) },
        ..ClientOptions::with_servers(&broker.address())
    };
    (broker, Admin::new(options).unwrap())
}

fn find(asked: &Asked, port: i32, refusal: Option<ErrorCode>) -> Reply {
    let request: FindCoordinatorRequest = asked.request();
    let error_code = refusal.unwrap_or_default();
    let (node_id, host) = (1, "127.0.0.1");
    let is_batched = asked.header.api_version >= 4;
    let asked_for = if is_batched { &request.coordinator_keys[0] } else { &request.key };
    assert_eq!(&**asked_for, "g");
    let found = ResponseCoordinator {
        key: "g".into(),
        node_id,
        host: host.into(),
        port,
        error_code,
        error_message: None,
    };
    asked.answer::<FindCoordinatorRequest>(&FindCoordinatorResponse {
        error_code,
        node_id,
        host: host.into(),
        port,
        coordinators: if is_batched { vec![found] } else { Vec::new() },
        ..FindCoordinatorResponse::default()
    })
}

fn fetch(asked: &Asked, refusal: Option<ErrorCode>) -> Reply {
    let request: OffsetFetchRequest = asked.request();
    let error_code = refusal.unwrap_or_default();
    let mut response = OffsetFetchResponse { error_code, ..OffsetFetchResponse::default() };
    let offsets = [(0, -1), (1, 42)];
    if asked.header.api_version >= 8 {
        assert_eq!(&*request.groups[0].group_id, "g");
        let partition = |(partition_index, committed_offset)| ResponseGroupTopicPartition {
            partition_index,
            committed_offset,
            ..ResponseGroupTopicPartition::default()
        };
        let partitions = offsets.map(partition).to_vec();
        let topic = ResponseGroupTopic { name: "t".into(), partitions, ..Default::default() };
        let topics = vec![topic];
        response.groups = vec![FetchedGroup { group_id: "g".into(), topics, error_code }];
    } else {
        assert_eq!(&*request.group_id, "g");
        let partition = |(partition_index, committed_offset)| FetchedPartition {
            partition_index,
            committed_offset,
            ..FetchedPartition::default()
        };
        let partitions = offsets.map(partition).to_vec();
        response.topics = vec![FetchedTopic { name: "t".into(), partitions }];
    }
    asked.answer::<OffsetFetchRequest>(&response)
}

fn commit(asked: &Asked, refusal: Option<ErrorCode>) -> Reply {
    let request: OffsetCommitRequest = asked.request();
    assert_eq!((request.generation_id_or_member_epoch, &*request.member_id), (-1, ""));
    let partitions = request.topics[0].partitions.iter().map(|it| ResponseTopicPartition {
        partition_index: it.partition_index,
        error_code: refusal.unwrap_or_default(),
    });
    let partitions = partitions.collect();
    let topic = ResponseTopic { name: "t".into(), partitions, ..ResponseTopic::default() };
    let response = OffsetCommitResponse { topics: vec![topic], ..Default::default() };
    asked.answer::<OffsetCommitRequest>(&response)
}

fn describe_classic(asked: &Asked) -> Reply {
    let group = ClassicGroup {
        group_id: "g".into(),
        group_state: "Dead".into(),
        ..ClassicGroup::default()
    };
    let response = DescribeGroupsResponse { groups: vec![group], ..Default::default() };
    asked.answer::<DescribeGroupsRequest>(&response)
}

fn describe_consumer(asked: &Asked) -> Reply {
    let group = ConsumerGroup {
        group_id: "g".into(),
        group_state: "Stable".into(),
        group_epoch: 7,
        assignor_name: "uniform".into(),
        ..ConsumerGroup::default()
    };
    let response = ConsumerGroupDescribeResponse { groups: vec![group], ..Default::default() };
    asked.answer::<ConsumerGroupDescribeRequest>(&response)
}

#[tokio::test]
async fn offsets_of_a_group_are_the_same_in_old_and_new_versions() {
    for versions in [all_versions(), old_versions()] {
        let (_broker, admin) = coordinator(versions, Vec::new()).await;
        let offsets = admin.group_offsets("g", Some(&[partition(0), partition(1)])).await.unwrap();
        let offsets: Vec<_> =
            offsets.into_iter().map(|(it, offset)| (it, offset.unwrap().offset)).collect();
        assert_eq!(offsets, [(partition(1), Offset::new(42))]);
    }
}

#[tokio::test]
async fn coordinator_that_is_not_ready_or_has_moved_is_asked_for_again() {
    for versions in [all_versions(), old_versions()] {
        // From the last to the first: while looking it up, and while asking it.
        let refusals = vec![
            ErrorCode::NotCoordinator,
            ErrorCode::None,
            ErrorCode::CoordinatorLoadInProgress,
            ErrorCode::None,
            ErrorCode::CoordinatorNotAvailable,
        ];
        let (_broker, admin) = coordinator(versions, refusals).await;
        let offset = CommittedOffset::new(Offset::new(3));
        let offsets = BTreeMap::from([(partition(0), offset)]);
        let answers = admin.set_group_offsets("g", &offsets).await.unwrap();
        assert!(answers[&partition(0)].is_ok(), "{answers:?}");
    }
}

#[tokio::test]
async fn offset_of_a_group_with_members_is_refused_and_not_tried_again() {
    let refusals = vec![ErrorCode::UnknownMemberId, ErrorCode::None];
    let (_broker, admin) = coordinator(all_versions(), refusals).await;
    let offsets = BTreeMap::from([(partition(0), CommittedOffset::new(Offset::new(3)))]);
    let answers = admin.set_group_offsets("g", &offsets).await.unwrap();
    let error = answers[&partition(0)].as_ref().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownMemberId));
}

#[tokio::test]
async fn group_is_described_by_the_newer_call_and_by_the_older_where_there_is_no_other() {
    let (_broker, admin) = coordinator(all_versions(), Vec::new()).await;
    let group = admin.describe_group("g").await.unwrap();
    assert_eq!((group.kind, group.epoch, &*group.state), (GroupKind::Consumer, Some(7), "Stable"));
    let (_broker, admin) = coordinator(old_versions(), Vec::new()).await;
    let error = admin.describe_group("g").await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::GroupIdNotFound));
}
