//! A campaign of hostile frames against a live broker, with an honest client beside it.
//!
//! `hostile ADDRESS PID frames COUNT` goes on until COUNT frames have reached the parser; `hostile ADDRESS PID seconds COUNT` keeps going for
//! that long (limits may refuse some). Ends with one line, and exit code 1 if the honest client saw an error, the broker is gone, or
//! its memory moved by more than 20 MB after the first tenth.
#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use highwater_tests::RawClient;
use highwater_tests::honest::{Honest, create_topic, produce};
use highwater_tests::hostile::{Frames, Tally, Target, attack};

const ATTACKERS: u8 = 8;
const FRAMES_A_ROUND: u64 = 500;
/// Small batches as those of the attack, more than the tail cache holds by default (64 MiB).
const FILLER_BATCHES: usize = 10_000;
const FILLER_BYTES: usize = 8_000;
const MEMORY_MOVES_MAX: u64 = 20 * 1024 * 1024;

/// What attackers and the honest client share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    tally: Mutex<Tally>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, pid, unit, count] = arguments.as_slice() else {
        bail!("usage: hostile ADDRESS PID frames|seconds COUNT");
    };
    let address: SocketAddr = address.parse().context("ADDRESS")?;
    let pid: u32 = pid.parse().context("PID")?;
    let count: u64 = count.parse().context("COUNT")?;
    let goal = match unit.as_str() {
        "frames" => Goal::Frames(count),
        "seconds" => Goal::Time(Duration::from_secs(count)),
        other => bail!("neither frames nor seconds: {other}"),
    };
    campaign(address, pid, &goal)
}

enum Goal {
    Frames(u64),
    Time(Duration),
}

fn campaign(address: SocketAddr, pid: u32, goal: &Goal) -> Result<()> {
    let shared = Shared::default();
    let started = Instant::now();
    let mut honest = Honest::connect(address, "honest")?;
    let target = Target::prepare(&mut RawClient::connect(address)?, "hostile")?;
    fill_tail_cache(address)?;
    let (mut low, mut high) = (u64::MAX, 0);
    thread::scope(|scope| -> Result<()> {
        for attacker in 0..ATTACKERS {
            let (shared, target) = (&shared, &target);
            scope.spawn(move || attacker_loop(address, attacker, target, shared));
        }
        let outcome = loop {
            if let Err(error) = honest.round_trip() {
                break Err(error.context("the honest client saw an error"));
            }
            let reached = shared.tally.lock().expect("no attacker panics").reached;
            let done = match goal {
                Goal::Frames(frames) => fraction(reached, *frames),
                Goal::Time(time) => started.elapsed().as_secs_f64() / time.as_secs_f64(),
            };
            let resident = resident_bytes(pid)?;
            if done > 0.1 {
                low = low.min(resident);
                high = high.max(resident);
            }
            if done >= 1.0 {
                break Ok(());
            }
        };
        shared.stop.store(true, Ordering::Relaxed);
        outcome
    })?;
    let moved = high.saturating_sub(low);
    let tally = *shared.tally.lock().expect("no attacker panics");
    println!(
        "reached {} (answered {}), refused {}, batches refused {} and stored {}, honest round trips {}, {:.0} s, \
         resident {:.1} to {:.1} MB",
        tally.reached,
        tally.answered,
        tally.refused,
        tally.batches_refused,
        tally.batches_stored,
        honest.round_trips(),
        started.elapsed().as_secs_f64(),
        mb(low),
        mb(high),
    );
    anyhow::ensure!(moved <= MEMORY_MOVES_MAX, "memory moved by {:.1} MB", mb(moved));
    Ok(())
}

/// Batches that the attack has stored stay in the tail cache, which grows to its bound by design: it is full before
/// memory is looked at.
fn fill_tail_cache(address: SocketAddr) -> Result<()> {
    let mut client = RawClient::connect(address)?;
    create_topic(&mut client, "filler", 1, &[])?;
    let value = vec![b'x'; FILLER_BYTES];
    for _ in 0..FILLER_BATCHES {
        produce(&mut client, "filler", 0, 1, &[&value])?;
    }
    Ok(())
}

fn attacker_loop(address: SocketAddr, attacker: u8, target: &Target, shared: &Shared) {
    let Ok(mut frames) = Frames::new(u64::from(attacker) * 7919 + 13, target) else { return };
    let mut round = 0_u16;
    while !shared.stop.load(Ordering::Relaxed) {
        // 127.0.0.2 and up; a new address each round keeps the ports of one address from running out.
        round = round.wrapping_add(1);
        let [high, low] = (round % 250).to_be_bytes();
        let source = Ipv4Addr::new(127, attacker, high, low.max(2));
        let tally = attack(address, source, &mut frames, FRAMES_A_ROUND);
        shared.tally.lock().expect("no attacker panics").add(&tally);
    }
}

fn resident_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).context("the broker is gone")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib * 1024)
}

#[expect(clippy::cast_precision_loss, reason = "a share of progress")]
fn fraction(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
