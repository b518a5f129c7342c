//! Values for the tests of several verbs.

use bytes::Bytes;
use highwater::consumer::ConsumerRecord;
use highwater::{Header, Offset, Timestamp};
use highwater_records::{LeaderEpoch, TimestampType};

/// A record whose value is no text.
pub(crate) fn record() -> ConsumerRecord {
    ConsumerRecord {
        topic: "orders".parse().unwrap(),
        partition: 3,
        offset: Offset::new(42),
        timestamp: Timestamp::new(1_700_000_000_000),
        timestamp_type: TimestampType::CreateTime,
        leader_epoch: LeaderEpoch::new(0),
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::from_static(b"va\xfflue")),
        headers: vec![
            Header::new(&b"a"[..], &b"1"[..]),
            Header { key: Bytes::from_static(b"b"), value: None },
        ],
    }
}
