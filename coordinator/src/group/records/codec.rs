//! Between records and bytes: keys here, values in the files of their types.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::Bytes;
use highwater_protocol::{DecodeError, EncodeError, Reader, Str, Writer};

use super::classic::ClassicGroupValue;
use super::consumer::{
    ConsumerGroupValue, ConsumerMemberValue, ConsumerPartitionsValue, CurrentAssignmentValue,
    RegularExpressionValue, TargetAssignmentValue, TargetMemberValue,
};
use super::offset::{OffsetRecord, OffsetValue};
use super::{GroupRecord, RecordDecodeError};

const LEGACY_OFFSET: i16 = 0;
const OFFSET: i16 = 1;
const CLASSIC_GROUP: i16 = 2;
const CONSUMER_GROUP: i16 = 3;
const CONSUMER_PARTITIONS: i16 = 4;
const CONSUMER_MEMBER: i16 = 5;
const TARGET_ASSIGNMENT: i16 = 6;
const TARGET_MEMBER: i16 = 7;
const CURRENT_ASSIGNMENT: i16 = 8;
const REGULAR_EXPRESSION: i16 = 16;

/// Memory that arrays of a record may take per byte of it: more than its smallest elements need,
/// because a record that was once written must always be readable.
const MEMORY_PER_BYTE: usize = 64;

/// A value and the version it is written in.
pub(super) trait Value: Sized {
    /// Reads one.
    ///
    /// Errors: `None` inside if the version is not known.
    fn read(reader: &mut Reader, version: i16) -> Result<Option<Self>, DecodeError>;

    /// Writes the version and the value.
    fn write(&self, writer: &mut Writer) -> Result<(), EncodeError>;
}

pub(super) fn reader(bytes: &Bytes) -> Reader {
    Reader::with_budget(bytes.clone(), bytes.len().saturating_mul(MEMORY_PER_BYTE))
}

pub(super) fn encode(record: &GroupRecord) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    match record {
        GroupRecord::Offset(record) | GroupRecord::TxnOffset { record, .. } => {
            let mut key = key_of(OFFSET, &record.group_id)?;
            key.string(false, &record.topic)?;
            key.i32(record.partition);
            Ok((key.into_bytes()?, value_of(&record.value)?))
        }
        GroupRecord::TxnEnd { .. } => {
            Err(EncodeError::Null { field: "the key of a control record" })
        }
        GroupRecord::ClassicGroup { group_id, value } => plain(CLASSIC_GROUP, group_id, value),
        GroupRecord::ConsumerGroup { group_id, value } => plain(CONSUMER_GROUP, group_id, value),
        GroupRecord::ConsumerPartitions { group_id, value } => {
            plain(CONSUMER_PARTITIONS, group_id, value)
        }
        GroupRecord::ConsumerMember { group_id, member_id, value } => {
            inner(CONSUMER_MEMBER, group_id, member_id, value)
        }
        GroupRecord::TargetAssignment { group_id, value } => {
            plain(TARGET_ASSIGNMENT, group_id, value)
        }
        GroupRecord::TargetMember { group_id, member_id, value } => {
            inner(TARGET_MEMBER, group_id, member_id, value)
        }
        GroupRecord::CurrentAssignment { group_id, member_id, value } => {
            inner(CURRENT_ASSIGNMENT, group_id, member_id, value)
        }
        GroupRecord::RegularExpression { group_id, expression, value } => {
            inner(REGULAR_EXPRESSION, group_id, expression, value)
        }
    }
}

fn key_of(record_type: i16, group_id: &Str) -> Result<Writer, EncodeError> {
    let mut key = Writer::new();
    key.i16(record_type);
    key.string(false, group_id)?;
    Ok(key)
}

fn value_of<V: Value>(value: &Option<V>) -> Result<Option<Bytes>, EncodeError> {
    let Some(value) = value else { return Ok(None) };
    let mut writer = Writer::new();
    value.write(&mut writer)?;
    writer.into_bytes().map(Some)
}

fn plain<V: Value>(
    record_type: i16,
    group_id: &Str,
    value: &Option<V>,
) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    Ok((key_of(record_type, group_id)?.into_bytes()?, value_of(value)?))
}

fn inner<V: Value>(
    record_type: i16,
    group_id: &Str,
    within: &Str,
    value: &Option<V>,
) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    let mut key = key_of(record_type, group_id)?;
    key.string(false, within)?;
    Ok((key.into_bytes()?, value_of(value)?))
}

pub(super) fn decode(
    key: Option<&Bytes>,
    value: Option<&Bytes>,
) -> Result<Option<GroupRecord>, RecordDecodeError> {
    let mut key = reader(key.ok_or(RecordDecodeError::NoKey)?);
    let record_type =
        key.i16().map_err(|source| RecordDecodeError::Malformed { record_type: -1, source })?;
    let malformed = |source| RecordDecodeError::Malformed { record_type, source };
    let mut text = || key.string(false).map_err(malformed);
    let record = match record_type {
        LEGACY_OFFSET | OFFSET => {
            let (group_id, topic) = (text()?, text()?);
            let partition = key.i32().map_err(malformed)?;
            let value = value_in::<OffsetValue>(record_type, value)?;
            GroupRecord::Offset(OffsetRecord { group_id, topic, partition, value })
        }
        CLASSIC_GROUP => GroupRecord::ClassicGroup {
            group_id: text()?,
            value: value_in::<ClassicGroupValue>(record_type, value)?,
        },
        CONSUMER_GROUP => GroupRecord::ConsumerGroup {
            group_id: text()?,
            value: value_in::<ConsumerGroupValue>(record_type, value)?,
        },
        CONSUMER_PARTITIONS => GroupRecord::ConsumerPartitions {
            group_id: text()?,
            value: value_in::<ConsumerPartitionsValue>(record_type, value)?,
        },
        CONSUMER_MEMBER => GroupRecord::ConsumerMember {
            group_id: text()?,
            member_id: text()?,
            value: value_in::<ConsumerMemberValue>(record_type, value)?,
        },
        TARGET_ASSIGNMENT => GroupRecord::TargetAssignment {
            group_id: text()?,
            value: value_in::<TargetAssignmentValue>(record_type, value)?,
        },
        TARGET_MEMBER => GroupRecord::TargetMember {
            group_id: text()?,
            member_id: text()?,
            value: value_in::<TargetMemberValue>(record_type, value)?,
        },
        CURRENT_ASSIGNMENT => GroupRecord::CurrentAssignment {
            group_id: text()?,
            member_id: text()?,
            value: value_in::<CurrentAssignmentValue>(record_type, value)?,
        },
        REGULAR_EXPRESSION => GroupRecord::RegularExpression {
            group_id: text()?,
            expression: text()?,
            value: value_in::<RegularExpressionValue>(record_type, value)?,
        },
        // Share groups, streams groups, and what is not invented yet.
        _ => return Ok(None),
    };
    Ok(Some(record))
}

fn value_in<V: Value>(
    record_type: i16,
    value: Option<&Bytes>,
) -> Result<Option<V>, RecordDecodeError> {
    let Some(value) = value else { return Ok(None) };
    let malformed = |source| RecordDecodeError::Malformed { record_type, source };
    let mut reader = reader(value);
    let version = reader.i16().map_err(malformed)?;
    match V::read(&mut reader, version).map_err(malformed)? {
        Some(value) => Ok(Some(value)),
        None => Err(RecordDecodeError::UnknownVersion { record_type, version }),
    }
}
