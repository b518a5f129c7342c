//! Under which conditions a run was made, and whether something disturbed it.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::machine::{self, Moment};
use crate::{cpu, peers};

/// Share of the machine that others, on it or beside it, may use.
const OTHERS_PERCENT_MAX: f64 = 10.0;

/// What is written down with each run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Conditions {
    pub seconds: f64,
    pub broker_cpu_s: f64,
    pub client_cpu_s: f64,
    /// The kernel's own threads, above all writeback.
    pub kernel_cpu_s: f64,
    pub others_percent: f64,
    pub stolen_percent: f64,
    /// Time of the control loop over what it was at the beginning; the worse of before and after.
    pub control: f64,
    /// What the first touch of memory cost before the run; about 0.1 is warm, 2 is cold.
    pub touch_s_per_gib: f64,
    pub mem_free_mb: f64,
    pub resident_mb: f64,
    pub load: f64,
}

impl Conditions {
    /// Why the run must not count. `control_deviation_max` is how far the control may be from what it was when the run of the row
    /// began.
    pub fn disturbance(&self, control_deviation_max: f64) -> Option<String> {
        if self.control_deviation() > control_deviation_max {
            return Some(format!("the control loop took {:.2} of its time", self.control));
        }
        if self.stolen_percent > OTHERS_PERCENT_MAX {
            return Some(format!("{:.0} % of the machine was stolen", self.stolen_percent));
        }
        if self.others_percent > OTHERS_PERCENT_MAX {
            return Some(format!("others used {:.0} % of the machine", self.others_percent));
        }
        None
    }

    /// These conditions, with the disturbances of another part of the same run where they were worse.
    pub(super) fn disturbed_as(self, other: &Self) -> Self {
        let is_worse = other.control_deviation() > self.control_deviation();
        Self {
            control: if is_worse { other.control } else { self.control },
            stolen_percent: self.stolen_percent.max(other.stolen_percent),
            others_percent: self.others_percent.max(other.others_percent),
            ..self
        }
    }

    /// How much slower or faster the machine was, as a share.
    pub(super) fn control_deviation(&self) -> f64 {
        (self.control - 1.0).abs()
    }
}

/// The state before a run.
#[derive(Debug)]
pub struct Watch {
    broker: Option<u32>,
    reference: Duration,
    before: Conditions,
    broker_cpu: Duration,
    moment: Moment,
}

impl Watch {
    /// Brings the machine into the state that every run begins with, and starts to count. `broker` is the process under test,
    /// `written_bytes` what the run will write.
    pub fn start(broker: Option<u32>, reference: Duration, written_bytes: u64) -> Result<Self> {
        machine::drain_writeback()?;
        let load = machine::load()?;
        let control = ratio(machine::control(), reference);
        let mut before = Conditions { control, load, ..Conditions::default() };
        before.touch_s_per_gib = machine::warm_memory(written_bytes)?;
        before.mem_free_mb = machine::memory_bytes("MemFree")? as f64 / 1e6;
        let broker_cpu = broker.map_or(Ok(Duration::ZERO), cpu::of_process)?;
        Ok(Self { broker, reference, before, broker_cpu, moment: Moment::now()? })
    }

    /// Ends the run.
    pub fn end(&self) -> Result<Conditions> {
        let broker_cpu = self.broker.map_or(Ok(Duration::ZERO), cpu::of_process)? - self.broker_cpu;
        let span = self.moment.span(broker_cpu)?;
        let control = ratio(machine::control(), self.reference);
        let resident = self.broker.map_or(Ok(0), peers::resident_bytes)?;
        let is_worse = (control - 1.0).abs() > (self.before.control - 1.0).abs();
        Ok(Conditions {
            seconds: span.elapsed.as_secs_f64(),
            broker_cpu_s: broker_cpu.as_secs_f64(),
            client_cpu_s: span.client_cpu.as_secs_f64(),
            kernel_cpu_s: span.kernel_cpu.as_secs_f64(),
            others_percent: span.others_percent,
            stolen_percent: span.stolen_percent,
            control: if is_worse { control } else { self.before.control },
            resident_mb: resident as f64 / 1e6,
            ..self.before.clone()
        })
    }
}

fn ratio(time: Duration, reference: Duration) -> f64 {
    time.as_secs_f64() / reference.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_counts_only_if_nothing_disturbed_it() {
        let quiet = Conditions { control: 1.04, others_percent: 9.0, ..Conditions::default() };
        assert_eq!(quiet.disturbance(0.05), None);
        for disturbed in [
            Conditions { control: 1.06, ..quiet.clone() },
            Conditions { control: 0.94, ..quiet.clone() },
            Conditions { others_percent: 11.0, ..quiet.clone() },
            Conditions { stolen_percent: 11.0, ..quiet.clone() },
        ] {
            assert!(disturbed.disturbance(0.05).is_some(), "{disturbed:?}");
        }
        let unsteady = Conditions { control: 0.7, ..quiet };
        assert!(unsteady.disturbance(0.2).is_some());
        assert_eq!(unsteady.disturbance(0.4), None);
    }
}
