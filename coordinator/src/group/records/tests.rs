//! Bytes of Apache Kafka, and bytes of nobody.

use bytes::Bytes;
use highwater_protocol::records::group_metadata::MemberMetadata;
use proptest::prelude::*;

use super::super::fixture::check_golden;
use super::*;

fn from_hex(text: &str) -> Bytes {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

fn to_hex(bytes: &Bytes) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn records_of_apache_kafka_are_read_and_written_as_it_does() {
    check_golden("records.txt", |block| {
        let lines: Vec<&str> = block.lines().collect();
        let [_, key, value] = lines[..] else { panic!("{block}") };
        let value = (value != "-").then(|| from_hex(value));
        let Some(record) = GroupRecord::decode(Some(&from_hex(key)), value.as_ref()).unwrap()
        else {
            return "skipped".to_owned();
        };
        let (written_key, written_value) = record.encode().unwrap();
        let mut text = format!("{record:?}");
        if to_hex(&written_key) != key {
            text.push_str(&format!("\nwritten with the key {}", to_hex(&written_key)));
        }
        if written_value != value {
            let written = written_value.as_ref().map(to_hex);
            text.push_str(&format!("\nwritten {}", written.unwrap_or_default()));
        }
        let read_back = GroupRecord::decode(Some(&written_key), written_value.as_ref());
        assert_eq!(read_back, Ok(Some(record)));
        text
    });
}

#[test]
fn a_value_of_an_unknown_version_is_refused() {
    let key = from_hex("0002000167");
    let refused = GroupRecord::decode(Some(&key), Some(&from_hex("0005"))).unwrap_err();
    let source = DecodeError::UnsupportedVersion { message: "GroupMetadataValue", version: 5 };
    assert_eq!(refused, RecordDecodeError::Malformed { record_type: 2, source });
    assert_eq!(GroupRecord::decode(None, None), Err(RecordDecodeError::NoKey));
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused() {
    let key = from_hex("0007000167000167");
    let value = from_hex("0000ffffffff0f");
    let refused = GroupRecord::decode(Some(&key), Some(&value)).unwrap_err();
    assert!(matches!(refused, RecordDecodeError::Malformed { record_type: 7, .. }), "{refused:?}");
}

#[test]
fn a_thousand_members_of_few_bytes_each_are_readable_again() {
    let member = |at: i32| MemberMetadata {
        member_id: Str::from(format!("{at}")),
        rebalance_timeout: 1,
        ..MemberMetadata::default()
    };
    let value =
        GroupMetadataValue { members: (0..1_000).map(member).collect(), ..Default::default() };
    let record = GroupRecord::ClassicGroup { group_id: Str::from("g"), value: Some(value) };
    let (key, value) = record.encode().unwrap();
    assert_eq!(GroupRecord::decode(Some(&key), value.as_ref()), Ok(Some(record)));
}

proptest! {
    #[test]
    fn decoding_any_bytes_never_panics(
        record_type in prop_oneof![0i16..=17, any::<i16>()],
        key in proptest::collection::vec(any::<u8>(), 0..40),
        version in -1i16..=5,
        value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
    ) {
        let key: Bytes = record_type.to_be_bytes().into_iter().chain(key).collect();
        let value: Option<Bytes> =
            value.map(|value| version.to_be_bytes().into_iter().chain(value).collect());
        // What can be read can be written, and then means the same.
        if let Ok(Some(record)) = GroupRecord::decode(Some(&key), value.as_ref()) {
            let (key, value) = record.encode().unwrap();
            prop_assert_eq!(GroupRecord::decode(Some(&key), value.as_ref()), Ok(Some(record)));
        }
    }
}
