//! What all members of a group have seen, in one place.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

/// The group as its members see it, and when each partition was delivered.
pub(crate) struct Board {
    /// By member: the epoch it was told last.
    epochs: BTreeMap<usize, i32>,
    /// By partition: the member that reads it.
    owners: Vec<Option<usize>>,
    /// When a member last heard of a new epoch, or gave up or took in a partition.
    changed_at: Instant,
    begun_at: Instant,
    delivered_at: Vec<Instant>,
    /// By partition: greatest time between two deliveries since [`Board::begin`].
    gaps: Vec<Duration>,
}

impl Board {
    pub(crate) fn new(partitions: usize) -> Self {
        Self {
            epochs: BTreeMap::new(),
            owners: vec![None; partitions],
            changed_at: Instant::now(),
            begun_at: Instant::now(),
            delivered_at: vec![Instant::now(); partitions],
            gaps: vec![Duration::ZERO; partitions],
        }
    }

    /// A heartbeat was answered.
    pub(crate) fn heard(&mut self, member: usize, epoch: i32) {
        if self.epochs.insert(member, epoch) != Some(epoch) {
            self.changed_at = Instant::now();
        }
    }

    pub(crate) fn left(&mut self, member: usize) {
        self.epochs.remove(&member);
        let owned = self.owners.iter_mut().filter(|owner| **owner == Some(member));
        owned.for_each(|owner| *owner = None);
        self.changed_at = Instant::now();
    }

    pub(crate) fn give_up(&mut self, partition: usize) {
        self.owners[partition] = None;
        self.changed_at = Instant::now();
    }

    /// Errors: another member reads it.
    pub(crate) fn take_in(&mut self, member: usize, partition: usize) -> Result<()> {
        let before = self.owners[partition].replace(member);
        anyhow::ensure!(before.is_none(), "partition {partition}: {member} and {before:?}");
        self.changed_at = Instant::now();
        Ok(())
    }

    /// The epoch of all members, and since when, if all have the same and every partition is read.
    pub(crate) fn settled(&self, members: usize) -> Option<(i32, Instant)> {
        let epoch = *self.epochs.values().next()?;
        let is_settled = self.epochs.len() == members
            && self.epochs.values().all(|other| *other == epoch)
            && self.owners.iter().all(Option::is_some);
        is_settled.then_some((epoch, self.changed_at))
    }

    pub(crate) fn owners(&self) -> Vec<Option<usize>> {
        self.owners.clone()
    }

    /// Records of the partition have come.
    pub(crate) fn delivered(&mut self, partition: usize) {
        self.gaps[partition] = self.gap(partition);
        self.delivered_at[partition] = Instant::now();
    }

    /// Forgets the gaps so far.
    pub(crate) fn begin(&mut self) {
        self.begun_at = Instant::now();
        self.gaps.fill(Duration::ZERO);
    }

    /// Greatest time without a delivery of one of these partitions, in milliseconds; one that lasts still counts.
    pub(crate) fn gap_ms(&self, partitions: impl Iterator<Item = usize>) -> f64 {
        let gaps = partitions.map(|partition| self.gap(partition));
        gaps.max().unwrap_or_default().as_secs_f64() * 1e3
    }

    fn gap(&self, partition: usize) -> Duration {
        let since = self.delivered_at[partition].max(self.begun_at);
        self.gaps[partition].max(since.elapsed())
    }
}
