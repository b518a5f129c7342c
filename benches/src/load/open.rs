//! Requests at a fixed rate, whether or not the other side keeps up.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::OwnedFd;

use super::answer::{Inbox, check, connect};
use super::{Done, Latencies, ProduceFrame};

/// Connections that are looked at in one turn; the others come in the next.
const EVENTS_MAX: usize = 1024;
/// How long answers may take after the last request.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// An open loop on one thread: request `n` is due `n / rate` seconds after the start, and its latency counts from there, so
/// that a stall delays all that were due in it and not only the one that met it.
#[derive(Clone, Copy, Debug)]
pub struct OpenLoop {
    pub rate_per_s: f64,
    pub connections: u32,
    pub partitions: u32,
    pub duration: Duration,
    /// Requests due in this time at the beginning are sent and not counted.
    pub warm_up: Duration,
}

impl OpenLoop {
    /// When request `number` is due, from the start.
    pub(super) fn due(&self, number: u64) -> Duration {
        Duration::from_secs_f64(number as f64 / self.rate_per_s)
    }

    /// Sends at the rate from `start` on; the second result is how late requests left.
    pub fn run(
        &self,
        address: SocketAddr,
        frame: &ProduceFrame,
        start: Instant,
    ) -> Result<(Done, Latencies)> {
        exact_timers()?;
        let lanes = (0..self.connections).map(|_| Lane::connect(address));
        let lanes: Vec<Lane> = lanes.collect::<Result<_>>()?;
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, lane) in (0..).zip(&lanes) {
            // Edges only: what was not read or written at one event is tried again after the next.
            let wanted = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            epoll::add(&ready, &lane.stream, epoll::EventData::new_u64(number), wanted)?;
        }
        let mut run = Run {
            plan: *self,
            start,
            frame: frame.clone(),
            lanes,
            ready,
            next: 0,
            done: Done::default(),
            late: Latencies::default(),
        };
        run.until_end()?;
        run.done.elapsed = start.elapsed();
        Ok((run.done, run.late))
    }
}

/// Without this the kernel may let a timed wait take 50 microseconds longer.
pub(super) fn exact_timers() -> Result<()> {
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).context("set the timer slack")
}

struct Lane {
    stream: TcpStream,
    inbox: Inbox,
    /// What the socket did not take yet.
    out: Vec<u8>,
    /// Number and due time of the requests without an answer.
    in_flight: VecDeque<(u32, Instant, bool)>,
}

struct Run {
    plan: OpenLoop,
    start: Instant,
    frame: ProduceFrame,
    lanes: Vec<Lane>,
    ready: OwnedFd,
    next: u64,
    done: Done,
    late: Latencies,
}

impl Run {
    fn until_end(&mut self) -> Result<()> {
        let last_due = self.start + self.plan.duration;
        loop {
            self.send_due()?;
            let due = self.start + self.plan.due(self.next);
            let is_over = due > last_due;
            if is_over && self.lanes.iter().all(|lane| lane.in_flight.is_empty()) {
                return Ok(());
            }
            let until = if is_over { last_due + DRAIN_MAX } else { due };
            anyhow::ensure!(Instant::now() < last_due + DRAIN_MAX, "answers are missing");
            self.wait(until)?;
        }
    }

    fn send_due(&mut self) -> Result<()> {
        loop {
            let due_after = self.plan.due(self.next);
            let due = self.start + due_after;
            let now = Instant::now();
            if due > now || due_after > self.plan.duration {
                return Ok(());
            }
            let counts = due_after >= self.plan.warm_up;
            if counts {
                self.late.record(now - due);
            }
            let at = usize::try_from(self.next)? % self.lanes.len();
            let number = u32::try_from(self.next & u64::from(u32::MAX))?;
            let partition = number % self.plan.partitions;
            let lane = &mut self.lanes[at];
            lane.out.extend_from_slice(self.frame.numbered(number, partition));
            lane.in_flight.push_back((number, due, counts));
            lane.flush()?;
            self.next += 1;
        }
    }

    /// Takes answers until `until`, at least those that are there.
    fn wait(&mut self, until: Instant) -> Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left)?;
        // Waits to the nanosecond, which not every form of `epoll_wait` does.
        poll(&mut [PollFd::new(&self.ready, PollFlags::IN)], Some(&timeout))?;
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        epoll::wait(&self.ready, spare_capacity(&mut events), Some(&now))?;
        for event in events {
            let lane = &mut self.lanes[usize::try_from(event.data.u64())?];
            lane.flush()?;
            lane.take_answers(&self.frame, &mut self.done)?;
        }
        Ok(())
    }
}

impl Lane {
    fn connect(address: SocketAddr) -> Result<Self> {
        let stream = connect(address)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, inbox: Inbox::new(), out: Vec::new(), in_flight: VecDeque::new() })
    }

    fn flush(&mut self) -> Result<()> {
        while !self.out.is_empty() {
            #[expect(clippy::disallowed_methods, reason = "what is not taken stays in `out`")]
            match self.stream.write(&self.out) {
                Ok(taken) => drop(self.out.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("send"),
            }
        }
        Ok(())
    }

    fn take_answers(&mut self, frame: &ProduceFrame, done: &mut Done) -> Result<()> {
        loop {
            match self.inbox.fill(&mut self.stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                filled => filled.context("receive an answer")?,
            }
            let now = Instant::now();
            while let Some(answer) = self.inbox.next() {
                let (number, due, counts) =
                    self.in_flight.pop_front().context("an answer to nothing")?;
                check(answer, number, frame.error_at())?;
                done.requests += 1;
                done.records += frame.records;
                done.bytes += frame.batch_bytes;
                if counts {
                    done.latencies.record(now.saturating_duration_since(due));
                }
            }
        }
    }
}
