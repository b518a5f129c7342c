//! The answer side of appends: one request waits for the appends it put into several partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use highwater_records::{Offset, Timestamp};
use highwater_replication::Ticket;
use parking_lot::Mutex;
use smallvec::SmallVec;

/// What became of one append.
pub(crate) type AppendResult = Result<AppendDone, AppendRefusal>;

/// An append that is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AppendDone {
    /// Offset of the batch's first record; of the original one for a duplicate.
    pub(crate) base_offset: Offset,
    /// Exclusive end of the batch.
    pub(crate) end_offset: Offset,
    /// The time of all its records in a topic with log append time, else [`Timestamp::NONE`].
    pub(crate) log_append_time: Timestamp,
    pub(crate) log_start_offset: Offset,
}

/// Why an append is not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AppendRefusal {
    #[error(transparent)]
    Replication(#[from] highwater_replication::Refusal),
    #[error(transparent)]
    Log(#[from] highwater_storage::Refusal),
    /// The replica serves nothing any more: its log directory failed, or a turn of it did.
    #[error("the replica is offline: {0}")]
    Offline(Arc<str>),
    /// The replica was deleted or is closed by a stop.
    #[error("the replica is no longer here")]
    Gone,
    /// The batch would not begin where it has to.
    #[error("the log ends at {log_end}, not at {expected}")]
    NotAtEnd { log_end: Offset, expected: Offset },
    /// The partition's queue is full.
    #[error("too many appends wait for this partition")]
    QueueFull,
    /// The deadline came before the high watermark. The batch may be in the log.
    #[error("not committed in time")]
    TimedOut,
}

/// The appends of one request. Each completes once; whoever waits is woken when the last one has.
#[derive(Debug)]
pub(crate) struct PendingAppends {
    outstanding_count: AtomicUsize,
    slots: Mutex<SmallVec<[Slot; 2]>>,
    waker: AtomicWaker,
}

#[derive(Clone, Debug)]
enum Slot {
    Outstanding,
    /// Appended, waits for the high watermark under this ticket.
    Appended(Ticket),
    Completed(AppendResult),
}

/// Ties a request to the append it made in one partition.
///
/// **Invariant:** it answers exactly once: dropped without an answer (a panic in the turn, a partition that goes
/// away), it answers that the replica is offline.
#[derive(Debug)]
pub(crate) struct AppendReply {
    pending: Option<Arc<PendingAppends>>,
    index: usize,
}

impl PendingAppends {
    /// Makes a request without appends.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            outstanding_count: AtomicUsize::new(0),
            slots: Mutex::new(SmallVec::new()),
            waker: AtomicWaker::new(),
        })
    }

    /// Adds an append; its place among the results is the number of those added before.
    pub(crate) fn add(self: &Arc<Self>) -> AppendReply {
        self.outstanding_count.fetch_add(1, Ordering::Relaxed);
        let mut slots = self.slots.lock();
        slots.push(Slot::Outstanding);
        AppendReply { pending: Some(Arc::clone(self)), index: slots.len() - 1 }
    }

    /// Whether every append added so far has completed.
    pub(crate) fn is_complete(&self) -> bool {
        self.outstanding_count.load(Ordering::Acquire) == 0
    }

    /// Ready once every append has completed. One task at a time may wait.
    pub(crate) fn poll_complete(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_complete() {
            return Poll::Ready(());
        }
        self.waker.register(context.waker());
        // The last completion may have come between the look and the registration.
        if self.is_complete() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The first refusal so far, which stays where it is.
    pub(crate) fn refusal(&self) -> Option<AppendRefusal> {
        self.slots.lock().iter().find_map(|slot| match slot {
            Slot::Completed(Err(refusal)) => Some(refusal.clone()),
            Slot::Completed(Ok(_)) | Slot::Outstanding | Slot::Appended(_) => None,
        })
    }

    /// Takes the results as they stand; what has not completed has timed out. The tickets of those that are appended
    /// and wait are given to `cancel` with their place.
    pub(crate) fn take_results(&self, mut cancel: impl FnMut(usize, Ticket)) -> Vec<AppendResult> {
        let slots = std::mem::take(&mut *self.slots.lock());
        let take = |(index, slot)| match slot {
            Slot::Completed(result) => result,
            Slot::Outstanding => Err(AppendRefusal::TimedOut),
            Slot::Appended(ticket) => {
                cancel(index, ticket);
                Err(AppendRefusal::TimedOut)
            }
        };
        slots.into_iter().enumerate().map(take).collect()
    }
}

impl AppendReply {
    /// Completes the append and wakes the request if it was the last.
    pub(crate) fn answer(mut self, result: AppendResult) {
        self.complete(result);
    }

    /// Notes that the append is in the log and waits under `ticket`.
    pub(crate) fn note_appended(&self, ticket: Ticket) {
        if let Some(pending) = &self.pending
            && let Some(slot) = pending.slots.lock().get_mut(self.index)
        {
            *slot = Slot::Appended(ticket);
        }
    }

    fn complete(&mut self, result: AppendResult) {
        let Some(pending) = self.pending.take() else { return };
        // The results may have been taken at the deadline; then nobody wants this one.
        if let Some(slot) = pending.slots.lock().get_mut(self.index) {
            *slot = Slot::Completed(result);
        }
        if pending.outstanding_count.fetch_sub(1, Ordering::AcqRel) == 1 {
            pending.waker.wake();
        }
    }
}

impl Drop for AppendReply {
    fn drop(&mut self) {
        if self.pending.is_some() {
            self.complete(Err(AppendRefusal::Offline(Arc::from("a turn did not finish"))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(base_offset: i64) -> AppendResult {
        Ok(AppendDone {
            base_offset: Offset::new(base_offset),
            end_offset: Offset::new(base_offset + 1),
            log_append_time: Timestamp::NONE,
            log_start_offset: Offset::ZERO,
        })
    }

    fn bases(results: &[AppendResult]) -> Vec<Option<i64>> {
        let base =
            |result: &AppendResult| result.as_ref().ok().map(|done| done.base_offset.value());
        results.iter().map(base).collect()
    }

    #[test]
    fn request_completes_with_its_last_append_in_the_order_of_adding() {
        let pending = PendingAppends::new();
        assert!(pending.is_complete());
        let replies = [pending.add(), pending.add(), pending.add()];
        for (reply, base) in replies.into_iter().zip([5, 6, 7]).rev() {
            assert!(!pending.is_complete());
            reply.answer(done(base));
        }
        assert!(pending.is_complete());
        let results = pending.take_results(|_, _| panic!("nothing waits"));
        assert_eq!(bases(&results), [Some(5), Some(6), Some(7)]);
    }

    #[test]
    fn reply_dropped_without_an_answer_says_offline() {
        let pending = PendingAppends::new();
        drop(pending.add());
        assert!(pending.is_complete());
        let results = pending.take_results(|_, _| ());
        assert!(matches!(results[..], [Err(AppendRefusal::Offline(_))]));
    }

    #[test]
    fn answer_after_the_deadline_changes_nothing() {
        let pending = PendingAppends::new();
        let (early, late) = (pending.add(), pending.add());
        early.answer(done(1));
        let results = pending.take_results(|_, _| ());
        assert!(matches!(results[..], [Ok(_), Err(AppendRefusal::TimedOut)]));
        late.answer(done(2));
        assert!(pending.is_complete());
    }

    #[tokio::test]
    async fn waiting_task_is_woken_by_the_last_append() {
        let pending = PendingAppends::new();
        let reply = pending.add();
        let waiting = Arc::clone(&pending);
        let wait = std::future::poll_fn(move |context| waiting.poll_complete(context));
        let answer = async move {
            tokio::task::yield_now().await;
            reply.answer(done(3));
        };
        tokio::join!(wait, answer);
        assert_eq!(bases(&pending.take_results(|_, _| ())), [Some(3)]);
    }
}
