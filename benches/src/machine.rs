//! The state of the machine: what has to be the same before each run, and what shows that a run was disturbed.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use crc_fast::{CrcAlgorithm, checksum};

use crate::cpu;

/// Dirty pages below which the disk counts as idle.
const DIRTY_BYTES_IDLE: u64 = 8 * 1024 * 1024;
const DRAIN_MAX: Duration = Duration::from_secs(180);
const PAGE_BYTES: usize = 4096;
/// Fits into the second-level cache, so that memory does not disturb the control.
const CONTROL_BYTES: usize = 256 * 1024;
const CONTROL_PASSES: u32 = 400;
const CONTROL_REPEATS: usize = 9;

/// Wall clock, as records carry it.
pub fn now_ms() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_millis())?)
}

/// A value of `/proc/meminfo` in bytes.
pub fn memory_bytes(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").context("/proc/meminfo")?;
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(is_value));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).context(name.to_owned())?;
    Ok(kib.parse::<u64>()? * 1024)
}

fn is_value(rest: &str) -> bool {
    rest.starts_with(':')
}

/// Runnable threads, averaged over the last minute.
pub fn load() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").context("/proc/loadavg")?;
    Ok(text.split_whitespace().next().context("no load")?.parse()?)
}

/// Waits until everything written is on disk, so that the next run does not pay for the last one.
pub fn drain_writeback() -> Result<()> {
    let begun = Instant::now();
    loop {
        anyhow::ensure!(Command::new("sync").status()?.success(), "sync did not succeed");
        if memory_bytes("Dirty")? + memory_bytes("Writeback")? < DIRTY_BYTES_IDLE {
            return Ok(());
        }
        anyhow::ensure!(begun.elapsed() < DRAIN_MAX, "the disk is still busy");
        thread::park_timeout(Duration::from_millis(100));
    }
}

/// Waits until the files below `directory` take less than `bytes`: what was deleted is gone.
pub fn await_removal(directory: &Path, bytes: u64) -> Result<()> {
    let begun = Instant::now();
    while allocated_bytes(directory)? > bytes {
        anyhow::ensure!(begun.elapsed() < DRAIN_MAX, "{} stays large", directory.display());
        thread::park_timeout(Duration::from_millis(100));
    }
    Ok(())
}

/// What the files below `directory` take on disk.
pub fn allocated_bytes(directory: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let entry = entry?;
        // A broker may remove what we look at.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() {
            allocated_bytes(&entry.path()).unwrap_or(0)
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(bytes)
}

/// Touches and frees `bytes`, and returns what touching costs then, in seconds per GiB.
///
/// On a virtual machine free pages may have gone back to the host, and the first touch of such a page costs twenty times more. What
/// was just freed is warm: both sides of a round write into pages of one temperature, and the number shows which.
pub fn warm_memory(bytes: u64) -> Result<f64> {
    touch(usize::try_from(bytes)?);
    let sample = usize::try_from(bytes.clamp(1 << 20, 256 << 20))?;
    let begun = Instant::now();
    touch(sample);
    Ok(begun.elapsed().as_secs_f64() / (sample as f64 / f64::from(1 << 30)))
}

fn touch(bytes: usize) {
    let mut memory: Vec<u8> = Vec::with_capacity(bytes);
    for page in memory.spare_capacity_mut().chunks_mut(PAGE_BYTES) {
        if let Some(first) = page.first_mut() {
            first.write(1);
        }
    }
    std::hint::black_box(&mut memory);
}

/// Median time of a loop that is always the same: it takes longer when something else uses the processor or its clock changed.
pub fn control() -> Duration {
    let bytes = vec![0xa5_u8; CONTROL_BYTES];
    let mut times: Vec<Duration> = (0..CONTROL_REPEATS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..CONTROL_PASSES {
                std::hint::black_box(checksum(CrcAlgorithm::Crc32Iscsi, &bytes));
            }
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[CONTROL_REPEATS / 2]
}

/// The machine's counters at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    at: Instant,
    machine: cpu::Machine,
    kernel_threads: Duration,
    client: Duration,
}

/// What happened between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub elapsed: Duration,
    pub client_cpu: Duration,
    pub kernel_cpu: Duration,
    /// Share of all processors that went to neither client, broker nor kernel threads.
    pub others_percent: f64,
    pub stolen_percent: f64,
}

impl Moment {
    pub fn now() -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            machine: cpu::Machine::now()?,
            kernel_threads: cpu::of_kernel_threads()?,
            client: cpu::of_this_process()? + cpu::of_ended_children()?,
        })
    }

    /// What happened since; `broker_cpu` is the time of the process under test.
    pub fn span(&self, broker_cpu: Duration) -> Result<Span> {
        let now = Self::now()?;
        let elapsed = now.at - self.at;
        let processors = thread::available_parallelism()?.get();
        let capacity = elapsed.as_secs_f64() * processors as f64;
        let kernel_cpu = now.kernel_threads.saturating_sub(self.kernel_threads);
        let client_cpu = now.client.saturating_sub(self.client);
        let busy = now.machine.busy.saturating_sub(self.machine.busy);
        let stolen = now.machine.stolen.saturating_sub(self.machine.stolen);
        let others = busy.saturating_sub(kernel_cpu + client_cpu + broker_cpu);
        Ok(Span {
            elapsed,
            client_cpu,
            kernel_cpu,
            others_percent: 100.0 * others.as_secs_f64() / capacity,
            stolen_percent: 100.0 * stolen.as_secs_f64() / capacity,
        })
    }
}
