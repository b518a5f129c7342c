//! Records from threads that keep time, and when each was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use highwater::TopicName;
use highwater::producer::{Delivery, ProduceError, Producer, ProducerRecord};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::figures::{Amount, Latencies};
use crate::commands::failure::Usage;
use crate::commands::moment::Span;
use crate::commands::output::Progress;

/// Records of one partition whose delivery is not known; at the limit the sender waits. The producer's
/// buffer is the nearer limit.
const PENDING_MAX: usize = 1 << 20;
const TICK: Duration = Duration::from_millis(100);
/// What stands at the front of a value where a consumer has to know it again.
pub(super) const STAMP_BYTES: usize = 16;

/// How many records, and what they look like.
#[derive(Clone, Debug, Args)]
pub(super) struct Load {
    /// End after so many records
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) records: Option<u64>,
    /// End after so much time [default: 10s without --records]
    #[arg(long, value_name = "TIME")]
    pub(super) duration: Option<Span>,
    /// Bytes of a value
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=16_777_216))]
    pub(super) record_bytes: u32,
}

/// Who sends what, when.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) topic: TopicName,
    pub(super) partitions: i32,
    /// Each on a thread of its own.
    pub(super) producers: Vec<Producer>,
    pub(super) records: Option<u64>,
    pub(super) duration: Option<Duration>,
    pub(super) record_bytes: usize,
    /// Of all producers together; none for as many as they take.
    pub(super) rate_per_s: Option<u32>,
    /// Stands at the front of each value, then the nanoseconds from `start` when it was due.
    pub(super) stamp: Option<u64>,
    pub(super) start: Instant,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) amount: Amount,
    /// From when a record was due, or without a rate from when it was sent.
    pub(super) latencies: Latencies,
}

impl Load {
    /// When to end: what was asked for, or after ten seconds.
    pub(super) fn duration(&self) -> Option<Duration> {
        let default = self.records.is_none().then_some(Duration::from_secs(10));
        self.duration.map(|span| span.0).or(default)
    }

    /// Refuses lengths of time in which nothing happens.
    pub(super) fn check(&self) -> Result<(), Usage> {
        if self.duration.is_some_and(|span| span.0.is_zero()) {
            return Err(Usage("--duration must be longer than nothing".to_owned()));
        }
        Ok(())
    }
}

/// What the sending threads and the rest share.
#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    /// Records that somebody has taken upon him to send.
    taken: AtomicU64,
    delivered: AtomicU64,
}

/// One record under way.
type Pending = (Instant, Delivery);

impl Plan {
    /// Sends until the end of the plan, a failure, or Ctrl-C, and waits for what is under way.
    pub(super) async fn run(self, progress: &mut Progress) -> anyhow::Result<Sent> {
        let shared = Arc::new(Shared::default());
        let mut collectors = JoinSet::new();
        let mut senders = Vec::new();
        let (partitions, start) = (self.partitions, self.start);
        let record_bytes = u64::try_from(self.record_bytes)?;
        let plan = Arc::new(self);
        for (number, producer) in plan.producers.iter().enumerate() {
            let mut lanes = Vec::new();
            for _ in 0..partitions {
                // Of one partition acknowledgements come in order: waiting for the oldest is exact.
                let (lane, pending) = mpsc::channel(PENDING_MAX);
                collectors.spawn(collect(pending, Arc::clone(&shared)));
                lanes.push(lane);
            }
            let (ended, end) = oneshot::channel();
            let sender = Sender { plan: Arc::clone(&plan), shared: Arc::clone(&shared), lanes };
            let (producer, runtime) = (producer.clone(), Handle::current());
            thread::Builder::new()
                .name(format!("sender-{number}"))
                // The receiver may have given up; then nobody asks any more.
                .spawn(move || ended.send(sender.run(&producer, &runtime, number)).unwrap_or(()))
                .context("cannot start a thread")?;
            senders.push(end);
        }
        let watch = watch(&shared, record_bytes, progress);
        let all = async {
            for end in senders {
                end.await.context("a sending thread ended early")??;
            }
            for producer in &plan.producers {
                producer.flush().await;
            }
            let mut latencies = Latencies::new();
            while let Some(collected) = collectors.join_next().await {
                latencies.add(&collected??);
            }
            Ok::<_, anyhow::Error>(latencies)
        };
        tokio::pin!(all);
        let latencies = tokio::select! {
            biased;
            latencies = &mut all => latencies,
            interrupted = watch => {
                interrupted?;
                shared.is_over.store(true, Ordering::Relaxed);
                all.await
            }
        };
        shared.is_over.store(true, Ordering::Relaxed);
        let latencies = latencies?;
        let records = latencies.count();
        let amount = Amount { records, bytes: records * record_bytes, time: start.elapsed() };
        Ok(Sent { amount, latencies })
    }
}

/// Shows progress until Ctrl-C.
async fn watch(shared: &Shared, record_bytes: u64, progress: &mut Progress) -> anyhow::Result<()> {
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    let mut ticks = tokio::time::interval(TICK);
    let mut shown = 0;
    loop {
        tokio::select! {
            biased;
            interrupted = &mut interrupted => {
                return interrupted.context("cannot wait for Ctrl-C");
            }
            _ = ticks.tick() => {
                let delivered = shared.delivered.load(Ordering::Relaxed);
                progress.add(delivered - shown, (delivered - shown) * record_bytes);
                shown = delivered;
            }
        }
    }
}

/// Waits for records of one partition in their order.
async fn collect(
    mut pending: mpsc::Receiver<Pending>,
    shared: Arc<Shared>,
) -> Result<Latencies, ProduceError> {
    let mut latencies = Latencies::new();
    while let Some((due, delivery)) = pending.recv().await {
        if let Err(error) = delivery.await {
            shared.is_over.store(true, Ordering::Relaxed);
            return Err(error);
        }
        latencies.record(due.elapsed());
        shared.delivered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(latencies)
}

/// One sending thread.
struct Sender {
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    lanes: Vec<mpsc::Sender<Pending>>,
}

impl Sender {
    fn run(self, producer: &Producer, runtime: &Handle, number: usize) -> anyhow::Result<()> {
        let _entered = runtime.enter();
        if self.plan.rate_per_s.is_some() {
            // Else a wait may take 50 microseconds longer than asked for.
            rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)).ok();
        }
        let sent = self.send_all(producer, runtime, number);
        if sent.is_err() {
            self.shared.is_over.store(true, Ordering::Relaxed);
        }
        sent
    }

    fn send_all(&self, producer: &Producer, runtime: &Handle, number: usize) -> anyhow::Result<()> {
        let plan = &self.plan;
        let value = Bytes::from(vec![b'x'; plan.record_bytes]);
        let mut partition = number;
        while !self.shared.is_over.load(Ordering::Relaxed) {
            let turn = self.shared.taken.fetch_add(1, Ordering::Relaxed);
            let due_after = plan.rate_per_s.map(|rate| due_after(turn, rate));
            let is_late = plan.duration.is_some_and(|duration| match due_after {
                Some(due_after) => due_after > duration,
                None => plan.start.elapsed() > duration,
            });
            if is_late || plan.records.is_some_and(|records| turn >= records) {
                break;
            }
            let due = match due_after {
                Some(due_after) => {
                    wait_until(plan.start + due_after, &self.shared.is_over);
                    plan.start + due_after
                }
                None => Instant::now(),
            };
            partition = (partition + 1) % self.lanes.len();
            let mut record = ProducerRecord::new(plan.topic.clone());
            record.partition = Some(i32::try_from(partition)?);
            record.value = Some(match plan.stamp {
                Some(stamp) => stamped(&value, stamp, due - plan.start),
                None => value.clone(),
            });
            let delivery = runtime.block_on(producer.send(record))?;
            // The collector ends early only after a failure, which it tells itself.
            if runtime.block_on(self.lanes[partition].send((due, delivery))).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// When a record is due after the start.
pub(super) fn due_after(turn: u64, rate_per_s: u32) -> Duration {
    let rate = u64::from(rate_per_s);
    Duration::from_secs(turn / rate) + Duration::from_secs(1) * u32_of(turn % rate) / rate_per_s
}

/// What is left of a division by a `u32`.
fn u32_of(rest: u64) -> u32 {
    u32::try_from(rest).expect("less than the rate")
}

fn wait_until(due: Instant, is_over: &AtomicBool) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() || is_over.load(Ordering::Relaxed) {
            return;
        }
        thread::park_timeout(left.min(TICK));
    }
}

/// The value with who wrote it and when it was due at its front.
fn stamped(value: &Bytes, stamp: u64, due_after: Duration) -> Bytes {
    let mut bytes = value.to_vec();
    let due_ns = u64::try_from(due_after.as_nanos()).unwrap_or(u64::MAX);
    let stamps = [stamp.to_be_bytes(), due_ns.to_be_bytes()].concat();
    bytes[..STAMP_BYTES].copy_from_slice(&stamps);
    bytes.into()
}

/// When a record with our stamp was due; nothing for those of others.
pub(super) fn due_of(value: &[u8], stamp: u64) -> Option<Duration> {
    let (found, rest) = value.split_first_chunk::<8>()?;
    let due_ns = rest.first_chunk::<8>()?;
    (u64::from_be_bytes(*found) == stamp).then(|| Duration::from_nanos(u64::from_be_bytes(*due_ns)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_due_at_its_share_of_the_second_and_never_drifts() {
        assert_eq!(due_after(0, 3), Duration::ZERO);
        assert_eq!(due_after(3, 3), Duration::from_secs(1));
        assert_eq!(due_after(1, 1000), Duration::from_millis(1));
        assert_eq!(due_after(3 * 86_400_000, 1000), Duration::from_secs(3 * 86_400));
        for turn in 0..10_000 {
            assert!(due_after(turn, 7) < due_after(turn + 1, 7), "{turn}");
        }
    }

    #[test]
    fn stamp_of_another_run_is_not_ours() {
        let value = stamped(&Bytes::from(vec![0; 20]), 7, Duration::from_micros(5));
        assert_eq!(value.len(), 20);
        assert_eq!(due_of(&value, 7), Some(Duration::from_micros(5)));
        assert_eq!(due_of(&value, 8), None);
        assert_eq!(due_of(&value[..12], 7), None);
    }
}
