//! Every version of every served API gets an answer that a decoder of somebody else's reads to its last byte.

mod groups;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::Buf;
use highwater_protocol::messages::{
    alter_configs, api_versions, create_partitions, create_topics, delete_records, delete_topics,
    describe_cluster, describe_configs, describe_log_dirs, describe_topic_partitions, fetch,
    find_coordinator, incremental_alter_configs, init_producer_id, list_offsets, metadata,
    offset_for_leader_epoch,
};
use highwater_protocol::{Message, Reader, Request, ResponseHeader};
use highwater_records::{ErrorCode, Uuid, batches};
use highwater_tests::groups::coordinator;
use highwater_tests::honest::{create_topic, produce, produce_request};
use highwater_tests::{Highwater, RawClient, request_frame};
use kafka_protocol::messages::{ApiKey as OracleKey, ResponseKind};

const TOPIC: &str = "versions";
const VALUE: &[u8] = b"every version reads this";

/// Partitions of `TOPIC` once every version of CreatePartitions has added one.
const PARTITIONS: usize = 5;
/// Records of `TOPIC`: one of every version of Produce, and one before.
const RECORDS: i64 = 12;

#[test]
fn every_version_of_every_served_api_is_answered_in_that_version() {
    let directory = tempfile::tempdir().unwrap();
    let broker =
        Highwater::serve(directory.path(), &["group.initial.rebalance.delay.ms=0"]).unwrap();
    let address = broker.address();
    let mut client = RawClient::connect(address).unwrap();
    create_topic(&mut client, TOPIC, 1, &[]).unwrap();
    produce(&mut client, TOPIC, 0, -1, &[VALUE]).unwrap();
    let id = topic_id(&mut client).unwrap();
    let mut tally = Tally::default();
    data_apis(address, id, &mut tally).unwrap();
    offset_apis(address, &mut tally).unwrap();
    topic_apis(address, &mut tally).unwrap();
    config_apis(address, &mut tally).unwrap();
    cluster_apis(address, id, &mut tally).unwrap();
    describe_apis(address, &mut tally).unwrap();
    groups::ask_all(address, TOPIC, id, &mut tally).unwrap();
    println!("{} by the oracle, {} by us", tally.by_oracle, tally.by_us);
    assert!(tally.by_oracle >= 90, "the oracle read too little: {}", tally.by_oracle);
    // What is served is what the broker says, whatever this test knows to ask.
    let served = client.call(0, &api_versions::ApiVersionsRequest::default()).unwrap().api_keys;
    let mut served: BTreeSet<(i16, i16)> = served
        .iter()
        .flat_map(|api| (api.min_version..=api.max_version).map(|version| (api.api_key, version)))
        .collect();
    // Advertised for old clients' sake; there is no such request (KAFKA-18659).
    for version in 0..3 {
        assert!(served.remove(&(0, version)));
    }
    assert_eq!(tally.asked, served, "what is served is not what is asked here");
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
    /// Key and version.
    asked: BTreeSet<(i16, i16)>,
    by_oracle: usize,
    /// Newer than the oracle; read by our own codec only.
    by_us: usize,
}

/// Sends `request` in every version, has each answer decoded to its last byte, and its content judged.
fn ask<R: Request<Response: Debug>>(
    address: SocketAddr,
    tally: &mut Tally,
    request: impl Fn(i16) -> R,
    is_right: impl Fn(i16, &R::Response) -> bool,
) -> Result<()> {
    for version in R::KEY.versions() {
        tally.asked.insert((R::KEY.code(), version));
        let mut client = RawClient::connect(address)?;
        client.send(&request_frame(version, 77, &request(version))?)?;
        let answer = client.receive()?;
        let what = || format!("{} v{version}", R::KEY.name());
        if oracle_reads(R::KEY.code(), version, &answer).with_context(what)? {
            tally.by_oracle += 1;
        } else {
            tally.by_us += 1;
        }
        let mut reader = Reader::new(answer);
        let header = ResponseHeader::decode(&mut reader, R::KEY, version).with_context(what)?;
        anyhow::ensure!(header.correlation_id == 77, "another correlation id");
        let response = R::Response::decode(&mut reader, version).with_context(what)?;
        reader.expect_end().with_context(what)?;
        anyhow::ensure!(is_right(version, &response), "{}: {response:?}", what());
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
    anyhow::ensure!(oracle_finds_content(&response), "not what was asked for: {response:?}");
    Ok(true)
}

/// Where an answer is of use for its content alone, that is there for others too.
fn oracle_finds_content(response: &ResponseKind) -> bool {
    match response {
        ResponseKind::Fetch(response) => {
            let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
            partitions
                .filter_map(|partition| partition.records.as_ref())
                .any(|records| holds(records))
        }
        ResponseKind::Metadata(response) => response.topics.iter().any(|topic| {
            topic.name.as_ref().is_some_and(|name| name.0.as_str() == TOPIC)
                && topic.partitions.len() == PARTITIONS
        }),
        _ => true,
    }
}

fn holds(records: &[u8]) -> bool {
    records.windows(VALUE.len()).any(|window| window == VALUE)
}

/// The one thing of an array.
fn only<T>(array: &[T]) -> Option<&T> {
    if let [only] = array { Some(only) } else { None }
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
    let request = |_| {
        let mut request = produce_request(TOPIC, 0, -1, &[VALUE]);
        request.topic_data[0].topic_id = id;
        request
    };
    ask(address, tally, request, |version, response| {
        let topic = only(&response.responses);
        topic.and_then(|topic| only(&topic.partition_responses)).is_some_and(|partition| {
            // Record 0 was there, and version 3 is the first.
            partition.error_code == ErrorCode::None
                && partition.base_offset == i64::from(version) - 2
        })
    })?;
    let request = |version| {
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
    };
    ask(address, tally, request, |version, response| {
        let topic = only(&response.responses).filter(|topic| {
            if version < 13 { &*topic.topic == TOPIC } else { topic.topic_id == id }
        });
        topic.and_then(|topic| only(&topic.partitions)).is_some_and(|partition| {
            let records = partition.records.clone().unwrap_or_default().to_bytes();
            response.error_code == ErrorCode::None
                && partition.error_code == ErrorCode::None
                && partition.high_watermark == RECORDS
                && batches(&records).filter(|batch| batch.is_ok()).count() == 12
                && holds(&records)
        })
    })?;
    let producer_ids = RefCell::new(BTreeSet::new());
    let request = |_| init_producer_id::InitProducerIdRequest::default();
    ask(address, tally, request, |_, response| {
        response.error_code == ErrorCode::None
            && response.producer_id >= 0
            && response.producer_epoch == 0
            && producer_ids.borrow_mut().insert(response.producer_id)
    })
}

fn offset_apis(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    let request = |_| {
        let partition = list_offsets::RequestTopicPartition { timestamp: -1, ..Default::default() };
        let topic = list_offsets::RequestTopic { name: TOPIC.into(), partitions: vec![partition] };
        list_offsets::ListOffsetsRequest {
            replica_id: -1,
            topics: vec![topic],
            ..Default::default()
        }
    };
    ask(address, tally, request, |_, response| {
        let topic = only(&response.topics).filter(|topic| &*topic.name == TOPIC);
        topic.and_then(|topic| only(&topic.partitions)).is_some_and(|partition| {
            partition.error_code == ErrorCode::None && partition.offset == RECORDS
        })
    })?;
    let request = |_| {
        let topic = offset_for_leader_epoch::RequestTopic {
            topic: TOPIC.into(),
            partitions: vec![offset_for_leader_epoch::RequestTopicPartition::default()],
        };
        offset_for_leader_epoch::OffsetForLeaderEpochRequest {
            topics: vec![topic],
            ..Default::default()
        }
    };
    ask(address, tally, request, |_, response| {
        let topic = only(&response.topics).filter(|topic| &*topic.topic == TOPIC);
        topic.and_then(|topic| only(&topic.partitions)).is_some_and(|partition| {
            partition.error_code == ErrorCode::None
                && (partition.leader_epoch, partition.end_offset) == (0, RECORDS)
        })
    })?;
    let request = |version| {
        let offset = i64::from(version) + 1;
        let partition = delete_records::RequestTopicPartition { partition_index: 0, offset };
        let topic =
            delete_records::RequestTopic { name: TOPIC.into(), partitions: vec![partition] };
        delete_records::DeleteRecordsRequest { topics: vec![topic], timeout_ms: 30_000 }
    };
    ask(address, tally, request, |version, response| {
        let topic = only(&response.topics).filter(|topic| &*topic.name == TOPIC);
        topic.and_then(|topic| only(&topic.partitions)).is_some_and(|partition| {
            partition.error_code == ErrorCode::None
                && partition.low_watermark == i64::from(version) + 1
        })
    })
}

fn topic_apis(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    let request = |version| {
        let topic = create_topics::RequestTopic {
            name: format!("new-{version}").into(),
            num_partitions: 2,
            replication_factor: 1,
            ..create_topics::RequestTopic::default()
        };
        create_topics::CreateTopicsRequest {
            topics: vec![topic],
            timeout_ms: 30_000,
            ..Default::default()
        }
    };
    ask(address, tally, request, |version, response| {
        only(&response.topics).is_some_and(|topic| {
            *topic.name == format!("new-{version}")
                && topic.error_code == ErrorCode::None
                && (version < 5 || (topic.num_partitions, topic.replication_factor) == (2, 1))
                && (version < 7 || topic.topic_id != Uuid::ZERO)
        })
    })?;
    let request = |version| {
        let topic = create_partitions::RequestTopic {
            name: TOPIC.into(),
            count: i32::from(version) + 2,
            assignments: None,
        };
        create_partitions::CreatePartitionsRequest {
            topics: vec![topic],
            timeout_ms: 30_000,
            ..Default::default()
        }
    };
    ask(address, tally, request, |_, response| {
        only(&response.results)
            .is_some_and(|topic| &*topic.name == TOPIC && topic.error_code == ErrorCode::None)
    })?;
    // Created above: its first version is 2, ours is 1.
    let name = |version: i16| format!("new-{}", version + 1);
    let request = |version| {
        let name = name(version);
        let topic =
            delete_topics::RequestTopic { name: Some(name.as_str().into()), topic_id: Uuid::ZERO };
        delete_topics::DeleteTopicsRequest {
            topics: vec![topic],
            topic_names: vec![name.into()],
            timeout_ms: 30_000,
        }
    };
    ask(address, tally, request, |version, response| {
        only(&response.responses).is_some_and(|topic| {
            topic.name.as_ref().is_some_and(|found| **found == name(version))
                && topic.error_code == ErrorCode::None
        })
    })
}

fn config_apis(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    let request = |_| {
        let config = alter_configs::RequestResourceConfig {
            name: "max.message.bytes".into(),
            value: Some("500000".into()),
        };
        let resource = alter_configs::RequestResource {
            resource_type: 2,
            resource_name: TOPIC.into(),
            configs: vec![config],
        };
        alter_configs::AlterConfigsRequest { resources: vec![resource], validate_only: false }
    };
    ask(address, tally, request, |_, response| {
        only(&response.responses).is_some_and(|resource| {
            &*resource.resource_name == TOPIC && resource.error_code == ErrorCode::None
        })
    })?;
    let request = |_| {
        let config = incremental_alter_configs::RequestResourceConfig {
            name: "retention.ms".into(),
            config_operation: 0,
            value: Some("123456789".into()),
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
    };
    ask(address, tally, request, |_, response| {
        only(&response.responses).is_some_and(|resource| {
            &*resource.resource_name == TOPIC && resource.error_code == ErrorCode::None
        })
    })?;
    let request = |_| {
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
    };
    ask(address, tally, request, |_, response| {
        only(&response.results).is_some_and(|resource| {
            let has = |name: &str, value: &str| {
                resource
                    .configs
                    .iter()
                    .any(|config| &*config.name == name && config.value.as_deref() == Some(value))
            };
            resource.error_code == ErrorCode::None
                && &*resource.resource_name == TOPIC
                && has("max.message.bytes", "500000")
                && has("retention.ms", "123456789")
                && has("cleanup.policy", "delete")
        })
    })
}

fn cluster_apis(address: SocketAddr, id: Uuid, tally: &mut Tally) -> Result<()> {
    let request = |version: i16| api_versions::ApiVersionsRequest {
        client_software_name: "tests".into(),
        client_software_version: version.to_string().into(),
    };
    ask(address, tally, request, |_, response| {
        response.error_code == ErrorCode::None
            && response.api_keys.iter().any(|api| api.api_key == 18 && api.max_version == 4)
    })?;
    let request = |_| {
        let topic = metadata::RequestTopic { name: Some(TOPIC.into()), topic_id: Uuid::ZERO };
        metadata::MetadataRequest { topics: Some(vec![topic]), ..Default::default() }
    };
    let port = i32::from(address.port());
    ask(address, tally, request, |version, response| {
        let is_here = only(&response.brokers)
            .is_some_and(|broker| &*broker.host == "127.0.0.1" && broker.port == port);
        is_here
            && only(&response.topics).is_some_and(|topic| {
                topic.error_code == ErrorCode::None
                    && topic.name.as_deref() == Some(TOPIC)
                    && (version < 10 || topic.topic_id == id)
                    && topic.partitions.len() == PARTITIONS
                    && topic.partitions.iter().all(|partition| {
                        partition.error_code == ErrorCode::None
                            && partition.leader_id == response.brokers[0].node_id
                    })
            })
    })?;
    let request = |_| describe_cluster::DescribeClusterRequest::default();
    ask(address, tally, request, |_, response| {
        response.error_code == ErrorCode::None
            && !response.cluster_id.is_empty()
            && only(&response.brokers).is_some_and(|broker| broker.port == port)
    })
}

fn describe_apis(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    let request = |_| {
        let topic = describe_topic_partitions::RequestTopic { name: TOPIC.into() };
        describe_topic_partitions::DescribeTopicPartitionsRequest {
            topics: vec![topic],
            ..Default::default()
        }
    };
    ask(address, tally, request, |_, response| {
        only(&response.topics).is_some_and(|topic| {
            topic.error_code == ErrorCode::None
                && topic.name.as_deref() == Some(TOPIC)
                && topic.partitions.len() == PARTITIONS
        })
    })?;
    let request = |_| describe_log_dirs::DescribeLogDirsRequest::default();
    ask(address, tally, request, |_, response| {
        only(&response.results).is_some_and(|dir| {
            let topic = dir.topics.iter().find(|topic| &*topic.name == TOPIC);
            dir.error_code == ErrorCode::None
                && topic.is_some_and(|topic| {
                    topic.partitions.len() == PARTITIONS
                        && topic.partitions.iter().any(|partition| partition.partition_size > 0)
                })
        })
    })?;
    let request = |version| find_coordinator::FindCoordinatorRequest {
        key: "group".into(),
        coordinator_keys: if version < 4 { Vec::new() } else { vec!["group".into()] },
        ..Default::default()
    };
    coordinator(&mut RawClient::connect(address)?, "group")?;
    let port = i32::from(address.port());
    ask(address, tally, request, |version, response| {
        if version < 4 {
            return (response.error_code, response.port) == (ErrorCode::None, port);
        }
        only(&response.coordinators).is_some_and(|found| {
            &*found.key == "group" && (found.error_code, found.port) == (ErrorCode::None, port)
        })
    })
}
