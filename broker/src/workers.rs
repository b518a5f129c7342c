//! The named threads for what may block: syncs, opening and removing files, cold reads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::tasks::panic_text;

/// A piece of blocking work. It owns what it needs and reports through what it captured.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// Which threads a job runs on. Pools are apart so that a hundred cold reads cannot delay a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pool {
    /// `fdatasync` of logs.
    Sync,
    /// Reads of data that no cache holds.
    Read,
    /// Opening, creating, rolling, truncating and removing files; recovery.
    File,
    /// Log, vote and snapshots of the metadata quorum.
    Metadata,
    /// Compaction.
    Clean,
}

impl Pool {
    /// All pools, in the order of their discriminants.
    pub const ALL: [Self; 5] = [Self::Sync, Self::Read, Self::File, Self::Metadata, Self::Clean];

    fn thread_name(self) -> &'static str {
        match self {
            Self::Sync => "hw-sync",
            Self::Read => "hw-read",
            Self::File => "hw-file",
            Self::Metadata => "hw-metadata",
            Self::Clean => "hw-clean",
        }
    }

    /// Most threads of a pool. Beyond it jobs wait in the order they came.
    fn threads_max(self) -> usize {
        match self {
            Self::Sync => 8,
            Self::Read => 4,
            Self::File => 2,
            Self::Metadata | Self::Clean => 1,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Sync => 0,
            Self::Read => 1,
            Self::File => 2,
            Self::Metadata => 3,
            Self::Clean => 4,
        }
    }
}

/// Runs what may block, off the runtime's threads. One broker, one set of workers.
pub trait Workers: Send + Sync + 'static {
    /// Queues a job and returns at once. Jobs of one pool start in the order they came; with one thread they also end in it.
    ///
    /// Callers bound themselves (a few syncs per log directory, one recovery per start, a permit for each of the rest). After
    /// [`Workers::shut_down`] the job is dropped unrun.
    fn submit(&self, pool: Pool, job: Job);

    /// Permits for jobs that wait in a pool's queue: whoever is not bounded otherwise takes one before it submits.
    fn permits(&self, pool: Pool) -> &Arc<Semaphore>;

    /// Jobs that panicked.
    fn panic_count(&self) -> u64;

    /// Drops the jobs that have not started and waits for those that have. Called once, at the end of a broker.
    fn shut_down(&self);
}

/// The job panicked, or the broker stopped before it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the work did not finish")]
pub(crate) struct WorkLost;

/// Runs `work` on a worker thread and waits for its result.
///
/// At [`QUEUED_JOBS_MAX`] jobs in the pool's queue it waits before submitting. Dropping the future does not stop work that has been
/// submitted.
pub(crate) async fn run<T: Send + 'static>(
    workers: &Arc<dyn Workers>,
    pool: Pool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkLost> {
    let permit = Arc::clone(workers.permits(pool)).acquire_owned().await.map_err(|_| WorkLost)?;
    let (sender, receiver) = oneshot::channel();
    let job = Box::new(move || {
        let result = work();
        drop(permit);
        // The asker may be gone; then nobody wants the result.
        drop(sender.send(result));
    });
    workers.submit(pool, job);
    receiver.await.map_err(|_| WorkLost)
}

/// Jobs of [`run`] that may wait or run in one pool; beyond it the asker waits.
const QUEUED_JOBS_MAX: usize = 1024;

fn permits() -> [Arc<Semaphore>; 5] {
    std::array::from_fn(|_| Arc::new(Semaphore::new(QUEUED_JOBS_MAX)))
}

/// The real form: threads named after their pool, started when first needed.
pub struct ThreadWorkers {
    pools: [Arc<ThreadPool>; 5],
    permits: [Arc<Semaphore>; 5],
}

struct ThreadPool {
    pool: Pool,
    state: Mutex<PoolState>,
    /// Something to do, or the end.
    wake: Condvar,
    /// A thread ended.
    ended: Condvar,
    panics: AtomicU64,
}

#[derive(Default)]
struct PoolState {
    queue: VecDeque<Job>,
    thread_count: usize,
    idle_count: usize,
    is_closed: bool,
}

impl ThreadWorkers {
    /// Makes the pools; no thread is started before its first job.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "threads that start by default would start unseen"
    )]
    pub fn new() -> Self {
        let pools = Pool::ALL.map(|pool| {
            Arc::new(ThreadPool {
                pool,
                state: Mutex::new(PoolState::default()),
                wake: Condvar::new(),
                ended: Condvar::new(),
                panics: AtomicU64::new(0),
            })
        });
        Self { pools, permits: permits() }
    }
}

impl Workers for ThreadWorkers {
    fn submit(&self, pool: Pool, job: Job) {
        let pool = &self.pools[pool.index()];
        let mut state = pool.state.lock();
        if state.is_closed {
            return;
        }
        state.queue.push_back(job);
        if state.idle_count >= state.queue.len() {
            pool.wake.notify_one();
        } else if state.thread_count < pool.pool.threads_max() {
            let name = format!("{}-{}", pool.pool.thread_name(), state.thread_count);
            let shared = Arc::clone(pool);
            let started = std::thread::Builder::new().name(name).spawn(move || shared.work());
            match started {
                Ok(_handle) => state.thread_count += 1,
                // Threads that exist will come to it; without any the job stays queued until one can be started.
                Err(error) => tracing::error!(%error, "cannot start a worker thread"),
            }
        }
    }

    fn permits(&self, pool: Pool) -> &Arc<Semaphore> {
        &self.permits[pool.index()]
    }

    fn panic_count(&self) -> u64 {
        self.pools.iter().map(|pool| pool.panics.load(Ordering::Relaxed)).sum()
    }

    fn shut_down(&self) {
        for pool in &self.pools {
            let mut state = pool.state.lock();
            state.is_closed = true;
            let unrun = std::mem::take(&mut state.queue);
            pool.wake.notify_all();
            parking_lot::MutexGuard::unlocked(&mut state, || drop(unrun));
            while state.thread_count > 0 {
                pool.ended.wait(&mut state);
            }
        }
    }
}

impl Drop for ThreadWorkers {
    fn drop(&mut self) {
        for pool in &self.pools {
            pool.state.lock().is_closed = true;
            pool.wake.notify_all();
        }
    }
}

impl ThreadPool {
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                parking_lot::MutexGuard::unlocked(&mut state, || self.run_job(job));
            } else if state.is_closed {
                break;
            } else {
                state.idle_count += 1;
                self.wake.wait(&mut state);
                state.idle_count -= 1;
            }
        }
        state.thread_count -= 1;
        self.ended.notify_all();
    }

    fn run_job(&self, job: Job) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        if let Err(panic) = outcome {
            self.panics.fetch_add(1, Ordering::Relaxed);
            let pool = self.pool.thread_name();
            tracing::error!(pool, panic = panic_text(panic.as_ref()), "a job panicked");
        }
    }
}

/// The form for one-thread runtimes (simulation, tests): each job is a task of the runtime that submits it, in order.
pub struct RuntimeWorkers {
    runtime: Handle,
    panics: Arc<AtomicU64>,
    permits: [Arc<Semaphore>; 5],
}

impl RuntimeWorkers {
    /// Runs jobs on `runtime`, between its other tasks.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self { runtime, panics: Arc::default(), permits: permits() }
    }
}

impl Workers for RuntimeWorkers {
    fn submit(&self, _pool: Pool, job: Job) {
        let panics = Arc::clone(&self.panics);
        drop(self.runtime.spawn(async move {
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
                panics.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }

    fn permits(&self, pool: Pool) -> &Arc<Semaphore> {
        &self.permits[pool.index()]
    }

    fn panic_count(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    fn shut_down(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers() -> Arc<dyn Workers> {
        Arc::new(ThreadWorkers::new())
    }

    #[tokio::test]
    async fn work_runs_on_a_thread_named_after_its_pool() {
        let workers = workers();
        let name = || std::thread::current().name().unwrap().to_owned();
        assert_eq!(run(&workers, Pool::Metadata, name).await.unwrap(), "hw-metadata-0");
        assert!(run(&workers, Pool::Sync, name).await.unwrap().starts_with("hw-sync-"));
    }

    #[tokio::test]
    async fn panic_in_a_job_is_counted_and_the_pool_goes_on() {
        let workers = workers();
        let lost = run(&workers, Pool::File, || panic!("on purpose")).await;
        assert_eq!(lost, Err::<(), _>(WorkLost));
        assert_eq!(run(&workers, Pool::File, || 7).await, Ok(7));
        // The asker learns of the loss before the thread has counted it.
        workers.shut_down();
        assert_eq!(workers.panic_count(), 1);
    }

    #[tokio::test]
    async fn jobs_of_a_one_thread_pool_end_in_the_order_they_came() {
        let workers = workers();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for number in 0..100 {
            let seen = Arc::clone(&seen);
            workers.submit(Pool::Metadata, Box::new(move || seen.lock().push(number)));
        }
        run(&workers, Pool::Metadata, || ()).await.unwrap();
        assert_eq!(*seen.lock(), (0..100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn shut_down_waits_for_running_jobs_and_drops_the_rest() {
        let workers = workers();
        run(&workers, Pool::Read, || ()).await.unwrap();
        workers.shut_down();
        assert_eq!(run(&workers, Pool::Read, || ()).await, Err(WorkLost));
    }
}
