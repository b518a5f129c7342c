//! The task registry: every task of a broker has an owner, a name and an end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Spawns named tasks on the runtime the broker was started on and waits for their end.
///
/// Clones share one registry. A panic ends its task only; it is counted and logged with the task's name.
#[derive(Clone)]
pub(crate) struct Tasks {
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Handle,
    set: Mutex<Registry>,
    panics: Arc<AtomicU64>,
}

struct Registry {
    tasks: JoinSet<()>,
    /// Cleared once the registry ends: a task spawned later is dropped unrun.
    is_open: bool,
}

impl Tasks {
    /// Makes an empty registry on `runtime` that adds panics of its tasks to `panics`.
    pub(crate) fn new(runtime: Handle, panics: Arc<AtomicU64>) -> Self {
        let set = Mutex::new(Registry { tasks: JoinSet::new(), is_open: true });
        Self { shared: Arc::new(Shared { runtime, set, panics }) }
    }

    /// Starts a task. Once the registry has been waited for or aborted, the task is dropped without being run.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let panics = Arc::clone(&self.shared.panics);
        let guarded = async move {
            let guarded = std::panic::AssertUnwindSafe(task).catch_unwind();
            if let Err(panic) = guarded.await {
                panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(task = name, panic = panic_text(panic.as_ref()), "a task panicked");
            }
        };
        let mut registry = self.shared.set.lock();
        if !registry.is_open {
            return;
        }
        while registry.tasks.try_join_next().is_some() {}
        registry.tasks.spawn_on(guarded, &self.shared.runtime);
    }

    /// Count of tasks that have not ended yet.
    pub(crate) fn running_count(&self) -> usize {
        let mut registry = self.shared.set.lock();
        while registry.tasks.try_join_next().is_some() {}
        registry.tasks.len()
    }

    /// Closes the registry and waits until every task has ended by itself; the caller has told them to.
    pub(crate) async fn wait_all(&self) {
        let mut tasks = self.close();
        while tasks.join_next().await.is_some() {}
    }

    /// Closes the registry, cancels every task at its next await and waits until all are gone.
    pub(crate) async fn abort_all(&self) {
        self.close().shutdown().await;
    }

    /// Closes the registry and cancels every task without waiting for them to be gone.
    pub(crate) fn abort_now(&self) {
        self.close().abort_all();
    }

    /// Waits until no task is running; more may be spawned meanwhile and are waited for too.
    pub(crate) async fn wait_idle(&self) {
        std::future::poll_fn(|context| {
            let mut registry = self.shared.set.lock();
            loop {
                match registry.tasks.poll_join_next(context) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }

    fn close(&self) -> JoinSet<()> {
        let mut registry = self.shared.set.lock();
        registry.is_open = false;
        std::mem::take(&mut registry.tasks)
    }
}

/// The text of a panic, as far as it has one.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> (Tasks, Arc<AtomicU64>) {
        let panics = Arc::new(AtomicU64::new(0));
        (Tasks::new(Handle::current(), Arc::clone(&panics)), panics)
    }

    #[tokio::test]
    async fn wait_all_waits_for_every_task() {
        let (tasks, panics) = registry();
        let done = Arc::new(AtomicU64::new(0));
        for _ in 0..10 {
            let done = Arc::clone(&done);
            tasks.spawn("count", async move {
                tokio::task::yield_now().await;
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        tasks.wait_all().await;
        assert_eq!(done.load(Ordering::Relaxed), 10);
        assert_eq!(panics.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn panic_in_a_task_is_counted_and_spares_the_others() {
        let (tasks, panics) = registry();
        tasks.spawn("bad", async { panic!("on purpose") });
        let (sender, receiver) = tokio::sync::oneshot::channel();
        tasks.spawn("good", async move { assert!(sender.send(()).is_ok()) });
        receiver.await.unwrap();
        tasks.wait_all().await;
        assert_eq!(panics.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn abort_drops_tasks_that_never_end() {
        let (tasks, _panics) = registry();
        let held = Arc::new(());
        let theirs = Arc::clone(&held);
        tasks.spawn("for ever", async move {
            std::future::pending::<()>().await;
            drop(theirs);
        });
        tasks.abort_all().await;
        assert_eq!(Arc::strong_count(&held), 1);
        tasks.spawn("late", async { panic!("must not run") });
        assert_eq!(tasks.running_count(), 0);
    }
}
