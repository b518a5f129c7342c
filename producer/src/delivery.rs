//! What happened to a batch, told to everyone who waits for one of its records.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use highwater_records::{Offset, Timestamp, TopicPartition};

use crate::{ProduceError, RecordMetadata};

/// The outcome of one record, to be awaited or dropped; the record is sent either way.
#[derive(Debug)]
#[must_use = "dropping it forgets whether the record was written"]
pub struct Delivery {
    outcome: Arc<BatchOutcome>,
    index: i32,
    timestamp: Timestamp,
    slot: Option<usize>,
}

/// What will be known of a batch; shared by its records.
#[derive(Debug)]
pub(crate) struct BatchOutcome {
    partition: TopicPartition,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    result: Option<Result<Appended, ProduceError>>,
    wakers: Vec<Option<Waker>>,
}

/// Where a batch was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: Option<Offset>,
    /// The time the leader gave all records, where the topic says so.
    pub(crate) log_append_time: Option<Timestamp>,
}

/// The duty to settle an outcome; dropped unsettled, it says that the producer was closed.
#[derive(Debug)]
pub(crate) struct Settle {
    outcome: Arc<BatchOutcome>,
}

/// Waits until a batch is settled, whatever came of it.
#[derive(Debug)]
pub(crate) struct Settled {
    outcome: Arc<BatchOutcome>,
    slot: Option<usize>,
}

impl BatchOutcome {
    pub(crate) fn new(partition: TopicPartition) -> (Arc<Self>, Settle) {
        let outcome = Arc::new(Self { partition, state: Mutex::default() });
        let settle = Settle { outcome: Arc::clone(&outcome) };
        (outcome, settle)
    }

    pub(crate) fn delivery(self: &Arc<Self>, index: i32, timestamp: Timestamp) -> Delivery {
        Delivery { outcome: Arc::clone(self), index, timestamp, slot: None }
    }

    pub(crate) fn settled(self: &Arc<Self>) -> Settled {
        Settled { outcome: Arc::clone(self), slot: None }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_result(
        &self,
        slot: &mut Option<usize>,
        context: &Context<'_>,
    ) -> Poll<Result<Appended, ProduceError>> {
        let mut state = self.lock();
        if let Some(result) = &state.result {
            return Poll::Ready(result.clone());
        }
        let waker = Some(context.waker().clone());
        match slot {
            Some(slot) => state.wakers[*slot] = waker,
            None => {
                *slot = Some(state.wakers.len());
                state.wakers.push(waker);
            }
        }
        Poll::Pending
    }
}

impl Settle {
    pub(crate) fn settle(self, result: Result<Appended, ProduceError>) {
        self.outcome.set(result);
    }

    pub(crate) fn partition(&self) -> &TopicPartition {
        &self.outcome.partition
    }
}

impl BatchOutcome {
    /// The first result counts.
    fn set(&self, result: Result<Appended, ProduceError>) {
        let wakers = {
            let mut state = self.lock();
            if state.result.is_none() {
                state.result = Some(result);
            }
            std::mem::take(&mut state.wakers)
        };
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        self.outcome.set(Err(ProduceError::Closed));
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, ProduceError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.slot;
        let polled = self.outcome.poll_result(&mut slot, context);
        self.slot = slot;
        polled.map_ok(|appended| RecordMetadata {
            topic: self.outcome.partition.topic.clone(),
            partition: self.outcome.partition.partition,
            offset: appended.base_offset.map(|base| base.plus(i64::from(self.index))),
            timestamp: appended.log_append_time.unwrap_or(self.timestamp),
        })
    }
}

impl Future for Settled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut slot = self.slot;
        let polled = self.outcome.poll_result(&mut slot, context);
        self.slot = slot;
        polled.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use highwater_records::TopicName;

    use super::*;

    fn outcome() -> (Arc<BatchOutcome>, Settle) {
        BatchOutcome::new(TopicPartition::new(TopicName::parse("t").unwrap(), 3))
    }

    #[tokio::test]
    async fn every_record_of_a_batch_learns_its_own_offset() {
        let (outcome, settle) = outcome();
        let deliveries: Vec<_> =
            (0..3).map(|index| outcome.delivery(index, Timestamp::new(7))).collect();
        let base_offset = Some(Offset::new(40));
        settle.settle(Ok(Appended { base_offset, log_append_time: None }));
        for (delivery, offset) in deliveries.into_iter().zip(40..) {
            let written = delivery.await.unwrap();
            assert_eq!(written.offset, Some(Offset::new(offset)));
            assert_eq!((written.partition, written.timestamp.value()), (3, 7));
        }
    }

    #[tokio::test]
    async fn delivery_that_waits_is_woken_and_one_that_was_dropped_does_no_harm() {
        let (outcome, settle) = outcome();
        let mut waiting = outcome.delivery(0, Timestamp::NONE);
        let mut dropped = outcome.delivery(1, Timestamp::NONE);
        assert!((&mut waiting).now_or_never().is_none());
        assert!((&mut dropped).now_or_never().is_none());
        drop(dropped);
        let woken = tokio::join!(waiting, async { settle.settle(Err(ProduceError::Closed)) }).0;
        assert!(matches!(woken, Err(ProduceError::Closed)));
    }

    #[tokio::test]
    async fn batch_dropped_unsettled_says_that_the_producer_was_closed() {
        let (outcome, settle) = outcome();
        let delivery = outcome.delivery(0, Timestamp::NONE);
        drop(settle);
        assert!(matches!(delivery.await, Err(ProduceError::Closed)));
    }
}
