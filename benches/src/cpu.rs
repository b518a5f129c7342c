//! Processor time of processes, of the kernel's own threads and of the whole machine.

use std::time::Duration;

use anyhow::{Context, Result};

/// Linux counts in hundredths of a second, whatever the kernel's own clock.
const TICK_MS: u64 = 10;

/// User and system time that the process has used since its start, to 10 ms.
pub fn of_process(id: u32) -> Result<Duration> {
    Ok(time(Stat::of(&id.to_string())?.ticks))
}

/// The same of this process.
pub fn of_this_process() -> Result<Duration> {
    of_process(std::process::id())
}

/// User and system time of the children of this process that have ended and were waited for.
pub fn of_ended_children() -> Result<Duration> {
    Ok(time(Stat::of("self")?.child_ticks))
}

/// Time of the kernel's threads, above all what writes dirty pages to disk.
pub fn of_kernel_threads() -> Result<Duration> {
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().filter(|name| name.bytes().all(|it| it.is_ascii_digit()))
        else {
            continue;
        };
        // A process may end while we look.
        if let Ok(stat) = Stat::of(id)
            && stat.parent == KERNEL_THREAD_PARENT
        {
            ticks += stat.ticks;
        }
    }
    Ok(time(ticks))
}

/// `kthreadd`, whose children are the kernel's threads.
const KERNEL_THREAD_PARENT: u64 = 2;

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * TICK_MS)
}

/// What all processors together did since the machine started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine {
    /// In processes, the kernel and interrupts.
    pub busy: Duration,
    /// Kept from this machine by others on the same hardware.
    pub stolen: Duration,
}

impl Machine {
    pub fn now() -> Result<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").context("/proc/stat")?)
    }

    fn parse(stat: &str) -> Result<Self> {
        let line = stat.lines().next().context("no line of all processors")?;
        let ticks: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .map(|number| number.parse().context("ticks"))
            .collect::<Result<_>>()?;
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted as users already.
        let &[user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = ticks.as_slice()
        else {
            anyhow::bail!("fields are missing in /proc/stat");
        };
        let busy = user + nice + system + irq + softirq;
        Ok(Self { busy: time(busy), stolen: time(steal) })
    }
}

/// One line of `/proc/ID/stat`.
struct Stat {
    parent: u64,
    ticks: u64,
    child_ticks: u64,
}

impl Stat {
    fn of(id: &str) -> Result<Self> {
        let path = format!("/proc/{id}/stat");
        let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        Self::parse(&stat).context(path)
    }

    fn parse(stat: &str) -> Result<Self> {
        // What follows the name begins with field 3.
        let fields = stat.rsplit_once(')').context("no name in the process state")?.1;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| -> Result<u64> {
            let text = fields.get(number - 3).context("a field is missing")?;
            text.parse().with_context(|| format!("field {number}"))
        };
        Ok(Self {
            parent: field(4)?,
            ticks: field(14)? + field(15)?,
            child_ticks: field(16)? + field(17)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_whose_name_holds_anything_is_read_at_the_right_fields() {
        let stat = "77 (a) b (c) S 2 1 1 0 -1 0 5 6 7 8 100 23 400 5 20 0 9 0";
        let Stat { parent, ticks, child_ticks } = Stat::parse(stat).unwrap();
        assert_eq!((parent, ticks, child_ticks), (KERNEL_THREAD_PARENT, 123, 405));
        assert!(Stat::parse("77 (short) S 2").is_err());
    }

    #[test]
    fn machine_is_busy_with_all_but_idling_waiting_and_what_was_stolen() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 5 0\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        let machine = Machine::parse(stat).unwrap();
        assert_eq!(machine.busy, Duration::from_millis(310));
        assert_eq!(machine.stolen, Duration::from_millis(320));
    }
}
