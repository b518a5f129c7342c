//! As many requests as the other side takes.

use std::collections::VecDeque;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::answer::{Inbox, check, connect};
use super::{Done, ProduceFrame};

/// A closed loop: each connection keeps `in_flight` requests under way, on a thread of its own.
#[derive(Clone, Copy, Debug)]
pub struct ClosedLoop {
    pub connections: u32,
    pub in_flight: usize,
    /// Connection `n` writes to partition `n` of these, and then to every `connections`-th.
    pub partitions: u32,
    /// Ends when this much time has passed,
    pub duration: Duration,
    /// or when this much has been sent, whichever comes first.
    pub bytes_max: u64,
}

impl ClosedLoop {
    /// Sends, and calls `ended` when the last answer is there and before the connections close.
    pub fn run<T>(
        &self,
        address: SocketAddr,
        frame: &ProduceFrame,
        ended: impl FnOnce() -> Result<T>,
    ) -> Result<(Done, T)> {
        let sent_bytes = AtomicU64::new(0);
        // One more than connections: this thread looks at the other side between the last answer and the close.
        let start = Barrier::new(usize::try_from(self.connections)?);
        let stop = Barrier::new(usize::try_from(self.connections)? + 1);
        let close = Barrier::new(usize::try_from(self.connections)? + 1);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|number| {
                    let (sent_bytes, start, stop, close) = (&sent_bytes, &start, &stop, &close);
                    let frame = frame.clone();
                    scope.spawn(move || {
                        let lane = connect(address).map(|stream| Lane {
                            plan: *self,
                            number,
                            frame,
                            stream,
                            inbox: Inbox::new(),
                            in_flight: VecDeque::new(),
                            sent: 0,
                        });
                        start.wait();
                        let done = lane.and_then(|mut lane| {
                            let done = lane.run(sent_bytes)?;
                            Ok((done, lane))
                        });
                        stop.wait();
                        close.wait();
                        done.map(|(done, _)| done)
                    })
                })
                .collect();
            stop.wait();
            let seen = ended();
            close.wait();
            let mut all = Done::default();
            for thread in threads {
                all.add(&thread.join().ok().context("a connection panicked")??);
            }
            Ok((all, seen?))
        })
    }
}

/// One connection.
struct Lane {
    plan: ClosedLoop,
    number: u32,
    frame: ProduceFrame,
    stream: std::net::TcpStream,
    inbox: Inbox,
    in_flight: VecDeque<(u32, Instant)>,
    sent: u32,
}

impl Lane {
    fn run(&mut self, sent_bytes: &AtomicU64) -> Result<Done> {
        let begun = Instant::now();
        let deadline = begun + self.plan.duration;
        let mut done = Done::default();
        while Instant::now() < deadline
            && sent_bytes.fetch_add(self.frame.batch_bytes, Ordering::Relaxed) < self.plan.bytes_max
        {
            self.send()?;
            while self.in_flight.len() >= self.plan.in_flight {
                self.take_answers(&mut done)?;
            }
        }
        while !self.in_flight.is_empty() {
            self.take_answers(&mut done)?;
        }
        done.elapsed = begun.elapsed();
        Ok(done)
    }

    fn send(&mut self) -> Result<()> {
        // Wraps: a number is only compared with the one that was sent.
        let step = self.sent.wrapping_mul(self.plan.connections).wrapping_add(self.number);
        let partition = step % self.plan.partitions;
        self.in_flight.push_back((self.sent, Instant::now()));
        let frame = self.frame.numbered(self.sent, partition);
        self.stream.write_all(frame).context("send")?;
        self.sent = self.sent.wrapping_add(1);
        Ok(())
    }

    /// Waits for one answer and takes those that came with it.
    fn take_answers(&mut self, done: &mut Done) -> Result<()> {
        let error_at = self.frame.error_at();
        self.inbox.fill(&mut self.stream).context("receive an answer")?;
        while let Some(answer) = self.inbox.next() {
            let (number, sent) = self.in_flight.pop_front().context("an answer to nothing")?;
            check(answer, number, error_at)?;
            done.latencies.record(sent.elapsed());
            done.requests += 1;
            done.records += self.frame.records;
            done.bytes += self.frame.batch_bytes;
        }
        Ok(())
    }
}
