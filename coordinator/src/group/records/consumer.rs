//! Types 3 to 8 and 16: KIP-848 groups. Fields and their order are Kafka's; all values are
//! version 0 and flexible.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::Bytes;
use highwater_protocol::{DecodeError, EncodeError, Message, Reader, Str, Writer};
use highwater_records::{Timestamp, Uuid};

use super::codec::Value;

const VERSION: i16 = 0;
/// The one tagged field that some of these structs have.
const TAG: u32 = 0;

/// Type 3: the group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupValue {
    pub epoch: i32,
    /// Of the subscribed topics; only its maker compares it. 0: no topics.
    pub metadata_hash: i64,
}

/// Type 4: partitions of subscribed topics, as written until 4.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerPartitionsValue {
    pub topics: Vec<TopicRacks>,
}

/// A topic in [`ConsumerPartitionsValue`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRacks {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub partition_count: i32,
    pub partitions: Vec<PartitionRacks>,
}

/// A partition in [`TopicRacks`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionRacks {
    pub partition: i32,
    pub racks: Vec<Str>,
}

/// Type 5: what a member said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerMemberValue {
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    /// Sorted.
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    /// -1: not given.
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<Str>,
    /// Of a member that speaks the classic protocol.
    pub classic: Option<ClassicMemberMetadata>,
}

/// What a classic member of a KIP-848 group joined with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

/// One protocol of a classic member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicProtocol {
    pub name: Str,
    pub metadata: Bytes,
}

/// Type 6: which epoch the target is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetAssignmentValue {
    pub assignment_epoch: i32,
    /// 0: not known; then not written.
    pub assignment_timestamp: Timestamp,
}

/// Type 7: what a member shall have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetMemberValue {
    pub topics: Vec<AssignedTopic>,
}

/// Partitions of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignedTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

/// Type 8: what a member has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    /// 0 stable, 1 unrevoked, 2 unreleased, 127 unknown.
    pub state: i8,
    pub assigned: Vec<CurrentTopic>,
    pub pending_revocation: Vec<CurrentTopic>,
}

/// Partitions of one topic, with the epoch in which each was assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    /// As many as partitions, or not known and then not written.
    pub assignment_epochs: Option<Vec<i32>>,
}

/// Type 16: the topics an expression stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegularExpressionValue {
    pub topics: Vec<Str>,
    pub version: i64,
    pub timestamp: Timestamp,
}

/// A struct that stands alone as a value, version 0.
macro_rules! values {
    ($($name:ident)+) => {$(
        impl Value for $name {
            fn read(r: &mut Reader, version: i16) -> Result<Option<Self>, DecodeError> {
                if version != VERSION {
                    return Ok(None);
                }
                Self::decode(r, version).map(Some)
            }

            fn write(&self, w: &mut Writer) -> Result<(), EncodeError> {
                w.i16(VERSION);
                self.encode(w, VERSION)
            }
        }
    )+};
}

values! {
    ConsumerGroupValue ConsumerPartitionsValue ConsumerMemberValue TargetAssignmentValue
    TargetMemberValue CurrentAssignmentValue RegularExpressionValue
}

/// The tag section of a struct with one tagged number, which is left out at 0.
fn write_tagged_number(w: &mut Writer, number: i64) -> Result<(), EncodeError> {
    if number == 0 {
        w.uvarint(0);
        return Ok(());
    }
    w.uvarint(1);
    w.tagged(TAG, |w| {
        w.i64(number);
        Ok(())
    })
}

fn read_tagged_number(r: &mut Reader) -> Result<i64, DecodeError> {
    let mut number = 0;
    r.tags(|r, tag| {
        let known = tag == TAG;
        if known {
            number = r.i64()?;
        }
        Ok(known)
    })?;
    Ok(number)
}

impl Message for ConsumerGroupValue {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        Ok(Self { epoch: r.i32()?, metadata_hash: read_tagged_number(r)? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) -> Result<(), EncodeError> {
        w.i32(self.epoch);
        write_tagged_number(w, self.metadata_hash)
    }
}

impl Message for ConsumerPartitionsValue {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let topics = r.array(true, version)?;
        r.skip_tags()?;
        Ok(Self { topics })
    }

    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        w.array(true, version, &self.topics)?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for TopicRacks {
    const LEAST_BYTES: usize = 23;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let topic_id = r.uuid()?;
        let topic_name = r.string(true)?;
        let partition_count = r.i32()?;
        let partitions = r.array(true, version)?;
        r.skip_tags()?;
        Ok(Self { topic_id, topic_name, partition_count, partitions })
    }

    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        w.uuid(self.topic_id);
        w.string(true, &self.topic_name)?;
        w.i32(self.partition_count);
        w.array(true, version, &self.partitions)?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for PartitionRacks {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let partition = r.i32()?;
        let racks = r.primitives(true)?;
        r.skip_tags()?;
        Ok(Self { partition, racks })
    }

    fn encode(&self, w: &mut Writer, _version: i16) -> Result<(), EncodeError> {
        w.i32(self.partition);
        w.primitives(true, &self.racks)?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for ConsumerMemberValue {
    const LEAST_BYTES: usize = 12;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let instance_id = r.nullable_string(true)?;
        let rack_id = r.nullable_string(true)?;
        let client_id = r.string(true)?;
        let client_host = r.string(true)?;
        let subscribed_topic_names = r.primitives(true)?;
        let subscribed_topic_regex = r.nullable_string(true)?;
        let rebalance_timeout_ms = r.i32()?;
        let server_assignor = r.nullable_string(true)?;
        let mut classic = None;
        r.tags(|r, tag| {
            let known = tag == TAG;
            if known {
                classic = r.nullable_struct(version)?;
            }
            Ok(known)
        })?;
        Ok(Self {
            instance_id,
            rack_id,
            client_id,
            client_host,
            subscribed_topic_names,
            subscribed_topic_regex,
            rebalance_timeout_ms,
            server_assignor,
            classic,
        })
    }

    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        w.nullable_string(true, &self.instance_id)?;
        w.nullable_string(true, &self.rack_id)?;
        w.string(true, &self.client_id)?;
        w.string(true, &self.client_host)?;
        w.primitives(true, &self.subscribed_topic_names)?;
        w.nullable_string(true, &self.subscribed_topic_regex)?;
        w.i32(self.rebalance_timeout_ms);
        w.nullable_string(true, &self.server_assignor)?;
        if self.classic.is_none() {
            w.uvarint(0);
            return Ok(());
        }
        w.uvarint(1);
        w.tagged(TAG, |w| w.nullable_struct(version, &self.classic))
    }
}

impl Message for ClassicMemberMetadata {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let session_timeout_ms = r.i32()?;
        let supported_protocols = r.array(true, version)?;
        r.skip_tags()?;
        Ok(Self { session_timeout_ms, supported_protocols })
    }

    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        w.i32(self.session_timeout_ms);
        w.array(true, version, &self.supported_protocols)?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for ClassicProtocol {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let name = r.string(true)?;
        let metadata = r.bytes(true)?;
        r.skip_tags()?;
        Ok(Self { name, metadata })
    }

    fn encode(&self, w: &mut Writer, _version: i16) -> Result<(), EncodeError> {
        w.string(true, &self.name)?;
        w.bytes(true, &self.metadata)?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for TargetAssignmentValue {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let assignment_epoch = r.i32()?;
        let assignment_timestamp = Timestamp::new(read_tagged_number(r)?);
        Ok(Self { assignment_epoch, assignment_timestamp })
    }

    fn encode(&self, w: &mut Writer, _version: i16) -> Result<(), EncodeError> {
        w.i32(self.assignment_epoch);
        write_tagged_number(w, self.assignment_timestamp.value())
    }
}

impl Message for TargetMemberValue {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let topics = r.array(true, version)?;
        r.skip_tags()?;
        Ok(Self { topics })
    }

    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        w.array(true, version, &self.topics)?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for AssignedTopic {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let topic_id = r.uuid()?;
        let partitions = r.primitives(true)?;
        r.skip_tags()?;
        Ok(Self { topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, _version: i16) -> Result<(), EncodeError> {
        w.uuid(self.topic_id);
        w.primitives(true, &self.partitions)?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for CurrentAssignmentValue {
    const LEAST_BYTES: usize = 12;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let member_epoch = r.i32()?;
        let previous_member_epoch = r.i32()?;
        let state = r.i8()?;
        let assigned = r.array(true, version)?;
        let pending_revocation = r.array(true, version)?;
        r.skip_tags()?;
        Ok(Self { member_epoch, previous_member_epoch, state, assigned, pending_revocation })
    }

    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        w.i32(self.member_epoch);
        w.i32(self.previous_member_epoch);
        w.i8(self.state);
        w.array(true, version, &self.assigned)?;
        w.array(true, version, &self.pending_revocation)?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for CurrentTopic {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let topic_id = r.uuid()?;
        let partitions = r.primitives(true)?;
        let mut assignment_epochs = None;
        r.tags(|r, tag| {
            let known = tag == TAG;
            if known {
                assignment_epochs = r.nullable_primitives(true)?;
            }
            Ok(known)
        })?;
        Ok(Self { topic_id, partitions, assignment_epochs })
    }

    fn encode(&self, w: &mut Writer, _version: i16) -> Result<(), EncodeError> {
        w.uuid(self.topic_id);
        w.primitives(true, &self.partitions)?;
        if self.assignment_epochs.is_none() {
            w.uvarint(0);
            return Ok(());
        }
        w.uvarint(1);
        w.tagged(TAG, |w| w.nullable_primitives(true, &self.assignment_epochs))
    }
}

impl Message for RegularExpressionValue {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let topics = r.primitives(true)?;
        let version = r.i64()?;
        let timestamp = Timestamp::new(r.i64()?);
        r.skip_tags()?;
        Ok(Self { topics, version, timestamp })
    }

    fn encode(&self, w: &mut Writer, _version: i16) -> Result<(), EncodeError> {
        w.primitives(true, &self.topics)?;
        w.i64(self.version);
        w.i64(self.timestamp.value());
        w.uvarint(0);
        Ok(())
    }
}
