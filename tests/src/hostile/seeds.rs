//! Honest requests of every served API and version, with something in each of their arrays.

use anyhow::Result;
use highwater_protocol::messages::{
    alter_configs::{self, AlterConfigsRequest},
    api_versions::ApiVersionsRequest,
    create_partitions::{self, CreatePartitionsRequest},
    create_topics::{self, CreateTopicsRequest},
    delete_records::{self, DeleteRecordsRequest},
    delete_topics::{self, DeleteTopicsRequest},
    describe_cluster::DescribeClusterRequest,
    describe_configs::{self, DescribeConfigsRequest},
    describe_log_dirs::{self, DescribeLogDirsRequest},
    describe_topic_partitions::{self, DescribeTopicPartitionsRequest},
    fetch::{self, FetchRequest},
    find_coordinator::FindCoordinatorRequest,
    incremental_alter_configs::{self, IncrementalAlterConfigsRequest},
    init_producer_id::InitProducerIdRequest,
    list_offsets::{self, ListOffsetsRequest},
    metadata::{self, MetadataRequest},
    offset_for_leader_epoch::{self, OffsetForLeaderEpochRequest},
    produce::{ProduceRequest, RequestTopicData, RequestTopicDataPartitionData},
};
use highwater_protocol::{ApiKey, Request};
use highwater_records::{BatchBuilder, Codec, Timestamp, Uuid};

use super::Target;
use crate::request_frame;

/// Never created, so that frames may delete it; no frame is to name the target in a request that deletes.
const SPARE: &str = "spare";
/// First version of Metadata that can say that topics it names shall not be created.
const NO_AUTO_CREATION_FROM: i16 = 4;

/// One honest request, size prefix included.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    pub(super) bytes: Vec<u8>,
    /// Spoilt names in it would become topics; it is cut short only.
    pub(super) creates_what_it_names: bool,
}

/// All of them, about `target`.
pub(super) fn all(target: &Target) -> Result<Vec<Seed>> {
    let mut all = Vec::new();
    data(&mut all, target)?;
    describe(&mut all, target)?;
    admin(&mut all, target)?;
    Ok(all)
}

fn add<R: Request>(all: &mut Vec<Seed>, request: &R) -> Result<()> {
    for version in R::KEY.versions() {
        all.push(Seed {
            bytes: request_frame(version, 1, request)?,
            creates_what_it_names: R::KEY == ApiKey::Metadata && version < NO_AUTO_CREATION_FROM,
        });
    }
    Ok(())
}

/// A produce of these record bytes to each of the partitions 0 and up.
pub(super) fn produce(target: &Target, acks: i16, records: &[Vec<u8>]) -> ProduceRequest {
    let data = (0..).zip(records).map(|(index, records)| RequestTopicDataPartitionData {
        index,
        records: Some(bytes::Bytes::from(records.clone()).into()),
    });
    let topic = RequestTopicData {
        name: target.topic.as_str().into(),
        topic_id: target.id,
        partition_data: data.collect(),
    };
    ProduceRequest { acks, timeout_ms: 100, topic_data: vec![topic], ..Default::default() }
}

fn data(all: &mut Vec<Seed>, target: &Target) -> Result<()> {
    let batch = BatchBuilder::new(Codec::None)
        .append(Timestamp::new(1_700_000_000_000), Some(b"k"), Some(b"v1"), &[])
        .append(Timestamp::new(1_700_000_000_000), None, Some(b"v2"), &[])
        .build();
    let batch = batch.bytes().to_vec();
    add(all, &produce(target, 1, &[batch.clone(), batch]))?;
    add(all, &fetch_request(target))?;
    let partitions = [-1, -2, 0].map(|timestamp| list_offsets::RequestTopicPartition {
        timestamp,
        current_leader_epoch: -1,
        ..Default::default()
    });
    let topic = list_offsets::RequestTopic {
        name: target.topic.as_str().into(),
        partitions: partitions.into(),
    };
    add(all, &ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() })?;
    let topic = offset_for_leader_epoch::RequestTopic {
        topic: target.topic.as_str().into(),
        partitions: vec![offset_for_leader_epoch::RequestTopicPartition::default(); 2],
    };
    let request = OffsetForLeaderEpochRequest { replica_id: -1, topics: vec![topic] };
    add(all, &request)?;
    let partition = delete_records::RequestTopicPartition { partition_index: 0, offset: 0 };
    let topic = delete_records::RequestTopic {
        name: target.topic.as_str().into(),
        partitions: vec![partition],
    };
    add(all, &DeleteRecordsRequest { topics: vec![topic], timeout_ms: 100 })?;
    add(all, &InitProducerIdRequest::default())?;
    let request = InitProducerIdRequest {
        transactional_id: Some("transactional".into()),
        ..Default::default()
    };
    add(all, &request)
}

fn fetch_request(target: &Target) -> FetchRequest {
    let partition = |partition| fetch::RequestTopicPartition {
        partition,
        partition_max_bytes: 4096,
        ..fetch::RequestTopicPartition::default()
    };
    let topic = fetch::RequestTopic {
        topic: target.topic.as_str().into(),
        topic_id: target.id,
        partitions: vec![partition(0), partition(1)],
    };
    let forgotten = fetch::RequestForgottenTopicsData {
        topic: target.topic.as_str().into(),
        topic_id: target.id,
        partitions: vec![2, 3],
    };
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 16 * 1024,
        topics: vec![topic],
        forgotten_topics_data: vec![forgotten],
        rack_id: "rack".into(),
        ..Default::default()
    }
}

fn describe(all: &mut Vec<Seed>, target: &Target) -> Result<()> {
    let name = target.topic.as_str();
    let request = ApiVersionsRequest {
        client_software_name: "hostile".into(),
        client_software_version: "1".into(),
    };
    add(all, &request)?;
    // An id comes with no name, but an old version has nothing else.
    let topic = metadata::RequestTopic { name: Some(name.into()), topic_id: Uuid::ZERO };
    let request = MetadataRequest {
        topics: Some(vec![topic]),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    add(all, &request)?;
    let resource = |resource_type, name: &str| describe_configs::RequestResource {
        resource_type,
        resource_name: name.into(),
        configuration_keys: Some(vec!["retention.ms".into(), "cleanup.policy".into()]),
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource(2, name), resource(4, "1")],
        include_synonyms: true,
        include_documentation: true,
    };
    add(all, &request)?;
    add(all, &DescribeClusterRequest::default())?;
    let request = DescribeTopicPartitionsRequest {
        topics: vec![describe_topic_partitions::RequestTopic { name: name.into() }],
        response_partition_limit: 10,
        cursor: Some(describe_topic_partitions::RequestCursor {
            topic_name: name.into(),
            partition_index: 1,
        }),
    };
    add(all, &request)?;
    let topic = describe_log_dirs::RequestTopic { topic: name.into(), partitions: vec![0, 1] };
    add(all, &DescribeLogDirsRequest { topics: Some(vec![topic]) })?;
    let request = FindCoordinatorRequest {
        key: "group".into(),
        coordinator_keys: vec!["group".into(), "other".into()],
        ..Default::default()
    };
    add(all, &request)
}

/// What changes the metadata does so in `SPARE`, or is validated only.
fn admin(all: &mut Vec<Seed>, target: &Target) -> Result<()> {
    let assignment = |partition_index| create_topics::RequestTopicAssignment {
        partition_index,
        broker_ids: vec![1],
    };
    let config = create_topics::RequestTopicConfig {
        name: "retention.ms".into(),
        value: Some("1000".into()),
    };
    let topic = create_topics::RequestTopic {
        name: SPARE.into(),
        num_partitions: -1,
        replication_factor: -1,
        assignments: vec![assignment(0), assignment(1)],
        configs: vec![config],
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 100, validate_only: true };
    add(all, &request)?;
    let named = delete_topics::RequestTopic { name: Some(SPARE.into()), topic_id: Uuid::ZERO };
    let request = DeleteTopicsRequest {
        topics: vec![named],
        topic_names: vec![SPARE.into(), "other".into()],
        timeout_ms: 100,
    };
    add(all, &request)?;
    let assignment = create_partitions::RequestTopicAssignment { broker_ids: vec![1] };
    let topic = create_partitions::RequestTopic {
        name: target.topic.as_str().into(),
        count: super::PARTITIONS + 1,
        assignments: Some(vec![assignment]),
    };
    let request =
        CreatePartitionsRequest { topics: vec![topic], timeout_ms: 100, validate_only: true };
    add(all, &request)?;
    let config = alter_configs::RequestResourceConfig {
        name: "max.message.bytes".into(),
        value: Some("1000000".into()),
    };
    let resource = alter_configs::RequestResource {
        resource_type: 2,
        resource_name: target.topic.as_str().into(),
        configs: vec![config],
    };
    add(all, &AlterConfigsRequest { resources: vec![resource], validate_only: true })?;
    let config = incremental_alter_configs::RequestResourceConfig {
        name: "cleanup.policy".into(),
        config_operation: 2,
        value: Some("compact".into()),
    };
    let resource = incremental_alter_configs::RequestResource {
        resource_type: 2,
        resource_name: target.topic.as_str().into(),
        configs: vec![config],
    };
    add(all, &IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: true })
}
