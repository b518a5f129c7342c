//! Records waiting to be sent: one open batch per partition, full ones behind it, and the memory
//! that all of them take.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use highwater_client::ClusterMetadata;
use highwater_records::{BatchBuilder, Codec, Timestamp, TopicName, TopicPartition};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::delivery::{BatchOutcome, Delivery, Settle, Settled};
use crate::partitioner::{StickyPartitions, partition_for_key};
use crate::{ProduceError, ProducerRecord};

/// Least memory a record is counted with: what a batch and its outcome take besides the bytes.
const RECORD_BYTES_MIN: usize = 64;

/// What the accumulator needs to know of the producer's settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) batch_size: usize,
    pub(crate) buffer_memory: usize,
    pub(crate) linger: Duration,
    pub(crate) max_block: Duration,
    pub(crate) codec: Codec,
}

#[derive(Debug)]
pub(crate) struct Accumulator {
    limits: Limits,
    state: Mutex<State>,
    /// One permit per byte that may still be taken.
    memory: Semaphore,
    /// How many callers wait for memory; while there are any, batches do not linger.
    memory_waiters: AtomicUsize,
    /// How many callers wait for everything to be delivered; then batches do not linger either.
    flushes: AtomicUsize,
    wake: Notify,
}

#[derive(Debug)]
struct State {
    topics: HashMap<TopicName, Shape>,
    sticky: StickyPartitions,
    queues: HashMap<TopicPartition, Queue>,
    /// Every batch that is not settled, by age; what a flush waits for.
    unsettled: BTreeMap<u64, Arc<BatchOutcome>>,
    next_batch: u64,
    is_closed: bool,
}

/// What choosing a partition needs to know of a topic.
#[derive(Debug)]
struct Shape {
    partition_count: i32,
    /// Those with a leader; all if none has.
    available: Vec<i32>,
}

#[derive(Debug, Default)]
struct Queue {
    full: VecDeque<Batch>,
    open: Option<Batch>,
}

/// Records of one partition that will be sent together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) number: u64,
    pub(crate) builder: BatchBuilder,
    pub(crate) opened: Instant,
    /// Memory to be given back when the batch is settled.
    pub(crate) reserved_bytes: usize,
    pub(crate) settle: Settle,
    pub(crate) outcome: Arc<BatchOutcome>,
}

/// Memory taken for one record; given back if the record is not appended after all.
#[derive(Debug)]
pub(crate) struct Reserved<'a> {
    accumulator: &'a Accumulator,
    bytes: usize,
}

/// Why a record was not appended; it comes back.
#[derive(Debug)]
pub(crate) enum NotAppended {
    UnknownTopic,
    Failed(ProduceError),
}

impl Accumulator {
    pub(crate) fn new(limits: Limits) -> Self {
        let state = State {
            topics: HashMap::new(),
            sticky: StickyPartitions::new(limits.batch_size),
            queues: HashMap::new(),
            unsettled: BTreeMap::new(),
            next_batch: 0,
            is_closed: false,
        };
        Self {
            limits,
            state: Mutex::new(state),
            memory: Semaphore::new(limits.buffer_memory.min(Semaphore::MAX_PERMITS)),
            memory_waiters: AtomicUsize::new(0),
            flushes: AtomicUsize::new(0),
            wake: Notify::new(),
        }
    }

    /// Takes memory for a record, waiting for it as long as `max.block.ms` allows.
    ///
    /// Cancel-safe: dropped while it waits it has taken nothing.
    pub(crate) async fn reserve(&self, payload_bytes: usize) -> Result<Reserved<'_>, ProduceError> {
        // A record larger than the whole buffer goes alone.
        let bytes = payload_bytes.max(RECORD_BYTES_MIN).min(self.limits.buffer_memory);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let bytes = usize::try_from(permits).unwrap_or(usize::MAX);
        if let Ok(permit) = self.memory.try_acquire_many(permits) {
            permit.forget();
            return Ok(Reserved { accumulator: self, bytes });
        }
        let _waiting = Counted::new(&self.memory_waiters);
        self.wake.notify_one();
        let within = self.limits.max_block;
        match tokio::time::timeout(within, self.memory.acquire_many(permits)).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(Reserved { accumulator: self, bytes })
            }
            Ok(Err(_)) => Err(ProduceError::Closed),
            Err(_) => Err(ProduceError::BufferFull { after: within }),
        }
    }

    /// Puts a record into the open batch of its partition.
    pub(crate) fn append(
        &self,
        record: &ProducerRecord,
        now: Timestamp,
        reserved: Reserved<'_>,
    ) -> Result<Delivery, NotAppended> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(NotAppended::Failed(ProduceError::Closed));
        }
        let partition = state.choose_partition(record)?;
        let timestamp = record.timestamp.unwrap_or(now);
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let state = &mut *state;
        let queue = state.queues.entry(partition.clone()).or_default();
        let mut wakes = false;
        if let Some(open) = queue.open.take_if(|open| {
            let more = open.builder.estimated_record_bytes(timestamp, key, value, &record.headers);
            open.builder.estimated_bytes() + more > self.limits.batch_size
        }) {
            queue.full.push_back(open);
            wakes = true;
        }
        let open = match &mut queue.open {
            Some(open) => open,
            None => {
                wakes = true;
                let batch = Batch::new(state.next_batch, partition, self.limits.codec);
                state.unsettled.insert(state.next_batch, Arc::clone(&batch.outcome));
                state.next_batch += 1;
                queue.open.insert(batch)
            }
        };
        let delivery = open.outcome.delivery(open.builder.record_count(), timestamp);
        open.builder.append(timestamp, key, value, &record.headers);
        open.reserved_bytes += reserved.keep();
        if open.builder.estimated_bytes() >= self.limits.batch_size {
            queue.full.extend(queue.open.take());
            wakes = true;
        }
        if wakes {
            self.wake.notify_one();
        }
        Ok(delivery)
    }

    /// Takes in what is known of topics now.
    pub(crate) fn update_topics(&self, metadata: &ClusterMetadata) {
        let mut state = self.lock();
        for (name, topic) in &metadata.topics {
            let Ok(partition_count) = i32::try_from(topic.partitions.len()) else { continue };
            if partition_count == 0 {
                continue;
            }
            let led = topic.partitions.iter().filter(|partition| partition.leader.is_some());
            let mut available: Vec<i32> = led.map(|partition| partition.partition).collect();
            if available.is_empty() {
                available = (0..partition_count).collect();
            }
            state.topics.insert(name.clone(), Shape { partition_count, available });
        }
    }

    /// The topics that records were sent to.
    pub(crate) fn topics(&self) -> Vec<TopicName> {
        self.lock().topics.keys().cloned().collect()
    }

    /// The partitions with a batch that must not wait any longer, and when the next will be so.
    pub(crate) fn ready(&self, now: Instant) -> (Vec<TopicPartition>, Option<Instant>) {
        let hurries = self.hurries();
        let state = self.lock();
        let mut ready = Vec::new();
        let mut next: Option<Instant> = None;
        for (partition, queue) in &state.queues {
            let due = queue.open.as_ref().map(|open| open.opened + self.limits.linger);
            if !queue.full.is_empty() || due.is_some_and(|due| hurries || due <= now) {
                ready.push(partition.clone());
            } else if let Some(due) = due {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        (ready, next)
    }

    /// Takes the oldest batch of a partition, if that is due.
    pub(crate) fn take(&self, partition: &TopicPartition, now: Instant) -> Option<Batch> {
        let hurries = self.hurries();
        let mut state = self.lock();
        let queue = state.queues.get_mut(partition)?;
        let linger = self.limits.linger;
        let is_due = |open: &mut Batch| hurries || open.opened + linger <= now;
        let batch = queue.full.pop_front().or_else(|| queue.open.take_if(is_due));
        if queue.full.is_empty() && queue.open.is_none() {
            state.queues.remove(partition);
        }
        batch
    }

    /// Takes the batches that were opened at or before `limit`.
    pub(crate) fn take_expired(&self, limit: Instant) -> Vec<Batch> {
        let mut state = self.lock();
        let mut expired = Vec::new();
        for queue in state.queues.values_mut() {
            while let Some(batch) = queue.full.pop_front_if(|batch| batch.opened <= limit) {
                expired.push(batch);
            }
            expired.extend(queue.open.take_if(|open| open.opened <= limit));
        }
        state.queues.retain(|_, queue| !queue.full.is_empty() || queue.open.is_some());
        expired
    }

    /// Forgets a settled batch and gives its memory back.
    pub(crate) fn release(&self, number: u64, reserved_bytes: usize) {
        self.lock().unsettled.remove(&number);
        self.memory.add_permits(reserved_bytes);
    }

    /// Waits until everything appended so far is settled, whatever came of it.
    pub(crate) async fn flush(&self) {
        let _flushing = Counted::new(&self.flushes);
        self.wake.notify_one();
        let unsettled: Vec<Settled> =
            self.lock().unsettled.values().map(|outcome| outcome.settled()).collect();
        for settled in unsettled {
            settled.await;
        }
    }

    /// Takes no more records.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.memory.close();
        self.wake.notify_one();
    }

    /// Waits until there may be something to send.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn hurries(&self) -> bool {
        self.memory_waiters.load(Ordering::SeqCst) > 0 || self.flushes.load(Ordering::SeqCst) > 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn choose_partition(&mut self, record: &ProducerRecord) -> Result<TopicPartition, NotAppended> {
        let Some(shape) = self.topics.get(&record.topic) else {
            return Err(NotAppended::UnknownTopic);
        };
        let count = shape.partition_count;
        let partition = match (record.partition, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_for_key(key, count),
            (None, None) => {
                self.sticky.next(&record.topic, &shape.available, record.payload_bytes())
            }
        };
        let chosen = TopicPartition::new(record.topic.clone(), partition);
        if (0..count).contains(&partition) {
            return Ok(chosen);
        }
        let partition_count = usize::try_from(count).unwrap_or(0);
        let error = ProduceError::NoSuchPartition { partition: chosen, partition_count };
        Err(NotAppended::Failed(error))
    }
}

impl Batch {
    fn new(number: u64, partition: TopicPartition, codec: Codec) -> Self {
        let (outcome, settle) = BatchOutcome::new(partition);
        let builder = BatchBuilder::new(codec);
        Self { number, builder, opened: Instant::now(), reserved_bytes: 0, settle, outcome }
    }
}

impl Reserved<'_> {
    fn keep(mut self) -> usize {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.accumulator.memory.add_permits(self.bytes);
        }
    }
}

struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
