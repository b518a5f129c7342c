//! Processor time of another process.

use std::time::Duration;

use anyhow::{Context, Result};

/// Linux counts in hundredths of a second, whatever the kernel's own clock.
const TICK: Duration = Duration::from_millis(10);

/// User and system time that the process has used since its start, to 10 ms.
pub fn of_process(id: u32) -> Result<Duration> {
    let path = format!("/proc/{id}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let fields = stat.rsplit_once(')').context("no name in the process state")?.1;
    // Fields 14 and 15; what follows the name begins with field 3.
    let ticks: Vec<u32> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|number| number.parse().context("ticks"))
        .collect::<Result<_>>()?;
    Ok(TICK * ticks.iter().sum())
}
