use super::*;

#[test]
fn served_apis_are_those_of_kafka_that_one_broker_needs() {
    let served: Vec<(&str, i16, i16)> = SERVED
        .iter()
        .map(|served| (served.key.name(), *served.versions.start(), *served.versions.end()))
        .collect();
    assert_eq!(
        served,
        [
            ("Produce", 0, 13),
            ("Fetch", 4, 18),
            ("ListOffsets", 1, 11),
            ("Metadata", 0, 13),
            ("OffsetCommit", 2, 10),
            ("OffsetFetch", 1, 10),
            ("FindCoordinator", 0, 6),
            ("JoinGroup", 0, 9),
            ("Heartbeat", 0, 4),
            ("LeaveGroup", 0, 5),
            ("SyncGroup", 0, 5),
            ("DescribeGroups", 0, 6),
            ("ListGroups", 0, 5),
            ("ApiVersions", 0, 4),
            ("CreateTopics", 2, 7),
            ("DeleteTopics", 1, 6),
            ("DeleteRecords", 0, 2),
            ("InitProducerId", 0, 5),
            ("OffsetForLeaderEpoch", 2, 4),
            ("DescribeConfigs", 1, 4),
            ("AlterConfigs", 0, 2),
            ("DescribeLogDirs", 1, 5),
            ("CreatePartitions", 0, 3),
            ("DeleteGroups", 0, 2),
            ("IncrementalAlterConfigs", 0, 1),
            ("OffsetDelete", 0, 0),
            ("DescribeCluster", 0, 2),
            ("ConsumerGroupHeartbeat", 0, 1),
            ("ConsumerGroupDescribe", 0, 1),
            ("DescribeTopicPartitions", 0, 0),
        ]
    );
}

#[test]
fn every_served_version_is_one_the_codec_has_except_the_oldest_produce() {
    for served in SERVED {
        for version in served.versions.clone() {
            let is_refused = served.key == ApiKey::Produce && version < 3;
            assert_eq!(
                served.key.has_version(version),
                !is_refused,
                "{} {version}",
                served.key.name()
            );
        }
    }
}

#[test]
fn each_key_finds_its_own_row() {
    for served in SERVED {
        assert_eq!(find(served.key.code()).unwrap().key, served.key);
    }
    for key in [-1, 4, 127, 128, i16::MAX, i16::MIN] {
        assert!(find(key).is_none(), "{key}");
    }
}
