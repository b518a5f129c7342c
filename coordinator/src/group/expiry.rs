//! Offsets and groups that are no longer wanted: too old, or of topics that are gone.
//!
//! Both walk through all groups, a slice at a time: [`Cleanup`] remembers where it stands, and asks
//! for a tick while there is more to do.

use std::collections::BTreeMap;
use std::ops::Bound;

use highwater_protocol::Str;
use highwater_records::{Timestamp, Uuid};

use super::admin::end_group;
use super::classic::RetentionStart;
use super::config::GroupConfig;
use super::offsets::{Committed, tombstone};
use super::records::expire_timestamp;
use super::{Group, GroupKind, GroupRecord};

/// Records that one slice may propose, so that they fit into one batch; the next tick goes on.
const RECORDS_PER_SLICE_MAX: usize = 1_000;
/// Groups and offsets that one slice may look at, so that no heartbeat waits long behind it.
const LOOKS_PER_SLICE_MAX: usize = 10_000;
/// Deleted topics that may wait; above it all of them are looked for in one walk.
const WALKS_MAX: usize = 16;

/// What one walk through all groups looks for.
#[derive(Clone, Debug)]
struct Walk {
    purpose: Purpose,
    /// Groups up to this one are done.
    done: Option<Str>,
}

#[derive(Clone, Debug)]
enum Purpose {
    Expire,
    /// Offsets of these topics, by name; an id says which topic of that name, if it is known.
    Topics(BTreeMap<Str, Vec<Uuid>>),
}

/// The walks that wait, the first one under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cleanup {
    walks: Vec<Walk>,
}

impl Cleanup {
    /// Whether there is something to do at once.
    pub(crate) fn is_due(&self) -> bool {
        !self.walks.is_empty()
    }

    /// Old offsets shall go; at most one such walk waits.
    pub(crate) fn expire(&mut self) {
        let waits = |walk: &Walk| matches!(walk.purpose, Purpose::Expire);
        if !self.walks.iter().any(waits) {
            self.walks.push(Walk { purpose: Purpose::Expire, done: None });
        }
    }

    /// Offsets of these topics shall go.
    pub(crate) fn topics_deleted(&mut self, topics: Vec<(Str, Uuid)>) {
        if topics.is_empty() {
            return;
        }
        let mut deleted: BTreeMap<Str, Vec<Uuid>> = BTreeMap::new();
        for (name, id) in topics {
            deleted.entry(name.detached()).or_default().push(id);
        }
        if self.walks.len() < WALKS_MAX {
            self.walks.push(Walk { purpose: Purpose::Topics(deleted), done: None });
            return;
        }
        for walk in &mut self.walks {
            if let Purpose::Topics(known) = &mut walk.purpose {
                for (name, ids) in deleted {
                    known.entry(name).or_default().extend(ids);
                }
                walk.done = None;
                return;
            }
        }
    }

    /// Walks on for one slice.
    pub(crate) fn step(
        &mut self,
        now: Timestamp,
        config: &GroupConfig,
        groups: &BTreeMap<Str, Group>,
        records: &mut Vec<GroupRecord>,
    ) {
        let Some(walk) = self.walks.first_mut() else { return };
        let from = walk.done.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut looks = 0;
        let mut done = walk.done.clone();
        for (id, group) in groups.range::<Str, _>((from, Bound::Unbounded)) {
            if looks >= LOOKS_PER_SLICE_MAX {
                walk.done = done;
                return;
            }
            looks += 1 + group.offsets.committed_count();
            match &walk.purpose {
                Purpose::Expire => expire_group(now, config, group, records),
                Purpose::Topics(topics) => drop_topics(topics, group, records),
            }
            // The group is looked at again once these are replayed.
            if records.len() >= RECORDS_PER_SLICE_MAX {
                records.truncate(RECORDS_PER_SLICE_MAX);
                walk.done = done;
                return;
            }
            done = Some(id.clone());
        }
        self.walks.remove(0);
    }
}

fn expire_group(
    now: Timestamp,
    config: &GroupConfig,
    group: &Group,
    records: &mut Vec<GroupRecord>,
) {
    let start = match &group.kind {
        GroupKind::Classic(classic) => classic.retention_start(),
        GroupKind::Consumer(_) => RetentionStart::Commit,
    };
    let mut are_all_expired = true;
    for topic in group.offsets.topics() {
        let is_subscribed = match &group.kind {
            GroupKind::Classic(classic) => classic.is_subscribed_to(topic),
            GroupKind::Consumer(consumer) => consumer.is_subscribed_to(topic),
        };
        for (partition, committed) in group.offsets.partitions(topic) {
            if !is_subscribed
                && is_expired(now, config, start, committed)
                && !group.offsets.is_pending(topic, partition)
            {
                records.push(GroupRecord::Offset(tombstone(&group.id, topic, partition)));
            } else {
                are_all_expired = false;
            }
        }
    }
    if are_all_expired && !group.offsets.has_open_transaction() && group.kind.is_empty() {
        end_group(group, records);
    }
}

fn is_expired(
    now: Timestamp,
    config: &GroupConfig,
    start: RetentionStart,
    committed: &Committed,
) -> bool {
    let since = match start {
        RetentionStart::Never => return false,
        RetentionStart::Commit => Timestamp::new(committed.value.commit_timestamp),
        RetentionStart::Empty(since) => since,
    };
    match expire_timestamp(&committed.value) {
        Some(at) => now >= at,
        None => now.saturating_ms_since(since) >= config.offsets_retention_ms,
    }
}

fn drop_topics(topics: &BTreeMap<Str, Vec<Uuid>>, group: &Group, records: &mut Vec<GroupRecord>) {
    for (name, ids) in topics {
        let is_of_topic = |committed: &Committed| {
            let of = committed.value.topic_id;
            of.is_zero() || ids.contains(&of)
        };
        let committed = group.offsets.partitions(name);
        let pending = group.offsets.pending().filter(|(topic, partition, _)| {
            *topic == name && group.offsets.get(name, *partition).is_none()
        });
        let pending = pending.map(|(_, partition, committed)| (partition, committed));
        let gone = committed.chain(pending).filter(|(_, committed)| is_of_topic(committed));
        records.extend(
            gone.map(|(partition, _)| GroupRecord::Offset(tombstone(&group.id, name, partition))),
        );
    }
}
