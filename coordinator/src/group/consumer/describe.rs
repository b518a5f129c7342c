//! The group as admin calls show it.

use highwater_protocol::Str;

use super::super::assignor::Partitions;
use super::super::config::GroupConfig;
use super::{
    ConsumerGroup, DescribedConsumerGroup, DescribedConsumerMember, DescribedGroup, DescribedTopic,
    Member, Refusal, Topics,
};

impl ConsumerGroup {
    /// Kafka's name of the state: what still has to happen.
    pub(crate) fn state(&self) -> &'static str {
        let durable = &self.durable;
        let target_epoch = durable.assignment_epoch;
        if durable.members.is_empty() {
            "Empty"
        } else if durable.epoch > target_epoch {
            "Assigning"
        } else if durable.members.values().all(|one| one.current.is_reconciled_to(target_epoch)) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    /// As ConsumerGroupDescribe shows it, with the assignor of a broker that offers Kafka's; see
    /// [`ConsumerGroup::assignor_name`].
    pub(crate) fn describe(&self, topics: &Topics) -> Result<DescribedConsumerGroup, Refusal> {
        Ok(DescribedConsumerGroup {
            state: self.state(),
            group_epoch: self.durable.epoch,
            assignment_epoch: self.durable.assignment_epoch,
            assignor: self.assignor_name(&GroupConfig::default()),
            members: self
                .members()
                .map(|(member_id, member)| self.describe_member(member_id, member, topics))
                .collect(),
        })
    }

    /// The assignor of the next target.
    pub(crate) fn assignor_name(&self, config: &GroupConfig) -> Str {
        Str::from_static(self.preferred_assignor(config).name())
    }

    fn describe_member(
        &self,
        member_id: &Str,
        member: &Member,
        topics: &Topics,
    ) -> DescribedConsumerMember {
        let subscription = &member.subscription;
        DescribedConsumerMember {
            member_id: member_id.clone(),
            instance_id: subscription.instance_id.clone(),
            rack_id: subscription.rack_id.clone(),
            member_epoch: member.current.epoch,
            client_id: subscription.client_id.clone(),
            client_host: subscription.client_host.clone(),
            subscribed_topic_names: subscription.topic_names.clone(),
            subscribed_topic_regex: subscription.topic_regex.clone(),
            assignment: described(&member.current.held(), topics),
            target_assignment: described(self.target_of(member_id), topics),
            is_classic: member.is_classic(),
        }
    }

    /// As DescribeGroups shows it: not at all, for it is not classic.
    pub(crate) fn describe_as_classic(&self) -> Result<DescribedGroup, Refusal> {
        Err(Refusal::GroupIdNotFound)
    }
}

/// Partitions with the names of their topics; those of deleted topics are left out.
fn described(partitions: &Partitions, topics: &Topics) -> Vec<DescribedTopic> {
    partitions
        .topics()
        .filter_map(|(topic_id, all)| {
            let topic_name = topics.by_id(topic_id)?.name.clone();
            Some(DescribedTopic { topic_id, topic_name, partitions: all.iter().copied().collect() })
        })
        .collect()
}
