//! Making a machine from what is in the log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater_coordinator::Machine;
use highwater_coordinator::group::GroupCoordinator;
use highwater_records::{Offset, batches};
use highwater_storage::{LogView, ReadError, ReadLimits};

use super::batch::{self, BatchDecodeError};
use super::shard::Shard;
use crate::partition::{NotServing, Wakeup};
use crate::seams::sleep_until;
use crate::workers::{self, Pool, WorkLost};

/// Bytes that one job reads and replays; other reads come between two jobs.
const READ_BYTES: usize = 4 * 1024 * 1024;

/// Pause before a log is read again: on a full disk every commit would lead to it.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a log was not read to its end.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    NotServing(#[from] NotServing),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Batch(#[from] BatchDecodeError),
    #[error("the log has nothing at offset {0}, below its end")]
    Hole(Offset),
    #[error(transparent)]
    Lost(#[from] WorkLost),
}

/// Reads the log and makes the shard active.
pub(super) async fn run(shard: Arc<Shard>) {
    let resigned = shard.resigned.clone();
    tokio::select! {
        biased;
        () = resigned.cancelled() => {}
        () = load(&shard) => {}
    }
}

/// The same after an append was lost.
pub(super) async fn again(shard: Arc<Shard>) {
    pause(&shard).await;
    run(shard).await;
}

async fn pause(shard: &Shard) {
    let clock = &*shard.shared.clock;
    sleep_until(clock, clock.monotonic().plus(PAUSE)).await;
}

async fn load(shard: &Arc<Shard>) {
    let started = shard.shared.clock.monotonic();
    loop {
        match read_all(shard).await {
            Ok((machine, end)) => {
                let took_ms =
                    (shard.shared.clock.monotonic().value() - started.value()).as_millis();
                tracing::debug!(partition = shard.number, %end, took_ms, "groups loaded");
                shard.activate(machine, end);
                return;
            }
            // Cut or cleaned while it was read.
            Err(LoadError::Read(ReadError::OffsetOutOfRange { .. } | ReadError::Stale)) => {
                pause(shard).await;
            }
            // The broker stops.
            Err(LoadError::Lost(_)) => return,
            Err(error) => {
                if let LoadError::Read(ReadError::Fault(fault)) = &error {
                    shard.partition.dir().note_read_fault(fault);
                }
                let partition = shard.number;
                tracing::error!(partition, %error, "the groups of a partition cannot be loaded");
                shard.end();
                return;
            }
        }
    }
}

/// A machine that has replayed the log, and the offset behind it, which is committed.
async fn read_all(shard: &Arc<Shard>) -> Result<(GroupCoordinator, Offset), LoadError> {
    let mut machine = GroupCoordinator::new(Arc::clone(&shard.shared.config));
    let log = shard.partition.view_arc().leading()?.log.clone();
    let end = log.log_end_offset();
    let mut from = log.log_start_offset();
    while from < end {
        let log = log.clone();
        let work = move || {
            let next = replay_some(&mut machine, &log, from, end);
            (machine, next)
        };
        let (back, next) = workers::run(&shard.shared.workers, Pool::Read, work).await?;
        machine = back;
        from = next?;
    }
    wait_committed(shard, end).await?;
    Ok((machine, end))
}

/// Replays a stretch of the log and returns where the next one begins.
fn replay_some(
    machine: &mut GroupCoordinator,
    log: &LogView,
    from: Offset,
    end: Offset,
) -> Result<Offset, LoadError> {
    let limits = ReadLimits { upper_bound: end, bytes_max: READ_BYTES, min_one_batch: true };
    let fetched = log.read(from, limits)?;
    if fetched.next_offset <= from {
        return Err(LoadError::Hole(from));
    }
    let bytes = match &fetched.chunks[..] {
        [only] => only.clone(),
        several => Bytes::from(several.concat()),
    };
    for found in batches(&bytes) {
        let found = found.map_err(BatchDecodeError::Batch)?;
        batch::decode(&found, |offset, record| {
            // A batch is read whole, though the stretch may begin inside it.
            if offset >= from {
                machine.replay(offset, record);
            }
        })?;
    }
    Ok(fetched.next_offset)
}

/// Waits until everything below `end` is committed: no answer may depend on what is not.
async fn wait_committed(shard: &Shard, end: Offset) -> Result<(), LoadError> {
    let wakeup = Arc::new(Wakeup::default());
    let watchers = shard.partition.watchers();
    watchers.add(&wakeup);
    let _watching = Watching { shard, wakeup: &wakeup };
    loop {
        let high_watermark = shard.partition.view_arc().leading()?.high_watermark;
        if high_watermark >= end {
            return Ok(());
        }
        std::future::poll_fn(|context| wakeup.poll_woken(context)).await;
    }
}

/// Takes the wakeup out again, however the wait ends.
struct Watching<'a> {
    shard: &'a Shard,
    wakeup: &'a Arc<Wakeup>,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.shard.partition.watchers().remove(self.wakeup);
    }
}
