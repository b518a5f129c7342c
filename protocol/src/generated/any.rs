//! Any request and any response: for tools, tests and fuzzing.

use super::prelude::*;

/// The request of any API that has messages.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyRequest {
    /// Of Produce.
    Produce(super::produce::ProduceRequest),
    /// Of Fetch.
    Fetch(super::fetch::FetchRequest),
    /// Of ListOffsets.
    ListOffsets(super::list_offsets::ListOffsetsRequest),
    /// Of Metadata.
    Metadata(super::metadata::MetadataRequest),
    /// Of OffsetCommit.
    OffsetCommit(super::offset_commit::OffsetCommitRequest),
    /// Of OffsetFetch.
    OffsetFetch(super::offset_fetch::OffsetFetchRequest),
    /// Of FindCoordinator.
    FindCoordinator(super::find_coordinator::FindCoordinatorRequest),
    /// Of JoinGroup.
    JoinGroup(super::join_group::JoinGroupRequest),
    /// Of Heartbeat.
    Heartbeat(super::heartbeat::HeartbeatRequest),
    /// Of LeaveGroup.
    LeaveGroup(super::leave_group::LeaveGroupRequest),
    /// Of SyncGroup.
    SyncGroup(super::sync_group::SyncGroupRequest),
    /// Of DescribeGroups.
    DescribeGroups(super::describe_groups::DescribeGroupsRequest),
    /// Of ListGroups.
    ListGroups(super::list_groups::ListGroupsRequest),
    /// Of SaslHandshake.
    SaslHandshake(super::sasl_handshake::SaslHandshakeRequest),
    /// Of ApiVersions.
    ApiVersions(super::api_versions::ApiVersionsRequest),
    /// Of CreateTopics.
    CreateTopics(super::create_topics::CreateTopicsRequest),
    /// Of DeleteTopics.
    DeleteTopics(super::delete_topics::DeleteTopicsRequest),
    /// Of DeleteRecords.
    DeleteRecords(super::delete_records::DeleteRecordsRequest),
    /// Of InitProducerId.
    InitProducerId(super::init_producer_id::InitProducerIdRequest),
    /// Of OffsetForLeaderEpoch.
    OffsetForLeaderEpoch(super::offset_for_leader_epoch::OffsetForLeaderEpochRequest),
    /// Of AddPartitionsToTxn.
    AddPartitionsToTxn(super::add_partitions_to_txn::AddPartitionsToTxnRequest),
    /// Of AddOffsetsToTxn.
    AddOffsetsToTxn(super::add_offsets_to_txn::AddOffsetsToTxnRequest),
    /// Of EndTxn.
    EndTxn(super::end_txn::EndTxnRequest),
    /// Of WriteTxnMarkers.
    WriteTxnMarkers(super::write_txn_markers::WriteTxnMarkersRequest),
    /// Of TxnOffsetCommit.
    TxnOffsetCommit(super::txn_offset_commit::TxnOffsetCommitRequest),
    /// Of DescribeAcls.
    DescribeAcls(super::describe_acls::DescribeAclsRequest),
    /// Of CreateAcls.
    CreateAcls(super::create_acls::CreateAclsRequest),
    /// Of DeleteAcls.
    DeleteAcls(super::delete_acls::DeleteAclsRequest),
    /// Of DescribeConfigs.
    DescribeConfigs(super::describe_configs::DescribeConfigsRequest),
    /// Of AlterConfigs.
    AlterConfigs(super::alter_configs::AlterConfigsRequest),
    /// Of DescribeLogDirs.
    DescribeLogDirs(super::describe_log_dirs::DescribeLogDirsRequest),
    /// Of SaslAuthenticate.
    SaslAuthenticate(super::sasl_authenticate::SaslAuthenticateRequest),
    /// Of CreatePartitions.
    CreatePartitions(super::create_partitions::CreatePartitionsRequest),
    /// Of DeleteGroups.
    DeleteGroups(super::delete_groups::DeleteGroupsRequest),
    /// Of ElectLeaders.
    ElectLeaders(super::elect_leaders::ElectLeadersRequest),
    /// Of IncrementalAlterConfigs.
    IncrementalAlterConfigs(super::incremental_alter_configs::IncrementalAlterConfigsRequest),
    /// Of AlterPartitionReassignments.
    AlterPartitionReassignments(
        super::alter_partition_reassignments::AlterPartitionReassignmentsRequest,
    ),
    /// Of ListPartitionReassignments.
    ListPartitionReassignments(
        super::list_partition_reassignments::ListPartitionReassignmentsRequest,
    ),
    /// Of OffsetDelete.
    OffsetDelete(super::offset_delete::OffsetDeleteRequest),
    /// Of DescribeClientQuotas.
    DescribeClientQuotas(super::describe_client_quotas::DescribeClientQuotasRequest),
    /// Of AlterClientQuotas.
    AlterClientQuotas(super::alter_client_quotas::AlterClientQuotasRequest),
    /// Of DescribeUserScramCredentials.
    DescribeUserScramCredentials(
        super::describe_user_scram_credentials::DescribeUserScramCredentialsRequest,
    ),
    /// Of AlterUserScramCredentials.
    AlterUserScramCredentials(
        super::alter_user_scram_credentials::AlterUserScramCredentialsRequest,
    ),
    /// Of DescribeCluster.
    DescribeCluster(super::describe_cluster::DescribeClusterRequest),
    /// Of DescribeProducers.
    DescribeProducers(super::describe_producers::DescribeProducersRequest),
    /// Of DescribeTransactions.
    DescribeTransactions(super::describe_transactions::DescribeTransactionsRequest),
    /// Of ListTransactions.
    ListTransactions(super::list_transactions::ListTransactionsRequest),
    /// Of ConsumerGroupHeartbeat.
    ConsumerGroupHeartbeat(super::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest),
    /// Of ConsumerGroupDescribe.
    ConsumerGroupDescribe(super::consumer_group_describe::ConsumerGroupDescribeRequest),
    /// Of DescribeTopicPartitions.
    DescribeTopicPartitions(super::describe_topic_partitions::DescribeTopicPartitionsRequest),
}

impl AnyRequest {
    /// Which API it belongs to.
    #[must_use]
    pub fn key(&self) -> ApiKey {
        match self {
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::OffsetCommit(_) => ApiKey::OffsetCommit,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::JoinGroup(_) => ApiKey::JoinGroup,
            Self::Heartbeat(_) => ApiKey::Heartbeat,
            Self::LeaveGroup(_) => ApiKey::LeaveGroup,
            Self::SyncGroup(_) => ApiKey::SyncGroup,
            Self::DescribeGroups(_) => ApiKey::DescribeGroups,
            Self::ListGroups(_) => ApiKey::ListGroups,
            Self::SaslHandshake(_) => ApiKey::SaslHandshake,
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::DeleteRecords(_) => ApiKey::DeleteRecords,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            Self::AddPartitionsToTxn(_) => ApiKey::AddPartitionsToTxn,
            Self::AddOffsetsToTxn(_) => ApiKey::AddOffsetsToTxn,
            Self::EndTxn(_) => ApiKey::EndTxn,
            Self::WriteTxnMarkers(_) => ApiKey::WriteTxnMarkers,
            Self::TxnOffsetCommit(_) => ApiKey::TxnOffsetCommit,
            Self::DescribeAcls(_) => ApiKey::DescribeAcls,
            Self::CreateAcls(_) => ApiKey::CreateAcls,
            Self::DeleteAcls(_) => ApiKey::DeleteAcls,
            Self::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            Self::AlterConfigs(_) => ApiKey::AlterConfigs,
            Self::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            Self::SaslAuthenticate(_) => ApiKey::SaslAuthenticate,
            Self::CreatePartitions(_) => ApiKey::CreatePartitions,
            Self::DeleteGroups(_) => ApiKey::DeleteGroups,
            Self::ElectLeaders(_) => ApiKey::ElectLeaders,
            Self::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            Self::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            Self::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            Self::OffsetDelete(_) => ApiKey::OffsetDelete,
            Self::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            Self::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            Self::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
            Self::AlterUserScramCredentials(_) => ApiKey::AlterUserScramCredentials,
            Self::DescribeCluster(_) => ApiKey::DescribeCluster,
            Self::DescribeProducers(_) => ApiKey::DescribeProducers,
            Self::DescribeTransactions(_) => ApiKey::DescribeTransactions,
            Self::ListTransactions(_) => ApiKey::ListTransactions,
            Self::ConsumerGroupHeartbeat(_) => ApiKey::ConsumerGroupHeartbeat,
            Self::ConsumerGroupDescribe(_) => ApiKey::ConsumerGroupDescribe,
            Self::DescribeTopicPartitions(_) => ApiKey::DescribeTopicPartitions,
        }
    }

    /// Reads the request of an API; see [`Message::decode`].
    pub fn decode(key: ApiKey, version: i16, reader: &mut Reader) -> Result<Self, DecodeError> {
        Ok(match key {
            ApiKey::Produce => Self::Produce(Message::decode(reader, version)?),
            ApiKey::Fetch => Self::Fetch(Message::decode(reader, version)?),
            ApiKey::ListOffsets => Self::ListOffsets(Message::decode(reader, version)?),
            ApiKey::Metadata => Self::Metadata(Message::decode(reader, version)?),
            ApiKey::OffsetCommit => Self::OffsetCommit(Message::decode(reader, version)?),
            ApiKey::OffsetFetch => Self::OffsetFetch(Message::decode(reader, version)?),
            ApiKey::FindCoordinator => Self::FindCoordinator(Message::decode(reader, version)?),
            ApiKey::JoinGroup => Self::JoinGroup(Message::decode(reader, version)?),
            ApiKey::Heartbeat => Self::Heartbeat(Message::decode(reader, version)?),
            ApiKey::LeaveGroup => Self::LeaveGroup(Message::decode(reader, version)?),
            ApiKey::SyncGroup => Self::SyncGroup(Message::decode(reader, version)?),
            ApiKey::DescribeGroups => Self::DescribeGroups(Message::decode(reader, version)?),
            ApiKey::ListGroups => Self::ListGroups(Message::decode(reader, version)?),
            ApiKey::SaslHandshake => Self::SaslHandshake(Message::decode(reader, version)?),
            ApiKey::ApiVersions => Self::ApiVersions(Message::decode(reader, version)?),
            ApiKey::CreateTopics => Self::CreateTopics(Message::decode(reader, version)?),
            ApiKey::DeleteTopics => Self::DeleteTopics(Message::decode(reader, version)?),
            ApiKey::DeleteRecords => Self::DeleteRecords(Message::decode(reader, version)?),
            ApiKey::InitProducerId => Self::InitProducerId(Message::decode(reader, version)?),
            ApiKey::OffsetForLeaderEpoch => {
                Self::OffsetForLeaderEpoch(Message::decode(reader, version)?)
            }
            ApiKey::AddPartitionsToTxn => {
                Self::AddPartitionsToTxn(Message::decode(reader, version)?)
            }
            ApiKey::AddOffsetsToTxn => Self::AddOffsetsToTxn(Message::decode(reader, version)?),
            ApiKey::EndTxn => Self::EndTxn(Message::decode(reader, version)?),
            ApiKey::WriteTxnMarkers => Self::WriteTxnMarkers(Message::decode(reader, version)?),
            ApiKey::TxnOffsetCommit => Self::TxnOffsetCommit(Message::decode(reader, version)?),
            ApiKey::DescribeAcls => Self::DescribeAcls(Message::decode(reader, version)?),
            ApiKey::CreateAcls => Self::CreateAcls(Message::decode(reader, version)?),
            ApiKey::DeleteAcls => Self::DeleteAcls(Message::decode(reader, version)?),
            ApiKey::DescribeConfigs => Self::DescribeConfigs(Message::decode(reader, version)?),
            ApiKey::AlterConfigs => Self::AlterConfigs(Message::decode(reader, version)?),
            ApiKey::DescribeLogDirs => Self::DescribeLogDirs(Message::decode(reader, version)?),
            ApiKey::SaslAuthenticate => Self::SaslAuthenticate(Message::decode(reader, version)?),
            ApiKey::CreatePartitions => Self::CreatePartitions(Message::decode(reader, version)?),
            ApiKey::DeleteGroups => Self::DeleteGroups(Message::decode(reader, version)?),
            ApiKey::ElectLeaders => Self::ElectLeaders(Message::decode(reader, version)?),
            ApiKey::IncrementalAlterConfigs => {
                Self::IncrementalAlterConfigs(Message::decode(reader, version)?)
            }
            ApiKey::AlterPartitionReassignments => {
                Self::AlterPartitionReassignments(Message::decode(reader, version)?)
            }
            ApiKey::ListPartitionReassignments => {
                Self::ListPartitionReassignments(Message::decode(reader, version)?)
            }
            ApiKey::OffsetDelete => Self::OffsetDelete(Message::decode(reader, version)?),
            ApiKey::DescribeClientQuotas => {
                Self::DescribeClientQuotas(Message::decode(reader, version)?)
            }
            ApiKey::AlterClientQuotas => Self::AlterClientQuotas(Message::decode(reader, version)?),
            ApiKey::DescribeUserScramCredentials => {
                Self::DescribeUserScramCredentials(Message::decode(reader, version)?)
            }
            ApiKey::AlterUserScramCredentials => {
                Self::AlterUserScramCredentials(Message::decode(reader, version)?)
            }
            ApiKey::DescribeCluster => Self::DescribeCluster(Message::decode(reader, version)?),
            ApiKey::DescribeProducers => Self::DescribeProducers(Message::decode(reader, version)?),
            ApiKey::DescribeTransactions => {
                Self::DescribeTransactions(Message::decode(reader, version)?)
            }
            ApiKey::ListTransactions => Self::ListTransactions(Message::decode(reader, version)?),
            ApiKey::ConsumerGroupHeartbeat => {
                Self::ConsumerGroupHeartbeat(Message::decode(reader, version)?)
            }
            ApiKey::ConsumerGroupDescribe => {
                Self::ConsumerGroupDescribe(Message::decode(reader, version)?)
            }
            ApiKey::DescribeTopicPartitions => {
                Self::DescribeTopicPartitions(Message::decode(reader, version)?)
            }
            other => return Err(DecodeError::UnknownApiKey { key: other.code() }),
        })
    }

    /// Writes it; see [`Message::encode`].
    pub fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        match self {
            Self::Produce(message) => message.encode(writer, version),
            Self::Fetch(message) => message.encode(writer, version),
            Self::ListOffsets(message) => message.encode(writer, version),
            Self::Metadata(message) => message.encode(writer, version),
            Self::OffsetCommit(message) => message.encode(writer, version),
            Self::OffsetFetch(message) => message.encode(writer, version),
            Self::FindCoordinator(message) => message.encode(writer, version),
            Self::JoinGroup(message) => message.encode(writer, version),
            Self::Heartbeat(message) => message.encode(writer, version),
            Self::LeaveGroup(message) => message.encode(writer, version),
            Self::SyncGroup(message) => message.encode(writer, version),
            Self::DescribeGroups(message) => message.encode(writer, version),
            Self::ListGroups(message) => message.encode(writer, version),
            Self::SaslHandshake(message) => message.encode(writer, version),
            Self::ApiVersions(message) => message.encode(writer, version),
            Self::CreateTopics(message) => message.encode(writer, version),
            Self::DeleteTopics(message) => message.encode(writer, version),
            Self::DeleteRecords(message) => message.encode(writer, version),
            Self::InitProducerId(message) => message.encode(writer, version),
            Self::OffsetForLeaderEpoch(message) => message.encode(writer, version),
            Self::AddPartitionsToTxn(message) => message.encode(writer, version),
            Self::AddOffsetsToTxn(message) => message.encode(writer, version),
            Self::EndTxn(message) => message.encode(writer, version),
            Self::WriteTxnMarkers(message) => message.encode(writer, version),
            Self::TxnOffsetCommit(message) => message.encode(writer, version),
            Self::DescribeAcls(message) => message.encode(writer, version),
            Self::CreateAcls(message) => message.encode(writer, version),
            Self::DeleteAcls(message) => message.encode(writer, version),
            Self::DescribeConfigs(message) => message.encode(writer, version),
            Self::AlterConfigs(message) => message.encode(writer, version),
            Self::DescribeLogDirs(message) => message.encode(writer, version),
            Self::SaslAuthenticate(message) => message.encode(writer, version),
            Self::CreatePartitions(message) => message.encode(writer, version),
            Self::DeleteGroups(message) => message.encode(writer, version),
            Self::ElectLeaders(message) => message.encode(writer, version),
            Self::IncrementalAlterConfigs(message) => message.encode(writer, version),
            Self::AlterPartitionReassignments(message) => message.encode(writer, version),
            Self::ListPartitionReassignments(message) => message.encode(writer, version),
            Self::OffsetDelete(message) => message.encode(writer, version),
            Self::DescribeClientQuotas(message) => message.encode(writer, version),
            Self::AlterClientQuotas(message) => message.encode(writer, version),
            Self::DescribeUserScramCredentials(message) => message.encode(writer, version),
            Self::AlterUserScramCredentials(message) => message.encode(writer, version),
            Self::DescribeCluster(message) => message.encode(writer, version),
            Self::DescribeProducers(message) => message.encode(writer, version),
            Self::DescribeTransactions(message) => message.encode(writer, version),
            Self::ListTransactions(message) => message.encode(writer, version),
            Self::ConsumerGroupHeartbeat(message) => message.encode(writer, version),
            Self::ConsumerGroupDescribe(message) => message.encode(writer, version),
            Self::DescribeTopicPartitions(message) => message.encode(writer, version),
        }
    }
}

/// The response of any API that has messages.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyResponse {
    /// Of Produce.
    Produce(super::produce::ProduceResponse),
    /// Of Fetch.
    Fetch(super::fetch::FetchResponse),
    /// Of ListOffsets.
    ListOffsets(super::list_offsets::ListOffsetsResponse),
    /// Of Metadata.
    Metadata(super::metadata::MetadataResponse),
    /// Of OffsetCommit.
    OffsetCommit(super::offset_commit::OffsetCommitResponse),
    /// Of OffsetFetch.
    OffsetFetch(super::offset_fetch::OffsetFetchResponse),
    /// Of FindCoordinator.
    FindCoordinator(super::find_coordinator::FindCoordinatorResponse),
    /// Of JoinGroup.
    JoinGroup(super::join_group::JoinGroupResponse),
    /// Of Heartbeat.
    Heartbeat(super::heartbeat::HeartbeatResponse),
    /// Of LeaveGroup.
    LeaveGroup(super::leave_group::LeaveGroupResponse),
    /// Of SyncGroup.
    SyncGroup(super::sync_group::SyncGroupResponse),
    /// Of DescribeGroups.
    DescribeGroups(super::describe_groups::DescribeGroupsResponse),
    /// Of ListGroups.
    ListGroups(super::list_groups::ListGroupsResponse),
    /// Of SaslHandshake.
    SaslHandshake(super::sasl_handshake::SaslHandshakeResponse),
    /// Of ApiVersions.
    ApiVersions(super::api_versions::ApiVersionsResponse),
    /// Of CreateTopics.
    CreateTopics(super::create_topics::CreateTopicsResponse),
    /// Of DeleteTopics.
    DeleteTopics(super::delete_topics::DeleteTopicsResponse),
    /// Of DeleteRecords.
    DeleteRecords(super::delete_records::DeleteRecordsResponse),
    /// Of InitProducerId.
    InitProducerId(super::init_producer_id::InitProducerIdResponse),
    /// Of OffsetForLeaderEpoch.
    OffsetForLeaderEpoch(super::offset_for_leader_epoch::OffsetForLeaderEpochResponse),
    /// Of AddPartitionsToTxn.
    AddPartitionsToTxn(super::add_partitions_to_txn::AddPartitionsToTxnResponse),
    /// Of AddOffsetsToTxn.
    AddOffsetsToTxn(super::add_offsets_to_txn::AddOffsetsToTxnResponse),
    /// Of EndTxn.
    EndTxn(super::end_txn::EndTxnResponse),
    /// Of WriteTxnMarkers.
    WriteTxnMarkers(super::write_txn_markers::WriteTxnMarkersResponse),
    /// Of TxnOffsetCommit.
    TxnOffsetCommit(super::txn_offset_commit::TxnOffsetCommitResponse),
    /// Of DescribeAcls.
    DescribeAcls(super::describe_acls::DescribeAclsResponse),
    /// Of CreateAcls.
    CreateAcls(super::create_acls::CreateAclsResponse),
    /// Of DeleteAcls.
    DeleteAcls(super::delete_acls::DeleteAclsResponse),
    /// Of DescribeConfigs.
    DescribeConfigs(super::describe_configs::DescribeConfigsResponse),
    /// Of AlterConfigs.
    AlterConfigs(super::alter_configs::AlterConfigsResponse),
    /// Of DescribeLogDirs.
    DescribeLogDirs(super::describe_log_dirs::DescribeLogDirsResponse),
    /// Of SaslAuthenticate.
    SaslAuthenticate(super::sasl_authenticate::SaslAuthenticateResponse),
    /// Of CreatePartitions.
    CreatePartitions(super::create_partitions::CreatePartitionsResponse),
    /// Of DeleteGroups.
    DeleteGroups(super::delete_groups::DeleteGroupsResponse),
    /// Of ElectLeaders.
    ElectLeaders(super::elect_leaders::ElectLeadersResponse),
    /// Of IncrementalAlterConfigs.
    IncrementalAlterConfigs(super::incremental_alter_configs::IncrementalAlterConfigsResponse),
    /// Of AlterPartitionReassignments.
    AlterPartitionReassignments(
        super::alter_partition_reassignments::AlterPartitionReassignmentsResponse,
    ),
    /// Of ListPartitionReassignments.
    ListPartitionReassignments(
        super::list_partition_reassignments::ListPartitionReassignmentsResponse,
    ),
    /// Of OffsetDelete.
    OffsetDelete(super::offset_delete::OffsetDeleteResponse),
    /// Of DescribeClientQuotas.
    DescribeClientQuotas(super::describe_client_quotas::DescribeClientQuotasResponse),
    /// Of AlterClientQuotas.
    AlterClientQuotas(super::alter_client_quotas::AlterClientQuotasResponse),
    /// Of DescribeUserScramCredentials.
    DescribeUserScramCredentials(
        super::describe_user_scram_credentials::DescribeUserScramCredentialsResponse,
    ),
    /// Of AlterUserScramCredentials.
    AlterUserScramCredentials(
        super::alter_user_scram_credentials::AlterUserScramCredentialsResponse,
    ),
    /// Of DescribeCluster.
    DescribeCluster(super::describe_cluster::DescribeClusterResponse),
    /// Of DescribeProducers.
    DescribeProducers(super::describe_producers::DescribeProducersResponse),
    /// Of DescribeTransactions.
    DescribeTransactions(super::describe_transactions::DescribeTransactionsResponse),
    /// Of ListTransactions.
    ListTransactions(super::list_transactions::ListTransactionsResponse),
    /// Of ConsumerGroupHeartbeat.
    ConsumerGroupHeartbeat(super::consumer_group_heartbeat::ConsumerGroupHeartbeatResponse),
    /// Of ConsumerGroupDescribe.
    ConsumerGroupDescribe(super::consumer_group_describe::ConsumerGroupDescribeResponse),
    /// Of DescribeTopicPartitions.
    DescribeTopicPartitions(super::describe_topic_partitions::DescribeTopicPartitionsResponse),
}

impl AnyResponse {
    /// Which API it belongs to.
    #[must_use]
    pub fn key(&self) -> ApiKey {
        match self {
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::OffsetCommit(_) => ApiKey::OffsetCommit,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::JoinGroup(_) => ApiKey::JoinGroup,
            Self::Heartbeat(_) => ApiKey::Heartbeat,
            Self::LeaveGroup(_) => ApiKey::LeaveGroup,
            Self::SyncGroup(_) => ApiKey::SyncGroup,
            Self::DescribeGroups(_) => ApiKey::DescribeGroups,
            Self::ListGroups(_) => ApiKey::ListGroups,
            Self::SaslHandshake(_) => ApiKey::SaslHandshake,
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::DeleteRecords(_) => ApiKey::DeleteRecords,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            Self::AddPartitionsToTxn(_) => ApiKey::AddPartitionsToTxn,
            Self::AddOffsetsToTxn(_) => ApiKey::AddOffsetsToTxn,
            Self::EndTxn(_) => ApiKey::EndTxn,
            Self::WriteTxnMarkers(_) => ApiKey::WriteTxnMarkers,
            Self::TxnOffsetCommit(_) => ApiKey::TxnOffsetCommit,
            Self::DescribeAcls(_) => ApiKey::DescribeAcls,
            Self::CreateAcls(_) => ApiKey::CreateAcls,
            Self::DeleteAcls(_) => ApiKey::DeleteAcls,
            Self::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            Self::AlterConfigs(_) => ApiKey::AlterConfigs,
            Self::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            Self::SaslAuthenticate(_) => ApiKey::SaslAuthenticate,
            Self::CreatePartitions(_) => ApiKey::CreatePartitions,
            Self::DeleteGroups(_) => ApiKey::DeleteGroups,
            Self::ElectLeaders(_) => ApiKey::ElectLeaders,
            Self::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            Self::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            Self::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            Self::OffsetDelete(_) => ApiKey::OffsetDelete,
            Self::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            Self::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            Self::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
            Self::AlterUserScramCredentials(_) => ApiKey::AlterUserScramCredentials,
            Self::DescribeCluster(_) => ApiKey::DescribeCluster,
            Self::DescribeProducers(_) => ApiKey::DescribeProducers,
            Self::DescribeTransactions(_) => ApiKey::DescribeTransactions,
            Self::ListTransactions(_) => ApiKey::ListTransactions,
            Self::ConsumerGroupHeartbeat(_) => ApiKey::ConsumerGroupHeartbeat,
            Self::ConsumerGroupDescribe(_) => ApiKey::ConsumerGroupDescribe,
            Self::DescribeTopicPartitions(_) => ApiKey::DescribeTopicPartitions,
        }
    }

    /// Reads the response of an API; see [`Message::decode`].
    pub fn decode(key: ApiKey, version: i16, reader: &mut Reader) -> Result<Self, DecodeError> {
        Ok(match key {
            ApiKey::Produce => Self::Produce(Message::decode(reader, version)?),
            ApiKey::Fetch => Self::Fetch(Message::decode(reader, version)?),
            ApiKey::ListOffsets => Self::ListOffsets(Message::decode(reader, version)?),
            ApiKey::Metadata => Self::Metadata(Message::decode(reader, version)?),
            ApiKey::OffsetCommit => Self::OffsetCommit(Message::decode(reader, version)?),
            ApiKey::OffsetFetch => Self::OffsetFetch(Message::decode(reader, version)?),
            ApiKey::FindCoordinator => Self::FindCoordinator(Message::decode(reader, version)?),
            ApiKey::JoinGroup => Self::JoinGroup(Message::decode(reader, version)?),
            ApiKey::Heartbeat => Self::Heartbeat(Message::decode(reader, version)?),
            ApiKey::LeaveGroup => Self::LeaveGroup(Message::decode(reader, version)?),
            ApiKey::SyncGroup => Self::SyncGroup(Message::decode(reader, version)?),
            ApiKey::DescribeGroups => Self::DescribeGroups(Message::decode(reader, version)?),
            ApiKey::ListGroups => Self::ListGroups(Message::decode(reader, version)?),
            ApiKey::SaslHandshake => Self::SaslHandshake(Message::decode(reader, version)?),
            ApiKey::ApiVersions => Self::ApiVersions(Message::decode(reader, version)?),
            ApiKey::CreateTopics => Self::CreateTopics(Message::decode(reader, version)?),
            ApiKey::DeleteTopics => Self::DeleteTopics(Message::decode(reader, version)?),
            ApiKey::DeleteRecords => Self::DeleteRecords(Message::decode(reader, version)?),
            ApiKey::InitProducerId => Self::InitProducerId(Message::decode(reader, version)?),
            ApiKey::OffsetForLeaderEpoch => {
                Self::OffsetForLeaderEpoch(Message::decode(reader, version)?)
            }
            ApiKey::AddPartitionsToTxn => {
                Self::AddPartitionsToTxn(Message::decode(reader, version)?)
            }
            ApiKey::AddOffsetsToTxn => Self::AddOffsetsToTxn(Message::decode(reader, version)?),
            ApiKey::EndTxn => Self::EndTxn(Message::decode(reader, version)?),
            ApiKey::WriteTxnMarkers => Self::WriteTxnMarkers(Message::decode(reader, version)?),
            ApiKey::TxnOffsetCommit => Self::TxnOffsetCommit(Message::decode(reader, version)?),
            ApiKey::DescribeAcls => Self::DescribeAcls(Message::decode(reader, version)?),
            ApiKey::CreateAcls => Self::CreateAcls(Message::decode(reader, version)?),
            ApiKey::DeleteAcls => Self::DeleteAcls(Message::decode(reader, version)?),
            ApiKey::DescribeConfigs => Self::DescribeConfigs(Message::decode(reader, version)?),
            ApiKey::AlterConfigs => Self::AlterConfigs(Message::decode(reader, version)?),
            ApiKey::DescribeLogDirs => Self::DescribeLogDirs(Message::decode(reader, version)?),
            ApiKey::SaslAuthenticate => Self::SaslAuthenticate(Message::decode(reader, version)?),
            ApiKey::CreatePartitions => Self::CreatePartitions(Message::decode(reader, version)?),
            ApiKey::DeleteGroups => Self::DeleteGroups(Message::decode(reader, version)?),
            ApiKey::ElectLeaders => Self::ElectLeaders(Message::decode(reader, version)?),
            ApiKey::IncrementalAlterConfigs => {
                Self::IncrementalAlterConfigs(Message::decode(reader, version)?)
            }
            ApiKey::AlterPartitionReassignments => {
                Self::AlterPartitionReassignments(Message::decode(reader, version)?)
            }
            ApiKey::ListPartitionReassignments => {
                Self::ListPartitionReassignments(Message::decode(reader, version)?)
            }
            ApiKey::OffsetDelete => Self::OffsetDelete(Message::decode(reader, version)?),
            ApiKey::DescribeClientQuotas => {
                Self::DescribeClientQuotas(Message::decode(reader, version)?)
            }
            ApiKey::AlterClientQuotas => Self::AlterClientQuotas(Message::decode(reader, version)?),
            ApiKey::DescribeUserScramCredentials => {
                Self::DescribeUserScramCredentials(Message::decode(reader, version)?)
            }
            ApiKey::AlterUserScramCredentials => {
                Self::AlterUserScramCredentials(Message::decode(reader, version)?)
            }
            ApiKey::DescribeCluster => Self::DescribeCluster(Message::decode(reader, version)?),
            ApiKey::DescribeProducers => Self::DescribeProducers(Message::decode(reader, version)?),
            ApiKey::DescribeTransactions => {
                Self::DescribeTransactions(Message::decode(reader, version)?)
            }
            ApiKey::ListTransactions => Self::ListTransactions(Message::decode(reader, version)?),
            ApiKey::ConsumerGroupHeartbeat => {
                Self::ConsumerGroupHeartbeat(Message::decode(reader, version)?)
            }
            ApiKey::ConsumerGroupDescribe => {
                Self::ConsumerGroupDescribe(Message::decode(reader, version)?)
            }
            ApiKey::DescribeTopicPartitions => {
                Self::DescribeTopicPartitions(Message::decode(reader, version)?)
            }
            other => return Err(DecodeError::UnknownApiKey { key: other.code() }),
        })
    }

    /// Writes it; see [`Message::encode`].
    pub fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        match self {
            Self::Produce(message) => message.encode(writer, version),
            Self::Fetch(message) => message.encode(writer, version),
            Self::ListOffsets(message) => message.encode(writer, version),
            Self::Metadata(message) => message.encode(writer, version),
            Self::OffsetCommit(message) => message.encode(writer, version),
            Self::OffsetFetch(message) => message.encode(writer, version),
            Self::FindCoordinator(message) => message.encode(writer, version),
            Self::JoinGroup(message) => message.encode(writer, version),
            Self::Heartbeat(message) => message.encode(writer, version),
            Self::LeaveGroup(message) => message.encode(writer, version),
            Self::SyncGroup(message) => message.encode(writer, version),
            Self::DescribeGroups(message) => message.encode(writer, version),
            Self::ListGroups(message) => message.encode(writer, version),
            Self::SaslHandshake(message) => message.encode(writer, version),
            Self::ApiVersions(message) => message.encode(writer, version),
            Self::CreateTopics(message) => message.encode(writer, version),
            Self::DeleteTopics(message) => message.encode(writer, version),
            Self::DeleteRecords(message) => message.encode(writer, version),
            Self::InitProducerId(message) => message.encode(writer, version),
            Self::OffsetForLeaderEpoch(message) => message.encode(writer, version),
            Self::AddPartitionsToTxn(message) => message.encode(writer, version),
            Self::AddOffsetsToTxn(message) => message.encode(writer, version),
            Self::EndTxn(message) => message.encode(writer, version),
            Self::WriteTxnMarkers(message) => message.encode(writer, version),
            Self::TxnOffsetCommit(message) => message.encode(writer, version),
            Self::DescribeAcls(message) => message.encode(writer, version),
            Self::CreateAcls(message) => message.encode(writer, version),
            Self::DeleteAcls(message) => message.encode(writer, version),
            Self::DescribeConfigs(message) => message.encode(writer, version),
            Self::AlterConfigs(message) => message.encode(writer, version),
            Self::DescribeLogDirs(message) => message.encode(writer, version),
            Self::SaslAuthenticate(message) => message.encode(writer, version),
            Self::CreatePartitions(message) => message.encode(writer, version),
            Self::DeleteGroups(message) => message.encode(writer, version),
            Self::ElectLeaders(message) => message.encode(writer, version),
            Self::IncrementalAlterConfigs(message) => message.encode(writer, version),
            Self::AlterPartitionReassignments(message) => message.encode(writer, version),
            Self::ListPartitionReassignments(message) => message.encode(writer, version),
            Self::OffsetDelete(message) => message.encode(writer, version),
            Self::DescribeClientQuotas(message) => message.encode(writer, version),
            Self::AlterClientQuotas(message) => message.encode(writer, version),
            Self::DescribeUserScramCredentials(message) => message.encode(writer, version),
            Self::AlterUserScramCredentials(message) => message.encode(writer, version),
            Self::DescribeCluster(message) => message.encode(writer, version),
            Self::DescribeProducers(message) => message.encode(writer, version),
            Self::DescribeTransactions(message) => message.encode(writer, version),
            Self::ListTransactions(message) => message.encode(writer, version),
            Self::ConsumerGroupHeartbeat(message) => message.encode(writer, version),
            Self::ConsumerGroupDescribe(message) => message.encode(writer, version),
            Self::DescribeTopicPartitions(message) => message.encode(writer, version),
        }
    }
}
