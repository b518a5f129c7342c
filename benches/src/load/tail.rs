//! One producer at a fixed rate and one consumer that waits for what it writes.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{CatchUp, Content, Done, FetchFrame, Latencies, OpenLoop, ProduceFrame};

/// A topic of one partition, new and empty: record `n` is the request that was due `n / rate` after the start.
#[derive(Clone, Copy, Debug)]
pub struct Tail {
    pub producer: OpenLoop,
}

/// Times of one run, from the moment a request was due.
#[derive(Clone, Debug, Default)]
pub struct TailTimes {
    /// Until the producer had its answer.
    pub acks: Done,
    /// Until the consumer had the record.
    pub end_to_end: Latencies,
    /// How late requests left.
    pub late: Latencies,
}

impl Tail {
    /// Produces one record a request with `frame` and reads them back as they come.
    pub fn run(
        &self,
        address: SocketAddr,
        frame: &ProduceFrame,
        fetch: FetchFrame,
    ) -> Result<TailTimes> {
        let mut reader = CatchUp::connect(address, fetch, Content::Batches)?;
        // Both are connected and the first fetch waits before the first request is due.
        let start = Instant::now() + Duration::from_millis(200);
        thread::scope(|scope| {
            let producer = scope.spawn(|| self.producer.run(address, frame, start));
            let end_to_end = self.consume(&mut reader, start);
            let produced = producer.join().ok().context("the producer panicked")?;
            let (acks, late) = produced?;
            let end_to_end = end_to_end?;
            Ok(TailTimes { acks, end_to_end, late })
        })
    }

    fn consume(&self, reader: &mut CatchUp, start: Instant) -> Result<Latencies> {
        super::open::exact_timers()?;
        let plan = &self.producer;
        let mut end_to_end = Latencies::default();
        let mut next: u64 = 0;
        let last = last_request(plan);
        let deadline = start + plan.duration + Duration::from_secs(60);
        while next <= last {
            let end = reader.fetch()?.end;
            let now = Instant::now();
            anyhow::ensure!(now < deadline, "{next} of {} records came", last + 1);
            while end.is_some_and(|end| next < end) {
                let due = plan.due(next);
                if due >= plan.warm_up {
                    end_to_end.record(now.saturating_duration_since(start + due));
                }
                next += 1;
            }
        }
        Ok(end_to_end)
    }
}

/// The last request that is due before the end.
fn last_request(plan: &OpenLoop) -> u64 {
    let mut last = (plan.duration.as_secs_f64() * plan.rate_per_s) as u64;
    while plan.due(last) > plan.duration {
        last -= 1;
    }
    while plan.due(last + 1) <= plan.duration {
        last += 1;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_request_is_the_last_that_the_producer_sends() {
        for (rate_per_s, millis) in [(1_000.0, 1_000), (333.3, 777), (10_000.0, 50), (1.0, 1)] {
            let plan = OpenLoop {
                rate_per_s,
                connections: 1,
                partitions: 1,
                duration: Duration::from_millis(millis),
                warm_up: Duration::ZERO,
            };
            let last = last_request(&plan);
            assert!(plan.due(last) <= plan.duration, "{rate_per_s} for {millis} ms");
            assert!(plan.due(last + 1) > plan.duration, "{rate_per_s} for {millis} ms");
        }
    }
}
