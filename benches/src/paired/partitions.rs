//! The same load on one partition and on very many.

use anyhow::Result;

use super::bench::Bench;
use super::produce::Produce;
use super::{Figures, Measured, Side, Workload};

/// `load` on one partition, then on `many`; both are part of one run.
#[derive(Debug)]
pub(crate) struct Partitions {
    pub(crate) load: Produce,
    pub(crate) many: u32,
}

impl Workload for Partitions {
    fn sides(&self) -> &[Side] {
        self.load.sides
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        self.many = bench.effort.pick(self.many, 50);
        Ok(())
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let one = Produce { partitions: 1, ..self.load }.run(bench, side)?;
        let many = Produce { partitions: self.many, ..self.load }.run(bench, side)?;
        let mut figures = Figures::new();
        for (measured, name) in [(&one, "one"), (&many, "many")] {
            for figure in ["mb_per_s", "cpu_s_per_gb", "p99_us"] {
                if let Some(value) = measured.figures.get(figure) {
                    figures.insert(format!("{name}_{figure}"), *value);
                }
            }
        }
        // Whatever disturbed the first half is in the figures as well.
        let conditions = many.conditions.disturbed_as(&one.conditions);
        Ok(Measured { figures, conditions })
    }
}
