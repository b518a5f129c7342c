//! From what a group holds to its records, and back.

use highwater_protocol::Str;
use highwater_protocol::records::consumer_group_current_member_assignment::TopicPartitions;
use highwater_protocol::records::consumer_group_member_metadata::{
    ClassicMemberMetadata, ClassicProtocol,
};
use highwater_protocol::records::consumer_group_target_assignment_member::TopicPartition;
use highwater_protocol::records::{
    ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataValue,
    ConsumerGroupMetadataValue, ConsumerGroupRegularExpressionValue,
    ConsumerGroupTargetAssignmentMemberValue, ConsumerGroupTargetAssignmentMetadataValue,
};
use highwater_records::{Timestamp, Uuid};

use super::super::assignor::Partitions;
use super::super::classic::detached;
use super::member::{ClassicMember, Current, MemberState, Owned, Subscription, sorted_names};
use super::{Expression, GroupRecord};

/// Makes the records of one group.
#[derive(Clone, Copy)]
pub(crate) struct RecordsOf<'a>(pub(crate) &'a Str);

impl RecordsOf<'_> {
    pub(crate) fn group(self, epoch: i32, metadata_hash: i64) -> GroupRecord {
        let value = Some(ConsumerGroupMetadataValue { epoch, metadata_hash });
        GroupRecord::ConsumerGroup { group_id: self.0.clone(), value }
    }

    pub(crate) fn no_group(self) -> GroupRecord {
        GroupRecord::ConsumerGroup { group_id: self.0.clone(), value: None }
    }

    pub(crate) fn no_partitions(self) -> GroupRecord {
        GroupRecord::ConsumerPartitions { group_id: self.0.clone(), value: None }
    }

    pub(crate) fn member(self, member_id: &Str, subscription: &Subscription) -> GroupRecord {
        let classic_member_metadata =
            subscription.classic.as_ref().map(|classic| ClassicMemberMetadata {
                session_timeout_ms: classic.session_timeout_ms,
                supported_protocols: classic
                    .protocols
                    .iter()
                    .map(|(name, metadata)| ClassicProtocol {
                        name: name.clone(),
                        metadata: metadata.clone(),
                    })
                    .collect(),
            });
        let value = Some(ConsumerGroupMemberMetadataValue {
            instance_id: subscription.instance_id.clone(),
            rack_id: subscription.rack_id.clone(),
            client_id: subscription.client_id.clone(),
            client_host: subscription.client_host.clone(),
            subscribed_topic_names: subscription.topic_names.clone(),
            subscribed_topic_regex: subscription.topic_regex.clone(),
            rebalance_timeout_ms: subscription.rebalance_timeout_ms,
            server_assignor: subscription.server_assignor.clone(),
            classic_member_metadata,
        });
        GroupRecord::ConsumerMember {
            group_id: self.0.clone(),
            member_id: member_id.clone(),
            value,
        }
    }

    pub(crate) fn no_member(self, member_id: &Str) -> GroupRecord {
        let (group_id, member_id) = (self.0.clone(), member_id.clone());
        GroupRecord::ConsumerMember { group_id, member_id, value: None }
    }

    /// The tombstones of all that was written of a member.
    pub(crate) fn removal(self, member_id: &Str) -> [GroupRecord; 3] {
        [self.no_current(member_id), self.no_target(member_id), self.no_member(member_id)]
    }

    pub(crate) fn target_epoch(self, epoch: i32, timestamp: Timestamp) -> GroupRecord {
        let value = ConsumerGroupTargetAssignmentMetadataValue {
            assignment_epoch: epoch,
            assignment_timestamp: timestamp.value(),
        };
        GroupRecord::TargetAssignment { group_id: self.0.clone(), value: Some(value) }
    }

    pub(crate) fn no_target_epoch(self) -> GroupRecord {
        GroupRecord::TargetAssignment { group_id: self.0.clone(), value: None }
    }

    pub(crate) fn target(self, member_id: &Str, target: &Partitions) -> GroupRecord {
        let topic_partitions = assigned_topics(target)
            .into_iter()
            .map(|(topic_id, partitions)| TopicPartition { topic_id, partitions })
            .collect();
        let (group_id, member_id) = (self.0.clone(), member_id.clone());
        GroupRecord::TargetMember {
            group_id,
            member_id,
            value: Some(ConsumerGroupTargetAssignmentMemberValue { topic_partitions }),
        }
    }

    pub(crate) fn no_target(self, member_id: &Str) -> GroupRecord {
        let (group_id, member_id) = (self.0.clone(), member_id.clone());
        GroupRecord::TargetMember { group_id, member_id, value: None }
    }

    pub(crate) fn current(self, member_id: &Str, current: &Current) -> GroupRecord {
        let value = Some(ConsumerGroupCurrentMemberAssignmentValue {
            member_epoch: current.epoch,
            previous_member_epoch: current.previous_epoch,
            state: current.state.id(),
            assigned_partitions: current_topics(&current.assigned),
            partitions_pending_revocation: current_topics(&current.pending_revocation),
        });
        let (group_id, member_id) = (self.0.clone(), member_id.clone());
        GroupRecord::CurrentAssignment { group_id, member_id, value }
    }

    pub(crate) fn no_current(self, member_id: &Str) -> GroupRecord {
        let (group_id, member_id) = (self.0.clone(), member_id.clone());
        GroupRecord::CurrentAssignment { group_id, member_id, value: None }
    }

    pub(super) fn expression(self, expression: &Str, resolved: &Expression) -> GroupRecord {
        let value = Some(ConsumerGroupRegularExpressionValue {
            topics: resolved.topics.clone(),
            version: resolved.version,
            timestamp: resolved.timestamp.value(),
        });
        let (group_id, expression) = (self.0.clone(), expression.clone());
        GroupRecord::RegularExpression { group_id, expression, value }
    }

    pub(crate) fn no_expression(self, expression: &Str) -> GroupRecord {
        let (group_id, expression) = (self.0.clone(), expression.clone());
        GroupRecord::RegularExpression { group_id, expression, value: None }
    }
}

/// Partitions as lists.
pub(crate) fn assigned_topics(partitions: &Partitions) -> Vec<(Uuid, Vec<i32>)> {
    partitions.topics().map(|(topic_id, all)| (topic_id, all.iter().copied().collect())).collect()
}

fn current_topics(owned: &Owned) -> Vec<TopicPartitions> {
    owned
        .topics()
        .map(|(topic_id, partitions)| TopicPartitions {
            topic_id,
            partitions: partitions.keys().copied().collect(),
            assignment_epochs: Some(partitions.values().copied().collect()),
        })
        .collect()
}

/// In allocations of its own: what is read back shares the bytes of its batch.
impl From<&ConsumerGroupMemberMetadataValue> for Subscription {
    fn from(value: &ConsumerGroupMemberMetadataValue) -> Self {
        let own = |text: &Option<Str>| text.as_ref().map(Str::detached);
        Self {
            instance_id: own(&value.instance_id),
            rack_id: own(&value.rack_id),
            client_id: value.client_id.detached(),
            client_host: value.client_host.detached(),
            topic_names: sorted_names(&value.subscribed_topic_names),
            topic_regex: own(&value.subscribed_topic_regex).filter(|regex| !regex.is_empty()),
            rebalance_timeout_ms: value.rebalance_timeout_ms,
            server_assignor: own(&value.server_assignor),
            classic: value.classic_member_metadata.as_ref().map(|classic| ClassicMember {
                session_timeout_ms: classic.session_timeout_ms,
                protocols: classic
                    .supported_protocols
                    .iter()
                    .map(|protocol| (protocol.name.detached(), detached(&protocol.metadata)))
                    .collect(),
            }),
        }
    }
}

impl From<&ConsumerGroupCurrentMemberAssignmentValue> for Current {
    fn from(value: &ConsumerGroupCurrentMemberAssignmentValue) -> Self {
        let owned = |topics: &[TopicPartitions]| {
            let mut owned = Owned::default();
            for topic in topics {
                let epochs = topic.assignment_epochs.as_deref().unwrap_or_default();
                for (place, &partition) in topic.partitions.iter().enumerate() {
                    // Brokers before KIP-1251 did not write it: then nothing older than the
                    // member's epoch counts.
                    let epoch = epochs.get(place).copied().unwrap_or(value.member_epoch);
                    owned.insert(topic.topic_id, partition, epoch);
                }
            }
            owned
        };
        Self {
            epoch: value.member_epoch,
            previous_epoch: value.previous_member_epoch,
            state: MemberState::from_id(value.state),
            assigned: owned(&value.assigned_partitions),
            pending_revocation: owned(&value.partitions_pending_revocation),
        }
    }
}

impl From<&ConsumerGroupTargetAssignmentMemberValue> for Partitions {
    fn from(value: &ConsumerGroupTargetAssignmentMemberValue) -> Self {
        value
            .topic_partitions
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(|&partition| (topic.topic_id, partition)))
            .collect()
    }
}
