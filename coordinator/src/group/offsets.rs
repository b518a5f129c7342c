//! Offsets of one group: committed, and pending in open transactions.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::Str;
use highwater_protocol::records::OffsetCommitValue;
use highwater_records::{Offset, ProducerId};

use super::records::{GroupRecord, OffsetRecord};

/// Topic names, each held once however many groups read the topic.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicNames(BTreeSet<Str>);

impl TopicNames {
    fn shared(&mut self, name: &Str) -> Str {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let name = name.detached();
        self.0.insert(name.clone());
        name
    }
}

/// A committed offset and where its record is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Committed {
    pub(crate) value: OffsetCommitValue,
    /// Where the record is; of two records the later one counts.
    pub(crate) log_offset: Offset,
}

impl Committed {
    fn new(log_offset: Offset, value: &OffsetCommitValue) -> Self {
        let value = OffsetCommitValue { metadata: value.metadata.detached(), ..value.clone() };
        Self { value, log_offset }
    }
}

/// Offsets of one topic, by partition. Sorted: most groups read a few partitions of a topic, where
/// a tree would be mostly empty nodes; and boxed, so that making room moves little.
#[derive(Clone, Debug, Default, PartialEq)]
struct Partitions(Vec<(i32, Box<Committed>)>);

impl Partitions {
    fn find(&self, partition: i32) -> Result<usize, usize> {
        match self.0.last() {
            Some((last, _)) if *last < partition => Err(self.0.len()),
            Some(_) | None => self.0.binary_search_by_key(&partition, |(index, _)| *index),
        }
    }

    fn get(&self, partition: i32) -> Option<&Committed> {
        self.find(partition).ok().map(|at| &*self.0[at].1)
    }

    /// Says whether the partition had none.
    fn put(&mut self, partition: i32, committed: Committed) -> bool {
        match self.find(partition) {
            Ok(at) => {
                *self.0[at].1 = committed;
                false
            }
            Err(at) => {
                self.0.insert(at, (partition, Box::new(committed)));
                true
            }
        }
    }

    fn remove(&mut self, partition: i32) -> bool {
        match self.find(partition) {
            Ok(at) => {
                self.0.remove(at);
                true
            }
            Err(_) => false,
        }
    }
}

type ByTopic = BTreeMap<Str, Partitions>;

/// Offsets of one group. Durable: only replay changes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GroupOffsets {
    committed: ByTopic,
    committed_count: usize,
    /// Of transactions that have not ended.
    pending: BTreeMap<ProducerId, ByTopic>,
}

impl GroupOffsets {
    /// Whether there is none, pending ones included.
    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.pending.is_empty()
    }

    /// Partitions with a committed offset.
    pub(crate) fn committed_count(&self) -> usize {
        self.committed_count
    }

    /// Whether a transaction on this group is open.
    pub(crate) fn has_open_transaction(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The committed offset of a partition.
    pub(crate) fn get(&self, topic: &Str, partition: i32) -> Option<&Committed> {
        self.committed.get(topic)?.get(partition)
    }

    /// Whether an open transaction commits this partition's offset.
    pub(crate) fn is_pending(&self, topic: &Str, partition: i32) -> bool {
        self.pending
            .values()
            .any(|topics| topics.get(topic).is_some_and(|known| known.find(partition).is_ok()))
    }

    /// Topics with a committed offset.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &Str> {
        self.committed.keys()
    }

    /// All committed offsets of a topic, by partition.
    pub(crate) fn partitions(&self, topic: &Str) -> impl Iterator<Item = (i32, &Committed)> {
        let partitions = self.committed.get(topic).into_iter().flat_map(|known| known.0.iter());
        partitions.map(|(partition, committed)| (*partition, &**committed))
    }

    /// All committed offsets, by topic and partition.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Str, i32, &Committed)> {
        self.committed.iter().flat_map(|(topic, known)| {
            known.0.iter().map(move |(partition, committed)| (topic, *partition, &**committed))
        })
    }

    /// All pending offsets, some partitions perhaps more than once.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (&Str, i32, &Committed)> {
        self.pending.values().flatten().flat_map(|(topic, known)| {
            known.0.iter().map(move |(partition, committed)| (topic, *partition, &**committed))
        })
    }

    /// The records that end them all, pending ones included.
    pub(crate) fn tombstones(&self, group_id: &Str, records: &mut Vec<GroupRecord>) {
        let mut all: BTreeSet<(&Str, i32)> = BTreeSet::new();
        all.extend(self.iter().map(|(topic, partition, _)| (topic, partition)));
        all.extend(self.pending().map(|(topic, partition, _)| (topic, partition)));
        records.extend(
            all.into_iter().map(|(topic, partition)| {
                GroupRecord::Offset(tombstone(group_id, topic, partition))
            }),
        );
    }

    /// Takes a record outside of transactions. A tombstone also takes what is pending.
    pub(crate) fn replay(&mut self, names: &mut TopicNames, at: Offset, record: &OffsetRecord) {
        let OffsetRecord { topic, partition, value, .. } = record;
        match value {
            Some(value) => self.put(names, topic, *partition, Committed::new(at, value)),
            None => self.remove(topic, *partition),
        }
    }

    /// Takes a record of a transaction.
    pub(crate) fn replay_pending(
        &mut self,
        names: &mut TopicNames,
        at: Offset,
        producer_id: ProducerId,
        record: &OffsetRecord,
    ) {
        let OffsetRecord { topic, partition, value, .. } = record;
        match value {
            Some(value) => {
                let topics = self.pending.entry(producer_id).or_default();
                let partitions = topics.entry(names.shared(topic)).or_default();
                partitions.put(*partition, Committed::new(at, value));
            }
            None => self.remove(topic, *partition),
        }
    }

    /// The transaction of this producer is over. An offset that was committed later in the log
    /// stays.
    pub(crate) fn end_transaction(
        &mut self,
        names: &mut TopicNames,
        producer_id: ProducerId,
        is_commit: bool,
    ) {
        let topics = self.pending.remove(&producer_id).unwrap_or_default();
        if !is_commit {
            return;
        }
        for (topic, partitions) in topics {
            for (partition, committed) in partitions.0 {
                let known = self.get(&topic, partition);
                if known.is_none_or(|known| known.log_offset < committed.log_offset) {
                    self.put(names, &topic, partition, *committed);
                }
            }
        }
    }

    fn put(&mut self, names: &mut TopicNames, topic: &Str, partition: i32, committed: Committed) {
        let is_new = match self.committed.get_mut(topic) {
            Some(partitions) => partitions.put(partition, committed),
            None => {
                let partitions = self.committed.entry(names.shared(topic)).or_default();
                partitions.put(partition, committed)
            }
        };
        self.committed_count += usize::from(is_new);
    }

    fn remove(&mut self, topic: &Str, partition: i32) {
        if let Some(partitions) = self.committed.get_mut(topic) {
            self.committed_count -= usize::from(partitions.remove(partition));
            if partitions.0.is_empty() {
                self.committed.remove(topic);
            }
        }
        self.pending.retain(|_, topics| {
            if let Some(partitions) = topics.get_mut(topic) {
                partitions.remove(partition);
                if partitions.0.is_empty() {
                    topics.remove(topic);
                }
            }
            !topics.is_empty()
        });
    }
}

/// The record that ends an offset.
pub(crate) fn tombstone(group_id: &Str, topic: &Str, partition: i32) -> OffsetRecord {
    OffsetRecord { group_id: group_id.clone(), topic: topic.clone(), partition, value: None }
}
