//! A histogram of durations for hot paths: fixed buckets, atomics, and a share of them for each few threads.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds; one more bucket takes what is above the last.
pub(crate) const BOUNDS_MICROS: [u64; 17] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];
const BUCKET_COUNT: usize = BOUNDS_MICROS.len() + 1;

/// Threads share this many shards, so that few of them write to the same cache lines.
const SHARD_COUNT: usize = 8;

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The shard of the calling thread.
fn own_shard() -> usize {
    let known = SHARD.with(Cell::get);
    known.unwrap_or_else(|| {
        let shard = NEXT_THREAD.fetch_add(1, Ordering::Relaxed) % SHARD_COUNT;
        SHARD.with(|own| own.set(Some(shard)));
        shard
    })
}

/// Durations, counted by bucket. Relaxed throughout: a reader may see one in the count and not yet in the sum.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    shards: [Shard; SHARD_COUNT],
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    buckets: [AtomicU64; BUCKET_COUNT],
    sum_micros: AtomicU64,
}

/// What a histogram held at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    /// Upper bound in seconds and count, each duration in one bucket only.
    pub(crate) buckets: Vec<(f64, u64)>,
    pub(crate) sum_seconds: f64,
    pub(crate) count: u64,
}

impl Histogram {
    /// Adds a duration.
    pub(crate) fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        let shard = &self.shards[own_shard()];
        shard.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        shard.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// All shards together.
    pub(crate) fn picture(&self) -> Picture {
        let bounds = BOUNDS_MICROS.iter().map(|micros| *micros as f64 / 1e6);
        let mut buckets: Vec<(f64, u64)> =
            bounds.chain([f64::INFINITY]).map(|bound| (bound, 0)).collect();
        let mut sum_micros = 0_u64;
        for shard in &self.shards {
            for ((_, count), bucket) in buckets.iter_mut().zip(&shard.buckets) {
                *count += bucket.load(Ordering::Relaxed);
            }
            sum_micros = sum_micros.wrapping_add(shard.sum_micros.load(Ordering::Relaxed));
        }
        let count = buckets.iter().map(|(_, count)| count).sum();
        Picture { buckets, sum_seconds: sum_micros as f64 / 1e6, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_all_threads_are_counted_in_the_bucket_that_holds_them() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARD_COUNT {
                scope.spawn(|| {
                    for micros in [0, 100, 101, 30_000_000, 30_000_001] {
                        histogram.observe(Duration::from_micros(micros));
                    }
                });
            }
        });
        let threads = 2 * SHARD_COUNT as u64;
        let picture = histogram.picture();
        assert_eq!(picture.count, 5 * threads);
        assert_eq!(picture.buckets[0], (0.0001, 2 * threads));
        assert_eq!(picture.buckets[1], (0.00025, threads));
        assert_eq!(picture.buckets[16], (30.0, threads));
        assert_eq!(picture.buckets[17], (f64::INFINITY, threads));
        assert!((picture.sum_seconds - 60.000202 * threads as f64).abs() < 1e-3);
    }
}
