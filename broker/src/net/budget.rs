//! Memory that clients make the broker hold, as a number of bytes that runs out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// A byte budget. Taking from it waits in order of arrival; what was taken comes back when the [`Charge`] is dropped.
///
/// At the limit the taker waits, which is how sockets come not to be read. One taker at a time may go over it
/// ([`MemoryBudget::take_or_overdraw`]), so that requests that have arrived in part and wait for each other come to an end.
#[derive(Clone)]
pub(crate) struct MemoryBudget {
    shared: Arc<Shared>,
}

struct Shared {
    limit_bytes: usize,
    free: Semaphore,
    /// Bytes held beyond the limit; paid back first.
    debt_bytes: AtomicUsize,
    waiter_count: AtomicUsize,
    overdraft: Arc<Semaphore>,
}

/// Bytes taken from a budget. Its drop gives them back.
pub(crate) struct Charge {
    shared: Arc<Shared>,
    bytes: usize,
    _overdraft: Option<OwnedSemaphorePermit>,
}

impl MemoryBudget {
    /// A budget of `limit_bytes`, at least one byte and at most what a semaphore counts.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        let limit_bytes = limit_bytes.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let shared = Shared {
            limit_bytes,
            free: Semaphore::new(limit_bytes),
            debt_bytes: AtomicUsize::new(0),
            waiter_count: AtomicUsize::new(0),
            overdraft: Arc::new(Semaphore::new(1)),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes bytes if they are there and nobody waits for some.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Charge> {
        let (bytes, permits) = self.clamp(bytes);
        match self.shared.free.try_acquire_many(permits) {
            Ok(permit) => permit.forget(),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => return None,
        }
        Some(self.charge(bytes, None))
    }

    /// Waits for bytes. More than the whole budget counts as the whole budget.
    pub(crate) async fn take(&self, bytes: usize) -> Charge {
        let (bytes, permits) = self.clamp(bytes);
        let _waiting = Waiting::enter(&self.shared);
        let permit = self.shared.free.acquire_many(permits).await;
        permit.expect("the semaphore is never closed").forget();
        self.charge(bytes, None)
    }

    /// Waits for bytes, or for the right to go over the limit, which one taker has at a time.
    pub(crate) async fn take_or_overdraw(&self, bytes: usize) -> Charge {
        let overdraft = Arc::clone(&self.shared.overdraft);
        tokio::select! {
            biased;
            charge = self.take(bytes) => charge,
            permit = overdraft.acquire_owned() => {
                let permit = permit.expect("the semaphore is never closed");
                let mut charge = self.take_now(bytes);
                charge._overdraft = Some(permit);
                charge
            }
        }
    }

    /// Takes bytes that exist already, beyond the limit if need be.
    pub(crate) fn take_now(&self, bytes: usize) -> Charge {
        if let Some(charge) = self.try_take(bytes) {
            return charge;
        }
        let (bytes, _) = self.clamp(bytes);
        self.shared.debt_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.charge(bytes, None)
    }

    /// Bytes that could be taken now.
    pub(crate) fn free_bytes(&self) -> usize {
        self.shared.free.available_permits()
    }

    /// Bytes that may be taken in all.
    pub(crate) fn limit_bytes(&self) -> usize {
        self.shared.limit_bytes
    }

    /// Bytes held now, those beyond the limit included.
    pub(crate) fn used_bytes(&self) -> usize {
        let taken = self.shared.limit_bytes.saturating_sub(self.free_bytes());
        taken + self.shared.debt_bytes.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for bytes: who holds some without using them should let go.
    pub(crate) fn has_waiters(&self) -> bool {
        self.shared.waiter_count.load(Ordering::Relaxed) > 0
    }

    fn clamp(&self, bytes: usize) -> (usize, u32) {
        let bytes = bytes.min(self.shared.limit_bytes);
        (bytes, u32::try_from(bytes).expect("the limit fits"))
    }

    fn charge(&self, bytes: usize, overdraft: Option<OwnedSemaphorePermit>) -> Charge {
        Charge { shared: Arc::clone(&self.shared), bytes, _overdraft: overdraft }
    }
}

impl Charge {
    /// Adds another charge of the same budget to this one.
    pub(crate) fn merge(&mut self, mut other: Self) {
        debug_assert!(Arc::ptr_eq(&self.shared, &other.shared));
        self.bytes += std::mem::take(&mut other.bytes);
        if let Some(permit) = other._overdraft.take() {
            self._overdraft = Some(permit);
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let debt = &self.shared.debt_bytes;
        let paid = debt
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |owed| {
                (owed > 0).then(|| owed.saturating_sub(self.bytes))
            })
            .map_or(0, |owed| owed.min(self.bytes));
        if self.bytes > paid {
            self.shared.free.add_permits(self.bytes - paid);
        }
    }
}

struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn enter(shared: &'a Shared) -> Self {
        shared.waiter_count.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiter_count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn bytes_come_back_when_the_charge_is_dropped() {
        let budget = MemoryBudget::new(100);
        let charge = budget.try_take(60).unwrap();
        assert!(budget.try_take(41).is_none());
        drop(charge);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[test]
    fn request_above_the_budget_takes_all_of_it() {
        let budget = MemoryBudget::new(100);
        let charge = budget.try_take(1000).unwrap();
        assert_eq!(budget.free_bytes(), 0);
        drop(charge);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[test]
    fn debt_is_paid_before_anyone_else_gets_bytes() {
        let budget = MemoryBudget::new(100);
        let (first, second) = (budget.take_now(80), budget.take_now(80));
        assert_eq!(budget.used_bytes(), 160);
        drop(first);
        assert_eq!(budget.free_bytes(), 20);
        drop(second);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[tokio::test]
    async fn takers_wait_and_one_at_a_time_overdraws() {
        let budget = MemoryBudget::new(100);
        let held = budget.try_take(100).unwrap();
        assert!(budget.take(1).now_or_never().is_none());
        let over = budget.take_or_overdraw(50).now_or_never().unwrap();
        assert!(budget.take_or_overdraw(50).now_or_never().is_none());
        drop(over);
        assert_eq!(budget.free_bytes(), 0);
        let mut waiting = std::pin::pin!(budget.take(70));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(budget.has_waiters());
        drop(held);
        let charge = waiting.await;
        assert!(!budget.has_waiters());
        assert_eq!(budget.free_bytes(), 30);
        drop(charge);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[test]
    fn merged_charges_come_back_together() {
        let budget = MemoryBudget::new(100);
        let mut charge = budget.try_take(10).unwrap();
        charge.merge(budget.try_take(20).unwrap());
        assert_eq!(budget.free_bytes(), 70);
        drop(charge);
        assert_eq!(budget.free_bytes(), 100);
    }
}
