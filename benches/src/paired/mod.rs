//! Paired runs: Highwater beside Apache Kafka and a floor program, in turn, on one machine.
//!
//! A [`Row`] is a line of the table in `docs/benchmarks.md`: a workload, who runs it, and what must hold between them. A round runs
//! every side once, forward in one round and backward in the next; only ratios within a round count.

mod bench;
mod conditions;
mod results;
mod rounds;
mod rows;
mod table;

mod ack;
mod cold_reader;
mod external;
mod fetch;
mod librdkafka;
mod memory;
mod partitions;
mod produce;
mod recovery;
mod start;
mod tail;

pub use self::ack::{Ack, Rate};
pub use self::bench::{Bench, Effort};
pub use self::conditions::{Conditions, Watch};
pub use self::external::python;
pub use self::produce::Produce;
pub use self::results::{RESULTS, Stamp, append_json};
pub use self::rounds::{CONTROL_DEVIATION_MAX, Limits, run_row};
pub use self::rows::{rows, target_text};
pub use self::table::table;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The floor program; for a fetch the one that uses pread and send.
    Floor,
    /// The floor program that uses sendfile.
    Sendfile,
    /// librdkafka's own cluster in its client's process, without storage.
    Mock,
    Kafka,
    Highwater,
    /// Highwater with the same load in `os` mode.
    HighwaterOs,
}

impl Side {
    pub const ALL: [Self; 6] =
        [Self::Floor, Self::Sendfile, Self::Mock, Self::Kafka, Self::Highwater, Self::HighwaterOs];

    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Sendfile => "sendfile",
            Self::Mock => "mock",
            Self::Kafka => "kafka",
            Self::Highwater => "highwater",
            Self::HighwaterOs => "highwater-os",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// What an acknowledgement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// In the page cache, Kafka's default.
    Os,
    /// On disk: `fsync` beside Kafka with `flush.messages=1`.
    Synced,
}

impl Durability {
    pub fn name(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::Synced => "synced",
        }
    }
}

/// Numbers of one run by name; the name ends in the unit.
pub type Figures = BTreeMap<String, f64>;

/// One run of one side.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub figures: Figures,
    pub conditions: Conditions,
}

/// What the sides of a row do.
pub trait Workload {
    fn sides(&self) -> &[Side];

    /// Runs a side once, from a state that is the same each time.
    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured>;

    /// What is done once, before the first round.
    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        bench.warm_kafka_up(self.sides())
    }

    /// Runs that do not count, before the first round: a JVM is not at its best before it has compiled.
    fn warm_up_runs(&self, side: Side) -> u32 {
        match side {
            Side::Kafka => 3,
            Side::Floor | Side::Sendfile | Side::Mock | Side::Highwater | Side::HighwaterOs => 1,
        }
    }
}

/// A line of the table.
pub struct Row {
    pub name: &'static str,
    pub says: &'static str,
    pub durability: &'static str,
    pub targets: Vec<Target>,
    pub workload: Box<dyn Workload>,
}

/// What must hold in the median of the rounds.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub says: &'static str,
    pub figure: &'static str,
    pub side: Side,
    /// What it is divided by; nothing for a number that stands for itself.
    pub against: Option<(Side, &'static str)>,
    pub bound: Bound,
}

#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(formatter, "at least {least}"),
            Self::AtMost(most) => write!(formatter, "at most {most}"),
        }
    }
}
