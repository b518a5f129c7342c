//! `highwater consume --group`: reads as a member of a group, and commits what was written.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use highwater::consumer::{ConsumeError, Consumer, ConsumerRecord};
use highwater::{Offset, TopicName, TopicPartition};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::sink::{Sink, Written};
use crate::commands::output::Progress;

/// How long a step may take before we look around again.
const STEP: Duration = Duration::from_millis(500);
/// How long somebody who ends us waits for the piece that is being written; then it counts as not
/// written.
const LAST_PIECE_MAX: Duration = Duration::from_secs(3);

/// A member of a group whose records go to standard output.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) consumer: Consumer,
    pub(super) sink: Sink,
    /// Where each partition ended when we began, if that is where to end.
    pub(super) ends: Option<BTreeMap<TopicPartition, Offset>>,
    pub(super) progress: Progress,
    pub(super) signals: Signals,
}

impl Member {
    /// Reads what the group gives us until it is enough or somebody ends it, and leaves the group.
    pub(super) async fn run(mut self, topic: TopicName) -> anyhow::Result<()> {
        self.consumer.subscribe([topic])?;
        let mut result = self.read().await;
        self.finish_writing(&mut result).await?;
        let Self { consumer, mut signals, .. } = self;
        tokio::select! {
            biased;
            () = signals.second() => Err(stopped_at_once()),
            closed = consumer.close() => result.and_then(|()| Ok(closed?)),
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        loop {
            let has_room = self.sink.has_room();
            tokio::select! {
                biased;
                () = self.signals.next() => return Ok(()),
                written = self.sink.written() => self.on_written(written?),
                polled = next_records(&mut self.consumer, has_room) => {
                    let records = polled?;
                    if !records.is_empty() {
                        let consumer = &self.consumer;
                        self.sink.write(records, |partition| consumer.position(partition));
                    }
                }
            }
            self.store_positions();
            if self.sink.has_ended() || self.is_at_end() {
                return Ok(());
            }
        }
    }

    /// Waits for what is being written, and for what waits behind it unless somebody ends us.
    /// The first thing that goes wrong becomes the `result`.
    async fn finish_writing(&mut self, result: &mut anyhow::Result<()>) -> anyhow::Result<()> {
        let mut until = None;
        while self.sink.is_busy() {
            if self.signals.count > 0 && until.is_none() {
                self.sink.stop();
                until = Some(Instant::now() + LAST_PIECE_MAX);
            }
            let over = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let failed = tokio::select! {
                biased;
                () = self.signals.next() => match self.signals.count {
                    1 => None,
                    _ => return Err(stopped_at_once()),
                },
                written = self.sink.written() => written.map(|it| self.on_written(it)).err(),
                alive = self.consumer.keep_alive(STEP) => alive.err().map(anyhow::Error::from),
                () = over => break,
            };
            if let Some(error) = failed.filter(|_| result.is_ok()) {
                *result = Err(error);
            }
        }
        self.store_positions();
        Ok(())
    }

    fn on_written(&mut self, written: Written) {
        for (partition, end) in &written.ends {
            self.consumer.store_offset(partition, *end);
        }
        self.progress.add(written.records, written.bytes);
    }

    /// When all that was polled is written, what no reader sees is done with too, such as the ends
    /// of transactions.
    fn store_positions(&mut self) {
        if !self.sink.is_drained() {
            return;
        }
        let consumer = &self.consumer;
        let position = |it: &TopicPartition| Some((it.clone(), consumer.position(it)?));
        let positions: Vec<_> = consumer.assignment().filter_map(position).collect();
        for (partition, position) in positions {
            self.consumer.store_offset(&partition, position);
        }
    }

    /// Whether all that was there is read, or nothing is left for us to read.
    fn is_at_end(&self) -> bool {
        let Some(ends) = &self.ends else { return false };
        if self.consumer.is_left_out() {
            tracing::warn!("the group has no partition for this member");
            return true;
        }
        self.consumer.is_settled() && is_read(&self.consumer, ends)
    }
}

/// Ctrl-C and polite kills.
#[derive(Debug)]
pub(super) struct Signals {
    interrupted: Signal,
    terminated: Signal,
    /// How many have come.
    count: usize,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        let interrupted = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        let terminated = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        Ok(Self { interrupted, terminated, count: 0 })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
        self.count += 1;
    }

    /// Whoever asks twice does not want to wait.
    async fn second(&mut self) {
        while self.count < 2 {
            self.next().await;
        }
    }
}

fn stopped_at_once() -> anyhow::Error {
    anyhow::anyhow!("stopped before the group was left; what is not committed will be read again")
}

/// The next records if there is room for them; without, the group hears from us all the same.
async fn next_records(
    consumer: &mut Consumer,
    has_room: bool,
) -> Result<Vec<ConsumerRecord>, ConsumeError> {
    if has_room {
        consumer.poll(STEP).await
    } else {
        consumer.keep_alive(STEP).await?;
        Ok(Vec::new())
    }
}

/// Whether there is something to read, and all of it was read up to `ends`.
fn is_read(consumer: &Consumer, ends: &BTreeMap<TopicPartition, Offset>) -> bool {
    let mut assigned = consumer.assignment().peekable();
    let is_past = |partition: &TopicPartition| {
        let end = ends.get(partition).copied().unwrap_or(Offset::ZERO);
        consumer.position(partition).is_some_and(|position| position >= end)
    };
    assigned.peek().is_some() && assigned.all(is_past)
}
