//! Records as bytes, in the metadata log and in snapshots.
//!
//! A batch is records one after the other, each as
//!
//! | bytes | what |
//! |---|---|
//! | varint | size of the rest |
//! | varint | kind, see [`kind`] |
//! | varint | version of the kind's fields; a reader refuses one it does not know |
//! | .. | fields in the order of the functions below, Kafka's flexible encoding |
//! | .. | tag section; unknown tags are skipped, so fields may be added without a new version |
//!
//! Nothing here panics on bytes: they come from a file.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::Bytes;
use highwater_protocol::{DecodeError, EncodeError, Reader, Str, Writer};
use highwater_records::{LeaderEpoch, NodeId, TopicName, TopicNameError};

use crate::image::{
    BrokerEndpoint, BrokerEpoch, BrokerImage, ConfigResource, PartitionEpoch, PartitionImage,
    SupportedFeature,
};
use crate::record::{MetadataRecord, PartitionChange};

/// Numbers of the kinds of records. They never change and are never used again.
mod kind {
    pub(super) const CLUSTER: u32 = 0;
    pub(super) const FEATURE_LEVEL: u32 = 1;
    pub(super) const REGISTER_BROKER: u32 = 2;
    pub(super) const UNREGISTER_BROKER: u32 = 3;
    pub(super) const FENCE_BROKER: u32 = 4;
    pub(super) const TOPIC: u32 = 5;
    pub(super) const PARTITION: u32 = 6;
    pub(super) const PARTITION_CHANGE: u32 = 7;
    pub(super) const REMOVE_TOPIC: u32 = 8;
    pub(super) const CONFIG: u32 = 9;
    pub(super) const PRODUCER_IDS: u32 = 10;
    pub(super) const LAST_BROKER_EPOCH: u32 = 11;
}

/// Bytes that are not metadata records of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordDecodeError {
    #[error("the bytes of a metadata record are malformed")]
    Malformed(#[from] DecodeError),
    #[error("metadata record of the unknown kind {kind}: written by a newer version?")]
    UnknownKind { kind: u32 },
    #[error("metadata record of kind {kind} has version {version}: written by a newer version?")]
    UnknownVersion { kind: u32, version: u32 },
    #[error("metadata record with an illegal topic name")]
    TopicName(#[from] TopicNameError),
    #[error("metadata record for the unknown resource type {code}")]
    ResourceType { code: i8 },
    #[error("metadata record for the broker {name:?}, which is no number")]
    BrokerName { name: String },
}

/// A record that has no bytes: a text of it is too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a metadata record cannot be written")]
pub struct RecordEncodeError(#[from] EncodeError);

/// The bytes of a batch.
pub fn encode_records(records: &[MetadataRecord]) -> Result<Bytes, RecordEncodeError> {
    let mut batch = Writer::new();
    for record in records {
        let mut one = Writer::new();
        one.uvarint(kind_of(record));
        one.uvarint(0);
        write_fields(&mut one, record)?;
        one.uvarint(0); // no tagged fields
        let one = one.into_bytes()?;
        let length = u32::try_from(one.len())
            .map_err(|_too_long| EncodeError::TooLong { length: one.len() })?;
        batch.uvarint(length);
        batch.raw(&one);
    }
    Ok(batch.into_bytes()?)
}

/// The records of a batch.
pub fn decode_records(batch: &Bytes) -> Result<Vec<MetadataRecord>, RecordDecodeError> {
    let mut batch = Reader::new(batch.clone());
    let mut records = Vec::new();
    while batch.remaining() > 0 {
        let length = usize::try_from(batch.uvarint()?).map_err(|_big| DecodeError::Truncated)?;
        let mut one = Reader::new(batch.take(length)?);
        let kind = one.uvarint()?;
        let version = one.uvarint()?;
        if kind > kind::LAST_BROKER_EPOCH {
            return Err(RecordDecodeError::UnknownKind { kind });
        }
        if version != 0 {
            return Err(RecordDecodeError::UnknownVersion { kind, version });
        }
        records.push(read_fields(&mut one, kind)?);
        one.skip_tags()?;
        one.expect_end()?;
    }
    Ok(records)
}

fn kind_of(record: &MetadataRecord) -> u32 {
    match record {
        MetadataRecord::Cluster { .. } => kind::CLUSTER,
        MetadataRecord::FeatureLevel { .. } => kind::FEATURE_LEVEL,
        MetadataRecord::RegisterBroker(_) => kind::REGISTER_BROKER,
        MetadataRecord::UnregisterBroker { .. } => kind::UNREGISTER_BROKER,
        MetadataRecord::FenceBroker { .. } => kind::FENCE_BROKER,
        MetadataRecord::Topic { .. } => kind::TOPIC,
        MetadataRecord::Partition { .. } => kind::PARTITION,
        MetadataRecord::PartitionChange { .. } => kind::PARTITION_CHANGE,
        MetadataRecord::RemoveTopic { .. } => kind::REMOVE_TOPIC,
        MetadataRecord::Config { .. } => kind::CONFIG,
        MetadataRecord::ProducerIds { .. } => kind::PRODUCER_IDS,
        MetadataRecord::LastBrokerEpoch { .. } => kind::LAST_BROKER_EPOCH,
    }
}

fn write_fields(out: &mut Writer, record: &MetadataRecord) -> Result<(), EncodeError> {
    match record {
        MetadataRecord::Cluster { cluster_id } => text(out, cluster_id)?,
        MetadataRecord::FeatureLevel { name, level } => {
            text(out, name)?;
            out.i16(*level);
        }
        MetadataRecord::RegisterBroker(broker) => write_broker(out, broker)?,
        MetadataRecord::UnregisterBroker { node } => out.i32(node.value()),
        MetadataRecord::FenceBroker { node, is_fenced } => {
            out.i32(node.value());
            out.bool(*is_fenced);
        }
        MetadataRecord::Topic { name, id } => {
            text(out, name.as_str())?;
            out.uuid(*id);
        }
        MetadataRecord::Partition { topic_id, partition, state } => {
            out.uuid(*topic_id);
            out.i32(*partition);
            write_partition(out, state)?;
        }
        MetadataRecord::PartitionChange { topic_id, partition, change } => {
            out.uuid(*topic_id);
            out.i32(*partition);
            write_change(out, change)?;
        }
        MetadataRecord::RemoveTopic { id } => out.uuid(*id),
        MetadataRecord::Config { resource, key, value } => {
            let (code, name) = resource_code_and_name(resource);
            out.i8(code);
            text(out, &name)?;
            text(out, key)?;
            out.nullable_string(true, &value.as_deref().map(Str::from))?;
        }
        MetadataRecord::ProducerIds { next } => out.i64(*next),
        MetadataRecord::LastBrokerEpoch { epoch } => out.i64(epoch.value()),
    }
    Ok(())
}

fn read_fields(bytes: &mut Reader, kind: u32) -> Result<MetadataRecord, RecordDecodeError> {
    Ok(match kind {
        kind::CLUSTER => MetadataRecord::Cluster { cluster_id: string(bytes)? },
        kind::FEATURE_LEVEL => {
            MetadataRecord::FeatureLevel { name: string(bytes)?, level: bytes.i16()? }
        }
        kind::REGISTER_BROKER => MetadataRecord::RegisterBroker(read_broker(bytes)?),
        kind::UNREGISTER_BROKER => MetadataRecord::UnregisterBroker { node: node(bytes)? },
        kind::FENCE_BROKER => {
            MetadataRecord::FenceBroker { node: node(bytes)?, is_fenced: bytes.bool()? }
        }
        kind::TOPIC => MetadataRecord::Topic {
            name: TopicName::parse(&bytes.string(true)?)?,
            id: bytes.uuid()?,
        },
        kind::PARTITION => MetadataRecord::Partition {
            topic_id: bytes.uuid()?,
            partition: bytes.i32()?,
            state: read_partition(bytes)?,
        },
        kind::PARTITION_CHANGE => MetadataRecord::PartitionChange {
            topic_id: bytes.uuid()?,
            partition: bytes.i32()?,
            change: read_change(bytes)?,
        },
        kind::REMOVE_TOPIC => MetadataRecord::RemoveTopic { id: bytes.uuid()? },
        kind::CONFIG => {
            let code = bytes.i8()?;
            MetadataRecord::Config {
                resource: resource(code, &bytes.string(true)?)?,
                key: string(bytes)?,
                value: bytes.nullable_string(true)?.map(String::from),
            }
        }
        kind::PRODUCER_IDS => MetadataRecord::ProducerIds { next: bytes.i64()? },
        kind::LAST_BROKER_EPOCH => {
            MetadataRecord::LastBrokerEpoch { epoch: BrokerEpoch::new(bytes.i64()?) }
        }
        kind => return Err(RecordDecodeError::UnknownKind { kind }),
    })
}

// ---- brokers

fn write_broker(out: &mut Writer, broker: &BrokerImage) -> Result<(), EncodeError> {
    out.i32(broker.node.value());
    out.i64(broker.epoch.value());
    out.uuid(broker.incarnation);
    out.primitives(true, &broker.directories)?;
    write_count(out, broker.endpoints.len())?;
    for endpoint in &broker.endpoints {
        text(out, &endpoint.listener)?;
        text(out, &endpoint.host)?;
        out.u16(endpoint.port);
        out.i16(endpoint.security_protocol);
        out.uvarint(0);
    }
    out.nullable_string(true, &broker.rack.as_deref().map(Str::from))?;
    write_count(out, broker.features.len())?;
    for feature in &broker.features {
        text(out, &feature.name)?;
        out.i16(feature.min);
        out.i16(feature.max);
        out.uvarint(0);
    }
    out.bool(broker.is_fenced);
    Ok(())
}

fn read_broker(bytes: &mut Reader) -> Result<BrokerImage, DecodeError> {
    Ok(BrokerImage {
        node: node(bytes)?,
        epoch: BrokerEpoch::new(bytes.i64()?),
        incarnation: bytes.uuid()?,
        directories: bytes.primitives(true)?,
        endpoints: elements(bytes, |bytes| {
            let endpoint = BrokerEndpoint {
                listener: string(bytes)?,
                host: string(bytes)?,
                port: bytes.u16()?,
                security_protocol: bytes.i16()?,
            };
            bytes.skip_tags()?;
            Ok(endpoint)
        })?,
        rack: bytes.nullable_string(true)?.map(String::from),
        features: elements(bytes, |bytes| {
            let feature =
                SupportedFeature { name: string(bytes)?, min: bytes.i16()?, max: bytes.i16()? };
            bytes.skip_tags()?;
            Ok(feature)
        })?,
        is_fenced: bytes.bool()?,
    })
}

// ---- partitions

fn write_partition(out: &mut Writer, state: &PartitionImage) -> Result<(), EncodeError> {
    write_nodes(out, &state.replicas)?;
    out.primitives(true, &state.directories)?;
    write_nodes(out, &state.isr)?;
    write_nodes(out, &state.elr)?;
    write_nodes(out, &state.last_known_elr)?;
    out.i32(state.leader.value());
    out.i32(state.leader_epoch.value());
    out.i32(state.partition_epoch.value());
    write_nodes(out, &state.adding)?;
    write_nodes(out, &state.removing)
}

fn read_partition(bytes: &mut Reader) -> Result<PartitionImage, DecodeError> {
    Ok(PartitionImage {
        replicas: nodes(bytes)?,
        directories: bytes.primitives(true)?,
        isr: nodes(bytes)?,
        elr: nodes(bytes)?,
        last_known_elr: nodes(bytes)?,
        leader: node(bytes)?,
        leader_epoch: LeaderEpoch::new(bytes.i32()?),
        partition_epoch: PartitionEpoch::new(bytes.i32()?),
        adding: nodes(bytes)?,
        removing: nodes(bytes)?,
    })
}

fn write_change(out: &mut Writer, change: &PartitionChange) -> Result<(), EncodeError> {
    out.bool(change.leader.is_some());
    if let Some(leader) = change.leader {
        out.i32(leader.value());
    }
    write_optional_nodes(out, change.isr.as_deref())?;
    write_optional_nodes(out, change.elr.as_deref())?;
    write_optional_nodes(out, change.last_known_elr.as_deref())?;
    write_optional_nodes(out, change.replicas.as_deref())?;
    out.nullable_primitives(true, &change.directories)?;
    write_optional_nodes(out, change.adding.as_deref())?;
    write_optional_nodes(out, change.removing.as_deref())
}

fn read_change(bytes: &mut Reader) -> Result<PartitionChange, DecodeError> {
    Ok(PartitionChange {
        leader: if bytes.bool()? { Some(node(bytes)?) } else { None },
        isr: optional_nodes(bytes)?,
        elr: optional_nodes(bytes)?,
        last_known_elr: optional_nodes(bytes)?,
        replicas: optional_nodes(bytes)?,
        directories: bytes.nullable_primitives(true)?,
        adding: optional_nodes(bytes)?,
        removing: optional_nodes(bytes)?,
    })
}

// ---- small pieces

const TOPIC_RESOURCE: i8 = 2;
const BROKER_RESOURCE: i8 = 4;
const GROUP_RESOURCE: i8 = 32;

fn resource_code_and_name(resource: &ConfigResource) -> (i8, String) {
    match resource {
        ConfigResource::Topic(name) => (TOPIC_RESOURCE, name.to_string()),
        ConfigResource::Broker(node) => (BROKER_RESOURCE, node.to_string()),
        ConfigResource::BrokerDefaults => (BROKER_RESOURCE, String::new()),
        ConfigResource::Group(name) => (GROUP_RESOURCE, name.clone()),
    }
}

fn resource(code: i8, name: &str) -> Result<ConfigResource, RecordDecodeError> {
    match (code, name) {
        (TOPIC_RESOURCE, name) => Ok(ConfigResource::Topic(TopicName::parse(name)?)),
        (BROKER_RESOURCE, "") => Ok(ConfigResource::BrokerDefaults),
        (BROKER_RESOURCE, name) => match name.parse() {
            Ok(node) => Ok(ConfigResource::Broker(NodeId::new(node))),
            Err(_) => Err(RecordDecodeError::BrokerName { name: name.to_owned() }),
        },
        (GROUP_RESOURCE, name) => Ok(ConfigResource::Group(name.to_owned())),
        (code, _) => Err(RecordDecodeError::ResourceType { code }),
    }
}

fn text(out: &mut Writer, text: &str) -> Result<(), EncodeError> {
    out.string(true, &Str::from(text))
}

fn string(bytes: &mut Reader) -> Result<String, DecodeError> {
    Ok(String::from(bytes.string(true)?))
}

fn node(bytes: &mut Reader) -> Result<NodeId, DecodeError> {
    bytes.i32().map(NodeId::new)
}

fn numbers(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|node| node.value()).collect()
}

fn write_nodes(out: &mut Writer, nodes: &[NodeId]) -> Result<(), EncodeError> {
    out.primitives(true, &numbers(nodes))
}

fn write_optional_nodes(out: &mut Writer, nodes: Option<&[NodeId]>) -> Result<(), EncodeError> {
    out.nullable_primitives(true, &nodes.map(numbers))
}

fn nodes(bytes: &mut Reader) -> Result<Vec<NodeId>, DecodeError> {
    Ok(bytes.primitives::<i32>(true)?.into_iter().map(NodeId::new).collect())
}

fn optional_nodes(bytes: &mut Reader) -> Result<Option<Vec<NodeId>>, DecodeError> {
    let numbers = bytes.nullable_primitives::<i32>(true)?;
    Ok(numbers.map(|numbers| numbers.into_iter().map(NodeId::new).collect()))
}

fn write_count(out: &mut Writer, count: usize) -> Result<(), EncodeError> {
    let count = u32::try_from(count).map_err(|_many| EncodeError::TooLong { length: count })?;
    out.uvarint(count);
    Ok(())
}

/// As many elements as the count says; each takes at least one byte, so a false count ends soon.
fn elements<T>(
    bytes: &mut Reader,
    mut element: impl FnMut(&mut Reader) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = bytes.uvarint()?;
    let mut elements = Vec::new();
    for _ in 0..count {
        elements.push(element(bytes)?);
    }
    Ok(elements)
}
