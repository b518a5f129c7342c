//! A thousand groups of one member, each on a connection of its own, heard every 3 s: what that costs the broker.
//!
//! The heartbeats are spread evenly over the 3 s. Target: at most 2 % of a core. A process that is woken 333 times a second finds its
//! caches cold, the more so the busier the machine is with other things: the floor program, asked the same, says how cold.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use highwater_benches::cpu;
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_records::ErrorCode;
use highwater_tests::groups::coordinator;
use highwater_tests::honest::create_topic;
use highwater_tests::{Highwater, Process, RawClient, request_frame};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use super::members::{CONSUMER_HEARTBEAT_VERSION, Membership, expect, join_classic, join_consumer};
use super::row;
use super::wire::Wire;

const GROUPS: u32 = 1_000;
const INTERVAL: Duration = Duration::from_secs(3);
const WINDOW: Duration = Duration::from_secs(30);
const WINDOWS: usize = 3;
const TOPIC: &str = "heard";
const HEARTBEAT_VERSION: i16 = 4;

#[derive(Clone, Copy)]
enum Protocol {
    /// The classic heartbeats of members that nobody let in.
    Floor,
    Classic,
    Consumer,
}

pub(crate) fn run() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_floor"));
    let floor = Process::start(command.arg("produce").arg(directory.path()))?;
    let of_floor = measure(&floor, Protocol::Floor)?;
    print("floor", "-", &of_floor)?;
    for (protocol, name) in [(Protocol::Classic, "classic"), (Protocol::Consumer, "KIP-848")] {
        let mut broker = broker(&directory.path().join(name))?;
        let of_broker = measure(broker.process(), protocol)?;
        print(name, "at most 2", &of_broker)?;
        let above = of_broker.iter().zip(&of_floor).map(|((broker, _), (floor, _))| broker - floor);
        row("  above the floor: % of a core", &above.collect::<Vec<_>>(), "-")?;
    }
    Ok(())
}

/// Prints percents of a core, and microseconds for each heartbeat.
fn print(name: &str, target: &str, measured: &[(f64, f64)]) -> Result<()> {
    let (percents, microseconds): (Vec<f64>, Vec<f64>) = measured.iter().copied().unzip();
    row(&format!("{GROUPS} members, {name}, heard every 3 s: % of a core"), &percents, target)?;
    row("  a heartbeat, microseconds of processor time", &microseconds, "-")
}

fn broker(data_dir: &Path) -> Result<Highwater> {
    let overrides = [
        "max.connections.per.ip=2000",
        "max.connection.creation.rate=2000",
        "group.initial.rebalance.delay.ms=0",
        "group.consumer.heartbeat.interval.ms=3000",
        "group.consumer.min.heartbeat.interval.ms=3000",
    ];
    let broker = Highwater::serve(data_dir, &overrides)?;
    let mut client = RawClient::connect(broker.address())?;
    create_topic(&mut client, TOPIC, 1, &[])?;
    coordinator(&mut client, "any")?;
    Ok(broker)
}

/// For each window: percent of a core, and microseconds of processor time for each heartbeat.
fn measure(process: &Process, protocol: Protocol) -> Result<Vec<(f64, f64)>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, hear(process, protocol))
}

async fn hear(process: &Process, protocol: Protocol) -> Result<Vec<(f64, f64)>> {
    let count = Rc::new(Cell::new(0_u32));
    let mut members = JoinSet::new();
    let begun = Instant::now() + INTERVAL;
    for number in 0..GROUPS {
        let group = format!("group-{number}");
        let mut client = RawClient::connect(process.address())?;
        let membership = match protocol {
            Protocol::Floor => Membership { member_id: "nobody".into(), generation: 1 },
            Protocol::Classic => join_classic(&mut client, &group, TOPIC)?,
            Protocol::Consumer => join_consumer(&mut client, &group, TOPIC)?,
        };
        let wire = Wire::over(client.stream().try_clone()?)?;
        let member = Member { protocol, group, membership, wire };
        members.spawn_local(member.stay(begun + INTERVAL * number / GROUPS, Rc::clone(&count)));
    }
    let mut measured = Vec::new();
    tokio::time::sleep_until(Instant::now().max(begun) + INTERVAL * 2).await;
    for _ in 0..WINDOWS {
        let (heard, used) = (count.get(), cpu::of_process(process.id())?);
        let since = Instant::now();
        tokio::select! {
            () = tokio::time::sleep(WINDOW) => {}
            Some(ended) = members.join_next() => ended??,
        }
        let used = (cpu::of_process(process.id())? - used).as_secs_f64();
        let heard = count.get() - heard;
        let expected = GROUPS * u32::try_from(WINDOW.as_millis() / INTERVAL.as_millis())?;
        anyhow::ensure!(heard * 100 > expected * 98, "{heard} heartbeats of {expected}");
        let percent = used / since.elapsed().as_secs_f64() * 100.0;
        measured.push((percent, used * 1e6 / f64::from(heard)));
    }
    Ok(measured)
}

struct Member {
    protocol: Protocol,
    group: String,
    membership: Membership,
    wire: Wire,
}

impl Member {
    /// Is heard every 3 s for as long as it is asked to.
    async fn stay(mut self, first: Instant, count: Rc<Cell<u32>>) -> Result<()> {
        let mut ticks = tokio::time::interval_at(first, INTERVAL);
        loop {
            ticks.tick().await;
            expect(self.heartbeat().await?, ErrorCode::None, "heartbeat")?;
            count.set(count.get() + 1);
        }
    }

    async fn heartbeat(&mut self) -> Result<ErrorCode> {
        let group_id = self.group.as_str().into();
        let member_id = self.membership.member_id.clone();
        match self.protocol {
            Protocol::Floor | Protocol::Classic => {
                let generation_id = self.membership.generation;
                let request = HeartbeatRequest {
                    group_id,
                    generation_id,
                    member_id,
                    group_instance_id: None,
                };
                if matches!(self.protocol, Protocol::Floor) {
                    self.wire.exchange(&request_frame(HEARTBEAT_VERSION, 1, &request)?).await?;
                    return Ok(ErrorCode::None);
                }
                Ok(self.wire.call(HEARTBEAT_VERSION, &request).await?.error_code)
            }
            Protocol::Consumer => {
                let request = ConsumerGroupHeartbeatRequest {
                    group_id,
                    member_id,
                    member_epoch: self.membership.generation,
                    ..ConsumerGroupHeartbeatRequest::default()
                };
                let answer = self.wire.call(CONSUMER_HEARTBEAT_VERSION, &request).await?;
                self.membership.generation = answer.member_epoch;
                Ok(answer.error_code)
            }
        }
    }
}
