//! The newest batches of all logs as shared bytes, under one budget.
//!
//! What is counted is allocations, not slices: batches under [`SLAB_BATCH_BYTES_MAX`] are copied
//! into slabs (so that one small batch does not pin the megabyte it was received in), larger ones
//! keep their own buffer. The oldest allocation goes first, whichever logs its batches belong to.
//!
//! **Invariant:** what a log has in the cache is its newest batches without a gap.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use highwater_records::{BATCH_HEADER_BYTES, Offset};
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::view::{Fetched, ReadLimits};

/// Batches below this size are copied into slabs.
pub const SLAB_BATCH_BYTES_MAX: usize = 16 << 10;

/// Size of a slab.
const SLAB_BYTES: usize = 256 << 10;

/// What a batch costs beside its bytes: its header, and its entries in its log and its group, in
/// vectors that have room to grow.
const BATCH_OVERHEAD_BYTES: u64 = 256;

/// The bytes of one batch: one slice of a slab, or header and body.
pub(crate) type BatchChunks = SmallVec<[Bytes; 2]>;

/// One budget for the newest batches of all logs of a process.
pub struct TailCache {
    budget_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used_bytes: u64,
    /// Room of the slab that is being filled.
    room: BytesMut,
    /// Number of that slab's group; `None` before the first.
    filling: Option<u64>,
    /// One group for each allocation, oldest first.
    groups: VecDeque<Group>,
    /// Number of the first group in `groups`.
    first_group: u64,
}

/// One allocation and the batches in it.
struct Group {
    bytes: u64,
    members: Vec<(Arc<LogTail>, u64)>,
}

/// The batches of one log that are in the cache.
#[derive(Default)]
pub(crate) struct LogTail {
    state: Mutex<TailState>,
}

#[derive(Default)]
struct TailState {
    /// Oldest first, without a gap.
    batches: VecDeque<CachedBatch>,
    next_number: u64,
}

struct CachedBatch {
    number: u64,
    base_offset: Offset,
    last_offset: Offset,
    size_bytes: usize,
    chunks: BatchChunks,
}

/// A batch on its way into log and cache.
pub(crate) struct Staged {
    /// What is written to the file.
    pub(crate) chunks: BatchChunks,
    /// The group that its bytes belong to; `None` for an allocation of its own.
    slab: Option<u64>,
}

impl fmt::Debug for TailCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailCache")
            .field("budget_bytes", &self.budget_bytes)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogTail")
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged").field("slab", &self.slab).finish_non_exhaustive()
    }
}

impl TailCache {
    /// A cache that keeps at most `budget_bytes` allocated, plus the slab being filled.
    #[must_use]
    pub fn new(budget_bytes: u64) -> Arc<Self> {
        Arc::new(Self { budget_bytes, state: Mutex::new(State::default()) })
    }

    /// Bytes that the cache keeps allocated.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().used_bytes
    }

    /// Gives a batch its final bytes: copied into a slab if small, shared if not.
    pub(crate) fn stage(&self, header: &[u8; BATCH_HEADER_BYTES], body: &Bytes) -> Staged {
        let size = BATCH_HEADER_BYTES + body.len();
        if size >= SLAB_BATCH_BYTES_MAX {
            let chunks = BatchChunks::from_iter([Bytes::copy_from_slice(header), body.clone()]);
            return Staged { chunks, slab: None };
        }
        let mut state = self.state.lock();
        if state.room.capacity() < size || state.filling.is_none() {
            state.room = BytesMut::with_capacity(SLAB_BYTES);
            state.filling = Some(state.first_group + state.groups.len() as u64);
            state.groups.push_back(Group { bytes: SLAB_BYTES as u64, members: Vec::new() });
            state.used_bytes += SLAB_BYTES as u64;
        }
        state.room.extend_from_slice(header);
        state.room.extend_from_slice(body);
        let chunk = state.room.split().freeze();
        let slab = state.filling;
        drop(state);
        Staged { chunks: BatchChunks::from_iter([chunk]), slab }
    }

    /// Keeps a batch that was written, as the newest of its log.
    pub(crate) fn insert(&self, tail: &Arc<LogTail>, offsets: (Offset, Offset), staged: Staged) {
        let size_bytes = staged.chunks.iter().map(Bytes::len).sum();
        let number = {
            let mut log = tail.state.lock();
            let number = log.next_number;
            log.next_number += 1;
            debug_assert!(log.batches.back().is_none_or(|last| last.last_offset < offsets.0));
            log.batches.push_back(CachedBatch {
                number,
                base_offset: offsets.0,
                last_offset: offsets.1,
                size_bytes,
                chunks: staged.chunks,
            });
            number
        };
        let mut state = self.state.lock();
        let member = (Arc::clone(tail), number);
        let first_group = state.first_group;
        let group = staged.slab.and_then(|slab| slab.checked_sub(first_group));
        let group = group.and_then(|index| usize::try_from(index).ok());
        match group.and_then(|index| state.groups.get_mut(index)) {
            Some(group) => {
                group.members.push(member);
                group.bytes += BATCH_OVERHEAD_BYTES;
                state.used_bytes += BATCH_OVERHEAD_BYTES;
            }
            // Its own allocation; or its slab is evicted already, and now pinned by this alone.
            None => {
                let own = if staged.slab.is_some() { SLAB_BYTES } else { size_bytes };
                let bytes = own as u64 + BATCH_OVERHEAD_BYTES;
                state.groups.push_back(Group { bytes, members: vec![member] });
                state.used_bytes += bytes;
            }
        }
        let evicted = state.evict(self.budget_bytes);
        drop(state);
        for (tail, number) in evicted.into_iter().flat_map(|group| group.members) {
            tail.forget_through(number);
        }
    }
}

impl State {
    /// Takes out the oldest groups until the budget holds.
    fn evict(&mut self, budget_bytes: u64) -> Vec<Group> {
        let mut evicted = Vec::new();
        while self.used_bytes > budget_bytes
            && let Some(group) = self.groups.pop_front()
        {
            if self.filling == Some(self.first_group) {
                self.filling = None;
                self.room = BytesMut::new();
            }
            self.first_group += 1;
            self.used_bytes -= group.bytes;
            evicted.push(group);
        }
        evicted
    }
}

impl LogTail {
    /// Forgets the batch of this number and all older ones.
    fn forget_through(&self, number: u64) {
        let mut state = self.state.lock();
        while state.batches.front().is_some_and(|batch| batch.number <= number) {
            state.batches.pop_front();
        }
        if state.batches.is_empty() {
            state.batches = VecDeque::new();
        }
    }

    /// Forgets batches that lie wholly below `end`: what a cleaner took out of them is not to be seen.
    pub(crate) fn forget_below(&self, end: Offset) {
        let mut state = self.state.lock();
        let count = state.batches.partition_point(|batch| batch.last_offset < end);
        state.batches.drain(..count);
    }

    /// Forgets batches with records at or above `end`.
    pub(crate) fn truncate(&self, end: Offset) {
        let mut state = self.state.lock();
        while state.batches.back().is_some_and(|batch| batch.last_offset >= end) {
            state.batches.pop_back();
        }
    }

    /// Reads whole batches from the one that holds `from`; `None` if that one is not here.
    pub(crate) fn read(&self, from: Offset, limits: ReadLimits) -> Option<Fetched> {
        let state = self.state.lock();
        if state.batches.front().is_none_or(|oldest| from < oldest.base_offset) {
            return None;
        }
        let first = state.batches.partition_point(|batch| batch.last_offset < from);
        state.batches.get(first)?;
        let mut fetched = Fetched { next_offset: from, ..Fetched::default() };
        for batch in state.batches.range(first..) {
            let is_first = fetched.chunks.is_empty();
            let fits = fetched.size_bytes + batch.size_bytes <= limits.bytes_max;
            if batch.last_offset >= limits.upper_bound
                || !(fits || (is_first && limits.min_one_batch))
            {
                break;
            }
            fetched.chunks.extend(batch.chunks.iter().cloned());
            fetched.size_bytes += batch.size_bytes;
            fetched.next_offset = batch.last_offset.next();
        }
        Some(fetched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ReadLimits =
        ReadLimits { upper_bound: Offset::new(i64::MAX), bytes_max: 1 << 30, min_one_batch: false };

    fn put(cache: &TailCache, tail: &Arc<LogTail>, offset: i64, body_bytes: usize) {
        let offset = Offset::new(offset);
        let staged = cache.stage(&[1; BATCH_HEADER_BYTES], &Bytes::from(vec![2; body_bytes]));
        cache.insert(tail, (offset, offset), staged);
    }

    fn first_cached(tail: &LogTail) -> Option<i64> {
        tail.state.lock().batches.front().map(|batch| batch.base_offset.value())
    }

    fn is_without_gap(tail: &LogTail) -> bool {
        let state = tail.state.lock();
        let pairs = state.batches.iter().zip(state.batches.iter().skip(1));
        pairs.into_iter().all(|(one, two)| one.last_offset.next() == two.base_offset)
    }

    #[test]
    fn budget_holds_by_allocation_whatever_the_mix_of_sizes() {
        let budget = 1 << 20;
        let cache = TailCache::new(budget);
        let tails = [Arc::default(), Arc::default(), Arc::default()];
        for n in 0..3000_i64 {
            let size = [10, 5_000, 40_000, 700, 300_000][usize::try_from(n % 5).unwrap()];
            for (which, tail) in (0..).zip(&tails) {
                put(&cache, tail, n, if which == n % 3 { size } else { 100 });
                assert!(is_without_gap(tail));
            }
            assert!(cache.used_bytes() <= budget, "{}", cache.used_bytes());
        }
        let held: usize = tails
            .iter()
            .map(|tail| {
                tail.state.lock().batches.iter().map(|batch| batch.size_bytes).sum::<usize>()
            })
            .sum();
        assert!(held > 200_000, "the budget is used: {held}");
        assert!(held as u64 <= budget);
    }

    #[test]
    fn tiny_batches_count_with_what_they_cost_beside_their_bytes() {
        let budget = 1 << 20;
        let cache = TailCache::new(budget);
        let tail = Arc::default();
        (0..20_000).for_each(|n| put(&cache, &tail, n, 10));
        let state = tail.state.lock();
        let entries = state.batches.len() * (size_of::<CachedBatch>() + size_of::<(usize, u64)>());
        let bytes: usize = state.batches.iter().map(|batch| batch.size_bytes).sum();
        assert!(entries + bytes > 100_000, "the budget is used: {entries} and {bytes}");
        assert!((entries + bytes) as u64 <= budget, "{entries} and {bytes}");
    }

    #[test]
    fn oldest_batches_go_first_and_reads_below_them_miss() {
        let cache = TailCache::new(3 * 100_000);
        let tail = Arc::default();
        for n in 0..10 {
            put(&cache, &tail, n, 90_000);
        }
        assert_eq!(first_cached(&tail), Some(7));
        assert!(tail.read(Offset::new(6), LIMITS).is_none());
        let fetched = tail.read(Offset::new(8), LIMITS).unwrap();
        assert_eq!(fetched.next_offset, Offset::new(10));
        assert_eq!(fetched.size_bytes, 2 * (90_000 + BATCH_HEADER_BYTES));
        assert!(tail.read(Offset::new(10), LIMITS).is_none(), "not written yet");
    }

    #[test]
    fn read_stops_at_bound_and_size_but_may_return_one_large_batch() {
        let cache = TailCache::new(1 << 20);
        let tail = Arc::default();
        for n in 0..5 {
            put(&cache, &tail, n, 1000);
        }
        let read = |upper: i64, bytes_max, min_one_batch| {
            let upper_bound = Offset::new(upper);
            let limits = ReadLimits { upper_bound, bytes_max, min_one_batch };
            tail.read(Offset::new(1), limits).unwrap().next_offset.value()
        };
        assert_eq!(read(3, 1 << 20, false), 3);
        assert_eq!(read(9, 2200, false), 3);
        assert_eq!(read(9, 10, true), 2);
        assert_eq!(read(9, 10, false), 1);
        assert_eq!(read(1, 1 << 20, true), 1);
    }

    #[test]
    fn truncated_batches_are_gone() {
        let cache = TailCache::new(1 << 20);
        let tail = Arc::default();
        for n in 0..5 {
            put(&cache, &tail, n, 10);
        }
        tail.truncate(Offset::new(3));
        let limits = ReadLimits { upper_bound: Offset::new(99), ..LIMITS };
        assert_eq!(tail.read(Offset::new(0), limits).unwrap().next_offset, Offset::new(3));
        put(&cache, &tail, 3, 20);
        assert!(is_without_gap(&tail));
    }

    #[test]
    fn small_batches_share_a_slab_and_large_ones_share_their_buffer() {
        let cache = TailCache::new(1 << 20);
        let body = Bytes::from(vec![3; 100_000]);
        let staged = cache.stage(&[0; BATCH_HEADER_BYTES], &body);
        assert_eq!(staged.chunks[1].as_ptr(), body.as_ptr());
        let small = Bytes::from(vec![3; 100]);
        let one = cache.stage(&[0; BATCH_HEADER_BYTES], &small);
        let two = cache.stage(&[0; BATCH_HEADER_BYTES], &small);
        assert_ne!(one.chunks[0].as_ptr(), small.as_ptr());
        assert_eq!(one.chunks[0].as_ptr_range().end, two.chunks[0].as_ptr());
    }

    #[test]
    fn cache_without_budget_keeps_nothing() {
        let cache = TailCache::new(0);
        let tail = Arc::default();
        for n in 0..10 {
            put(&cache, &tail, n, 500);
            assert_eq!(first_cached(&tail), None);
            assert_eq!(cache.used_bytes(), 0);
        }
    }
}
