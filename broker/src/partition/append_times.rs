//! When records came, as far as lag in seconds needs it: an offset and a time once a second while something is appended.
//!
//! Timestamps of records are the clients' and may lie; these are ours. They are lost at a restart: what was appended before it
//! counts as appended when this broker opened the partition, which is too late and never too early.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use highwater_records::{Monotonic, Offset};
use parking_lot::Mutex;

/// Samples kept of one partition; at the limit old ones are thinned out, and if that does not help the oldest is forgotten.
const SAMPLES_MAX: usize = 1_000;

/// Time between two samples.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// Where samples are left out, the distance of those that stay is at most this part of their age. What lies between two counts as
/// appended in the middle, so an age is off by half as much: one in a hundred.
const AGE_SHARE: u32 = 50;

/// The samples of one partition. Written in its turn, read by whoever wants to know.
#[derive(Debug)]
pub(crate) struct AppendTimes {
    /// Milliseconds of the clock before which no sample is due: looked at by each turn.
    due_at_ms: AtomicU64,
    samples: Mutex<Samples>,
}

#[derive(Debug)]
struct Samples {
    /// When what is before the first sample counts as appended: when the partition was opened, or at the newest sample forgotten.
    before: Monotonic,
    /// Everything from the offset on was appended at the time or later; both ascend.
    times: Vec<(Offset, Monotonic)>,
}

fn millis(at: Monotonic) -> u64 {
    u64::try_from(at.value().as_millis()).unwrap_or(u64::MAX)
}

impl AppendTimes {
    pub(crate) fn new(opened: Monotonic) -> Self {
        let samples = Samples { before: opened, times: Vec::new() };
        Self { due_at_ms: AtomicU64::new(0), samples: Mutex::new(samples) }
    }

    /// Records from `first` on are appended at `now`. Called in the partition's turn.
    pub(crate) fn note(&self, first: Offset, now: Monotonic) {
        if millis(now) < self.due_at_ms.load(Ordering::Relaxed) {
            return;
        }
        self.due_at_ms.store(millis(now.plus(SAMPLE_INTERVAL)), Ordering::Relaxed);
        let mut samples = self.samples.lock();
        if samples.times.len() >= SAMPLES_MAX {
            samples.thin(now);
        }
        samples.times.push((first, now));
    }

    /// How long ago the record at `offset` was appended: off by at most [`SAMPLE_INTERVAL`], or a hundredth of the age.
    pub(crate) fn age_of(&self, offset: Offset, now: Monotonic) -> Duration {
        let samples = self.samples.lock();
        let times = &samples.times;
        let after = times.partition_point(|(first, _)| *first <= offset);
        let Some((_, from)) = after.checked_sub(1).and_then(|index| times.get(index)) else {
            return now.since(samples.before);
        };
        let Some((_, to)) = times.get(after) else { return now.since(*from) };
        let gap = to.since(*from);
        // A longer gap is none that samples were left out of: what follows one sample comes within a second of it.
        let is_near = gap <= now.since(*to) / AGE_SHARE;
        now.since(*from) - if is_near { gap / 2 } else { Duration::ZERO }
    }
}

impl Samples {
    /// Leaves out samples that are nearer to the one before than their age needs.
    fn thin(&mut self, now: Monotonic) {
        let mut successors: Vec<Monotonic> = self.times.iter().skip(1).map(|(_, at)| *at).collect();
        successors.push(now);
        let mut successors = successors.into_iter();
        let mut kept: Option<Monotonic> = None;
        self.times.retain(|(_, at)| {
            // Without this sample, what was appended up to the next one would count as appended with the one kept before.
            let next = successors.next().unwrap_or(now);
            let room = now.since(next) / AGE_SHARE;
            let is_needed = kept.is_none_or(|kept| next.since(kept) > room);
            if is_needed {
                kept = Some(*at);
            }
            is_needed
        });
        if let Some(last_forgotten) = self.times.len().checked_sub(SAMPLES_MAX) {
            self.before = self.times[last_forgotten].1;
            self.times.drain(..=last_forgotten);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::ZERO.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn record_is_as_old_as_the_sample_before_it() {
        let times = AppendTimes::new(at(5));
        times.note(Offset::new(100), at(10));
        times.note(Offset::new(110), at(10));
        times.note(Offset::new(120), at(60));
        let age = |offset| times.age_of(Offset::new(offset), at(70)).as_secs();
        assert_eq!(age(99), 65);
        assert_eq!(age(100), 60);
        assert_eq!(age(119), 60);
        assert_eq!(age(120), 10);
        assert_eq!(age(1_000), 10);
    }

    #[test]
    fn days_of_appends_fit_and_ages_are_off_by_one_in_a_hundred_or_one_second() {
        let times = AppendTimes::new(at(0));
        let end = 3 * 86_400;
        for second in 0..end {
            // Ten records a second.
            times.note(Offset::new(second as i64 * 10), at(second));
        }
        assert!(times.samples.lock().times.len() <= SAMPLES_MAX);
        let now = at(end);
        for second in (0..end).step_by(7) {
            let truth = now.since(at(second)).as_secs_f64();
            let told = times.age_of(Offset::new(second as i64 * 10 + 9), now).as_secs_f64();
            assert!((told - truth).abs() <= (truth / 100.0).max(1.0), "{told} for {truth}");
        }
    }
}
