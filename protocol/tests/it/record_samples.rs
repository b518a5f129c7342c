#![allow(clippy::all, unused_variables, reason = "generated")]
//! Arbitrary keys and values of every record, written by `cargo xtask codegen`.

use highwater_protocol::records;

use crate::records::Visit;
use crate::sample::{Sample, Samples};

pub(crate) fn visit_each(visit: &mut impl Visit) {
    visit.record::<records::OffsetCommitKey>();
    visit.record::<records::GroupMetadataKey>();
    visit.record::<records::ConsumerGroupMetadataKey>();
    visit.record::<records::ConsumerGroupPartitionMetadataKey>();
    visit.record::<records::ConsumerGroupMemberMetadataKey>();
    visit.record::<records::ConsumerGroupTargetAssignmentMetadataKey>();
    visit.record::<records::ConsumerGroupTargetAssignmentMemberKey>();
    visit.record::<records::ConsumerGroupCurrentMemberAssignmentKey>();
    visit.record::<records::ConsumerGroupRegularExpressionKey>();
    visit.record::<records::TransactionLogKey>();
}

impl Sample for records::offset_commit::OffsetCommitKey {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group: s.any(), topic: s.any(), partition: s.any() }
    }
}

impl Sample for records::offset_commit::OffsetCommitValue {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            offset: s.any(),
            leader_epoch: s.any(),
            metadata: s.any(),
            commit_timestamp: s.any(),
            expire_timestamp: s.any(),
            topic_id: s.any(),
        }
    }
}

impl Sample for records::group_metadata::GroupMetadataKey {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group: s.any() }
    }
}

impl Sample for records::group_metadata::GroupMetadataValue {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            protocol_type: s.any(),
            generation: s.any(),
            protocol: s.any(),
            leader: s.any(),
            current_state_timestamp: s.any(),
            members: s.any(),
        }
    }
}

impl Sample for records::group_metadata::MemberMetadata {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            member_id: s.any(),
            group_instance_id: s.any(),
            client_id: s.any(),
            client_host: s.any(),
            rebalance_timeout: s.any(),
            session_timeout: s.any(),
            subscription: s.any(),
            assignment: s.any(),
        }
    }
}

impl Sample for records::consumer_group_metadata::ConsumerGroupMetadataKey {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any() }
    }
}

impl Sample for records::consumer_group_metadata::ConsumerGroupMetadataValue {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { epoch: s.any(), metadata_hash: s.any() }
    }
}

impl Sample for records::consumer_group_partition_metadata::ConsumerGroupPartitionMetadataKey {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any() }
    }
}

impl Sample for records::consumer_group_partition_metadata::ConsumerGroupPartitionMetadataValue {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any() }
    }
}

impl Sample for records::consumer_group_partition_metadata::TopicMetadata {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            topic_id: s.any(),
            topic_name: s.any(),
            num_partitions: s.any(),
            partition_metadata: s.any(),
        }
    }
}

impl Sample for records::consumer_group_partition_metadata::PartitionMetadata {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { partition: s.any(), racks: s.any() }
    }
}

impl Sample for records::consumer_group_member_metadata::ConsumerGroupMemberMetadataKey {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), member_id: s.any() }
    }
}

impl Sample for records::consumer_group_member_metadata::ConsumerGroupMemberMetadataValue {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            instance_id: s.any(),
            rack_id: s.any(),
            client_id: s.any(),
            client_host: s.any(),
            subscribed_topic_names: s.any(),
            subscribed_topic_regex: s.any(),
            rebalance_timeout_ms: s.any(),
            server_assignor: s.any(),
            classic_member_metadata: s.any(),
        }
    }
}

impl Sample for records::consumer_group_member_metadata::ClassicMemberMetadata {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { session_timeout_ms: s.any(), supported_protocols: s.any() }
    }
}

impl Sample for records::consumer_group_member_metadata::ClassicProtocol {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { name: s.any(), metadata: s.any() }
    }
}

impl Sample
    for records::consumer_group_target_assignment_metadata::ConsumerGroupTargetAssignmentMetadataKey
{
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any() }
    }
}

impl Sample for records::consumer_group_target_assignment_metadata::ConsumerGroupTargetAssignmentMetadataValue {
fn sample(s: &mut Samples) -> Self {
let v = s.version();
Self {
assignment_epoch: s.any(),
assignment_timestamp: s.any(),
}
}
}

impl Sample
    for records::consumer_group_target_assignment_member::ConsumerGroupTargetAssignmentMemberKey
{
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), member_id: s.any() }
    }
}

impl Sample
    for records::consumer_group_target_assignment_member::ConsumerGroupTargetAssignmentMemberValue
{
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_partitions: s.any() }
    }
}

impl Sample for records::consumer_group_target_assignment_member::TopicPartition {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_id: s.any(), partitions: s.any() }
    }
}

impl Sample
    for records::consumer_group_current_member_assignment::ConsumerGroupCurrentMemberAssignmentKey
{
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), member_id: s.any() }
    }
}

impl Sample
    for records::consumer_group_current_member_assignment::ConsumerGroupCurrentMemberAssignmentValue
{
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            member_epoch: s.any(),
            previous_member_epoch: s.any(),
            state: s.any(),
            assigned_partitions: s.any(),
            partitions_pending_revocation: s.any(),
        }
    }
}

impl Sample for records::consumer_group_current_member_assignment::TopicPartitions {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic_id: s.any(), partitions: s.any(), assignment_epochs: s.any() }
    }
}

impl Sample for records::consumer_group_regular_expression::ConsumerGroupRegularExpressionKey {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { group_id: s.any(), regular_expression: s.any() }
    }
}

impl Sample for records::consumer_group_regular_expression::ConsumerGroupRegularExpressionValue {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topics: s.any(), version: s.any(), timestamp: s.any() }
    }
}

impl Sample for records::transaction_log::TransactionLogKey {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { transactional_id: s.any() }
    }
}

impl Sample for records::transaction_log::TransactionLogValue {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self {
            producer_id: s.any(),
            previous_producer_id: s.any(),
            next_producer_id: s.any(),
            producer_epoch: s.any(),
            next_producer_epoch: s.any(),
            transaction_timeout_ms: s.any(),
            transaction_status: s.any(),
            transaction_partitions: s.any(),
            transaction_last_update_timestamp_ms: s.any(),
            transaction_start_timestamp_ms: s.any(),
            client_transaction_version: s.any(),
        }
    }
}

impl Sample for records::transaction_log::PartitionsSchema {
    fn sample(s: &mut Samples) -> Self {
        let v = s.version();
        Self { topic: s.any(), partition_ids: s.any() }
    }
}
