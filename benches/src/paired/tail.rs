//! From the moment a record was due at its producer until a waiting consumer has it.

use std::time::Duration;

use anyhow::Result;

use super::bench::{Bench, Place};
use super::produce::figures;
use super::{Durability, Measured, Side, Workload};
use crate::load::{FetchFrame, OpenLoop, ProduceFrame, ProduceShape, Tail as TailLoad};

const MAX_BYTES: i32 = 1 << 20;

/// One record of 1 KiB a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    pub rate_per_s: f64,
    pub durability: Durability,
    pub time: Duration,
}

impl Workload for Tail {
    fn sides(&self) -> &[Side] {
        &[Side::Kafka, Side::Highwater]
    }

    fn warm_up_runs(&self, side: Side) -> u32 {
        u32::from(side == Side::Kafka)
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let place = bench.place(side, 1, self.durability)?;
        let measured = self.run_at(bench, &place)?;
        place.clear()?;
        Ok(measured)
    }
}

impl Tail {
    pub(crate) fn run_at(&self, bench: &Bench, place: &Place) -> Result<Measured> {
        let acks = match self.durability {
            Durability::Os => 1,
            Durability::Synced => -1,
        };
        let shape = ProduceShape { record_bytes: 1024, records: 1, acks };
        let frame = ProduceFrame::new(&place.topic, shape)?;
        let fetch = FetchFrame::new(&place.topic, 0, MAX_BYTES)?;
        let duration = bench.effort.time(self.time);
        let producer = OpenLoop {
            rate_per_s: self.rate_per_s,
            connections: 1,
            partitions: 1,
            duration,
            warm_up: duration / 10,
        };
        let written = self.rate_per_s * duration.as_secs_f64() * frame.batch_bytes as f64;
        let watch = bench.watch(Some(place.broker), written as u64)?;
        let times = TailLoad { producer }.run(place.address, &frame, fetch)?;
        let conditions = watch.end()?;
        place.verify(times.acks.records)?;
        let mut figures = figures(&times.acks, &conditions);
        let end_to_end = &times.end_to_end;
        figures.insert("tail_p50_us".to_owned(), end_to_end.quantile_us(0.5));
        figures.insert("tail_p99_us".to_owned(), end_to_end.quantile_us(0.99));
        figures.insert("tail_p999_us".to_owned(), end_to_end.quantile_us(0.999));
        figures.insert("tail_max_us".to_owned(), end_to_end.max_us());
        figures.insert("sent_late_p99_us".to_owned(), times.late.quantile_us(0.99));
        Ok(Measured { figures, conditions })
    }
}
