//! One incremental fetch session: what a client asked for last, and what it was told (KIP-227).

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_records::{LeaderEpoch, Offset, Uuid};

/// The first epoch of a session; a request with it asks for a new one.
pub(crate) const INITIAL_EPOCH: i32 = 0;

/// The epoch that closes a session and asks for none.
pub(crate) const FINAL_EPOCH: i32 = -1;

/// How a request names a topic: by id from Fetch version 13 on, by name before.
///
/// The name is a copy: the request's own bytes would pin its whole read buffer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TopicKey {
    Id(Uuid),
    Name(Arc<str>),
}

/// A partition as a session knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionKey {
    pub(crate) topic: TopicKey,
    pub(crate) partition: i32,
}

/// What a request wants of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedPartition {
    pub(crate) key: PartitionKey,
    pub(crate) fetch_offset: Offset,
    pub(crate) max_bytes: i32,
    pub(crate) current_leader_epoch: LeaderEpoch,
    pub(crate) last_fetched_epoch: LeaderEpoch,
}

/// What decides whether an incremental response holds a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartitionOutcome {
    pub(crate) record_bytes: usize,
    /// As it stands in the response; -1 with an error.
    pub(crate) high_watermark: i64,
    /// As it stands in the response; -1 with an error.
    pub(crate) log_start_offset: i64,
    pub(crate) has_error: bool,
    pub(crate) is_diverging: bool,
    pub(crate) has_preferred_replica: bool,
}

/// What a session remembers of a partition.
#[derive(Clone, Debug)]
struct Cached {
    wanted: WantedPartition,
    /// Place in the session's order.
    place: u64,
    /// What the client was told last; -1 = nothing.
    high_watermark: i64,
    log_start_offset: i64,
}

/// A client's session.
///
/// **Invariant:** `order` holds every partition exactly once, at its `place`.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) uses_topic_ids: bool,
    epoch: i32,
    partitions: BTreeMap<PartitionKey, Cached>,
    order: BTreeMap<u64, PartitionKey>,
    next_place: u64,
}

impl Session {
    /// Makes a session of a full fetch that is being answered with `outcomes`; its next epoch is 1.
    pub(crate) fn new(
        uses_topic_ids: bool,
        partitions: impl IntoIterator<Item = (WantedPartition, PartitionOutcome)>,
    ) -> Self {
        let mut session = Self {
            uses_topic_ids,
            epoch: next_epoch(INITIAL_EPOCH),
            partitions: BTreeMap::new(),
            order: BTreeMap::new(),
            next_place: 0,
        };
        for (wanted, outcome) in partitions {
            let key = wanted.key.clone();
            session.want(wanted);
            if let Some(cached) = session.partitions.get_mut(&key) {
                cached.tell(&outcome);
            }
        }
        session
    }

    /// The epoch the next request must carry.
    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    /// Moves to the next epoch: a request with the present one was taken.
    pub(crate) fn bump_epoch(&mut self) {
        self.epoch = next_epoch(self.epoch);
    }

    /// Takes over what an incremental request adds, changes and forgets.
    pub(crate) fn update(&mut self, wanted: Vec<WantedPartition>, forgotten: &[PartitionKey]) {
        for wanted in wanted {
            self.want(wanted);
        }
        for key in forgotten {
            if let Some(cached) = self.partitions.remove(key) {
                self.order.remove(&cached.place);
            }
        }
    }

    /// Everything wanted, in the session's order.
    pub(crate) fn wanted(&self) -> Vec<WantedPartition> {
        let cached = self.order.values().filter_map(|key| self.partitions.get(key));
        cached.map(|cached| cached.wanted.clone()).collect()
    }

    /// Notes what the client is being told of a partition, and says whether the response has to hold it.
    ///
    /// A partition that returned data goes to the end of the order, so that none starves. Of one the session does not
    /// hold (forgotten meanwhile) nothing is noted, and it is sent.
    pub(crate) fn answer(&mut self, key: &PartitionKey, outcome: &PartitionOutcome) -> bool {
        let Some(cached) = self.partitions.get_mut(key) else { return true };
        let is_sent = cached.is_news(outcome);
        cached.tell(outcome);
        if outcome.record_bytes > 0 {
            self.order.remove(&cached.place);
            cached.place = self.next_place;
            self.order.insert(self.next_place, key.clone());
            self.next_place += 1;
        }
        is_sent
    }

    fn want(&mut self, wanted: WantedPartition) {
        if let Some(cached) = self.partitions.get_mut(&wanted.key) {
            cached.wanted = wanted;
            return;
        }
        let place = self.next_place;
        self.next_place += 1;
        self.order.insert(place, wanted.key.clone());
        let key = wanted.key.clone();
        let cached = Cached { wanted, place, high_watermark: -1, log_start_offset: -1 };
        self.partitions.insert(key, cached);
    }
}

impl Cached {
    fn is_news(&self, outcome: &PartitionOutcome) -> bool {
        outcome.record_bytes > 0
            || outcome.has_error
            || outcome.is_diverging
            || outcome.has_preferred_replica
            || outcome.high_watermark != self.high_watermark
            || outcome.log_start_offset != self.log_start_offset
    }

    fn tell(&mut self, outcome: &PartitionOutcome) {
        // After an error the high watermark is forgotten, so that the partition is sent again once it is well.
        self.high_watermark = if outcome.has_error { -1 } else { outcome.high_watermark };
        self.log_start_offset = outcome.log_start_offset;
    }
}

/// The epoch after `epoch`; after the greatest comes 1, because 0 asks for a new session.
pub(crate) fn next_epoch(epoch: i32) -> i32 {
    if epoch < 0 { FINAL_EPOCH } else { epoch.checked_add(1).unwrap_or(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(partition: i32) -> PartitionKey {
        PartitionKey { topic: TopicKey::Name(Arc::from("t")), partition }
    }

    fn wanted(partition: i32, fetch_offset: i64) -> WantedPartition {
        WantedPartition {
            key: key(partition),
            fetch_offset: Offset::new(fetch_offset),
            max_bytes: 1,
            current_leader_epoch: LeaderEpoch::NONE,
            last_fetched_epoch: LeaderEpoch::NONE,
        }
    }

    fn quiet() -> PartitionOutcome {
        PartitionOutcome {
            record_bytes: 0,
            high_watermark: 5,
            log_start_offset: 0,
            has_error: false,
            is_diverging: false,
            has_preferred_replica: false,
        }
    }

    fn session(partitions: i32) -> Session {
        Session::new(true, (0..partitions).map(|partition| (wanted(partition, 0), quiet())))
    }

    fn order(session: &Session) -> Vec<i32> {
        session.wanted().iter().map(|wanted| wanted.key.partition).collect()
    }

    #[test]
    fn response_holds_a_partition_only_with_news() {
        let table = [
            (quiet(), false),
            (PartitionOutcome { record_bytes: 1, ..quiet() }, true),
            (PartitionOutcome { high_watermark: 6, ..quiet() }, true),
            (PartitionOutcome { log_start_offset: 1, ..quiet() }, true),
            (PartitionOutcome { has_error: true, ..quiet() }, true),
            (PartitionOutcome { is_diverging: true, ..quiet() }, true),
            (PartitionOutcome { has_preferred_replica: true, ..quiet() }, true),
        ];
        for (outcome, is_sent) in table {
            assert_eq!(session(1).answer(&key(0), &outcome), is_sent, "{outcome:?}");
        }
    }

    #[test]
    fn high_watermark_told_once_is_not_told_again() {
        let mut session = session(1);
        let moved = PartitionOutcome { high_watermark: 6, ..quiet() };
        assert!(session.answer(&key(0), &moved));
        assert!(!session.answer(&key(0), &moved));
    }

    #[test]
    fn partition_that_had_an_error_is_sent_again_once_well() {
        let mut session = session(1);
        let error = PartitionOutcome {
            has_error: true,
            high_watermark: -1,
            log_start_offset: -1,
            ..quiet()
        };
        assert!(session.answer(&key(0), &error));
        assert!(session.answer(&key(0), &quiet()));
        assert!(!session.answer(&key(0), &quiet()));
    }

    #[test]
    fn partition_with_data_goes_to_the_end_of_the_order() {
        let mut session = session(3);
        assert!(session.answer(&key(0), &PartitionOutcome { record_bytes: 9, ..quiet() }));
        assert!(!session.answer(&key(1), &quiet()));
        assert_eq!(order(&session), [1, 2, 0]);
    }

    #[test]
    fn update_adds_changes_in_place_and_forgets() {
        let mut session = session(3);
        session.update(vec![wanted(7, 1), wanted(1, 42)], &[key(0), key(99)]);
        assert_eq!(order(&session), [1, 2, 7]);
        assert_eq!(session.wanted()[0].fetch_offset, Offset::new(42));
        assert!(session.answer(&key(7), &quiet()), "the client was told nothing of a new one yet");
    }

    #[test]
    fn epoch_after_the_greatest_is_one() {
        assert_eq!([0, 1, i32::MAX, -1].map(next_epoch), [1, 2, 1, -1]);
    }
}
