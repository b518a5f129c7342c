//! The keys of Kafka's APIs.

use crate::api::{Authorization, CodecRow, Operation, ResourceType, Row};

/// An API of Kafka's protocol; also those that the codec has no messages for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {
    /// Key 0.
    Produce = 0,
    /// Key 1.
    Fetch = 1,
    /// Key 2.
    ListOffsets = 2,
    /// Key 3.
    Metadata = 3,
    /// Key 4.
    LeaderAndIsr = 4,
    /// Key 5.
    StopReplica = 5,
    /// Key 6.
    UpdateMetadata = 6,
    /// Key 7.
    ControlledShutdown = 7,
    /// Key 8.
    OffsetCommit = 8,
    /// Key 9.
    OffsetFetch = 9,
    /// Key 10.
    FindCoordinator = 10,
    /// Key 11.
    JoinGroup = 11,
    /// Key 12.
    Heartbeat = 12,
    /// Key 13.
    LeaveGroup = 13,
    /// Key 14.
    SyncGroup = 14,
    /// Key 15.
    DescribeGroups = 15,
    /// Key 16.
    ListGroups = 16,
    /// Key 17.
    SaslHandshake = 17,
    /// Key 18.
    ApiVersions = 18,
    /// Key 19.
    CreateTopics = 19,
    /// Key 20.
    DeleteTopics = 20,
    /// Key 21.
    DeleteRecords = 21,
    /// Key 22.
    InitProducerId = 22,
    /// Key 23.
    OffsetForLeaderEpoch = 23,
    /// Key 24.
    AddPartitionsToTxn = 24,
    /// Key 25.
    AddOffsetsToTxn = 25,
    /// Key 26.
    EndTxn = 26,
    /// Key 27.
    WriteTxnMarkers = 27,
    /// Key 28.
    TxnOffsetCommit = 28,
    /// Key 29.
    DescribeAcls = 29,
    /// Key 30.
    CreateAcls = 30,
    /// Key 31.
    DeleteAcls = 31,
    /// Key 32.
    DescribeConfigs = 32,
    /// Key 33.
    AlterConfigs = 33,
    /// Key 34.
    AlterReplicaLogDirs = 34,
    /// Key 35.
    DescribeLogDirs = 35,
    /// Key 36.
    SaslAuthenticate = 36,
    /// Key 37.
    CreatePartitions = 37,
    /// Key 38.
    CreateDelegationToken = 38,
    /// Key 39.
    RenewDelegationToken = 39,
    /// Key 40.
    ExpireDelegationToken = 40,
    /// Key 41.
    DescribeDelegationToken = 41,
    /// Key 42.
    DeleteGroups = 42,
    /// Key 43.
    ElectLeaders = 43,
    /// Key 44.
    IncrementalAlterConfigs = 44,
    /// Key 45.
    AlterPartitionReassignments = 45,
    /// Key 46.
    ListPartitionReassignments = 46,
    /// Key 47.
    OffsetDelete = 47,
    /// Key 48.
    DescribeClientQuotas = 48,
    /// Key 49.
    AlterClientQuotas = 49,
    /// Key 50.
    DescribeUserScramCredentials = 50,
    /// Key 51.
    AlterUserScramCredentials = 51,
    /// Key 52.
    Vote = 52,
    /// Key 53.
    BeginQuorumEpoch = 53,
    /// Key 54.
    EndQuorumEpoch = 54,
    /// Key 55.
    DescribeQuorum = 55,
    /// Key 56.
    AlterPartition = 56,
    /// Key 57.
    UpdateFeatures = 57,
    /// Key 58.
    Envelope = 58,
    /// Key 59.
    FetchSnapshot = 59,
    /// Key 60.
    DescribeCluster = 60,
    /// Key 61.
    DescribeProducers = 61,
    /// Key 62.
    BrokerRegistration = 62,
    /// Key 63.
    BrokerHeartbeat = 63,
    /// Key 64.
    UnregisterBroker = 64,
    /// Key 65.
    DescribeTransactions = 65,
    /// Key 66.
    ListTransactions = 66,
    /// Key 67.
    AllocateProducerIds = 67,
    /// Key 68.
    ConsumerGroupHeartbeat = 68,
    /// Key 69.
    ConsumerGroupDescribe = 69,
    /// Key 70.
    ControllerRegistration = 70,
    /// Key 71.
    GetTelemetrySubscriptions = 71,
    /// Key 72.
    PushTelemetry = 72,
    /// Key 73.
    AssignReplicasToDirs = 73,
    /// Key 74.
    ListConfigResources = 74,
    /// Key 75.
    DescribeTopicPartitions = 75,
    /// Key 76.
    ShareGroupHeartbeat = 76,
    /// Key 77.
    ShareGroupDescribe = 77,
    /// Key 78.
    ShareFetch = 78,
    /// Key 79.
    ShareAcknowledge = 79,
    /// Key 80.
    AddRaftVoter = 80,
    /// Key 81.
    RemoveRaftVoter = 81,
    /// Key 82.
    UpdateRaftVoter = 82,
    /// Key 83.
    InitializeShareGroupState = 83,
    /// Key 84.
    ReadShareGroupState = 84,
    /// Key 85.
    WriteShareGroupState = 85,
    /// Key 86.
    DeleteShareGroupState = 86,
    /// Key 87.
    ReadShareGroupStateSummary = 87,
    /// Key 88.
    StreamsGroupHeartbeat = 88,
    /// Key 89.
    StreamsGroupDescribe = 89,
    /// Key 90.
    DescribeShareGroupOffsets = 90,
    /// Key 91.
    AlterShareGroupOffsets = 91,
    /// Key 92.
    DeleteShareGroupOffsets = 92,
    /// Key 93.
    StreamsGroupTopologyDescriptionUpdate = 93,
    /// Key 94.
    UnregisterController = 94,
}

impl ApiKey {
    /// Every API, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::Produce,
        Self::Fetch,
        Self::ListOffsets,
        Self::Metadata,
        Self::LeaderAndIsr,
        Self::StopReplica,
        Self::UpdateMetadata,
        Self::ControlledShutdown,
        Self::OffsetCommit,
        Self::OffsetFetch,
        Self::FindCoordinator,
        Self::JoinGroup,
        Self::Heartbeat,
        Self::LeaveGroup,
        Self::SyncGroup,
        Self::DescribeGroups,
        Self::ListGroups,
        Self::SaslHandshake,
        Self::ApiVersions,
        Self::CreateTopics,
        Self::DeleteTopics,
        Self::DeleteRecords,
        Self::InitProducerId,
        Self::OffsetForLeaderEpoch,
        Self::AddPartitionsToTxn,
        Self::AddOffsetsToTxn,
        Self::EndTxn,
        Self::WriteTxnMarkers,
        Self::TxnOffsetCommit,
        Self::DescribeAcls,
        Self::CreateAcls,
        Self::DeleteAcls,
        Self::DescribeConfigs,
        Self::AlterConfigs,
        Self::AlterReplicaLogDirs,
        Self::DescribeLogDirs,
        Self::SaslAuthenticate,
        Self::CreatePartitions,
        Self::CreateDelegationToken,
        Self::RenewDelegationToken,
        Self::ExpireDelegationToken,
        Self::DescribeDelegationToken,
        Self::DeleteGroups,
        Self::ElectLeaders,
        Self::IncrementalAlterConfigs,
        Self::AlterPartitionReassignments,
        Self::ListPartitionReassignments,
        Self::OffsetDelete,
        Self::DescribeClientQuotas,
        Self::AlterClientQuotas,
        Self::DescribeUserScramCredentials,
        Self::AlterUserScramCredentials,
        Self::Vote,
        Self::BeginQuorumEpoch,
        Self::EndQuorumEpoch,
        Self::DescribeQuorum,
        Self::AlterPartition,
        Self::UpdateFeatures,
        Self::Envelope,
        Self::FetchSnapshot,
        Self::DescribeCluster,
        Self::DescribeProducers,
        Self::BrokerRegistration,
        Self::BrokerHeartbeat,
        Self::UnregisterBroker,
        Self::DescribeTransactions,
        Self::ListTransactions,
        Self::AllocateProducerIds,
        Self::ConsumerGroupHeartbeat,
        Self::ConsumerGroupDescribe,
        Self::ControllerRegistration,
        Self::GetTelemetrySubscriptions,
        Self::PushTelemetry,
        Self::AssignReplicasToDirs,
        Self::ListConfigResources,
        Self::DescribeTopicPartitions,
        Self::ShareGroupHeartbeat,
        Self::ShareGroupDescribe,
        Self::ShareFetch,
        Self::ShareAcknowledge,
        Self::AddRaftVoter,
        Self::RemoveRaftVoter,
        Self::UpdateRaftVoter,
        Self::InitializeShareGroupState,
        Self::ReadShareGroupState,
        Self::WriteShareGroupState,
        Self::DeleteShareGroupState,
        Self::ReadShareGroupStateSummary,
        Self::StreamsGroupHeartbeat,
        Self::StreamsGroupDescribe,
        Self::DescribeShareGroupOffsets,
        Self::AlterShareGroupOffsets,
        Self::DeleteShareGroupOffsets,
        Self::StreamsGroupTopologyDescriptionUpdate,
        Self::UnregisterController,
    ];

    /// The key of a number; `None` if Kafka has none such.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        Some(match code {
            0 => Self::Produce,
            1 => Self::Fetch,
            2 => Self::ListOffsets,
            3 => Self::Metadata,
            4 => Self::LeaderAndIsr,
            5 => Self::StopReplica,
            6 => Self::UpdateMetadata,
            7 => Self::ControlledShutdown,
            8 => Self::OffsetCommit,
            9 => Self::OffsetFetch,
            10 => Self::FindCoordinator,
            11 => Self::JoinGroup,
            12 => Self::Heartbeat,
            13 => Self::LeaveGroup,
            14 => Self::SyncGroup,
            15 => Self::DescribeGroups,
            16 => Self::ListGroups,
            17 => Self::SaslHandshake,
            18 => Self::ApiVersions,
            19 => Self::CreateTopics,
            20 => Self::DeleteTopics,
            21 => Self::DeleteRecords,
            22 => Self::InitProducerId,
            23 => Self::OffsetForLeaderEpoch,
            24 => Self::AddPartitionsToTxn,
            25 => Self::AddOffsetsToTxn,
            26 => Self::EndTxn,
            27 => Self::WriteTxnMarkers,
            28 => Self::TxnOffsetCommit,
            29 => Self::DescribeAcls,
            30 => Self::CreateAcls,
            31 => Self::DeleteAcls,
            32 => Self::DescribeConfigs,
            33 => Self::AlterConfigs,
            34 => Self::AlterReplicaLogDirs,
            35 => Self::DescribeLogDirs,
            36 => Self::SaslAuthenticate,
            37 => Self::CreatePartitions,
            38 => Self::CreateDelegationToken,
            39 => Self::RenewDelegationToken,
            40 => Self::ExpireDelegationToken,
            41 => Self::DescribeDelegationToken,
            42 => Self::DeleteGroups,
            43 => Self::ElectLeaders,
            44 => Self::IncrementalAlterConfigs,
            45 => Self::AlterPartitionReassignments,
            46 => Self::ListPartitionReassignments,
            47 => Self::OffsetDelete,
            48 => Self::DescribeClientQuotas,
            49 => Self::AlterClientQuotas,
            50 => Self::DescribeUserScramCredentials,
            51 => Self::AlterUserScramCredentials,
            52 => Self::Vote,
            53 => Self::BeginQuorumEpoch,
            54 => Self::EndQuorumEpoch,
            55 => Self::DescribeQuorum,
            56 => Self::AlterPartition,
            57 => Self::UpdateFeatures,
            58 => Self::Envelope,
            59 => Self::FetchSnapshot,
            60 => Self::DescribeCluster,
            61 => Self::DescribeProducers,
            62 => Self::BrokerRegistration,
            63 => Self::BrokerHeartbeat,
            64 => Self::UnregisterBroker,
            65 => Self::DescribeTransactions,
            66 => Self::ListTransactions,
            67 => Self::AllocateProducerIds,
            68 => Self::ConsumerGroupHeartbeat,
            69 => Self::ConsumerGroupDescribe,
            70 => Self::ControllerRegistration,
            71 => Self::GetTelemetrySubscriptions,
            72 => Self::PushTelemetry,
            73 => Self::AssignReplicasToDirs,
            74 => Self::ListConfigResources,
            75 => Self::DescribeTopicPartitions,
            76 => Self::ShareGroupHeartbeat,
            77 => Self::ShareGroupDescribe,
            78 => Self::ShareFetch,
            79 => Self::ShareAcknowledge,
            80 => Self::AddRaftVoter,
            81 => Self::RemoveRaftVoter,
            82 => Self::UpdateRaftVoter,
            83 => Self::InitializeShareGroupState,
            84 => Self::ReadShareGroupState,
            85 => Self::WriteShareGroupState,
            86 => Self::DeleteShareGroupState,
            87 => Self::ReadShareGroupStateSummary,
            88 => Self::StreamsGroupHeartbeat,
            89 => Self::StreamsGroupDescribe,
            90 => Self::DescribeShareGroupOffsets,
            91 => Self::AlterShareGroupOffsets,
            92 => Self::DeleteShareGroupOffsets,
            93 => Self::StreamsGroupTopologyDescriptionUpdate,
            94 => Self::UnregisterController,

            _ => return None,
        })
    }

    pub(crate) const fn row(self) -> Row {
        match self {
            Self::Produce => Row {
                name: "Produce",
                codec: Some(CodecRow {
                    versions: (3, 13),
                    first_flexible: Some(9),
                    authorization: &[
                        may(Operation::Write, ResourceType::Topic),
                        may(Operation::Write, ResourceType::TransactionalId),
                    ],
                }),
            },
            Self::Fetch => Row {
                name: "Fetch",
                codec: Some(CodecRow {
                    versions: (4, 18),
                    first_flexible: Some(12),
                    authorization: &[
                        may(Operation::Read, ResourceType::Topic),
                        may(Operation::ClusterAction, ResourceType::Cluster),
                    ],
                }),
            },
            Self::ListOffsets => Row {
                name: "ListOffsets",
                codec: Some(CodecRow {
                    versions: (1, 11),
                    first_flexible: Some(6),
                    authorization: &[may(Operation::Describe, ResourceType::Topic)],
                }),
            },
            Self::Metadata => Row {
                name: "Metadata",
                codec: Some(CodecRow {
                    versions: (0, 13),
                    first_flexible: Some(9),
                    authorization: &[
                        may(Operation::Describe, ResourceType::Topic),
                        may(Operation::Create, ResourceType::Topic),
                        may(Operation::Create, ResourceType::Cluster),
                    ],
                }),
            },
            Self::LeaderAndIsr => Row { name: "LeaderAndIsr", codec: None },
            Self::StopReplica => Row { name: "StopReplica", codec: None },
            Self::UpdateMetadata => Row { name: "UpdateMetadata", codec: None },
            Self::ControlledShutdown => Row { name: "ControlledShutdown", codec: None },
            Self::OffsetCommit => Row {
                name: "OffsetCommit",
                codec: Some(CodecRow {
                    versions: (2, 10),
                    first_flexible: Some(8),
                    authorization: &[
                        may(Operation::Read, ResourceType::Group),
                        may(Operation::Read, ResourceType::Topic),
                    ],
                }),
            },
            Self::OffsetFetch => Row {
                name: "OffsetFetch",
                codec: Some(CodecRow {
                    versions: (1, 10),
                    first_flexible: Some(6),
                    authorization: &[
                        may(Operation::Describe, ResourceType::Group),
                        may(Operation::Describe, ResourceType::Topic),
                    ],
                }),
            },
            Self::FindCoordinator => Row {
                name: "FindCoordinator",
                codec: Some(CodecRow {
                    versions: (0, 6),
                    first_flexible: Some(3),
                    authorization: &[
                        may(Operation::Describe, ResourceType::Group),
                        may(Operation::Describe, ResourceType::TransactionalId),
                    ],
                }),
            },
            Self::JoinGroup => Row {
                name: "JoinGroup",
                codec: Some(CodecRow {
                    versions: (0, 9),
                    first_flexible: Some(6),
                    authorization: &[may(Operation::Read, ResourceType::Group)],
                }),
            },
            Self::Heartbeat => Row {
                name: "Heartbeat",
                codec: Some(CodecRow {
                    versions: (0, 4),
                    first_flexible: Some(4),
                    authorization: &[may(Operation::Read, ResourceType::Group)],
                }),
            },
            Self::LeaveGroup => Row {
                name: "LeaveGroup",
                codec: Some(CodecRow {
                    versions: (0, 5),
                    first_flexible: Some(4),
                    authorization: &[may(Operation::Read, ResourceType::Group)],
                }),
            },
            Self::SyncGroup => Row {
                name: "SyncGroup",
                codec: Some(CodecRow {
                    versions: (0, 5),
                    first_flexible: Some(4),
                    authorization: &[may(Operation::Read, ResourceType::Group)],
                }),
            },
            Self::DescribeGroups => Row {
                name: "DescribeGroups",
                codec: Some(CodecRow {
                    versions: (0, 6),
                    first_flexible: Some(5),
                    authorization: &[may(Operation::Describe, ResourceType::Group)],
                }),
            },
            Self::ListGroups => Row {
                name: "ListGroups",
                codec: Some(CodecRow {
                    versions: (0, 5),
                    first_flexible: Some(3),
                    authorization: &[
                        may(Operation::Describe, ResourceType::Cluster),
                        may(Operation::Describe, ResourceType::Group),
                    ],
                }),
            },
            Self::SaslHandshake => Row {
                name: "SaslHandshake",
                codec: Some(CodecRow {
                    versions: (0, 1),
                    first_flexible: None,
                    authorization: &[],
                }),
            },
            Self::ApiVersions => Row {
                name: "ApiVersions",
                codec: Some(CodecRow {
                    versions: (0, 4),
                    first_flexible: Some(3),
                    authorization: &[],
                }),
            },
            Self::CreateTopics => Row {
                name: "CreateTopics",
                codec: Some(CodecRow {
                    versions: (2, 7),
                    first_flexible: Some(5),
                    authorization: &[
                        may(Operation::Create, ResourceType::Cluster),
                        may(Operation::Create, ResourceType::Topic),
                        may(Operation::DescribeConfigs, ResourceType::Topic),
                    ],
                }),
            },
            Self::DeleteTopics => Row {
                name: "DeleteTopics",
                codec: Some(CodecRow {
                    versions: (1, 6),
                    first_flexible: Some(4),
                    authorization: &[
                        may(Operation::Delete, ResourceType::Topic),
                        may(Operation::Describe, ResourceType::Topic),
                    ],
                }),
            },
            Self::DeleteRecords => Row {
                name: "DeleteRecords",
                codec: Some(CodecRow {
                    versions: (0, 2),
                    first_flexible: Some(2),
                    authorization: &[may(Operation::Delete, ResourceType::Topic)],
                }),
            },
            Self::InitProducerId => Row {
                name: "InitProducerId",
                codec: Some(CodecRow {
                    versions: (0, 5),
                    first_flexible: Some(2),
                    authorization: &[
                        may(Operation::Write, ResourceType::TransactionalId),
                        may(Operation::IdempotentWrite, ResourceType::Cluster),
                    ],
                }),
            },
            Self::OffsetForLeaderEpoch => Row {
                name: "OffsetForLeaderEpoch",
                codec: Some(CodecRow {
                    versions: (2, 4),
                    first_flexible: Some(4),
                    authorization: &[
                        may(Operation::Describe, ResourceType::Topic),
                        may(Operation::ClusterAction, ResourceType::Cluster),
                    ],
                }),
            },
            Self::AddPartitionsToTxn => Row {
                name: "AddPartitionsToTxn",
                codec: Some(CodecRow {
                    versions: (0, 5),
                    first_flexible: Some(3),
                    authorization: &[
                        may(Operation::Write, ResourceType::TransactionalId),
                        may(Operation::Write, ResourceType::Topic),
                        may(Operation::ClusterAction, ResourceType::Cluster),
                    ],
                }),
            },
            Self::AddOffsetsToTxn => Row {
                name: "AddOffsetsToTxn",
                codec: Some(CodecRow {
                    versions: (0, 4),
                    first_flexible: Some(3),
                    authorization: &[
                        may(Operation::Write, ResourceType::TransactionalId),
                        may(Operation::Read, ResourceType::Group),
                    ],
                }),
            },
            Self::EndTxn => Row {
                name: "EndTxn",
                codec: Some(CodecRow {
                    versions: (0, 5),
                    first_flexible: Some(3),
                    authorization: &[may(Operation::Write, ResourceType::TransactionalId)],
                }),
            },
            Self::WriteTxnMarkers => Row {
                name: "WriteTxnMarkers",
                codec: Some(CodecRow {
                    versions: (1, 2),
                    first_flexible: Some(1),
                    authorization: &[
                        may(Operation::ClusterAction, ResourceType::Cluster),
                        may(Operation::Alter, ResourceType::Cluster),
                    ],
                }),
            },
            Self::TxnOffsetCommit => Row {
                name: "TxnOffsetCommit",
                codec: Some(CodecRow {
                    versions: (0, 5),
                    first_flexible: Some(3),
                    authorization: &[
                        may(Operation::Write, ResourceType::TransactionalId),
                        may(Operation::Read, ResourceType::Group),
                        may(Operation::Read, ResourceType::Topic),
                    ],
                }),
            },
            Self::DescribeAcls => Row {
                name: "DescribeAcls",
                codec: Some(CodecRow {
                    versions: (1, 3),
                    first_flexible: Some(2),
                    authorization: &[may(Operation::Describe, ResourceType::Cluster)],
                }),
            },
            Self::CreateAcls => Row {
                name: "CreateAcls",
                codec: Some(CodecRow {
                    versions: (1, 3),
                    first_flexible: Some(2),
                    authorization: &[may(Operation::Alter, ResourceType::Cluster)],
                }),
            },
            Self::DeleteAcls => Row {
                name: "DeleteAcls",
                codec: Some(CodecRow {
                    versions: (1, 3),
                    first_flexible: Some(2),
                    authorization: &[may(Operation::Alter, ResourceType::Cluster)],
                }),
            },
            Self::DescribeConfigs => Row {
                name: "DescribeConfigs",
                codec: Some(CodecRow {
                    versions: (1, 4),
                    first_flexible: Some(4),
                    authorization: &[
                        may(Operation::DescribeConfigs, ResourceType::Topic),
                        may(Operation::DescribeConfigs, ResourceType::Cluster),
                        may(Operation::DescribeConfigs, ResourceType::Group),
                    ],
                }),
            },
            Self::AlterConfigs => Row {
                name: "AlterConfigs",
                codec: Some(CodecRow {
                    versions: (0, 2),
                    first_flexible: Some(2),
                    authorization: &[
                        may(Operation::AlterConfigs, ResourceType::Topic),
                        may(Operation::AlterConfigs, ResourceType::Cluster),
                    ],
                }),
            },
            Self::AlterReplicaLogDirs => Row { name: "AlterReplicaLogDirs", codec: None },
            Self::DescribeLogDirs => Row {
                name: "DescribeLogDirs",
                codec: Some(CodecRow {
                    versions: (1, 5),
                    first_flexible: Some(2),
                    authorization: &[may(Operation::Describe, ResourceType::Cluster)],
                }),
            },
            Self::SaslAuthenticate => Row {
                name: "SaslAuthenticate",
                codec: Some(CodecRow {
                    versions: (0, 2),
                    first_flexible: Some(2),
                    authorization: &[],
                }),
            },
            Self::CreatePartitions => Row {
                name: "CreatePartitions",
                codec: Some(CodecRow {
                    versions: (0, 3),
                    first_flexible: Some(2),
                    authorization: &[may(Operation::Alter, ResourceType::Topic)],
                }),
            },
            Self::CreateDelegationToken => Row { name: "CreateDelegationToken", codec: None },
            Self::RenewDelegationToken => Row { name: "RenewDelegationToken", codec: None },
            Self::ExpireDelegationToken => Row { name: "ExpireDelegationToken", codec: None },
            Self::DescribeDelegationToken => Row { name: "DescribeDelegationToken", codec: None },
            Self::DeleteGroups => Row {
                name: "DeleteGroups",
                codec: Some(CodecRow {
                    versions: (0, 2),
                    first_flexible: Some(2),
                    authorization: &[may(Operation::Delete, ResourceType::Group)],
                }),
            },
            Self::ElectLeaders => Row {
                name: "ElectLeaders",
                codec: Some(CodecRow {
                    versions: (0, 2),
                    first_flexible: Some(2),
                    authorization: &[may(Operation::Alter, ResourceType::Cluster)],
                }),
            },
            Self::IncrementalAlterConfigs => Row {
                name: "IncrementalAlterConfigs",
                codec: Some(CodecRow {
                    versions: (0, 1),
                    first_flexible: Some(1),
                    authorization: &[
                        may(Operation::AlterConfigs, ResourceType::Topic),
                        may(Operation::AlterConfigs, ResourceType::Cluster),
                        may(Operation::AlterConfigs, ResourceType::Group),
                    ],
                }),
            },
            Self::AlterPartitionReassignments => Row {
                name: "AlterPartitionReassignments",
                codec: Some(CodecRow {
                    versions: (0, 1),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Alter, ResourceType::Cluster)],
                }),
            },
            Self::ListPartitionReassignments => Row {
                name: "ListPartitionReassignments",
                codec: Some(CodecRow {
                    versions: (0, 0),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Describe, ResourceType::Cluster)],
                }),
            },
            Self::OffsetDelete => Row {
                name: "OffsetDelete",
                codec: Some(CodecRow {
                    versions: (0, 0),
                    first_flexible: None,
                    authorization: &[
                        may(Operation::Delete, ResourceType::Group),
                        may(Operation::Read, ResourceType::Topic),
                    ],
                }),
            },
            Self::DescribeClientQuotas => Row {
                name: "DescribeClientQuotas",
                codec: Some(CodecRow {
                    versions: (0, 1),
                    first_flexible: Some(1),
                    authorization: &[may(Operation::DescribeConfigs, ResourceType::Cluster)],
                }),
            },
            Self::AlterClientQuotas => Row {
                name: "AlterClientQuotas",
                codec: Some(CodecRow {
                    versions: (0, 1),
                    first_flexible: Some(1),
                    authorization: &[may(Operation::AlterConfigs, ResourceType::Cluster)],
                }),
            },
            Self::DescribeUserScramCredentials => Row {
                name: "DescribeUserScramCredentials",
                codec: Some(CodecRow {
                    versions: (0, 0),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Describe, ResourceType::Cluster)],
                }),
            },
            Self::AlterUserScramCredentials => Row {
                name: "AlterUserScramCredentials",
                codec: Some(CodecRow {
                    versions: (0, 0),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Alter, ResourceType::Cluster)],
                }),
            },
            Self::Vote => Row { name: "Vote", codec: None },
            Self::BeginQuorumEpoch => Row { name: "BeginQuorumEpoch", codec: None },
            Self::EndQuorumEpoch => Row { name: "EndQuorumEpoch", codec: None },
            Self::DescribeQuorum => Row { name: "DescribeQuorum", codec: None },
            Self::AlterPartition => Row { name: "AlterPartition", codec: None },
            Self::UpdateFeatures => Row { name: "UpdateFeatures", codec: None },
            Self::Envelope => Row { name: "Envelope", codec: None },
            Self::FetchSnapshot => Row { name: "FetchSnapshot", codec: None },
            Self::DescribeCluster => Row {
                name: "DescribeCluster",
                codec: Some(CodecRow {
                    versions: (0, 2),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Describe, ResourceType::Cluster)],
                }),
            },
            Self::DescribeProducers => Row {
                name: "DescribeProducers",
                codec: Some(CodecRow {
                    versions: (0, 0),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Read, ResourceType::Topic)],
                }),
            },
            Self::BrokerRegistration => Row { name: "BrokerRegistration", codec: None },
            Self::BrokerHeartbeat => Row { name: "BrokerHeartbeat", codec: None },
            Self::UnregisterBroker => Row { name: "UnregisterBroker", codec: None },
            Self::DescribeTransactions => Row {
                name: "DescribeTransactions",
                codec: Some(CodecRow {
                    versions: (0, 0),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Describe, ResourceType::TransactionalId)],
                }),
            },
            Self::ListTransactions => Row {
                name: "ListTransactions",
                codec: Some(CodecRow {
                    versions: (0, 2),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Describe, ResourceType::TransactionalId)],
                }),
            },
            Self::AllocateProducerIds => Row { name: "AllocateProducerIds", codec: None },
            Self::ConsumerGroupHeartbeat => Row {
                name: "ConsumerGroupHeartbeat",
                codec: Some(CodecRow {
                    versions: (0, 1),
                    first_flexible: Some(0),
                    authorization: &[
                        may(Operation::Read, ResourceType::Group),
                        may(Operation::Describe, ResourceType::Topic),
                    ],
                }),
            },
            Self::ConsumerGroupDescribe => Row {
                name: "ConsumerGroupDescribe",
                codec: Some(CodecRow {
                    versions: (0, 1),
                    first_flexible: Some(0),
                    authorization: &[
                        may(Operation::Describe, ResourceType::Group),
                        may(Operation::Describe, ResourceType::Topic),
                    ],
                }),
            },
            Self::ControllerRegistration => Row { name: "ControllerRegistration", codec: None },
            Self::GetTelemetrySubscriptions => {
                Row { name: "GetTelemetrySubscriptions", codec: None }
            }
            Self::PushTelemetry => Row { name: "PushTelemetry", codec: None },
            Self::AssignReplicasToDirs => Row { name: "AssignReplicasToDirs", codec: None },
            Self::ListConfigResources => Row { name: "ListConfigResources", codec: None },
            Self::DescribeTopicPartitions => Row {
                name: "DescribeTopicPartitions",
                codec: Some(CodecRow {
                    versions: (0, 0),
                    first_flexible: Some(0),
                    authorization: &[may(Operation::Describe, ResourceType::Topic)],
                }),
            },
            Self::ShareGroupHeartbeat => Row { name: "ShareGroupHeartbeat", codec: None },
            Self::ShareGroupDescribe => Row { name: "ShareGroupDescribe", codec: None },
            Self::ShareFetch => Row { name: "ShareFetch", codec: None },
            Self::ShareAcknowledge => Row { name: "ShareAcknowledge", codec: None },
            Self::AddRaftVoter => Row { name: "AddRaftVoter", codec: None },
            Self::RemoveRaftVoter => Row { name: "RemoveRaftVoter", codec: None },
            Self::UpdateRaftVoter => Row { name: "UpdateRaftVoter", codec: None },
            Self::InitializeShareGroupState => {
                Row { name: "InitializeShareGroupState", codec: None }
            }
            Self::ReadShareGroupState => Row { name: "ReadShareGroupState", codec: None },
            Self::WriteShareGroupState => Row { name: "WriteShareGroupState", codec: None },
            Self::DeleteShareGroupState => Row { name: "DeleteShareGroupState", codec: None },
            Self::ReadShareGroupStateSummary => {
                Row { name: "ReadShareGroupStateSummary", codec: None }
            }
            Self::StreamsGroupHeartbeat => Row { name: "StreamsGroupHeartbeat", codec: None },
            Self::StreamsGroupDescribe => Row { name: "StreamsGroupDescribe", codec: None },
            Self::DescribeShareGroupOffsets => {
                Row { name: "DescribeShareGroupOffsets", codec: None }
            }
            Self::AlterShareGroupOffsets => Row { name: "AlterShareGroupOffsets", codec: None },
            Self::DeleteShareGroupOffsets => Row { name: "DeleteShareGroupOffsets", codec: None },
            Self::StreamsGroupTopologyDescriptionUpdate => {
                Row { name: "StreamsGroupTopologyDescriptionUpdate", codec: None }
            }
            Self::UnregisterController => Row { name: "UnregisterController", codec: None },
        }
    }
}

const fn may(operation: Operation, resource: ResourceType) -> Authorization {
    Authorization { operation, resource }
}
