//! When records came, as far as lag in seconds needs it: an offset and a time once a second while something is appended.
//!
//! Timestamps of records are the clients' and may lie; these are ours. The log directory keeps them over a restart
//! (`replicas/saved_times.rs`); what came before they were kept counts as appended when its segment was last written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use highwater_records::{Monotonic, Now, Offset, Timestamp};
use highwater_storage::{Log, Times};
use parking_lot::Mutex;

/// Samples kept of one partition; at the limit old ones are thinned out, and if that does not help the oldest is forgotten.
const SAMPLES_MAX: usize = 1_000;

/// Milliseconds between two samples.
const INTERVAL_MS: i64 = 1_000;

/// Where samples are left out, the distance of those that stay is at most this part of their age. What lies between two counts as
/// appended in the middle, so an age is off by half as much: one in a hundred.
const AGE_SHARE: i64 = 50;

/// The samples of one partition. Written in its turn, read by whoever wants to know.
#[derive(Debug)]
pub(crate) struct AppendTimes {
    /// Milliseconds of the clock before which no sample is due: looked at by each turn.
    due_at_ms: AtomicU64,
    samples: Mutex<Samples>,
}

#[derive(Debug, Default)]
struct Samples {
    /// When what is before the first sample counts as appended: with it, or with the newest one forgotten.
    before: Option<Moment>,
    /// Everything from the offset on was appended at the time or later; both ascend.
    times: Vec<(Offset, Moment)>,
    /// Those that the log directory does not keep yet.
    unsaved: Vec<(Offset, Moment)>,
}

/// Milliseconds of the monotonic clock, below zero before the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(i64);

impl Moment {
    fn of(at: Monotonic) -> Self {
        Self(i64::try_from(at.value().as_millis()).unwrap_or(i64::MAX))
    }

    /// The moment at which the wall clock showed `wall`, by what it shows now; never in the future.
    fn of_wall(wall: Timestamp, now: Now) -> Self {
        let ago_ms = now.wall.value().saturating_sub(wall.value()).max(0);
        Self(Self::of(now.monotonic).0.saturating_sub(ago_ms))
    }

    fn to_wall(self, now: Now) -> Timestamp {
        Timestamp::new(now.wall.value().saturating_sub(Self::of(now.monotonic).since(self)))
    }

    /// Milliseconds since `earlier`; zero if it is not earlier.
    fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }
}

impl AppendTimes {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self { due_at_ms: AtomicU64::new(0), samples: Mutex::default() }
    }

    /// What the log directory has kept for `log`, and for what is older what its files say.
    pub(crate) fn restore(log: &mut Log, mut saved: Times, now: Now) -> Self {
        let log_end = log.log_end_offset();
        // What a power cut took is not there.
        saved.retain(|(offset, _)| *offset < log_end);
        let first = saved.first().map_or(log_end, |(offset, _)| *offset);
        let mut times = log.take_segment_times();
        times.retain(|(offset, _)| *offset < first);
        times.append(&mut saved);
        let mut times: Vec<(Offset, Moment)> =
            times.into_iter().map(|(offset, at)| (offset, Moment::of_wall(at, now))).collect();
        // The file of the segment that the first sample is in was written after it; and clocks are set.
        let mut next = Moment::of(now.monotonic);
        for (_, at) in times.iter_mut().rev() {
            *at = next.min(*at);
            next = *at;
        }
        let mut samples = Samples { times, ..Samples::default() };
        samples.limit(Moment::of(now.monotonic));
        Self { due_at_ms: AtomicU64::new(0), samples: Mutex::new(samples) }
    }

    /// Records from `first` on are appended at `now`; says whether that is something to keep. Called in the partition's
    /// turn.
    pub(crate) fn note(&self, first: Offset, now: Monotonic) -> bool {
        let now = Moment::of(now);
        let now_ms = u64::try_from(now.0).unwrap_or(0);
        if now_ms < self.due_at_ms.load(Ordering::Relaxed) {
            return false;
        }
        self.due_at_ms.store(now_ms.saturating_add(INTERVAL_MS.unsigned_abs()), Ordering::Relaxed);
        let mut samples = self.samples.lock();
        samples.limit(now);
        samples.times.push((first, now));
        if samples.unsaved.len() < SAMPLES_MAX {
            samples.unsaved.push((first, now));
        }
        true
    }

    /// How long ago the record at `offset`, below `end`, was appended: off by at most a second, or a hundredth of the
    /// age.
    pub(crate) fn age_of(&self, offset: Offset, end: Offset, now: Monotonic) -> Duration {
        let now = Moment::of(now);
        let age_ms = self.samples.lock().age_ms(offset, end, now);
        Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))
    }

    /// Takes what is not kept yet.
    pub(crate) fn take_unsaved(&self, now: Now) -> Times {
        let unsaved = std::mem::take(&mut self.samples.lock().unsaved);
        unsaved.into_iter().map(|(offset, at)| (offset, at.to_wall(now))).collect()
    }

    /// All there is.
    pub(crate) fn all(&self, now: Now) -> Times {
        let samples = self.samples.lock();
        samples.times.iter().map(|(offset, at)| (*offset, at.to_wall(now))).collect()
    }
}

impl Samples {
    fn age_ms(&self, offset: Offset, end: Offset, now: Moment) -> i64 {
        let after = self.times.partition_point(|(first, _)| *first <= offset);
        let Some((first, from)) = after.checked_sub(1).and_then(|index| self.times.get(index))
        else {
            let before = self.before.or(self.times.first().map(|(_, at)| *at));
            return before.map_or(0, |before| now.since(before));
        };
        let (next, to) = self.times.get(after).copied().unwrap_or((end, now));
        let gap = to.since(*from);
        let later = if gap > INTERVAL_MS && gap <= now.since(to) / AGE_SHARE {
            gap / 2
        } else {
            // No sample was left out, so all of it came within a second: evenly, for all we know.
            let share = |of: Offset| i128::from(of.value().saturating_sub(first.value()));
            let later = i128::from(gap.min(INTERVAL_MS)) * share(offset) / share(next).max(1);
            i64::try_from(later).unwrap_or(0)
        };
        now.since(*from) - later
    }

    /// Makes room for one more sample.
    fn limit(&mut self, now: Moment) {
        if self.times.len() < SAMPLES_MAX {
            return;
        }
        self.thin(now);
        if let Some(last_forgotten) = self.times.len().checked_sub(SAMPLES_MAX) {
            self.before = Some(self.times[last_forgotten].1);
            self.times.drain(..=last_forgotten);
        }
    }

    /// Leaves out samples that are nearer to the one before than their age needs.
    fn thin(&mut self, now: Moment) {
        let mut successors: Vec<Moment> = self.times.iter().skip(1).map(|(_, at)| *at).collect();
        successors.push(now);
        let mut successors = successors.into_iter();
        let mut kept: Option<Moment> = None;
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
        let times = AppendTimes::new();
        times.note(Offset::new(100), at(10));
        times.note(Offset::new(110), at(10));
        times.note(Offset::new(120), at(60));
        let end = Offset::new(200);
        let age = |offset| times.age_of(Offset::new(offset), end, at(70)).as_secs_f64();
        // Never heard of: not younger than the first that is known.
        assert_eq!(age(99), 60.0);
        assert_eq!(age(100), 60.0);
        // What is between two samples came within the second after the first one.
        assert_eq!(age(110), 59.5);
        assert_eq!((age(120), age(160), age(199)), (10.0, 9.5, 9.013));
    }

    #[test]
    fn days_of_appends_fit_and_ages_are_off_by_one_in_a_hundred_or_one_second() {
        let times = AppendTimes::new();
        let end = 3 * 86_400;
        for second in 0..end {
            // Ten records a second.
            times.note(Offset::new(second as i64 * 10), at(second));
        }
        assert!(times.samples.lock().times.len() <= SAMPLES_MAX);
        let (now, last) = (at(end), Offset::new(end as i64 * 10));
        for second in (0..end).step_by(7) {
            let truth = now.since(at(second)).as_secs_f64();
            let told = times.age_of(Offset::new(second as i64 * 10 + 9), last, now).as_secs_f64();
            assert!((told - truth).abs() <= (truth / 100.0).max(1.0), "{told} for {truth}");
        }
    }
}
