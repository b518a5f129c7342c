//! What must be true of the machine, kept in the simplest way.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::Str;
use highwater_records::ProducerId;

use super::super::records::OffsetRecord;
use super::super::{Group, GroupKind, GroupRecord, Topics};

/// Group and partition of the one topic that is committed.
type Place = (String, i32);

/// Offsets as the log has them, and the highest epochs seen.
#[derive(Debug, Default)]
pub(super) struct Model {
    offsets: BTreeMap<Place, (usize, i64)>,
    pending: BTreeMap<i64, BTreeMap<Place, (usize, i64)>>,
    last_offset: i64,
    /// Of each group since it began.
    epochs: BTreeMap<String, i32>,
    /// Members that the log has, by group.
    members: BTreeMap<String, BTreeSet<Str>>,
    /// Groups that the batch ends.
    has_ended: BTreeSet<String>,
    /// Whether groups had members before the batch.
    had_members: BTreeMap<String, bool>,
    /// Owners by group and generation.
    assigned: BTreeMap<(String, i32), BTreeMap<i32, Str>>,
}

impl Model {
    /// Offsets are all different, so that a wrong one is seen.
    pub(super) fn next_offset(&mut self) -> i64 {
        self.last_offset += 1;
        self.last_offset
    }

    pub(super) fn append(&mut self, at: usize, record: &GroupRecord) {
        match record {
            GroupRecord::Offset(record) => self.offset_record(at, None, record),
            GroupRecord::TxnOffset { producer_id, record, .. } => {
                self.offset_record(at, Some(*producer_id), record);
            }
            GroupRecord::ClassicGroup { group_id, value } => {
                match value {
                    Some(value) => self.epoch(group_id, value.generation),
                    None => self.ended(group_id),
                }
                let members = value.iter().flat_map(|value| &value.members);
                let members = members.map(|member| member.member_id.clone()).collect();
                self.members.insert(group_id.to_string(), members);
            }
            GroupRecord::ConsumerGroup { group_id, value } => match value {
                Some(value) => self.epoch(group_id, value.epoch),
                None => self.ended(group_id),
            },
            GroupRecord::ConsumerMember { group_id, member_id, value } => {
                self.had_members(group_id);
                let members = self.members.entry(group_id.to_string()).or_default();
                match value {
                    Some(_) => members.insert(member_id.clone()),
                    None => members.remove(member_id),
                };
            }
            GroupRecord::TxnEnd { .. }
            | GroupRecord::ConsumerPartitions { .. }
            | GroupRecord::TargetAssignment { .. }
            | GroupRecord::TargetMember { .. }
            | GroupRecord::CurrentAssignment { .. }
            | GroupRecord::RegularExpression { .. } => {}
        }
    }

    fn offset_record(&mut self, at: usize, producer: Option<ProducerId>, record: &OffsetRecord) {
        let place = (record.group_id.to_string(), record.partition);
        match (&record.value, producer) {
            (Some(value), None) => {
                self.offsets.insert(place, (at, value.offset));
            }
            (Some(value), Some(producer)) => {
                let pending = self.pending.entry(producer.value()).or_default();
                pending.insert(place, (at, value.offset));
            }
            (None, _) => {
                self.offsets.remove(&place);
                for pending in self.pending.values_mut() {
                    pending.remove(&place);
                }
            }
        }
    }

    pub(super) fn end_transaction(&mut self, producer: i64, is_commit: bool) {
        for (place, (at, offset)) in self.pending.remove(&producer).unwrap_or_default() {
            if is_commit && self.offsets.get(&place).is_none_or(|(known, _)| *known < at) {
                self.offsets.insert(place, (at, offset));
            }
        }
    }

    pub(super) fn offset(&self, group: &str, partition: i32) -> Option<i64> {
        self.offsets.get(&(group.to_owned(), partition)).map(|(_, offset)| *offset)
    }

    pub(super) fn is_pending(&self, group: &str, partition: i32) -> bool {
        let place = (group.to_owned(), partition);
        self.pending.values().any(|pending| pending.contains_key(&place))
    }

    /// I-G2: in the log, the epoch of a group never goes back.
    fn epoch(&mut self, group: &Str, epoch: i32) {
        // A group with members that ends in a batch which goes on with it only changes its protocol;
        // one without members begins anew.
        let had_members = self.had_members.get(group.as_str()).is_some_and(|had| *had);
        if self.has_ended.remove(group.as_str()) && !had_members {
            self.epochs.remove(group.as_str());
        }
        let known = self.epochs.entry(group.to_string()).or_default();
        assert!(epoch >= *known, "{group}: {epoch} after {known}");
        *known = epoch;
    }

    fn ended(&mut self, group: &Str) {
        self.had_members(group);
        self.has_ended.insert(group.to_string());
        self.assigned.retain(|(name, _), _| name != group.as_str());
    }

    fn had_members(&mut self, group: &Str) {
        let members = self.members.get(group.as_str());
        let had_members = members.is_some_and(|members| !members.is_empty());
        self.had_members.entry(group.to_string()).or_insert(had_members);
    }

    /// A batch is complete.
    pub(super) fn batch_ended(&mut self) {
        self.had_members.clear();
        for group in std::mem::take(&mut self.has_ended) {
            self.epochs.remove(&group);
        }
    }

    /// I-G1 for classic groups: these partitions were assigned in this generation, to an instance or
    /// to a member without one.
    pub(super) fn assigned(&mut self, group: &str, generation: i32, owner: &Str, given: &[i32]) {
        let owners = self.assigned.entry((group.to_owned(), generation)).or_default();
        owners.retain(|_, known| known != owner);
        for partition in given {
            let before = owners.insert(*partition, owner.clone());
            assert_eq!(before, None, "{group} {generation}: {partition} is also of {owner}");
        }
    }

    /// I-G1 to I-G3 as far as they can be seen from outside.
    pub(super) fn check_group(&mut self, group: Option<&Group>, name: &str, topics: &Topics) {
        let Some(group) = group else { return };
        let GroupKind::Consumer(consumer) = &group.kind else { return };
        let Ok(described) = consumer.describe(topics) else { return };
        assert!(described.assignment_epoch <= described.group_epoch, "{name}: {described:?}");
        let (mut owned, mut targeted) = (BTreeSet::new(), BTreeSet::new());
        for member in &described.members {
            assert!(member.member_epoch <= described.group_epoch, "{name}: {described:?}");
            for topic in &member.assignment {
                for partition in &topic.partitions {
                    assert!(owned.insert((topic.topic_id, *partition)), "{name}: {described:?}");
                }
            }
            for (topic_id, _) in consumer.target_of(&member.member_id).topics() {
                assert!(topics.by_id(topic_id).is_some(), "{name}: {topic_id} of {member:?}");
            }
            for topic in &member.target_assignment {
                let known = topics.by_id(topic.topic_id).unwrap();
                assert!(member.subscribed_topic_names.contains(&known.name), "{described:?}");
                for partition in &topic.partitions {
                    assert!((0..known.partition_count).contains(partition), "{described:?}");
                    assert!(targeted.insert((topic.topic_id, *partition)), "{name}: {described:?}");
                }
            }
        }
    }
}

/// I-G4: whether a commit of this member has to be accepted, because nothing changes and it is the
/// member's own generation or epoch.
pub(super) fn may_commit(group: &Group, member_id: &Str, given: i32, topics: &Topics) -> bool {
    let is_current = match &group.kind {
        GroupKind::Classic(classic) => {
            classic.member(member_id).is_some() && classic.generation() == given
        }
        GroupKind::Consumer(consumer) => {
            let members = consumer.describe(topics).unwrap().members;
            members.iter().any(|one| one.member_id == *member_id && one.member_epoch == given)
        }
    };
    given >= 0 && is_current && group.kind.state() == "Stable"
}

/// I-G4: a commit was accepted of this member in this generation or epoch. A member of a consumer
/// group may be an epoch behind for partitions that it still has.
pub(super) fn check_accepted(
    group: &Group,
    member_id: &Str,
    given: i32,
    partition: i32,
    topics: &Topics,
) {
    match &group.kind {
        GroupKind::Classic(classic) => {
            assert!(classic.member(member_id).is_some(), "{member_id}");
            assert_eq!(classic.generation(), given, "{member_id}");
        }
        GroupKind::Consumer(consumer) => {
            let described = consumer.describe(topics).unwrap();
            let member = described.members.iter().find(|member| member.member_id == *member_id);
            let member = member.unwrap();
            let has = member.assignment.iter().any(|topic| topic.partitions.contains(&partition));
            let is_current = given == member.member_epoch;
            assert!(is_current || (given < member.member_epoch && has), "{given}: {member:?}");
        }
    }
}
