//! Every version of every served API gets an answer that a decoder of somebody else's reads to its last byte.

mod groups;

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::Buf;
use highwater_protocol::Request;
use highwater_protocol::messages::{
    alter_configs, api_versions, create_partitions, create_topics, delete_records, delete_topics,
    describe_cluster, describe_configs, describe_log_dirs, describe_topic_partitions, fetch,
    find_coordinator, incremental_alter_configs, init_producer_id, list_offsets, metadata,
    offset_for_leader_epoch,
};
use highwater_records::{ErrorCode, Uuid};
use highwater_tests::honest::{create_topic, produce, produce_request};
use highwater_tests::{Highwater, RawClient, request_frame};
use kafka_protocol::messages::{ApiKey as OracleKey, ResponseKind};

const TOPIC: &str = "versions";
const VALUE: &[u8] = b"every version reads this";

#[test]
fn every_version_of_every_served_api_is_answered_in_that_version() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Highwater::serve(directory.path(), &[]).unwrap();
    let address = broker.address();
    let mut client = RawClient::connect(address).unwrap();
    create_topic(&mut client, TOPIC, 1, &[]).unwrap();
    produce(&mut client, TOPIC, 0, -1, &[VALUE]).unwrap();
    let id = topic_id(&mut client).unwrap();
    let mut tally = Tally::default();
    data_apis(address, id, &mut tally).unwrap();
    admin_apis(address, &mut tally).unwrap();
    describe_apis(address, &mut tally).unwrap();
    groups::ask_all(address, TOPIC, id, &mut tally).unwrap();
    println!("{tally:?}");
    assert_eq!(tally.apis, 30, "an API that is served is not asked here");
    assert!(tally.by_oracle >= 90, "the oracle read too little: {tally:?}");
}

#[test]
fn advertised_versions_are_the_documented_ones() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Highwater::serve(directory.path(), &[]).unwrap();
    let mut client = RawClient::connect(broker.address()).unwrap();
    let response = client.call(0, &api_versions::ApiVersionsRequest::default()).unwrap();
    let mut advertised: Vec<(i16, i16, i16)> = response
        .api_keys
        .iter()
        .map(|api| (api.api_key, api.min_version, api.max_version))
        .collect();
    advertised.sort_unstable();
    let documented = [
        (0, 0, 13),
        (1, 4, 18),
        (2, 1, 11),
        (3, 0, 13),
        (8, 2, 10),
        (9, 1, 10),
        (10, 0, 6),
        (11, 0, 9),
        (12, 0, 4),
        (13, 0, 5),
        (14, 0, 5),
        (15, 0, 6),
        (16, 0, 5),
        (18, 0, 4),
        (19, 2, 7),
        (20, 1, 6),
        (21, 0, 2),
        (22, 0, 5),
        (23, 2, 4),
        (32, 1, 4),
        (33, 0, 2),
        (35, 1, 5),
        (37, 0, 3),
        (42, 0, 2),
        (44, 0, 1),
        (47, 0, 0),
        (60, 0, 2),
        (68, 0, 1),
        (69, 0, 1),
        (75, 0, 0),
    ];
    assert_eq!(advertised, documented);
}

#[derive(Debug, Default)]
struct Tally {
    apis: usize,
    by_oracle: usize,
    /// Newer than the oracle; read by our own codec only.
    by_us: usize,
}

/// Sends `request` in every version and has each answer decoded to its last byte.
fn ask<R: Request>(
    address: SocketAddr,
    tally: &mut Tally,
    request: impl Fn(i16) -> R,
) -> Result<()> {
    tally.apis += 1;
    for version in R::KEY.versions() {
        let mut client = RawClient::connect(address)?;
        client.send(&request_frame(version, 77, &request(version))?)?;
        let answer = client.receive()?;
        let what = || format!("{} v{version}", R::KEY.name());
        if oracle_reads(R::KEY.code(), version, &answer).with_context(what)? {
            tally.by_oracle += 1;
        } else {
            // Our own decoder, which insists on the last byte too.
            client.call(version, &request(version)).with_context(what)?;
            tally.by_us += 1;
        }
    }
    Ok(())
}

/// Whether the oracle knows the version; an error if it does and cannot read the answer.
fn oracle_reads(key: i16, version: i16, answer: &[u8]) -> Result<bool> {
    let key = OracleKey::try_from(key).ok().context("a key that the oracle does not know")?;
    let known = key.valid_versions();
    if version < known.min || version > known.max {
        return Ok(false);
    }
    let mut bytes = bytes::Bytes::copy_from_slice(answer);
    anyhow::ensure!(bytes.get_i32() == 77, "another correlation id");
    if key.response_header_version(version) > 0 {
        anyhow::ensure!(bytes.get_u8() == 0, "tags in the header");
    }
    let response = ResponseKind::decode(key, &mut bytes, version)?;
    anyhow::ensure!(!bytes.has_remaining(), "{} bytes left of {response:?}", bytes.remaining());
    Ok(true)
}

fn topic_id(client: &mut RawClient) -> Result<Uuid> {
    let topic =
        metadata::RequestTopic { name: Some(TOPIC.into()), ..metadata::RequestTopic::default() };
    let request = metadata::MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    let response = client.call(12, &request)?;
    let topic = response.topics.first().context("no topic")?;
    anyhow::ensure!(topic.error_code == ErrorCode::None, "{topic:?}");
    Ok(topic.topic_id)
}

fn data_apis(address: SocketAddr, id: Uuid, tally: &mut Tally) -> Result<()> {
    ask(address, tally, |_| {
        let mut request = produce_request(TOPIC, 0, -1, &[VALUE]);
        request.topic_data[0].topic_id = id;
        request
    })?;
    ask(address, tally, |version| {
        let partition = fetch::RequestTopicPartition {
            partition_max_bytes: 1 << 20,
            ..fetch::RequestTopicPartition::default()
        };
        let mut topic = fetch::RequestTopic { partitions: vec![partition], ..Default::default() };
        if version < 13 {
            topic.topic = TOPIC.into();
        } else {
            topic.topic_id = id;
        }
        fetch::FetchRequest { max_wait_ms: 0, topics: vec![topic], ..Default::default() }
    })?;
    ask(address, tally, |_| {
        let partition = list_offsets::RequestTopicPartition { timestamp: -1, ..Default::default() };
        let topic = list_offsets::RequestTopic { name: TOPIC.into(), partitions: vec![partition] };
        list_offsets::ListOffsetsRequest {
            replica_id: -1,
            topics: vec![topic],
            ..Default::default()
        }
    })?;
    ask(address, tally, |_| {
        let topic = offset_for_leader_epoch::RequestTopic {
            topic: TOPIC.into(),
            partitions: vec![offset_for_leader_epoch::RequestTopicPartition::default()],
        };
        offset_for_leader_epoch::OffsetForLeaderEpochRequest {
            topics: vec![topic],
            ..Default::default()
        }
    })?;
    ask(address, tally, |_| {
        let partition = delete_records::RequestTopicPartition { partition_index: 0, offset: 0 };
        let topic =
            delete_records::RequestTopic { name: TOPIC.into(), partitions: vec![partition] };
        delete_records::DeleteRecordsRequest { topics: vec![topic], timeout_ms: 1_000 }
    })?;
    ask(address, tally, |_| init_producer_id::InitProducerIdRequest::default())
}

fn admin_apis(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    ask(address, tally, |version| {
        let topic = create_topics::RequestTopic {
            name: format!("new-{version}").into(),
            num_partitions: 2,
            replication_factor: 1,
            ..create_topics::RequestTopic::default()
        };
        create_topics::CreateTopicsRequest { topics: vec![topic], ..Default::default() }
    })?;
    ask(address, tally, |version| {
        let topic = create_partitions::RequestTopic {
            name: TOPIC.into(),
            count: i32::from(version) + 2,
            assignments: None,
        };
        create_partitions::CreatePartitionsRequest { topics: vec![topic], ..Default::default() }
    })?;
    ask(address, tally, |version| {
        let name = format!("new-{version}");
        let topic =
            delete_topics::RequestTopic { name: Some(name.as_str().into()), topic_id: Uuid::ZERO };
        delete_topics::DeleteTopicsRequest {
            topics: vec![topic],
            topic_names: vec![name.into()],
            timeout_ms: 1_000,
        }
    })?;
    ask(address, tally, |_| {
        let config = alter_configs::RequestResourceConfig {
            name: "retention.ms".into(),
            value: Some("1000".into()),
        };
        let resource = alter_configs::RequestResource {
            resource_type: 2,
            resource_name: TOPIC.into(),
            configs: vec![config],
        };
        alter_configs::AlterConfigsRequest { resources: vec![resource], validate_only: false }
    })?;
    ask(address, tally, |_| {
        let config = incremental_alter_configs::RequestResourceConfig {
            name: "retention.ms".into(),
            config_operation: 1,
            value: None,
        };
        let resource = incremental_alter_configs::RequestResource {
            resource_type: 2,
            resource_name: TOPIC.into(),
            configs: vec![config],
        };
        incremental_alter_configs::IncrementalAlterConfigsRequest {
            resources: vec![resource],
            validate_only: false,
        }
    })
}

fn describe_apis(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    ask(address, tally, |version| api_versions::ApiVersionsRequest {
        client_software_name: "tests".into(),
        client_software_version: version.to_string().into(),
    })?;
    ask(address, tally, |_| metadata::MetadataRequest {
        topics: Some(Vec::new()),
        ..Default::default()
    })?;
    ask(address, tally, |_| {
        let resource = describe_configs::RequestResource {
            resource_type: 2,
            resource_name: TOPIC.into(),
            configuration_keys: None,
        };
        describe_configs::DescribeConfigsRequest {
            resources: vec![resource],
            include_synonyms: true,
            include_documentation: true,
        }
    })?;
    ask(address, tally, |_| describe_cluster::DescribeClusterRequest::default())?;
    ask(address, tally, |_| {
        let topic = describe_topic_partitions::RequestTopic { name: TOPIC.into() };
        describe_topic_partitions::DescribeTopicPartitionsRequest {
            topics: vec![topic],
            ..Default::default()
        }
    })?;
    ask(address, tally, |_| describe_log_dirs::DescribeLogDirsRequest::default())?;
    ask(address, tally, |version| find_coordinator::FindCoordinatorRequest {
        key: "group".into(),
        coordinator_keys: if version < 4 { Vec::new() } else { vec!["group".into()] },
        ..Default::default()
    })
}
