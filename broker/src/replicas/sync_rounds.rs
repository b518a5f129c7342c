//! Group commit: one round of syncs in flight per log directory, all arrivals wait for the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::partition::Partition;
use crate::workers::{Pool, Workers};

/// Threads that sync the files of one round side by side; one file after another would be as slow as their sum.
const SYNC_THREADS_MAX: usize = 8;

/// The sync worker of one log directory.
///
/// A partition is at most once among those the next round takes, so the list is bounded by the number of partitions.
pub(crate) struct SyncRounds {
    workers: Arc<dyn Workers>,
    state: Mutex<State>,
    /// Rounds that were started.
    pub(crate) round_count: AtomicU64,
    /// Files that they were to sync.
    pub(crate) sync_count: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Waits for the next round.
    wanted: Vec<Arc<Partition>>,
    is_running: bool,
}

/// A share of a round, for one thread.
struct Share {
    rounds: Arc<SyncRounds>,
    /// Shares of this round that have not finished.
    unfinished_count: Arc<AtomicUsize>,
    partitions: Vec<Arc<Partition>>,
    is_started: bool,
}

impl SyncRounds {
    pub(crate) fn new(workers: Arc<dyn Workers>) -> Arc<Self> {
        Arc::new(Self {
            workers,
            state: Mutex::new(State::default()),
            round_count: AtomicU64::new(0),
            sync_count: AtomicU64::new(0),
        })
    }

    /// Has a partition synced by the next round, and starts it if none is in flight.
    pub(crate) fn request(self: &Arc<Self>, partition: &Arc<Partition>) {
        if partition.is_sync_requested.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut state = self.state.lock();
        state.wanted.push(Arc::clone(partition));
        if state.is_running {
            return;
        }
        state.is_running = true;
        let wanted = std::mem::take(&mut state.wanted);
        drop(state);
        let mut shares = self.share_out(wanted);
        while let Some(share) = shares.pop() {
            self.submit(share);
        }
    }

    /// Ends a round: the share of the next one that the caller's thread does itself, if there is a next one.
    fn next_round(self: &Arc<Self>) -> Option<Share> {
        let mut state = self.state.lock();
        if state.wanted.is_empty() {
            state.is_running = false;
            return None;
        }
        let wanted = std::mem::take(&mut state.wanted);
        drop(state);
        let mut shares = self.share_out(wanted);
        let own = shares.pop();
        while let Some(share) = shares.pop() {
            self.submit(share);
        }
        own
    }

    fn share_out(self: &Arc<Self>, wanted: Vec<Arc<Partition>>) -> Vec<Share> {
        self.round_count.fetch_add(1, Ordering::Relaxed);
        self.sync_count.fetch_add(wanted.len() as u64, Ordering::Relaxed);
        let count = wanted.len().min(SYNC_THREADS_MAX);
        let unfinished_count = Arc::new(AtomicUsize::new(count));
        let share = |_| Share {
            rounds: Arc::clone(self),
            unfinished_count: Arc::clone(&unfinished_count),
            partitions: Vec::new(),
            is_started: false,
        };
        let mut shares: Vec<Share> = (0..count).map(share).collect();
        for (index, partition) in wanted.into_iter().enumerate() {
            shares[index % count].partitions.push(partition);
        }
        shares
    }

    fn submit(&self, share: Share) {
        self.workers.submit(Pool::Sync, Box::new(move || share.run()));
    }
}

impl Share {
    /// Does this share and, if it was the last of its round, its share of the next one, and so on.
    fn run(self) {
        let mut next = Some(self);
        while let Some(mut share) = next {
            share.is_started = true;
            while let Some(partition) = share.partitions.pop() {
                partition.sync();
            }
            next = share.finish();
        }
    }

    fn finish(&mut self) -> Option<Share> {
        self.is_started = false;
        let is_last = self.unfinished_count.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last { self.rounds.next_round() } else { None }
    }
}

impl Drop for Share {
    /// After a panic in one partition the others come into the next round, and that round comes.
    ///
    /// A share that never started was dropped by workers that are shut down: then there are no more rounds.
    fn drop(&mut self) {
        if !self.is_started {
            return;
        }
        self.rounds.state.lock().wanted.append(&mut self.partitions);
        if let Some(share) = self.finish() {
            self.rounds.submit(share);
        }
    }
}
