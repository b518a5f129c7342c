//! Records of internal topics: what we write, we read, and bad bytes are errors.

use std::fmt::Debug;

use bytes::Bytes;
use highwater_protocol::records::consumer_group_current_member_assignment::TopicPartitions;
use highwater_protocol::records::transaction_log::PartitionsSchema;
use highwater_protocol::records::{
    ConsumerGroupCurrentMemberAssignmentValue, TransactionLogKey, TransactionLogValue,
};
use highwater_protocol::{CoordinatorKey, CoordinatorValue, DecodeError, Reader};

use crate::memory::peak_bytes;
use crate::record_samples::visit_each;
use crate::sample::{Sample, Samples};

const SEEDS: u64 = 64;

/// What decoding may take at most per byte of the record, as [`Reader::of_record`] says.
const MEMORY_PER_BYTE: usize = 64;
/// And for errors and small vectors.
const BASE_BYTES: usize = 4 * 1024;

/// Something that is done with the key and the value of every record.
pub(crate) trait Visit {
    fn record<K>(&mut self)
    where
        K: CoordinatorKey<Value: Sample + Debug + PartialEq> + Sample + Debug + PartialEq;
}

fn read_key<K: CoordinatorKey>(bytes: Bytes) -> Result<K, DecodeError> {
    let mut reader = Reader::of_record(bytes);
    let record_type = reader.i16()?;
    K::decode(&mut reader, record_type)
}

struct RoundTrip;

impl Visit for RoundTrip {
    fn record<K>(&mut self)
    where
        K: CoordinatorKey<Value: Sample + Debug + PartialEq> + Sample + Debug + PartialEq,
    {
        for seed in 0..SEEDS {
            let key: K = Samples::new(K::TYPE, seed).any();
            let written = key.to_bytes().unwrap();
            assert!(written.starts_with(&K::TYPE.to_be_bytes()));
            assert_eq!(read_key(written), Ok(key));
            for version in K::Value::VERSIONS {
                let value: K::Value = Samples::new(version, seed).any();
                let written = value.to_bytes(version).unwrap();
                assert!(written.starts_with(&version.to_be_bytes()));
                let read = K::Value::from_bytes(written.clone()).unwrap();
                let again = read.to_bytes(version).unwrap();
                assert_eq!(again, written, "{read:?} v{version}, seed {seed}");
                assert_eq!(K::Value::from_bytes(again), Ok(read));
            }
        }
    }
}

#[test]
fn every_record_decoded_and_encoded_again_gives_the_same_bytes_and_value() {
    visit_each(&mut RoundTrip);
}

#[test]
fn largest_topic_of_a_member_is_read_back() {
    // Epochs of 100,000 partitions are a tagged field that no message may have.
    let topic = TopicPartitions {
        partitions: (0..100_000).collect(),
        assignment_epochs: Some(vec![7; 100_000]),
        ..Default::default()
    };
    let value = ConsumerGroupCurrentMemberAssignmentValue {
        assigned_partitions: vec![topic],
        ..Default::default()
    };
    let written = value.to_bytes(0).unwrap();
    assert_eq!(CoordinatorValue::from_bytes(written), Ok(value));
}

struct Cut;

impl Visit for Cut {
    fn record<K>(&mut self)
    where
        K: CoordinatorKey<Value: Sample + Debug + PartialEq> + Sample + Debug + PartialEq,
    {
        for seed in 0..4 {
            let whole = Samples::new(K::TYPE, seed).any::<K>().to_bytes().unwrap();
            for end in 0..whole.len() {
                assert!(read_key::<K>(whole.slice(..end)).is_err(), "{end} of {}", whole.len());
            }
            for version in K::Value::VERSIONS {
                let value: K::Value = Samples::new(version, seed).any();
                let whole = value.to_bytes(version).unwrap();
                for end in 0..whole.len() {
                    let cut = K::Value::from_bytes(whole.slice(..end));
                    assert!(cut.is_err(), "{cut:?} v{version}, {end} of {}", whole.len());
                }
            }
        }
    }
}

#[test]
fn every_record_cut_at_every_byte_is_an_error() {
    visit_each(&mut Cut);
}

struct UnknownVersion;

impl Visit for UnknownVersion {
    fn record<K>(&mut self)
    where
        K: CoordinatorKey<Value: Sample + Debug + PartialEq> + Sample + Debug + PartialEq,
    {
        for version in [K::Value::VERSIONS.start() - 1, K::Value::VERSIONS.end() + 1] {
            let mut bytes = version.to_be_bytes().to_vec();
            bytes.resize(100, 0);
            let refused = K::Value::from_bytes(bytes.into()).unwrap_err();
            let DecodeError::UnsupportedVersion { message, version: found } = refused else {
                panic!("{refused}");
            };
            assert!(message.ends_with("Value"), "{message}");
            assert_eq!(found, version);
            assert!(Samples::new(0, 0).any::<K::Value>().to_bytes(version).is_err());
        }
        let mut bytes = (K::TYPE + 1).to_be_bytes().to_vec();
        bytes.resize(100, 0);
        let refused = read_key::<K>(bytes.into());
        assert!(matches!(refused, Err(DecodeError::UnsupportedVersion { .. })), "{refused:?}");
    }
}

#[test]
fn value_of_an_unknown_version_and_key_of_another_type_are_refused() {
    visit_each(&mut UnknownVersion);
}

struct Hostile;

impl Hostile {
    /// What is accepted must come back the same, within its memory.
    fn check<V: CoordinatorValue + Debug + PartialEq>(version: i16, bytes: Bytes) {
        let most = MEMORY_PER_BYTE * bytes.len() + BASE_BYTES;
        let (read, peak) = peak_bytes(|| V::from_bytes(bytes.clone()));
        assert!(peak <= most, "v{version}: {peak} bytes for {}", bytes.len());
        if let Ok(read) = read {
            let written = read.to_bytes(version).unwrap();
            assert_eq!(V::from_bytes(written), Ok(read));
        }
    }
}

impl Visit for Hostile {
    fn record<K>(&mut self)
    where
        K: CoordinatorKey<Value: Sample + Debug + PartialEq> + Sample + Debug + PartialEq,
    {
        for version in K::Value::VERSIONS {
            let mut source = Samples::new(version, 0xbad);
            for seed in 0..200 {
                // Small numbers are more often lengths and counts that reach further in.
                let length = source.below(120);
                let mut random = source.bytes(length);
                for byte in &mut random {
                    if source.below(3) == 0 {
                        *byte = source.below(4) as u8;
                    }
                }
                random.splice(..0, version.to_be_bytes());
                Self::check::<K::Value>(version, random.into());

                let value: K::Value = Samples::new(version, seed).any();
                let mut mutated = value.to_bytes(version).unwrap().to_vec();
                for _ in 0..=source.below(3) {
                    let at = 2 + source.below(mutated.len() as u64 - 2) as usize;
                    mutated[at] = if source.below(2) == 0 { 0xff } else { source.number() as u8 };
                }
                Self::check::<K::Value>(version, mutated.into());
            }
            for pattern in [&[0_u8][..], &[1], &[2], &[0, 0, 0x10, 0], &[0x81, 0x80, 1, 1, 0]] {
                let flood = version.to_be_bytes().into_iter();
                let flood = flood.chain(pattern.iter().copied().cycle().take(20_000));
                Self::check::<K::Value>(version, flood.collect());
            }
        }
    }
}

#[test]
fn bad_bytes_are_refused_or_understood_within_their_memory() {
    visit_each(&mut Hostile);
}

/// Bytes that Apache Kafka 4.3.1 made.
#[test]
fn transaction_log_of_apache_kafka_is_read_and_written_as_it_does() {
    let hex = |bytes: Bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = TransactionLogKey { transactional_id: "payments".into() };
    assert_eq!(hex(key.to_bytes().unwrap()), "000000087061796d656e7473");
    let orders = PartitionsSchema { topic: "orders".into(), partition_ids: vec![0, 1, 300] };
    let ongoing = TransactionLogValue {
        producer_id: 4000,
        producer_epoch: 5,
        transaction_timeout_ms: 60_000,
        transaction_status: 1,
        transaction_partitions: Some(vec![orders]),
        transaction_last_update_timestamp_ms: 2000,
        transaction_start_timestamp_ms: 1000,
        ..Default::default()
    };
    let tagged = TransactionLogValue {
        previous_producer_id: 3999,
        next_producer_id: 4001,
        client_transaction_version: 2,
        ..ongoing.clone()
    };
    let empty = TransactionLogValue {
        producer_id: 4000,
        transaction_start_timestamp_ms: -1,
        ..Default::default()
    };
    for (value, version, expected) in [
        (
            &ongoing,
            0,
            "00000000000000000fa000050000ea60010000000100066f72646572730000000300000000000000010000012c\
             00000000000007d000000000000003e8",
        ),
        (
            &ongoing,
            1,
            "00010000000000000fa000050000ea600102076f72646572730400000000000000010000012c00\
             00000000000007d000000000000003e800",
        ),
        (
            &tagged,
            1,
            "00010000000000000fa000050000ea600102076f72646572730400000000000000010000012c00\
             00000000000007d000000000000003e80300080000000000000f9f01080000000000000fa102020002",
        ),
        (&empty, 0, "00000000000000000fa000000000000000ffffffff0000000000000000ffffffffffffffff"),
        (&empty, 1, "00010000000000000fa000000000000000000000000000000000ffffffffffffffff00"),
    ] {
        let written = value.to_bytes(version).unwrap();
        assert_eq!(TransactionLogValue::from_bytes(written.clone()).as_ref(), Ok(value));
        assert_eq!(hex(written), expected);
    }
}
