//! The keys of Kafka's APIs.

use crate::api::{Authorization, Operation, ResourceType, Row};

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
            Self::Produce => Row::defined(
                "Produce",
                (3, 13),
                Some(9),
                const {
                    &[
                        may(Operation::Write, ResourceType::Topic),
                        may(Operation::Write, ResourceType::TransactionalId),
                    ]
                },
            ),
            Self::Fetch => Row::defined(
                "Fetch",
                (4, 18),
                Some(12),
                const {
                    &[
                        may(Operation::Read, ResourceType::Topic),
                        may(Operation::ClusterAction, ResourceType::Cluster),
                    ]
                },
            ),
            Self::ListOffsets => Row::defined(
                "ListOffsets",
                (1, 11),
                Some(6),
                const { &[may(Operation::Describe, ResourceType::Topic)] },
            ),
            Self::Metadata => Row::defined(
                "Metadata",
                (0, 13),
                Some(9),
                const {
                    &[
                        may(Operation::Describe, ResourceType::Topic),
                        may(Operation::Create, ResourceType::Topic),
                        may(Operation::Create, ResourceType::Cluster),
                    ]
                },
            ),
            Self::LeaderAndIsr => Row::reserved("LeaderAndIsr"),
            Self::StopReplica => Row::reserved("StopReplica"),
            Self::UpdateMetadata => Row::reserved("UpdateMetadata"),
            Self::ControlledShutdown => Row::reserved("ControlledShutdown"),
            Self::OffsetCommit => Row::defined(
                "OffsetCommit",
                (2, 10),
                Some(8),
                const {
                    &[
                        may(Operation::Read, ResourceType::Group),
                        may(Operation::Read, ResourceType::Topic),
                    ]
                },
            ),
            Self::OffsetFetch => Row::defined(
                "OffsetFetch",
                (1, 10),
                Some(6),
                const {
                    &[
                        may(Operation::Describe, ResourceType::Group),
                        may(Operation::Describe, ResourceType::Topic),
                    ]
                },
            ),
            Self::FindCoordinator => Row::defined(
                "FindCoordinator",
                (0, 6),
                Some(3),
                const {
                    &[
                        may(Operation::Describe, ResourceType::Group),
                        may(Operation::Describe, ResourceType::TransactionalId),
                    ]
                },
            ),
            Self::JoinGroup => Row::defined(
                "JoinGroup",
                (0, 9),
                Some(6),
                const { &[may(Operation::Read, ResourceType::Group)] },
            ),
            Self::Heartbeat => Row::defined(
                "Heartbeat",
                (0, 4),
                Some(4),
                const { &[may(Operation::Read, ResourceType::Group)] },
            ),
            Self::LeaveGroup => Row::defined(
                "LeaveGroup",
                (0, 5),
                Some(4),
                const { &[may(Operation::Read, ResourceType::Group)] },
            ),
            Self::SyncGroup => Row::defined(
                "SyncGroup",
                (0, 5),
                Some(4),
                const { &[may(Operation::Read, ResourceType::Group)] },
            ),
            Self::DescribeGroups => Row::defined(
                "DescribeGroups",
                (0, 6),
                Some(5),
                const { &[may(Operation::Describe, ResourceType::Group)] },
            ),
            Self::ListGroups => Row::defined(
                "ListGroups",
                (0, 5),
                Some(3),
                const {
                    &[
                        may(Operation::Describe, ResourceType::Cluster),
                        may(Operation::Describe, ResourceType::Group),
                    ]
                },
            ),
            Self::SaslHandshake => Row::defined("SaslHandshake", (0, 1), None, const { &[] }),
            Self::ApiVersions => Row::defined("ApiVersions", (0, 4), Some(3), const { &[] }),
            Self::CreateTopics => Row::defined(
                "CreateTopics",
                (2, 7),
                Some(5),
                const {
                    &[
                        may(Operation::Create, ResourceType::Cluster),
                        may(Operation::Create, ResourceType::Topic),
                        may(Operation::DescribeConfigs, ResourceType::Topic),
                    ]
                },
            ),
            Self::DeleteTopics => Row::defined(
                "DeleteTopics",
                (1, 6),
                Some(4),
                const {
                    &[
                        may(Operation::Delete, ResourceType::Topic),
                        may(Operation::Describe, ResourceType::Topic),
                    ]
                },
            ),
            Self::DeleteRecords => Row::defined(
                "DeleteRecords",
                (0, 2),
                Some(2),
                const { &[may(Operation::Delete, ResourceType::Topic)] },
            ),
            Self::InitProducerId => Row::defined(
                "InitProducerId",
                (0, 5),
                Some(2),
                const {
                    &[
                        may(Operation::Write, ResourceType::TransactionalId),
                        may(Operation::IdempotentWrite, ResourceType::Cluster),
                    ]
                },
            ),
            Self::OffsetForLeaderEpoch => Row::defined(
                "OffsetForLeaderEpoch",
                (2, 4),
                Some(4),
                const {
                    &[
                        may(Operation::Describe, ResourceType::Topic),
                        may(Operation::ClusterAction, ResourceType::Cluster),
                    ]
                },
            ),
            Self::AddPartitionsToTxn => Row::defined(
                "AddPartitionsToTxn",
                (0, 5),
                Some(3),
                const {
                    &[
                        may(Operation::Write, ResourceType::TransactionalId),
                        may(Operation::Write, ResourceType::Topic),
                        may(Operation::ClusterAction, ResourceType::Cluster),
                    ]
                },
            ),
            Self::AddOffsetsToTxn => Row::defined(
                "AddOffsetsToTxn",
                (0, 4),
                Some(3),
                const {
                    &[
                        may(Operation::Write, ResourceType::TransactionalId),
                        may(Operation::Read, ResourceType::Group),
                    ]
                },
            ),
            Self::EndTxn => Row::defined(
                "EndTxn",
                (0, 5),
                Some(3),
                const { &[may(Operation::Write, ResourceType::TransactionalId)] },
            ),
            Self::WriteTxnMarkers => Row::defined(
                "WriteTxnMarkers",
                (1, 2),
                Some(1),
                const {
                    &[
                        may(Operation::ClusterAction, ResourceType::Cluster),
                        may(Operation::Alter, ResourceType::Cluster),
                    ]
                },
            ),
            Self::TxnOffsetCommit => Row::defined(
                "TxnOffsetCommit",
                (0, 5),
                Some(3),
                const {
                    &[
                        may(Operation::Write, ResourceType::TransactionalId),
                        may(Operation::Read, ResourceType::Group),
                        may(Operation::Read, ResourceType::Topic),
                    ]
                },
            ),
            Self::DescribeAcls => Row::defined(
                "DescribeAcls",
                (1, 3),
                Some(2),
                const { &[may(Operation::Describe, ResourceType::Cluster)] },
            ),
            Self::CreateAcls => Row::defined(
                "CreateAcls",
                (1, 3),
                Some(2),
                const { &[may(Operation::Alter, ResourceType::Cluster)] },
            ),
            Self::DeleteAcls => Row::defined(
                "DeleteAcls",
                (1, 3),
                Some(2),
                const { &[may(Operation::Alter, ResourceType::Cluster)] },
            ),
            Self::DescribeConfigs => Row::defined(
                "DescribeConfigs",
                (1, 4),
                Some(4),
                const {
                    &[
                        may(Operation::DescribeConfigs, ResourceType::Topic),
                        may(Operation::DescribeConfigs, ResourceType::Cluster),
                        may(Operation::DescribeConfigs, ResourceType::Group),
                    ]
                },
            ),
            Self::AlterConfigs => Row::defined(
                "AlterConfigs",
                (0, 2),
                Some(2),
                const {
                    &[
                        may(Operation::AlterConfigs, ResourceType::Topic),
                        may(Operation::AlterConfigs, ResourceType::Cluster),
                    ]
                },
            ),
            Self::AlterReplicaLogDirs => Row::reserved("AlterReplicaLogDirs"),
            Self::DescribeLogDirs => Row::defined(
                "DescribeLogDirs",
                (1, 5),
                Some(2),
                const { &[may(Operation::Describe, ResourceType::Cluster)] },
            ),
            Self::SaslAuthenticate => {
                Row::defined("SaslAuthenticate", (0, 2), Some(2), const { &[] })
            }
            Self::CreatePartitions => Row::defined(
                "CreatePartitions",
                (0, 3),
                Some(2),
                const { &[may(Operation::Alter, ResourceType::Topic)] },
            ),
            Self::CreateDelegationToken => Row::reserved("CreateDelegationToken"),
            Self::RenewDelegationToken => Row::reserved("RenewDelegationToken"),
            Self::ExpireDelegationToken => Row::reserved("ExpireDelegationToken"),
            Self::DescribeDelegationToken => Row::reserved("DescribeDelegationToken"),
            Self::DeleteGroups => Row::defined(
                "DeleteGroups",
                (0, 2),
                Some(2),
                const { &[may(Operation::Delete, ResourceType::Group)] },
            ),
            Self::ElectLeaders => Row::defined(
                "ElectLeaders",
                (0, 2),
                Some(2),
                const { &[may(Operation::Alter, ResourceType::Cluster)] },
            ),
            Self::IncrementalAlterConfigs => Row::defined(
                "IncrementalAlterConfigs",
                (0, 1),
                Some(1),
                const {
                    &[
                        may(Operation::AlterConfigs, ResourceType::Topic),
                        may(Operation::AlterConfigs, ResourceType::Cluster),
                        may(Operation::AlterConfigs, ResourceType::Group),
                    ]
                },
            ),
            Self::AlterPartitionReassignments => Row::defined(
                "AlterPartitionReassignments",
                (0, 1),
                Some(0),
                const { &[may(Operation::Alter, ResourceType::Cluster)] },
            ),
            Self::ListPartitionReassignments => Row::defined(
                "ListPartitionReassignments",
                (0, 0),
                Some(0),
                const { &[may(Operation::Describe, ResourceType::Cluster)] },
            ),
            Self::OffsetDelete => Row::defined(
                "OffsetDelete",
                (0, 0),
                None,
                const {
                    &[
                        may(Operation::Delete, ResourceType::Group),
                        may(Operation::Read, ResourceType::Topic),
                    ]
                },
            ),
            Self::DescribeClientQuotas => Row::defined(
                "DescribeClientQuotas",
                (0, 1),
                Some(1),
                const { &[may(Operation::DescribeConfigs, ResourceType::Cluster)] },
            ),
            Self::AlterClientQuotas => Row::defined(
                "AlterClientQuotas",
                (0, 1),
                Some(1),
                const { &[may(Operation::AlterConfigs, ResourceType::Cluster)] },
            ),
            Self::DescribeUserScramCredentials => Row::defined(
                "DescribeUserScramCredentials",
                (0, 0),
                Some(0),
                const { &[may(Operation::Describe, ResourceType::Cluster)] },
            ),
            Self::AlterUserScramCredentials => Row::defined(
                "AlterUserScramCredentials",
                (0, 0),
                Some(0),
                const { &[may(Operation::Alter, ResourceType::Cluster)] },
            ),
            Self::Vote => Row::reserved("Vote"),
            Self::BeginQuorumEpoch => Row::reserved("BeginQuorumEpoch"),
            Self::EndQuorumEpoch => Row::reserved("EndQuorumEpoch"),
            Self::DescribeQuorum => Row::reserved("DescribeQuorum"),
            Self::AlterPartition => Row::reserved("AlterPartition"),
            Self::UpdateFeatures => Row::reserved("UpdateFeatures"),
            Self::Envelope => Row::reserved("Envelope"),
            Self::FetchSnapshot => Row::reserved("FetchSnapshot"),
            Self::DescribeCluster => Row::defined(
                "DescribeCluster",
                (0, 2),
                Some(0),
                const { &[may(Operation::Describe, ResourceType::Cluster)] },
            ),
            Self::DescribeProducers => Row::defined(
                "DescribeProducers",
                (0, 0),
                Some(0),
                const { &[may(Operation::Read, ResourceType::Topic)] },
            ),
            Self::BrokerRegistration => Row::reserved("BrokerRegistration"),
            Self::BrokerHeartbeat => Row::reserved("BrokerHeartbeat"),
            Self::UnregisterBroker => Row::reserved("UnregisterBroker"),
            Self::DescribeTransactions => Row::defined(
                "DescribeTransactions",
                (0, 0),
                Some(0),
                const { &[may(Operation::Describe, ResourceType::TransactionalId)] },
            ),
            Self::ListTransactions => Row::defined(
                "ListTransactions",
                (0, 2),
                Some(0),
                const { &[may(Operation::Describe, ResourceType::TransactionalId)] },
            ),
            Self::AllocateProducerIds => Row::reserved("AllocateProducerIds"),
            Self::ConsumerGroupHeartbeat => Row::defined(
                "ConsumerGroupHeartbeat",
                (0, 1),
                Some(0),
                const {
                    &[
                        may(Operation::Read, ResourceType::Group),
                        may(Operation::Describe, ResourceType::Topic),
                    ]
                },
            ),
            Self::ConsumerGroupDescribe => Row::defined(
                "ConsumerGroupDescribe",
                (0, 1),
                Some(0),
                const {
                    &[
                        may(Operation::Describe, ResourceType::Group),
                        may(Operation::Describe, ResourceType::Topic),
                    ]
                },
            ),
            Self::ControllerRegistration => Row::reserved("ControllerRegistration"),
            Self::GetTelemetrySubscriptions => Row::reserved("GetTelemetrySubscriptions"),
            Self::PushTelemetry => Row::reserved("PushTelemetry"),
            Self::AssignReplicasToDirs => Row::reserved("AssignReplicasToDirs"),
            Self::ListConfigResources => Row::reserved("ListConfigResources"),
            Self::DescribeTopicPartitions => Row::defined(
                "DescribeTopicPartitions",
                (0, 0),
                Some(0),
                const { &[may(Operation::Describe, ResourceType::Topic)] },
            ),
            Self::ShareGroupHeartbeat => Row::reserved("ShareGroupHeartbeat"),
            Self::ShareGroupDescribe => Row::reserved("ShareGroupDescribe"),
            Self::ShareFetch => Row::reserved("ShareFetch"),
            Self::ShareAcknowledge => Row::reserved("ShareAcknowledge"),
            Self::AddRaftVoter => Row::reserved("AddRaftVoter"),
            Self::RemoveRaftVoter => Row::reserved("RemoveRaftVoter"),
            Self::UpdateRaftVoter => Row::reserved("UpdateRaftVoter"),
            Self::InitializeShareGroupState => Row::reserved("InitializeShareGroupState"),
            Self::ReadShareGroupState => Row::reserved("ReadShareGroupState"),
            Self::WriteShareGroupState => Row::reserved("WriteShareGroupState"),
            Self::DeleteShareGroupState => Row::reserved("DeleteShareGroupState"),
            Self::ReadShareGroupStateSummary => Row::reserved("ReadShareGroupStateSummary"),
            Self::StreamsGroupHeartbeat => Row::reserved("StreamsGroupHeartbeat"),
            Self::StreamsGroupDescribe => Row::reserved("StreamsGroupDescribe"),
            Self::DescribeShareGroupOffsets => Row::reserved("DescribeShareGroupOffsets"),
            Self::AlterShareGroupOffsets => Row::reserved("AlterShareGroupOffsets"),
            Self::DeleteShareGroupOffsets => Row::reserved("DeleteShareGroupOffsets"),
            Self::StreamsGroupTopologyDescriptionUpdate => {
                Row::reserved("StreamsGroupTopologyDescriptionUpdate")
            }
            Self::UnregisterController => Row::reserved("UnregisterController"),
        }
    }
}

const fn may(operation: Operation, resource: ResourceType) -> Authorization {
    Authorization { operation, resource }
}
