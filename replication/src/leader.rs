//! The leader's machine.

use std::collections::{BTreeMap, BTreeSet};

use highwater_records::{LeaderEpoch, Mutant, Mutation, NodeId, Offset};

use crate::high_watermark::least_counted_end;
use crate::{Acks, Durability, Effects, Isr, Progress, Refusal};

/// What a leader starts from: the committed metadata and the ends of its own log.
#[derive(Clone, Debug)]
pub struct LeaderSetup {
    /// The node this machine runs on.
    pub node: NodeId,
    /// The epoch it leads in.
    pub epoch: LeaderEpoch,
    /// All assigned replicas, this node among them.
    pub replicas: Vec<NodeId>,
    /// The committed ISR, this node in it.
    pub isr: BTreeSet<NodeId>,
    /// `min.insync.replicas` as configured; what counts is the lesser of it and the number of replicas.
    pub min_insync_replicas: usize,
    /// Which end offset counts.
    pub durability: Durability,
    /// Log end offset now: the start of what this epoch writes.
    pub log_end: Offset,
    /// Synced end offset now.
    pub synced_end: Offset,
    /// The checkpointed high watermark; above the log end it is cut to it.
    pub high_watermark: Offset,
    /// A wrong variant, in builds that have them.
    pub mutant: Mutant,
}

/// New metadata for a partition that this node already leads.
#[derive(Clone, Debug)]
pub struct MetadataChange {
    /// Never older than the present one.
    pub epoch: LeaderEpoch,
    /// All assigned replicas.
    pub replicas: Vec<NodeId>,
    /// The committed ISR.
    pub isr: BTreeSet<NodeId>,
    /// `min.insync.replicas` as configured.
    pub min_insync_replicas: usize,
    /// Which end offset counts.
    pub durability: Durability,
}

/// A partition's leader: says which appends are accepted and what is committed.
///
/// Inputs are the `on_*` functions, in the order in which things happened; each returns what is to be done.
#[derive(Clone, Debug)]
pub struct Leader {
    node: NodeId,
    epoch: LeaderEpoch,
    epoch_start: Offset,
    replicas: Vec<NodeId>,
    isr: Isr,
    min_insync_replicas: usize,
    durability: Durability,
    local: Progress,
    followers: BTreeMap<NodeId, Progress>,
    high_watermark: Offset,
}

impl Leader {
    /// Begins to lead; the high watermark may already move, with an ISR of one up to the log's end.
    pub fn new(setup: LeaderSetup) -> (Self, Effects) {
        assert!(setup.isr.contains(&setup.node), "the controller elects members of the ISR only");
        assert!(setup.synced_end <= setup.log_end, "what is synced is part of the log");
        let compacted = Offset::ZERO;
        let mut leader = Self {
            node: setup.node,
            epoch: setup.epoch,
            epoch_start: setup.log_end,
            replicas: setup.replicas,
            isr: Isr::new(setup.isr),
            min_insync_replicas: setup.min_insync_replicas,
            durability: setup.durability,
            local: Progress { end: setup.log_end, synced: setup.synced_end, compacted },
            followers: BTreeMap::new(),
            high_watermark: match setup.mutant.is(Mutation::HighWatermarkBeyondEnd) {
                true => setup.high_watermark,
                false => setup.high_watermark.min(setup.log_end),
            },
        };
        let effects = leader.maybe_advance_high_watermark().and(leader.maybe_request_sync());
        (leader, effects)
    }

    /// The log grew to `log_end` (exclusive).
    pub fn on_appended(&mut self, log_end: Offset) -> Effects {
        assert!(log_end >= self.local.end, "a leader's log never shrinks");
        self.local.end = log_end;
        self.maybe_request_sync().and(self.maybe_advance_high_watermark())
    }

    /// Everything below `synced_end` (exclusive) survives a power loss.
    pub fn on_synced(&mut self, synced_end: Offset) -> Effects {
        assert!(synced_end <= self.local.end, "what is synced is part of the log");
        // Rounds of one log finish in order, but an old report is harmless.
        self.local.synced = self.local.synced.max(synced_end);
        self.maybe_advance_high_watermark()
    }

    /// A follower fetched: its log ends where it fetches from.
    ///
    /// Errors: [`Refusal::NotLeaderOrFollower`] from a node that is no replica.
    pub fn on_follower_fetched(
        &mut self,
        follower: NodeId,
        progress: Progress,
    ) -> Result<Effects, Refusal> {
        if follower == self.node || !self.replicas.contains(&follower) {
            return Err(Refusal::NotLeaderOrFollower);
        }
        // A follower that truncated reports less than before, and that is what counts from now on.
        self.followers.insert(follower, progress);
        Ok(self.maybe_advance_high_watermark())
    }

    /// The committed metadata of this partition changed and this node still leads.
    pub fn on_metadata_changed(&mut self, change: MetadataChange) -> Effects {
        assert!(change.epoch >= self.epoch, "metadata is applied in the order of commit");
        assert!(change.isr.contains(&self.node), "a leader is a member of the ISR");
        if change.epoch > self.epoch {
            self.epoch = change.epoch;
            self.epoch_start = self.local.end;
            self.followers.clear();
        }
        self.followers.retain(|node, _| change.replicas.contains(node));
        self.replicas = change.replicas;
        self.isr = Isr::new(change.isr);
        self.min_insync_replicas = change.min_insync_replicas;
        self.durability = change.durability;
        self.maybe_request_sync().and(self.maybe_advance_high_watermark())
    }

    /// A change of the ISR was sent to the controller; until it is decided, the high watermark waits for both.
    pub fn on_isr_proposed(&mut self, members: BTreeSet<NodeId>) {
        self.isr.propose(members);
    }

    /// Says whether an append is accepted; checked in the partition's turn, right before the log.
    ///
    /// Errors: a wrong epoch; [`Refusal::NotEnoughReplicas`] for `acks=all` only.
    /// Source: KIP-320, KIP-966.
    pub fn check_append(&self, acks: Acks, epoch: Option<LeaderEpoch>) -> Result<(), Refusal> {
        if let Some(epoch) = epoch {
            crate::check_epoch(epoch, self.epoch)?;
        }
        match acks {
            Acks::None | Acks::Leader => Ok(()),
            Acks::All if self.has_enough_replicas() => Ok(()),
            Acks::All => Err(Refusal::NotEnoughReplicas {
                isr_count: self.isr.committed_count(),
                min_insync_replicas: self.effective_min_insync_replicas(),
            }),
        }
    }

    /// Says whether an `acks=all` append that the high watermark has passed may be acknowledged.
    pub fn check_acknowledge(&self) -> Result<(), Refusal> {
        if self.has_enough_replicas() {
            return Ok(());
        }
        Err(Refusal::NotEnoughReplicasAfterAppend {
            isr_count: self.isr.committed_count(),
            min_insync_replicas: self.effective_min_insync_replicas(),
        })
    }

    /// First offset that is not yet committed.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// First offset a `read_committed` reader may not see; `first_unstable` is the log's earliest open transaction.
    pub fn last_stable_offset(&self, first_unstable: Option<Offset>) -> Offset {
        first_unstable.map_or(self.high_watermark, |first| first.min(self.high_watermark))
    }

    /// The node this machine runs on.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The epoch it leads in.
    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Log end when this epoch began.
    pub fn epoch_start(&self) -> Offset {
        self.epoch_start
    }

    /// All assigned replicas.
    pub fn replicas(&self) -> &[NodeId] {
        &self.replicas
    }

    /// The committed in-sync replicas and the change that is under way.
    pub fn isr(&self) -> &Isr {
        &self.isr
    }

    /// Which end offset counts.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// The least compacted-through offset of all assigned replicas: tombstones and markers below may go.
    pub fn compacted_through(&self) -> Offset {
        let followers = self.replicas.iter().filter(|node| **node != self.node);
        let reported = followers
            .map(|node| self.followers.get(node).map_or(Offset::ZERO, |known| known.compacted));
        reported.fold(self.local.compacted, Offset::min)
    }

    /// The log was compacted up to `compacted` (exclusive).
    pub fn on_compacted(&mut self, compacted: Offset) {
        self.local.compacted = self.local.compacted.max(compacted);
    }

    fn maybe_request_sync(&self) -> Effects {
        let unsynced = self.local.synced < self.local.end;
        let request_sync = match self.durability {
            Durability::Fsync => unsynced,
            Durability::Os => false,
        };
        Effects { request_sync, high_watermark: None }
    }

    fn maybe_advance_high_watermark(&mut self) -> Effects {
        if !self.has_enough_replicas() {
            return Effects::NONE;
        }
        let members = self.isr.maximal().map(|node| {
            if node == self.node { Some(self.local) } else { self.followers.get(&node).copied() }
        });
        match least_counted_end(members, self.durability) {
            // Going back would tell a reader something untrue: durability `os` -> `fsync`, a follower that truncated.
            Some(to) if to > self.high_watermark => {
                assert!(to <= self.local.end, "the leader is a member of its own maximal ISR");
                self.high_watermark = to;
                Effects { request_sync: false, high_watermark: Some(to) }
            }
            Some(_) | None => Effects::NONE,
        }
    }

    fn has_enough_replicas(&self) -> bool {
        self.isr.committed_count() >= self.effective_min_insync_replicas()
    }

    /// A topic with fewer replicas than its `min.insync.replicas` needs all of them and no more, as in Kafka.
    fn effective_min_insync_replicas(&self) -> usize {
        self.min_insync_replicas.min(self.replicas.len())
    }
}

#[cfg(test)]
mod tests;
