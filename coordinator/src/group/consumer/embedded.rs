//! What classic consumers put into the group's bytes, as far as a consumer group needs it.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::Bytes;
use highwater_protocol::messages::consumer_group_heartbeat::RequestTopicPartition;
use highwater_protocol::{DecodeError, EncodeError, Reader, Str, Writer};

use super::super::assignor::Partitions;
use super::super::topics::Topics;

/// The newest version of both structs that is known; of a newer one the known prefix is read.
const VERSION_MAX: i16 = 3;

/// Partitions by topic name.
pub(crate) type NamedPartitions = Vec<(Str, Vec<i32>)>;

/// What a consumer says when it joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EmbeddedSubscription {
    pub(crate) version: i16,
    pub(crate) topics: Vec<Str>,
    pub(crate) owned: NamedPartitions,
    pub(crate) rack_id: Option<Str>,
}

impl EmbeddedSubscription {
    /// Reads it.
    ///
    /// Errors: bytes that are something else.
    pub(crate) fn read(bytes: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes.clone());
        let version = reader.i16()?;
        let topics = reader.primitives(false)?;
        reader.nullable_bytes(false)?;
        let owned = if version >= 1 { named_partitions(&mut reader)? } else { Vec::new() };
        if version >= 2 {
            reader.i32()?; // the generation of `owned`, which the broker knows better
        }
        let rack_id = if version >= 3 { reader.nullable_string(false)? } else { None };
        Ok(Self { version, topics, owned, rack_id })
    }

    /// What the consumer says it owns, by topic id; topics that are gone are left out.
    pub(crate) fn owned_by_id(&self, topics: &Topics) -> Vec<RequestTopicPartition> {
        self.owned
            .iter()
            .filter_map(|(name, partitions)| {
                let topic_id = topics.by_name(name)?.id;
                Some(RequestTopicPartition { topic_id, partitions: partitions.clone() })
            })
            .collect()
    }
}

/// What a classic leader gave to a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EmbeddedAssignment {
    pub(crate) partitions: NamedPartitions,
    pub(crate) has_user_data: bool,
}

impl EmbeddedAssignment {
    /// Reads it; no bytes are no partitions.
    ///
    /// Errors: bytes that are something else.
    pub(crate) fn read(bytes: &Bytes) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let mut reader = Reader::new(bytes.clone());
        reader.i16()?;
        let partitions = named_partitions(&mut reader)?;
        let user_data = reader.nullable_bytes(false)?;
        Ok(Self { partitions, has_user_data: user_data.is_some_and(|data| !data.is_empty()) })
    }
}

/// The bytes of an assignment, in the version of the consumer's subscription.
///
/// Errors: more topics or partitions than the format can say.
pub(crate) fn write_assignment(
    partitions: &Partitions,
    topics: &Topics,
    version: i16,
) -> Result<Bytes, EncodeError> {
    let named: Vec<_> = partitions
        .topics()
        .filter_map(|(topic_id, all)| Some((&topics.by_id(topic_id)?.name, all)))
        .collect();
    let mut writer = Writer::new();
    writer.i16(version.clamp(0, VERSION_MAX));
    writer.i32(i32::try_from(named.len()).unwrap_or(i32::MAX));
    for (name, all) in named {
        writer.string(false, name)?;
        let all: Vec<i32> = all.iter().copied().collect();
        writer.primitives(false, &all)?;
    }
    writer.nullable_bytes(false, &None)?;
    writer.into_bytes()
}

fn named_partitions(reader: &mut Reader) -> Result<NamedPartitions, DecodeError> {
    let count = reader.i32()?;
    let mut all = Vec::new();
    // Each is read before the next is believed: a count that lies ends with the bytes.
    for _ in 0..count.max(0) {
        let name = reader.string(false)?;
        all.push((name, reader.primitives(false)?));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use highwater_records::Uuid;
    use proptest::prelude::*;

    use super::super::super::topics::Topic;
    use super::*;

    const ORDERS: Uuid = Uuid::from_random(7);

    fn topics() -> Topics {
        let name = Str::from_static("orders");
        Topics::new([Topic { name, id: ORDERS, partition_count: 4 }])
    }

    #[test]
    fn subscriptions_of_all_versions_are_read() {
        let topics = [Str::from_static("orders")];
        let v0 = Bytes::from_static(b"\0\0\0\0\0\x01\0\x06orders\xff\xff\xff\xff");
        let read = EmbeddedSubscription::read(&v0).unwrap();
        assert_eq!((read.version, &read.topics[..], read.owned.len()), (0, &topics[..], 0));
        let v3 = Bytes::from_static(
            b"\0\x03\0\0\0\x01\0\x06orders\0\0\0\x01U\0\0\0\x01\0\x06orders\0\0\0\x02\
              \0\0\0\0\0\0\0\x02\0\0\0\x05\0\x02r1",
        );
        let read = EmbeddedSubscription::read(&v3).unwrap();
        assert_eq!(read.owned, [(Str::from_static("orders"), vec![0, 2])]);
        assert_eq!(read.rack_id, Some(Str::from_static("r1")));
        let by_id = read.owned_by_id(&self::topics());
        assert_eq!(by_id, [RequestTopicPartition { topic_id: ORDERS, partitions: vec![0, 2] }]);
        let v9 = [&b"\0\x09"[..], &v3[2..], b"and more"].concat();
        let newer = EmbeddedSubscription::read(&Bytes::from(v9)).unwrap();
        assert_eq!((newer.version, newer.owned), (9, read.owned), "the known prefix is read");
    }

    #[test]
    fn an_assignment_is_read_as_it_was_written() {
        let partitions = Partitions::from_iter([(ORDERS, 0), (ORDERS, 3), (Uuid::ONE, 1)]);
        let bytes = write_assignment(&partitions, &topics(), 1).unwrap();
        assert_eq!(bytes[..2], [0, 1]);
        let read = EmbeddedAssignment::read(&bytes).unwrap();
        assert_eq!(read.partitions, [(Str::from_static("orders"), vec![0, 3])]);
        assert!(!read.has_user_data);
        let mut with_data = bytes[..bytes.len() - 4].to_vec();
        with_data.extend(b"\0\0\0\x01U");
        assert!(EmbeddedAssignment::read(&Bytes::from(with_data)).unwrap().has_user_data);
        assert_eq!(EmbeddedAssignment::read(&Bytes::new()), Ok(EmbeddedAssignment::default()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let bytes = Bytes::from(bytes);
            let subscription = EmbeddedSubscription::read(&bytes);
            let assignment = EmbeddedAssignment::read(&bytes);
            if bytes.len() < 2 {
                prop_assert!(subscription.is_err());
                prop_assert_eq!(assignment.is_ok(), bytes.is_empty());
            }
        }
    }
}
