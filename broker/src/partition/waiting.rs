//! Fetches that wait for a partition to change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// Wakes one waiting fetch, however many of its partitions change.
#[derive(Debug, Default)]
pub(crate) struct Wakeup {
    is_woken: AtomicBool,
    waker: AtomicWaker,
}

impl Wakeup {
    /// Ready once something changed since the last time it was; one task at a time may wait.
    pub(crate) fn poll_woken(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_woken.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        self.waker.register(context.waker());
        // It may have been woken between the look and the registration.
        if self.is_woken.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn wake(&self) {
        // Woken already and not yet looked: the one wake-up does for both.
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}

/// The fetches that watch one partition.
///
/// A fetch adds itself, *then* looks at the published view, then waits; a turn publishes the view, *then* wakes. So
/// whichever comes first, the fetch sees the change. Its size is bounded by the requests in flight.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    watchers: Mutex<Vec<Arc<Wakeup>>>,
}

impl Watchers {
    pub(crate) fn add(&self, wakeup: &Arc<Wakeup>) {
        self.watchers.lock().push(Arc::clone(wakeup));
    }

    /// Takes a fetch out again; it does that itself when it is answered or dropped.
    pub(crate) fn remove(&self, wakeup: &Arc<Wakeup>) {
        let mut watchers = self.watchers.lock();
        if let Some(index) = watchers.iter().position(|watcher| Arc::ptr_eq(watcher, wakeup)) {
            watchers.swap_remove(index);
        }
    }

    /// Wakes everyone who watches; called after the new view is published and the turn's lock released.
    pub(crate) fn wake_all(&self) {
        for watcher in &*self.watchers.lock() {
            watcher.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wake_before_the_wait_is_not_lost() {
        let (watchers, wakeup) = (Watchers::default(), Arc::new(Wakeup::default()));
        watchers.add(&wakeup);
        watchers.wake_all();
        std::future::poll_fn(|context| wakeup.poll_woken(context)).await;
    }

    #[tokio::test]
    async fn many_changes_wake_once() {
        let (watchers, wakeup) = (Watchers::default(), Arc::new(Wakeup::default()));
        watchers.add(&wakeup);
        (0..10).for_each(|_| watchers.wake_all());
        std::future::poll_fn(|context| wakeup.poll_woken(context)).await;
        let again = std::future::poll_fn(|context| Poll::Ready(wakeup.poll_woken(context))).await;
        assert_eq!(again, Poll::Pending);
    }

    #[test]
    fn removed_watcher_is_not_kept() {
        let (watchers, wakeup) = (Watchers::default(), Arc::new(Wakeup::default()));
        watchers.add(&wakeup);
        watchers.add(&Arc::new(Wakeup::default()));
        watchers.remove(&wakeup);
        watchers.remove(&wakeup);
        assert_eq!(watchers.watchers.lock().len(), 1);
        assert_eq!(Arc::strong_count(&wakeup), 1);
    }
}
