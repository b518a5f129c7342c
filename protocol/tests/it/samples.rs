#![allow(clippy::all, unused_variables, reason = "generated")]
//! Arbitrary values of every message, written by `cargo xtask codegen`.

use highwater_protocol::{AnyRequest, AnyResponse, ApiKey, messages};

use crate::sample::{Sample, Samples};

pub(crate) fn request(key: ApiKey, s: &mut Samples) -> Option<AnyRequest> {
    Some(match key {
        ApiKey::Produce => AnyRequest::Produce(s.any()),
        ApiKey::Fetch => AnyRequest::Fetch(s.any()),
        ApiKey::ListOffsets => AnyRequest::ListOffsets(s.any()),
        ApiKey::Metadata => AnyRequest::Metadata(s.any()),
        ApiKey::OffsetCommit => AnyRequest::OffsetCommit(s.any()),
        ApiKey::OffsetFetch => AnyRequest::OffsetFetch(s.any()),
        ApiKey::FindCoordinator => AnyRequest::FindCoordinator(s.any()),
        ApiKey::JoinGroup => AnyRequest::JoinGroup(s.any()),
        ApiKey::Heartbeat => AnyRequest::Heartbeat(s.any()),
        ApiKey::LeaveGroup => AnyRequest::LeaveGroup(s.any()),
        ApiKey::SyncGroup => AnyRequest::SyncGroup(s.any()),
        ApiKey::DescribeGroups => AnyRequest::DescribeGroups(s.any()),
        ApiKey::ListGroups => AnyRequest::ListGroups(s.any()),
        ApiKey::SaslHandshake => AnyRequest::SaslHandshake(s.any()),
        ApiKey::ApiVersions => AnyRequest::ApiVersions(s.any()),
        ApiKey::CreateTopics => AnyRequest::CreateTopics(s.any()),
        ApiKey::DeleteTopics => AnyRequest::DeleteTopics(s.any()),
        ApiKey::DeleteRecords => AnyRequest::DeleteRecords(s.any()),
        ApiKey::InitProducerId => AnyRequest::InitProducerId(s.any()),
        ApiKey::OffsetForLeaderEpoch => AnyRequest::OffsetForLeaderEpoch(s.any()),
        ApiKey::AddPartitionsToTxn => AnyRequest::AddPartitionsToTxn(s.any()),
        ApiKey::AddOffsetsToTxn => AnyRequest::AddOffsetsToTxn(s.any()),
        ApiKey::EndTxn => AnyRequest::EndTxn(s.any()),
        ApiKey::WriteTxnMarkers => AnyRequest::WriteTxnMarkers(s.any()),
        ApiKey::TxnOffsetCommit => AnyRequest::TxnOffsetCommit(s.any()),
        ApiKey::DescribeAcls => AnyRequest::DescribeAcls(s.any()),
        ApiKey::CreateAcls => AnyRequest::CreateAcls(s.any()),
        ApiKey::DeleteAcls => AnyRequest::DeleteAcls(s.any()),
        ApiKey::DescribeConfigs => AnyRequest::DescribeConfigs(s.any()),
        ApiKey::AlterConfigs => AnyRequest::AlterConfigs(s.any()),
        ApiKey::DescribeLogDirs => AnyRequest::DescribeLogDirs(s.any()),
        ApiKey::SaslAuthenticate => AnyRequest::SaslAuthenticate(s.any()),
        ApiKey::CreatePartitions => AnyRequest::CreatePartitions(s.any()),
        ApiKey::DeleteGroups => AnyRequest::DeleteGroups(s.any()),
        ApiKey::ElectLeaders => AnyRequest::ElectLeaders(s.any()),
        ApiKey::IncrementalAlterConfigs => AnyRequest::IncrementalAlterConfigs(s.any()),
        ApiKey::AlterPartitionReassignments => AnyRequest::AlterPartitionReassignments(s.any()),
        ApiKey::ListPartitionReassignments => AnyRequest::ListPartitionReassignments(s.any()),
        ApiKey::OffsetDelete => AnyRequest::OffsetDelete(s.any()),
        ApiKey::DescribeClientQuotas => AnyRequest::DescribeClientQuotas(s.any()),
        ApiKey::AlterClientQuotas => AnyRequest::AlterClientQuotas(s.any()),
        ApiKey::DescribeUserScramCredentials => AnyRequest::DescribeUserScramCredentials(s.any()),
        ApiKey::AlterUserScramCredentials => AnyRequest::AlterUserScramCredentials(s.any()),
        ApiKey::DescribeCluster => AnyRequest::DescribeCluster(s.any()),
        ApiKey::DescribeProducers => AnyRequest::DescribeProducers(s.any()),
        ApiKey::DescribeTransactions => AnyRequest::DescribeTransactions(s.any()),
        ApiKey::ListTransactions => AnyRequest::ListTransactions(s.any()),
        ApiKey::ConsumerGroupHeartbeat => AnyRequest::ConsumerGroupHeartbeat(s.any()),
        ApiKey::ConsumerGroupDescribe => AnyRequest::ConsumerGroupDescribe(s.any()),
        ApiKey::DescribeTopicPartitions => AnyRequest::DescribeTopicPartitions(s.any()),
        _ => return None,
    })
}

pub(crate) fn response(key: ApiKey, s: &mut Samples) -> Option<AnyResponse> {
    Some(match key {
        ApiKey::Produce => AnyResponse::Produce(s.any()),
        ApiKey::Fetch => AnyResponse::Fetch(s.any()),
        ApiKey::ListOffsets => AnyResponse::ListOffsets(s.any()),
        ApiKey::Metadata => AnyResponse::Metadata(s.any()),
        ApiKey::OffsetCommit => AnyResponse::OffsetCommit(s.any()),
        ApiKey::OffsetFetch => AnyResponse::OffsetFetch(s.any()),
        ApiKey::FindCoordinator => AnyResponse::FindCoordinator(s.any()),
        ApiKey::JoinGroup => AnyResponse::JoinGroup(s.any()),
        ApiKey::Heartbeat => AnyResponse::Heartbeat(s.any()),
        ApiKey::LeaveGroup => AnyResponse::LeaveGroup(s.any()),
        ApiKey::SyncGroup => AnyResponse::SyncGroup(s.any()),
        ApiKey::DescribeGroups => AnyResponse::DescribeGroups(s.any()),
        ApiKey::ListGroups => AnyResponse::ListGroups(s.any()),
        ApiKey::SaslHandshake => AnyResponse::SaslHandshake(s.any()),
        ApiKey::ApiVersions => AnyResponse::ApiVersions(s.any()),
        ApiKey::CreateTopics => AnyResponse::CreateTopics(s.any()),
        ApiKey::DeleteTopics => AnyResponse::DeleteTopics(s.any()),
        ApiKey::DeleteRecords => AnyResponse::DeleteRecords(s.any()),
        ApiKey::InitProducerId => AnyResponse::InitProducerId(s.any()),
        ApiKey::OffsetForLeaderEpoch => AnyResponse::OffsetForLeaderEpoch(s.any()),
        ApiKey::AddPartitionsToTxn => AnyResponse::AddPartitionsToTxn(s.any()),
        ApiKey::AddOffsetsToTxn => AnyResponse::AddOffsetsToTxn(s.any()),
        ApiKey::EndTxn => AnyResponse::EndTxn(s.any()),
        ApiKey::WriteTxnMarkers => AnyResponse::WriteTxnMarkers(s.any()),
        ApiKey::TxnOffsetCommit => AnyResponse::TxnOffsetCommit(s.any()),
        ApiKey::DescribeAcls => AnyResponse::DescribeAcls(s.any()),
        ApiKey::CreateAcls => AnyResponse::CreateAcls(s.any()),
        ApiKey::DeleteAcls => AnyResponse::DeleteAcls(s.any()),
        ApiKey::DescribeConfigs => AnyResponse::DescribeConfigs(s.any()),
        ApiKey::AlterConfigs => AnyResponse::AlterConfigs(s.any()),
        ApiKey::DescribeLogDirs => AnyResponse::DescribeLogDirs(s.any()),
        ApiKey::SaslAuthenticate => AnyResponse::SaslAuthenticate(s.any()),
        ApiKey::CreatePartitions => AnyResponse::CreatePartitions(s.any()),
        ApiKey::DeleteGroups => AnyResponse::DeleteGroups(s.any()),
        ApiKey::ElectLeaders => AnyResponse::ElectLeaders(s.any()),
        ApiKey::IncrementalAlterConfigs => AnyResponse::IncrementalAlterConfigs(s.any()),
        ApiKey::AlterPartitionReassignments => AnyResponse::AlterPartitionReassignments(s.any()),
        ApiKey::ListPartitionReassignments => AnyResponse::ListPartitionReassignments(s.any()),
        ApiKey::OffsetDelete => AnyResponse::OffsetDelete(s.any()),
        ApiKey::DescribeClientQuotas => AnyResponse::DescribeClientQuotas(s.any()),
        ApiKey::AlterClientQuotas => AnyResponse::AlterClientQuotas(s.any()),
        ApiKey::DescribeUserScramCredentials => AnyResponse::DescribeUserScramCredentials(s.any()),
        ApiKey::AlterUserScramCredentials => AnyResponse::AlterUserScramCredentials(s.any()),
        ApiKey::DescribeCluster => AnyResponse::DescribeCluster(s.any()),
        ApiKey::DescribeProducers => AnyResponse::DescribeProducers(s.any()),
        ApiKey::DescribeTransactions => AnyResponse::DescribeTransactions(s.any()),
        ApiKey::ListTransactions => AnyResponse::ListTransactions(s.any()),
        ApiKey::ConsumerGroupHeartbeat => AnyResponse::ConsumerGroupHeartbeat(s.any()),
        ApiKey::ConsumerGroupDescribe => AnyResponse::ConsumerGroupDescribe(s.any()),
        ApiKey::DescribeTopicPartitions => AnyResponse::DescribeTopicPartitions(s.any()),
        _ => return None,
    })
}

impl Sample for messages::produce::ProduceRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { transactional_id: s.any(), acks: s.any(), timeout_ms: s.any(), topic_data: s.any() }
    }
}

impl Sample for messages::produce::RequestTopicData {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), topic_id: s.any(), partition_data: s.any() }
    }
}

impl Sample for messages::produce::RequestTopicDataPartitionData {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { index: s.any(), records: s.any() }
    }
}

impl Sample for messages::produce::ProduceResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { responses: s.any(), throttle_time_ms: s.any(), node_endpoints: s.any() }
    }
}

impl Sample for messages::produce::ResponseResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), topic_id: s.any(), partition_responses: s.any() }
    }
}

impl Sample for messages::produce::ResponseResponsePartitionResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            index: s.any(),
            error_code: s.any(),
            base_offset: s.any(),
            log_append_time_ms: s.any(),
            log_start_offset: s.any(),
            record_errors: s.any(),
            error_message: s.any(),
            current_leader: s.any(),
        }
    }
}

impl Sample for messages::produce::ResponseResponsePartitionResponseRecordError {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { batch_index: s.any(), batch_index_error_message: s.any() }
    }
}

impl Sample for messages::produce::ResponseResponsePartitionResponseCurrentLeader {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { leader_id: s.any(), leader_epoch: s.any() }
    }
}

impl Sample for messages::produce::ResponseNodeEndpoint {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { node_id: s.any(), host: s.any(), port: s.any(), rack: s.any() }
    }
}

impl Sample for messages::fetch::FetchRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            cluster_id: s.any(),
            replica_id: s.any(),
            replica_state: s.any(),
            max_wait_ms: s.any(),
            min_bytes: s.any(),
            max_bytes: s.any(),
            isolation_level: s.any(),
            session_id: s.any(),
            session_epoch: s.any(),
            topics: s.any(),
            forgotten_topics_data: s.any(),
            rack_id: s.any(),
        }
    }
}

impl Sample for messages::fetch::RequestReplicaState {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { replica_id: s.any(), replica_epoch: s.any() }
    }
}

impl Sample for messages::fetch::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::fetch::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition: s.any(),
            current_leader_epoch: s.any(),
            fetch_offset: s.any(),
            last_fetched_epoch: s.any(),
            log_start_offset: s.any(),
            partition_max_bytes: s.any(),
            replica_directory_id: s.any(),
            high_watermark: s.any(),
            synced_end_offset: s.any(),
            compacted_through: s.any(),
        }
    }
}

impl Sample for messages::fetch::RequestForgottenTopicsData {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::fetch::FetchResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            session_id: s.any(),
            responses: s.any(),
            node_endpoints: s.any(),
        }
    }
}

impl Sample for messages::fetch::ResponseResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::fetch::ResponseResponsePartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            error_code: s.any(),
            high_watermark: s.any(),
            last_stable_offset: s.any(),
            log_start_offset: s.any(),
            diverging_epoch: s.any(),
            current_leader: s.any(),
            snapshot_id: s.any(),
            aborted_transactions: s.any(),
            preferred_read_replica: s.any(),
            records: s.any(),
        }
    }
}

impl Sample for messages::fetch::ResponseResponsePartitionDivergingEpoch {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { epoch: s.any(), end_offset: s.any() }
    }
}

impl Sample for messages::fetch::ResponseResponsePartitionCurrentLeader {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { leader_id: s.any(), leader_epoch: s.any() }
    }
}

impl Sample for messages::fetch::ResponseResponsePartitionSnapshotId {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { end_offset: s.any(), epoch: s.any() }
    }
}

impl Sample for messages::fetch::ResponseResponsePartitionAbortedTransaction {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { producer_id: s.any(), first_offset: s.any() }
    }
}

impl Sample for messages::fetch::ResponseNodeEndpoint {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { node_id: s.any(), host: s.any(), port: s.any(), rack: s.any() }
    }
}

impl Sample for messages::list_offsets::ListOffsetsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { replica_id: s.any(), isolation_level: s.any(), topics: s.any(), timeout_ms: s.any() }
    }
}

impl Sample for messages::list_offsets::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::list_offsets::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            current_leader_epoch: s.any(),
            timestamp: s.any(),
            age_of: s.any(),
        }
    }
}

impl Sample for messages::list_offsets::ListOffsetsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::list_offsets::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::list_offsets::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            error_code: s.any(),
            timestamp: s.any(),
            offset: s.any(),
            leader_epoch: s.any(),
            age_ms: s.any(),
        }
    }
}

impl Sample for messages::metadata::MetadataRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            topics: s.null_only_if(v >= 1),
            allow_auto_topic_creation: s.any(),
            include_cluster_authorized_operations: s.any(),
            include_topic_authorized_operations: s.any(),
        }
    }
}

impl Sample for messages::metadata::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_id: s.any(), name: s.null_only_if(v >= 10) }
    }
}

impl Sample for messages::metadata::MetadataResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            brokers: s.any(),
            cluster_id: s.any(),
            controller_id: s.any(),
            topics: s.any(),
            cluster_authorized_operations: s.any(),
            error_code: s.any(),
        }
    }
}

impl Sample for messages::metadata::ResponseBroker {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { node_id: s.any(), host: s.any(), port: s.any(), rack: s.any() }
    }
}

impl Sample for messages::metadata::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            name: s.null_only_if(v >= 12),
            topic_id: s.any(),
            is_internal: s.any(),
            partitions: s.any(),
            topic_authorized_operations: s.any(),
        }
    }
}

impl Sample for messages::metadata::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            partition_index: s.any(),
            leader_id: s.any(),
            leader_epoch: s.any(),
            replica_nodes: s.any(),
            isr_nodes: s.any(),
            offline_replicas: s.any(),
        }
    }
}

impl Sample for messages::offset_commit::OffsetCommitRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            group_id: s.any(),
            generation_id_or_member_epoch: s.any(),
            member_id: s.any(),
            group_instance_id: s.any(),
            retention_time_ms: s.any(),
            topics: s.any(),
        }
    }
}

impl Sample for messages::offset_commit::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::offset_commit::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            committed_offset: s.any(),
            committed_leader_epoch: s.any(),
            committed_metadata: s.any(),
        }
    }
}

impl Sample for messages::offset_commit::OffsetCommitResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::offset_commit::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::offset_commit::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::offset_fetch::OffsetFetchRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            group_id: s.any(),
            topics: s.null_only_if(v >= 2),
            groups: s.any(),
            require_stable: s.any(),
        }
    }
}

impl Sample for messages::offset_fetch::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partition_indexes: s.any() }
    }
}

impl Sample for messages::offset_fetch::RequestGroup {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), member_id: s.any(), member_epoch: s.any(), topics: s.any() }
    }
}

impl Sample for messages::offset_fetch::RequestGroupTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), topic_id: s.any(), partition_indexes: s.any() }
    }
}

impl Sample for messages::offset_fetch::OffsetFetchResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any(), error_code: s.any(), groups: s.any() }
    }
}

impl Sample for messages::offset_fetch::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::offset_fetch::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            committed_offset: s.any(),
            committed_leader_epoch: s.any(),
            metadata: s.any(),
            error_code: s.any(),
        }
    }
}

impl Sample for messages::offset_fetch::ResponseGroup {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), topics: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::offset_fetch::ResponseGroupTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::offset_fetch::ResponseGroupTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            committed_offset: s.any(),
            committed_leader_epoch: s.any(),
            metadata: s.any(),
            error_code: s.any(),
        }
    }
}

impl Sample for messages::find_coordinator::FindCoordinatorRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { key: s.any(), key_type: s.any(), coordinator_keys: s.any() }
    }
}

impl Sample for messages::find_coordinator::FindCoordinatorResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            node_id: s.any(),
            host: s.any(),
            port: s.any(),
            coordinators: s.any(),
        }
    }
}

impl Sample for messages::find_coordinator::ResponseCoordinator {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            key: s.any(),
            node_id: s.any(),
            host: s.any(),
            port: s.any(),
            error_code: s.any(),
            error_message: s.any(),
        }
    }
}

impl Sample for messages::join_group::JoinGroupRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            group_id: s.any(),
            session_timeout_ms: s.any(),
            rebalance_timeout_ms: s.any(),
            member_id: s.any(),
            group_instance_id: s.any(),
            protocol_type: s.any(),
            protocols: s.any(),
            reason: s.any(),
        }
    }
}

impl Sample for messages::join_group::RequestProtocol {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), metadata: s.any() }
    }
}

impl Sample for messages::join_group::JoinGroupResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            generation_id: s.any(),
            protocol_type: s.any(),
            protocol_name: s.null_only_if(v >= 7),
            leader: s.any(),
            skip_assignment: s.any(),
            member_id: s.any(),
            members: s.any(),
        }
    }
}

impl Sample for messages::join_group::ResponseMember {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { member_id: s.any(), group_instance_id: s.any(), metadata: s.any() }
    }
}

impl Sample for messages::heartbeat::HeartbeatRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            group_id: s.any(),
            generation_id: s.any(),
            member_id: s.any(),
            group_instance_id: s.any(),
        }
    }
}

impl Sample for messages::heartbeat::HeartbeatResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::leave_group::LeaveGroupRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), member_id: s.any(), members: s.any() }
    }
}

impl Sample for messages::leave_group::RequestMember {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { member_id: s.any(), group_instance_id: s.any(), reason: s.any() }
    }
}

impl Sample for messages::leave_group::LeaveGroupResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), error_code: s.any(), members: s.any() }
    }
}

impl Sample for messages::leave_group::ResponseMember {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { member_id: s.any(), group_instance_id: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::sync_group::SyncGroupRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            group_id: s.any(),
            generation_id: s.any(),
            member_id: s.any(),
            group_instance_id: s.any(),
            protocol_type: s.any(),
            protocol_name: s.any(),
            assignments: s.any(),
        }
    }
}

impl Sample for messages::sync_group::RequestAssignment {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { member_id: s.any(), assignment: s.any() }
    }
}

impl Sample for messages::sync_group::SyncGroupResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            protocol_type: s.any(),
            protocol_name: s.any(),
            assignment: s.any(),
        }
    }
}

impl Sample for messages::describe_groups::DescribeGroupsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { groups: s.any(), include_authorized_operations: s.any() }
    }
}

impl Sample for messages::describe_groups::DescribeGroupsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), groups: s.any() }
    }
}

impl Sample for messages::describe_groups::ResponseGroup {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            error_message: s.any(),
            group_id: s.any(),
            group_state: s.any(),
            protocol_type: s.any(),
            protocol_data: s.any(),
            members: s.any(),
            authorized_operations: s.any(),
        }
    }
}

impl Sample for messages::describe_groups::ResponseGroupMember {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            member_id: s.any(),
            group_instance_id: s.any(),
            client_id: s.any(),
            client_host: s.any(),
            member_metadata: s.any(),
            member_assignment: s.any(),
        }
    }
}

impl Sample for messages::list_groups::ListGroupsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { states_filter: s.any(), types_filter: s.any() }
    }
}

impl Sample for messages::list_groups::ListGroupsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), error_code: s.any(), groups: s.any() }
    }
}

impl Sample for messages::list_groups::ResponseGroup {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            group_id: s.any(),
            protocol_type: s.any(),
            group_state: s.any(),
            group_type: s.any(),
        }
    }
}

impl Sample for messages::sasl_handshake::SaslHandshakeRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { mechanism: s.any() }
    }
}

impl Sample for messages::sasl_handshake::SaslHandshakeResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { error_code: s.any(), mechanisms: s.any() }
    }
}

impl Sample for messages::api_versions::ApiVersionsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { client_software_name: s.any(), client_software_version: s.any() }
    }
}

impl Sample for messages::api_versions::ApiVersionsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            api_keys: s.any(),
            throttle_time_ms: s.any(),
            supported_features: s.any(),
            finalized_features_epoch: s.any(),
            finalized_features: s.any(),
            zk_migration_ready: s.any(),
        }
    }
}

impl Sample for messages::api_versions::ResponseApiKey {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { api_key: s.any(), min_version: s.any(), max_version: s.any() }
    }
}

impl Sample for messages::api_versions::ResponseSupportedFeature {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), min_version: s.any(), max_version: s.any() }
    }
}

impl Sample for messages::api_versions::ResponseFinalizedFeature {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), max_version_level: s.any(), min_version_level: s.any() }
    }
}

impl Sample for messages::create_topics::CreateTopicsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any(), timeout_ms: s.any(), validate_only: s.any() }
    }
}

impl Sample for messages::create_topics::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            name: s.any(),
            num_partitions: s.any(),
            replication_factor: s.any(),
            assignments: s.any(),
            configs: s.any(),
        }
    }
}

impl Sample for messages::create_topics::RequestTopicAssignment {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), broker_ids: s.any() }
    }
}

impl Sample for messages::create_topics::RequestTopicConfig {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), value: s.any() }
    }
}

impl Sample for messages::create_topics::CreateTopicsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::create_topics::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            name: s.any(),
            topic_id: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            topic_config_error_code: s.any(),
            num_partitions: s.any(),
            replication_factor: s.any(),
            configs: s.any(),
        }
    }
}

impl Sample for messages::create_topics::ResponseTopicConfig {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            name: s.any(),
            value: s.any(),
            read_only: s.any(),
            config_source: s.any(),
            is_sensitive: s.any(),
        }
    }
}

impl Sample for messages::delete_topics::DeleteTopicsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any(), topic_names: s.any(), timeout_ms: s.any() }
    }
}

impl Sample for messages::delete_topics::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), topic_id: s.any() }
    }
}

impl Sample for messages::delete_topics::DeleteTopicsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), responses: s.any() }
    }
}

impl Sample for messages::delete_topics::ResponseResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            name: s.null_only_if(v >= 6),
            topic_id: s.any(),
            error_code: s.any(),
            error_message: s.any(),
        }
    }
}

impl Sample for messages::delete_records::DeleteRecordsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any(), timeout_ms: s.any() }
    }
}

impl Sample for messages::delete_records::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::delete_records::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), offset: s.any() }
    }
}

impl Sample for messages::delete_records::DeleteRecordsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::delete_records::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::delete_records::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), low_watermark: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::init_producer_id::InitProducerIdRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            transactional_id: s.any(),
            transaction_timeout_ms: s.any(),
            producer_id: s.any(),
            producer_epoch: s.any(),
        }
    }
}

impl Sample for messages::init_producer_id::InitProducerIdResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            producer_id: s.any(),
            producer_epoch: s.any(),
        }
    }
}

impl Sample for messages::offset_for_leader_epoch::OffsetForLeaderEpochRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { replica_id: s.any(), topics: s.any() }
    }
}

impl Sample for messages::offset_for_leader_epoch::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::offset_for_leader_epoch::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition: s.any(), current_leader_epoch: s.any(), leader_epoch: s.any() }
    }
}

impl Sample for messages::offset_for_leader_epoch::OffsetForLeaderEpochResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::offset_for_leader_epoch::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::offset_for_leader_epoch::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { error_code: s.any(), partition: s.any(), leader_epoch: s.any(), end_offset: s.any() }
    }
}

impl Sample for messages::add_partitions_to_txn::AddPartitionsToTxnRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            transactions: s.any(),
            v3_and_below_transactional_id: s.any(),
            v3_and_below_producer_id: s.any(),
            v3_and_below_producer_epoch: s.any(),
            v3_and_below_topics: s.any(),
        }
    }
}

impl Sample for messages::add_partitions_to_txn::RequestTransaction {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            transactional_id: s.any(),
            producer_id: s.any(),
            producer_epoch: s.any(),
            verify_only: s.any(),
            topics: s.any(),
        }
    }
}

impl Sample for messages::add_partitions_to_txn::RequestTransactionTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::add_partitions_to_txn::RequestV3AndBelowTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::add_partitions_to_txn::AddPartitionsToTxnResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            results_by_transaction: s.any(),
            results_by_topic_v3_and_below: s.any(),
        }
    }
}

impl Sample for messages::add_partitions_to_txn::ResponseResultsByTransaction {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { transactional_id: s.any(), topic_results: s.any() }
    }
}

impl Sample for messages::add_partitions_to_txn::ResponseResultsByTransactionTopicResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), results_by_partition: s.any() }
    }
}

impl Sample
    for messages::add_partitions_to_txn::ResponseResultsByTransactionTopicResultResultsByPartition
{
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), partition_error_code: s.any() }
    }
}

impl Sample for messages::add_partitions_to_txn::ResponseResultsByTopicV3AndBelow {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), results_by_partition: s.any() }
    }
}

impl Sample
    for messages::add_partitions_to_txn::ResponseResultsByTopicV3AndBelowResultsByPartition
{
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), partition_error_code: s.any() }
    }
}

impl Sample for messages::add_offsets_to_txn::AddOffsetsToTxnRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            transactional_id: s.any(),
            producer_id: s.any(),
            producer_epoch: s.any(),
            group_id: s.any(),
        }
    }
}

impl Sample for messages::add_offsets_to_txn::AddOffsetsToTxnResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::end_txn::EndTxnRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            transactional_id: s.any(),
            producer_id: s.any(),
            producer_epoch: s.any(),
            committed: s.any(),
        }
    }
}

impl Sample for messages::end_txn::EndTxnResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            producer_id: s.any(),
            producer_epoch: s.any(),
        }
    }
}

impl Sample for messages::write_txn_markers::WriteTxnMarkersRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { markers: s.any() }
    }
}

impl Sample for messages::write_txn_markers::RequestMarker {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            producer_id: s.any(),
            producer_epoch: s.any(),
            transaction_result: s.any(),
            topics: s.any(),
            coordinator_epoch: s.any(),
            transaction_version: s.any(),
        }
    }
}

impl Sample for messages::write_txn_markers::RequestMarkerTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partition_indexes: s.any() }
    }
}

impl Sample for messages::write_txn_markers::WriteTxnMarkersResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { markers: s.any() }
    }
}

impl Sample for messages::write_txn_markers::ResponseMarker {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { producer_id: s.any(), topics: s.any() }
    }
}

impl Sample for messages::write_txn_markers::ResponseMarkerTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::write_txn_markers::ResponseMarkerTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::txn_offset_commit::TxnOffsetCommitRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            transactional_id: s.any(),
            group_id: s.any(),
            producer_id: s.any(),
            producer_epoch: s.any(),
            generation_id_or_member_epoch: s.any(),
            member_id: s.any(),
            group_instance_id: s.any(),
            topics: s.any(),
        }
    }
}

impl Sample for messages::txn_offset_commit::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::txn_offset_commit::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            committed_offset: s.any(),
            committed_leader_epoch: s.any(),
            committed_metadata: s.any(),
        }
    }
}

impl Sample for messages::txn_offset_commit::TxnOffsetCommitResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::txn_offset_commit::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::txn_offset_commit::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::describe_acls::DescribeAclsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            resource_type_filter: s.any(),
            resource_name_filter: s.any(),
            pattern_type_filter: s.any(),
            principal_filter: s.any(),
            host_filter: s.any(),
            operation: s.any(),
            permission_type: s.any(),
        }
    }
}

impl Sample for messages::describe_acls::DescribeAclsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            resources: s.any(),
        }
    }
}

impl Sample for messages::describe_acls::ResponseResource {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            resource_type: s.any(),
            resource_name: s.any(),
            pattern_type: s.any(),
            acls: s.any(),
        }
    }
}

impl Sample for messages::describe_acls::ResponseResourceAcl {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { principal: s.any(), host: s.any(), operation: s.any(), permission_type: s.any() }
    }
}

impl Sample for messages::create_acls::CreateAclsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { creations: s.any() }
    }
}

impl Sample for messages::create_acls::RequestCreation {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            resource_type: s.any(),
            resource_name: s.any(),
            resource_pattern_type: s.any(),
            principal: s.any(),
            host: s.any(),
            operation: s.any(),
            permission_type: s.any(),
        }
    }
}

impl Sample for messages::create_acls::CreateAclsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), results: s.any() }
    }
}

impl Sample for messages::create_acls::ResponseResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { error_code: s.any(), error_message: s.any() }
    }
}

impl Sample for messages::delete_acls::DeleteAclsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { filters: s.any() }
    }
}

impl Sample for messages::delete_acls::RequestFilter {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            resource_type_filter: s.any(),
            resource_name_filter: s.any(),
            pattern_type_filter: s.any(),
            principal_filter: s.any(),
            host_filter: s.any(),
            operation: s.any(),
            permission_type: s.any(),
        }
    }
}

impl Sample for messages::delete_acls::DeleteAclsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), filter_results: s.any() }
    }
}

impl Sample for messages::delete_acls::ResponseFilterResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { error_code: s.any(), error_message: s.any(), matching_acls: s.any() }
    }
}

impl Sample for messages::delete_acls::ResponseFilterResultMatchingAcl {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            error_message: s.any(),
            resource_type: s.any(),
            resource_name: s.any(),
            pattern_type: s.any(),
            principal: s.any(),
            host: s.any(),
            operation: s.any(),
            permission_type: s.any(),
        }
    }
}

impl Sample for messages::describe_configs::DescribeConfigsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { resources: s.any(), include_synonyms: s.any(), include_documentation: s.any() }
    }
}

impl Sample for messages::describe_configs::RequestResource {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { resource_type: s.any(), resource_name: s.any(), configuration_keys: s.any() }
    }
}

impl Sample for messages::describe_configs::DescribeConfigsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), results: s.any() }
    }
}

impl Sample for messages::describe_configs::ResponseResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            error_message: s.any(),
            resource_type: s.any(),
            resource_name: s.any(),
            configs: s.any(),
        }
    }
}

impl Sample for messages::describe_configs::ResponseResultConfig {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            name: s.any(),
            value: s.any(),
            read_only: s.any(),
            config_source: s.any(),
            is_sensitive: s.any(),
            synonyms: s.any(),
            config_type: s.any(),
            documentation: s.any(),
        }
    }
}

impl Sample for messages::describe_configs::ResponseResultConfigSynonym {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), value: s.any(), source: s.any() }
    }
}

impl Sample for messages::alter_configs::AlterConfigsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { resources: s.any(), validate_only: s.any() }
    }
}

impl Sample for messages::alter_configs::RequestResource {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { resource_type: s.any(), resource_name: s.any(), configs: s.any() }
    }
}

impl Sample for messages::alter_configs::RequestResourceConfig {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), value: s.any() }
    }
}

impl Sample for messages::alter_configs::AlterConfigsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), responses: s.any() }
    }
}

impl Sample for messages::alter_configs::ResponseResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            error_message: s.any(),
            resource_type: s.any(),
            resource_name: s.any(),
        }
    }
}

impl Sample for messages::describe_log_dirs::DescribeLogDirsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any() }
    }
}

impl Sample for messages::describe_log_dirs::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::describe_log_dirs::DescribeLogDirsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), error_code: s.any(), results: s.any() }
    }
}

impl Sample for messages::describe_log_dirs::ResponseResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            log_dir: s.any(),
            topics: s.any(),
            total_bytes: s.any(),
            usable_bytes: s.any(),
            is_cordoned: s.any(),
        }
    }
}

impl Sample for messages::describe_log_dirs::ResponseResultTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::describe_log_dirs::ResponseResultTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            partition_size: s.any(),
            offset_lag: s.any(),
            is_future_key: s.any(),
        }
    }
}

impl Sample for messages::sasl_authenticate::SaslAuthenticateRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { auth_bytes: s.any() }
    }
}

impl Sample for messages::sasl_authenticate::SaslAuthenticateResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            error_message: s.any(),
            auth_bytes: s.any(),
            session_lifetime_ms: s.any(),
        }
    }
}

impl Sample for messages::create_partitions::CreatePartitionsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any(), timeout_ms: s.any(), validate_only: s.any() }
    }
}

impl Sample for messages::create_partitions::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), count: s.any(), assignments: s.any() }
    }
}

impl Sample for messages::create_partitions::RequestTopicAssignment {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { broker_ids: s.any() }
    }
}

impl Sample for messages::create_partitions::CreatePartitionsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), results: s.any() }
    }
}

impl Sample for messages::create_partitions::ResponseResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), error_code: s.any(), error_message: s.any() }
    }
}

impl Sample for messages::delete_groups::DeleteGroupsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { groups_names: s.any() }
    }
}

impl Sample for messages::delete_groups::DeleteGroupsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), results: s.any() }
    }
}

impl Sample for messages::delete_groups::ResponseResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::elect_leaders::ElectLeadersRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { election_type: s.any(), topic_partitions: s.any(), timeout_ms: s.any() }
    }
}

impl Sample for messages::elect_leaders::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::elect_leaders::ElectLeadersResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), error_code: s.any(), replica_election_results: s.any() }
    }
}

impl Sample for messages::elect_leaders::ResponseReplicaElectionResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), partition_result: s.any() }
    }
}

impl Sample for messages::elect_leaders::ResponseReplicaElectionResultPartitionResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_id: s.any(), error_code: s.any(), error_message: s.any() }
    }
}

impl Sample for messages::incremental_alter_configs::IncrementalAlterConfigsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { resources: s.any(), validate_only: s.any() }
    }
}

impl Sample for messages::incremental_alter_configs::RequestResource {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { resource_type: s.any(), resource_name: s.any(), configs: s.any() }
    }
}

impl Sample for messages::incremental_alter_configs::RequestResourceConfig {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), config_operation: s.any(), value: s.any() }
    }
}

impl Sample for messages::incremental_alter_configs::IncrementalAlterConfigsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), responses: s.any() }
    }
}

impl Sample for messages::incremental_alter_configs::ResponseResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            error_message: s.any(),
            resource_type: s.any(),
            resource_name: s.any(),
        }
    }
}

impl Sample for messages::alter_partition_reassignments::AlterPartitionReassignmentsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { timeout_ms: s.any(), allow_replication_factor_change: s.any(), topics: s.any() }
    }
}

impl Sample for messages::alter_partition_reassignments::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::alter_partition_reassignments::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), replicas: s.any() }
    }
}

impl Sample for messages::alter_partition_reassignments::AlterPartitionReassignmentsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            allow_replication_factor_change: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            responses: s.any(),
        }
    }
}

impl Sample for messages::alter_partition_reassignments::ResponseResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::alter_partition_reassignments::ResponseResponsePartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), error_code: s.any(), error_message: s.any() }
    }
}

impl Sample for messages::list_partition_reassignments::ListPartitionReassignmentsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { timeout_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::list_partition_reassignments::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partition_indexes: s.any() }
    }
}

impl Sample for messages::list_partition_reassignments::ListPartitionReassignmentsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            topics: s.any(),
        }
    }
}

impl Sample for messages::list_partition_reassignments::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::list_partition_reassignments::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            replicas: s.any(),
            adding_replicas: s.any(),
            removing_replicas: s.any(),
        }
    }
}

impl Sample for messages::offset_delete::OffsetDeleteRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), topics: s.any() }
    }
}

impl Sample for messages::offset_delete::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::offset_delete::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any() }
    }
}

impl Sample for messages::offset_delete::OffsetDeleteResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { error_code: s.any(), throttle_time_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::offset_delete::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::offset_delete::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition_index: s.any(), error_code: s.any() }
    }
}

impl Sample for messages::describe_client_quotas::DescribeClientQuotasRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { components: s.any(), strict: s.any() }
    }
}

impl Sample for messages::describe_client_quotas::RequestComponent {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { entity_type: s.any(), match_type: s.any(), r#match: s.any() }
    }
}

impl Sample for messages::describe_client_quotas::DescribeClientQuotasResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            entries: s.any(),
        }
    }
}

impl Sample for messages::describe_client_quotas::ResponseEntry {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { entity: s.any(), values: s.any() }
    }
}

impl Sample for messages::describe_client_quotas::ResponseEntryEntity {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { entity_type: s.any(), entity_name: s.any() }
    }
}

impl Sample for messages::describe_client_quotas::ResponseEntryValue {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { key: s.any(), value: s.any() }
    }
}

impl Sample for messages::alter_client_quotas::AlterClientQuotasRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { entries: s.any(), validate_only: s.any() }
    }
}

impl Sample for messages::alter_client_quotas::RequestEntry {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { entity: s.any(), ops: s.any() }
    }
}

impl Sample for messages::alter_client_quotas::RequestEntryEntity {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { entity_type: s.any(), entity_name: s.any() }
    }
}

impl Sample for messages::alter_client_quotas::RequestEntryOp {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { key: s.any(), value: s.any(), remove: s.any() }
    }
}

impl Sample for messages::alter_client_quotas::AlterClientQuotasResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), entries: s.any() }
    }
}

impl Sample for messages::alter_client_quotas::ResponseEntry {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { error_code: s.any(), error_message: s.any(), entity: s.any() }
    }
}

impl Sample for messages::alter_client_quotas::ResponseEntryEntity {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { entity_type: s.any(), entity_name: s.any() }
    }
}

impl Sample for messages::describe_user_scram_credentials::DescribeUserScramCredentialsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { users: s.any() }
    }
}

impl Sample for messages::describe_user_scram_credentials::RequestUser {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any() }
    }
}

impl Sample for messages::describe_user_scram_credentials::DescribeUserScramCredentialsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            results: s.any(),
        }
    }
}

impl Sample for messages::describe_user_scram_credentials::ResponseResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            user: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            credential_infos: s.any(),
        }
    }
}

impl Sample for messages::describe_user_scram_credentials::ResponseResultCredentialInfo {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { mechanism: s.any(), iterations: s.any() }
    }
}

impl Sample for messages::alter_user_scram_credentials::AlterUserScramCredentialsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { deletions: s.any(), upsertions: s.any() }
    }
}

impl Sample for messages::alter_user_scram_credentials::RequestDeletion {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), mechanism: s.any() }
    }
}

impl Sample for messages::alter_user_scram_credentials::RequestUpsertion {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            name: s.any(),
            mechanism: s.any(),
            iterations: s.any(),
            salt: s.any(),
            salted_password: s.any(),
        }
    }
}

impl Sample for messages::alter_user_scram_credentials::AlterUserScramCredentialsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), results: s.any() }
    }
}

impl Sample for messages::alter_user_scram_credentials::ResponseResult {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { user: s.any(), error_code: s.any(), error_message: s.any() }
    }
}

impl Sample for messages::describe_cluster::DescribeClusterRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            include_cluster_authorized_operations: s.any(),
            endpoint_type: s.any(),
            include_fenced_brokers: s.any(),
        }
    }
}

impl Sample for messages::describe_cluster::DescribeClusterResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            endpoint_type: s.any(),
            cluster_id: s.any(),
            controller_id: s.any(),
            brokers: s.any(),
            cluster_authorized_operations: s.any(),
        }
    }
}

impl Sample for messages::describe_cluster::ResponseBroker {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { broker_id: s.any(), host: s.any(), port: s.any(), rack: s.any(), is_fenced: s.any() }
    }
}

impl Sample for messages::describe_producers::DescribeProducersRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any() }
    }
}

impl Sample for messages::describe_producers::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partition_indexes: s.any() }
    }
}

impl Sample for messages::describe_producers::DescribeProducersResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any() }
    }
}

impl Sample for messages::describe_producers::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::describe_producers::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            partition_index: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            active_producers: s.any(),
        }
    }
}

impl Sample for messages::describe_producers::ResponseTopicPartitionActiveProducer {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            producer_id: s.any(),
            producer_epoch: s.any(),
            last_sequence: s.any(),
            last_timestamp: s.any(),
            coordinator_epoch: s.any(),
            current_txn_start_offset: s.any(),
        }
    }
}

impl Sample for messages::describe_transactions::DescribeTransactionsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { transactional_ids: s.any() }
    }
}

impl Sample for messages::describe_transactions::DescribeTransactionsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), transaction_states: s.any() }
    }
}

impl Sample for messages::describe_transactions::ResponseTransactionState {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            transactional_id: s.any(),
            transaction_state: s.any(),
            transaction_timeout_ms: s.any(),
            transaction_start_time_ms: s.any(),
            producer_id: s.any(),
            producer_epoch: s.any(),
            topics: s.any(),
        }
    }
}

impl Sample for messages::describe_transactions::ResponseTransactionStateTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::list_transactions::ListTransactionsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            state_filters: s.any(),
            producer_id_filters: s.any(),
            duration_filter: s.any(),
            transactional_id_pattern: s.any(),
        }
    }
}

impl Sample for messages::list_transactions::ListTransactionsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            unknown_state_filters: s.any(),
            transaction_states: s.any(),
        }
    }
}

impl Sample for messages::list_transactions::ResponseTransactionState {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { transactional_id: s.any(), producer_id: s.any(), transaction_state: s.any() }
    }
}

impl Sample for messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            group_id: s.any(),
            member_id: s.any(),
            member_epoch: s.any(),
            instance_id: s.any(),
            rack_id: s.any(),
            rebalance_timeout_ms: s.any(),
            subscribed_topic_names: s.any(),
            subscribed_topic_regex: s.any(),
            server_assignor: s.any(),
            topic_partitions: s.any(),
        }
    }
}

impl Sample for messages::consumer_group_heartbeat::RequestTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::consumer_group_heartbeat::ConsumerGroupHeartbeatResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            throttle_time_ms: s.any(),
            error_code: s.any(),
            error_message: s.any(),
            member_id: s.any(),
            member_epoch: s.any(),
            heartbeat_interval_ms: s.any(),
            assignment: s.any(),
        }
    }
}

impl Sample for messages::consumer_group_heartbeat::ResponseAssignment {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_partitions: s.any() }
    }
}

impl Sample for messages::consumer_group_heartbeat::ResponseAssignmentTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::consumer_group_describe::ConsumerGroupDescribeRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_ids: s.any(), include_authorized_operations: s.any() }
    }
}

impl Sample for messages::consumer_group_describe::ConsumerGroupDescribeResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), groups: s.any() }
    }
}

impl Sample for messages::consumer_group_describe::ResponseGroup {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            error_message: s.any(),
            group_id: s.any(),
            group_state: s.any(),
            group_epoch: s.any(),
            assignment_epoch: s.any(),
            assignor_name: s.any(),
            members: s.any(),
            authorized_operations: s.any(),
        }
    }
}

impl Sample for messages::consumer_group_describe::ResponseGroupMember {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            member_id: s.any(),
            instance_id: s.any(),
            rack_id: s.any(),
            member_epoch: s.any(),
            client_id: s.any(),
            client_host: s.any(),
            subscribed_topic_names: s.any(),
            subscribed_topic_regex: s.any(),
            assignment: s.any(),
            target_assignment: s.any(),
            member_type: s.any(),
        }
    }
}

impl Sample for messages::consumer_group_describe::ResponseGroupMemberAssignment {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_partitions: s.any() }
    }
}

impl Sample for messages::consumer_group_describe::ResponseGroupMemberAssignmentTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_id: s.any(), topic_name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::consumer_group_describe::ResponseGroupMemberTargetAssignment {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_partitions: s.any() }
    }
}

impl Sample
    for messages::consumer_group_describe::ResponseGroupMemberTargetAssignmentTopicPartition
{
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_id: s.any(), topic_name: s.any(), partitions: s.any() }
    }
}

impl Sample for messages::describe_topic_partitions::DescribeTopicPartitionsRequest {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any(), response_partition_limit: s.any(), cursor: s.any() }
    }
}

impl Sample for messages::describe_topic_partitions::RequestTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any() }
    }
}

impl Sample for messages::describe_topic_partitions::RequestCursor {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_name: s.any(), partition_index: s.any() }
    }
}

impl Sample for messages::describe_topic_partitions::DescribeTopicPartitionsResponse {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { throttle_time_ms: s.any(), topics: s.any(), next_cursor: s.any() }
    }
}

impl Sample for messages::describe_topic_partitions::ResponseTopic {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            name: s.any(),
            topic_id: s.any(),
            is_internal: s.any(),
            partitions: s.any(),
            topic_authorized_operations: s.any(),
        }
    }
}

impl Sample for messages::describe_topic_partitions::ResponseTopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            error_code: s.any(),
            partition_index: s.any(),
            leader_id: s.any(),
            leader_epoch: s.any(),
            replica_nodes: s.any(),
            isr_nodes: s.any(),
            eligible_leader_replicas: s.any(),
            last_known_elr: s.any(),
            offline_replicas: s.any(),
        }
    }
}

impl Sample for messages::describe_topic_partitions::ResponseNextCursor {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_name: s.any(), partition_index: s.any() }
    }
}
