//! When each shard wants to be told of the time: one list for all of them.

use std::collections::BTreeMap;

use highwater_records::Monotonic;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Deadlines by partition of `__consumer_offsets`.
///
/// A deadline may be earlier than what its shard still waits for: the shard is told once too often, and says what it waits for
/// then. So one that moves back, as each heartbeat makes it, costs nothing here.
#[derive(Default)]
pub(super) struct Timers {
    deadlines: Mutex<BTreeMap<i32, Monotonic>>,
    /// Somebody's deadline came before all others.
    is_earlier: Notify,
}

impl Timers {
    /// The shard is to be told at `at`, or earlier.
    pub(super) fn set(&self, partition: i32, at: Monotonic) {
        let mut deadlines = self.deadlines.lock();
        let is_first = deadlines.values().all(|other| at < *other);
        let deadline = deadlines.entry(partition).or_insert(at);
        *deadline = at.min(*deadline);
        drop(deadlines);
        if is_first {
            self.is_earlier.notify_one();
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Monotonic> {
        self.deadlines.lock().values().min().copied()
    }

    /// Takes out the shards that are due.
    pub(super) fn take_due(&self, now: Monotonic) -> Vec<i32> {
        let mut deadlines = self.deadlines.lock();
        deadlines.extract_if(.., |_, at| *at <= now).map(|(partition, _)| partition).collect()
    }

    /// Ready once a deadline may have come before the one that was the next.
    pub(super) async fn earlier(&self) {
        self.is_earlier.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::new(Duration::from_secs(seconds))
    }

    #[test]
    fn earliest_deadline_of_a_shard_counts_until_it_is_due() {
        let timers = Timers::default();
        timers.set(1, at(10));
        timers.set(1, at(20));
        timers.set(2, at(15));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.take_due(at(9)), []);
        assert_eq!(timers.take_due(at(10)), [1]);
        timers.set(1, at(20));
        assert_eq!(timers.take_due(at(30)), [1, 2]);
        assert_eq!(timers.next(), None);
    }

    #[tokio::test]
    async fn sleeper_is_woken_for_an_earlier_deadline_only() {
        let timers = Timers::default();
        timers.set(1, at(10));
        timers.earlier().await;
        timers.set(2, at(20));
        let woken = tokio::time::timeout(Duration::ZERO, timers.earlier()).await;
        assert!(woken.is_err());
        timers.set(3, at(5));
        timers.earlier().await;
    }
}
