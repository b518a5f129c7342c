//! A client of next to no cost, so that the broker is what a run measures.
//!
//! Requests are built once and only renumbered, answers are looked at in place, sockets are the kernel's own: what is left is
//! the work that the kernel does for any client. The same code drives the broker, Apache Kafka and the floor programs.

mod answer;
mod catch_up;
mod closed;
mod frame;
mod open;
mod tail;

pub use self::catch_up::{CatchUp, Content};
pub use self::closed::ClosedLoop;
pub use self::frame::{FetchFrame, ProduceFrame, ProduceShape};
pub use self::open::OpenLoop;
pub use self::tail::{Tail, TailTimes};

use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies are recorded to three digits, up to a minute.
const LATENCY_MAX: Duration = Duration::from_secs(60);

/// Latencies in nanoseconds.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        let max = u64::try_from(LATENCY_MAX.as_nanos()).expect("a minute in nanoseconds");
        Self(Histogram::new_with_max(max, 3).expect("constant bounds"))
    }
}

impl Latencies {
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the same bounds");
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that `quantile` of all did not exceed.
    pub fn quantile_us(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }

    pub fn max_us(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }
}

/// What one run of a load did.
#[derive(Clone, Debug, Default)]
pub struct Done {
    pub requests: u64,
    pub records: u64,
    /// Bytes of record batches.
    pub bytes: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    pub latencies: Latencies,
}

impl Done {
    /// Joins what was done after this.
    pub fn extend(&mut self, next: &Self) {
        let elapsed = self.elapsed + next.elapsed;
        self.add(next);
        self.elapsed = elapsed;
    }

    /// Joins the work of another connection of the same run.
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.records += other.records;
        self.bytes += other.bytes;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.latencies.add(&other.latencies);
    }
}
