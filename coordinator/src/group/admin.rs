//! ListGroups, DescribeGroups, ConsumerGroupDescribe and DeleteGroups.

use highwater_protocol::Str;
use highwater_protocol::messages::list_groups::ListGroupsRequest;

use super::answer::{DescribedConsumerGroup, DescribedGroup, ListedGroup};
use super::classic::{CONSUMER_PROTOCOL_TYPE, ClassicGroup};
use super::config::GroupConfig;
use super::topics::Topics;
use super::{Group, GroupKind, GroupRecord, Refusal};

/// The groups that pass both filters; an empty filter lets all pass, and case does not count.
pub(crate) fn list_groups<'a>(
    groups: impl Iterator<Item = &'a Group>,
    request: &ListGroupsRequest,
) -> Vec<ListedGroup> {
    let passes = |filter: &[Str], word: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(word))
    };
    let listed = groups.map(listed).filter(|group| {
        passes(&request.states_filter, group.state)
            && passes(&request.types_filter, group.group_type)
    });
    listed.collect()
}

fn listed(group: &Group) -> ListedGroup {
    let protocol_type = match &group.kind {
        GroupKind::Classic(classic) => classic.protocol_type().cloned().unwrap_or_default(),
        GroupKind::Consumer(_) => Str::from_static(CONSUMER_PROTOCOL_TYPE),
    };
    let (group_type, state) = (group.kind.name(), group.kind.state());
    ListedGroup { group_id: group.id.clone(), protocol_type, state, group_type }
}

/// One group as DescribeGroups shows it.
pub(crate) fn describe_group(group: Option<&Group>) -> Result<DescribedGroup, Refusal> {
    match &group.ok_or(Refusal::GroupIdNotFound)?.kind {
        GroupKind::Classic(classic) => Ok(classic.describe()),
        GroupKind::Consumer(consumer) => consumer.describe_as_classic(),
    }
}

/// One group as ConsumerGroupDescribe shows it.
pub(crate) fn describe_consumer_group(
    topics: &Topics,
    config: &GroupConfig,
    group: Option<&Group>,
) -> Result<DescribedConsumerGroup, Refusal> {
    match &group.ok_or(Refusal::GroupIdNotFound)?.kind {
        GroupKind::Classic(_) => Err(Refusal::GroupIdNotFound),
        GroupKind::Consumer(consumer) => {
            let described = consumer.describe(topics)?;
            Ok(DescribedConsumerGroup { assignor: consumer.assignor_name(config), ..described })
        }
    }
}

/// The records that end an empty group and its offsets.
pub(crate) fn delete_group(group: Option<&Group>) -> Result<Vec<GroupRecord>, Refusal> {
    let group = group.ok_or(Refusal::GroupIdNotFound)?;
    if !group.kind.is_empty() {
        return Err(Refusal::NonEmptyGroup);
    }
    let mut records = Vec::new();
    group.offsets.tombstones(&group.id, &mut records);
    end_group(group, &mut records);
    Ok(records)
}

/// The records that end a group, its offsets aside.
pub(crate) fn end_group(group: &Group, records: &mut Vec<GroupRecord>) {
    match &group.kind {
        GroupKind::Classic(_) => records.push(ClassicGroup::tombstone(&group.id)),
        GroupKind::Consumer(consumer) => consumer.tombstones(&group.id, records),
    }
}
