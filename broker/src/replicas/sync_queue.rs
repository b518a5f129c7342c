//! Group commit: each partition of a log directory has at most one sync in flight, and all who come meanwhile wait for the next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::partition::Partition;
use crate::workers::{Pool, Workers};

/// Partitions of one log directory that are synced side by side; one file after another would be as slow as their sum.
const SYNCS_MAX: usize = 8;

/// Syncs that one job does before others have its thread: log directories share them.
const SYNCS_PER_JOB: usize = 4;

/// The syncs of one log directory.
///
/// A partition is at most once among those that wait, so they are bounded by the number of partitions.
pub(crate) struct SyncQueue {
    workers: Arc<dyn Workers>,
    state: Mutex<State>,
    /// Syncs that were started.
    pub(crate) sync_count: AtomicU64,
}

#[derive(Default)]
struct State {
    wanted: VecDeque<Arc<Partition>>,
    in_flight: Vec<InFlight>,
    /// Jobs that were submitted and have not ended.
    job_count: usize,
}

struct InFlight {
    partition: Arc<Partition>,
    /// Asked for since it began.
    is_wanted_again: bool,
}

/// Some of the work, on one thread.
struct Job {
    queue: Arc<SyncQueue>,
    /// What it syncs now.
    partition: Option<Arc<Partition>>,
    is_started: bool,
}

impl SyncQueue {
    pub(crate) fn new(workers: Arc<dyn Workers>) -> Arc<Self> {
        Arc::new(Self {
            workers,
            state: Mutex::new(State::default()),
            sync_count: AtomicU64::new(0),
        })
    }

    /// Has a partition synced. What is in flight for it does not count: that began before.
    pub(crate) fn request(self: &Arc<Self>, partition: &Arc<Partition>) {
        if partition.is_sync_requested.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut state = self.state.lock();
        let mut in_flight = state.in_flight.iter_mut();
        if let Some(begun) = in_flight.find(|begun| Arc::ptr_eq(&begun.partition, partition)) {
            begun.is_wanted_again = true;
            return;
        }
        state.wanted.push_back(Arc::clone(partition));
        if state.job_count < SYNCS_MAX {
            state.job_count += 1;
            drop(state);
            self.submit();
        }
    }

    fn submit(self: &Arc<Self>) {
        let job = Job { queue: Arc::clone(self), partition: None, is_started: false };
        self.workers.submit(Pool::Sync, Box::new(move || job.run()));
    }
}

impl Job {
    fn run(mut self) {
        self.is_started = true;
        for _ in 0..SYNCS_PER_JOB {
            let Some(partition) = self.next() else { return };
            self.queue.sync_count.fetch_add(1, Ordering::Relaxed);
            partition.sync();
        }
    }

    /// Ends the sync that was in flight and takes the next partition, if one waits.
    fn next(&mut self) -> Option<Arc<Partition>> {
        let mut state = self.queue.state.lock();
        if let Some(done) = self.partition.take() {
            state.end(&done);
        }
        self.partition = state.wanted.pop_front();
        match &self.partition {
            Some(partition) => {
                let partition = Arc::clone(partition);
                state.in_flight.push(InFlight { partition, is_wanted_again: false });
            }
            None => state.job_count -= 1,
        }
        self.partition.clone()
    }
}

impl Drop for Job {
    /// After its share of the work, or a panic in it, another job goes on.
    ///
    /// One that never started was dropped by workers that are shut down: nothing is synced any more, and what waits is let go.
    fn drop(&mut self) {
        if !self.is_started {
            let unsynced = std::mem::take(&mut self.queue.state.lock().wanted);
            return drop(unsynced);
        }
        let Some(done) = self.partition.take() else { return };
        self.queue.state.lock().end(&done);
        self.queue.submit();
    }
}

impl State {
    fn end(&mut self, partition: &Arc<Partition>) {
        let is_it = |begun: &InFlight| Arc::ptr_eq(&begun.partition, partition);
        if let Some(index) = self.in_flight.iter().position(is_it)
            && self.in_flight.swap_remove(index).is_wanted_again
        {
            self.wanted.push_back(Arc::clone(partition));
        }
    }
}
