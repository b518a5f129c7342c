//! Who takes the turn when its holder has worked long enough for others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Partition;

/// Partitions whose queue is not empty though their last holder has left; one task of the broker takes their turns.
///
/// Its size is bounded by the number of partitions: each is in here at most once.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    partitions: Mutex<VecDeque<Arc<Partition>>>,
    given: Notify,
}

impl Handover {
    /// Gives a partition to the task and wakes it.
    pub(crate) fn give(&self, partition: &Arc<Partition>) {
        if !partition.is_handed_over.swap(true, Ordering::AcqRel) {
            self.partitions.lock().push_back(Arc::clone(partition));
            self.given.notify_one();
        }
    }

    /// Takes turns until `ending` is cancelled; after each partition others may run.
    pub(crate) async fn run(self: Arc<Self>, ending: CancellationToken) {
        loop {
            let next = self.partitions.lock().pop_front();
            if let Some(partition) = next {
                partition.is_handed_over.store(false, Ordering::Release);
                partition.take_turns();
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                biased;
                () = ending.cancelled() => return,
                () = self.given.notified() => {}
            }
        }
    }
}
