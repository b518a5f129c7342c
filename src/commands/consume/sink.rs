//! Records on their way to standard output, written by a thread of its own: whoever reads them may
//! be slow, and a member of a group must be heard all the same.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::Context;
use highwater::consumer::ConsumerRecord;
use highwater::{Offset, TopicPartition};
use tokio::sync::mpsc;

use super::Lines;

/// Batches that wait or are being written; at the limit nothing more is polled.
const BATCHES_MAX: usize = 2;
/// So much is written at once, and then told of; a larger record is a piece of its own.
const PIECE_BYTES: usize = 32 * 1024;
/// Answers that nobody has taken in; at the limit the thread waits.
const ANSWERS_MAX: usize = 16;

/// Where a member's records go.
#[derive(Debug)]
pub(super) struct Sink {
    batches: SyncSender<Batch>,
    answers: mpsc::Receiver<Answer>,
    /// Batches that are not answered for.
    busy: usize,
    has_ended: bool,
    should_stop: Arc<AtomicBool>,
}

/// What one poll brought, and where it left the partitions that it brought something of.
#[derive(Debug)]
struct Batch {
    records: Vec<ConsumerRecord>,
    ends: Vec<(TopicPartition, Offset)>,
}

/// What has been written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Everything below is written.
    pub(super) ends: Vec<(TopicPartition, Offset)>,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

#[derive(Debug)]
enum Answer {
    Wrote(Written),
    BatchEnd,
    /// Nothing more will be written: it is enough, or we were asked to stop.
    End,
    Failed(anyhow::Error),
}

impl Sink {
    /// Starts the thread; it ends with this, or with the process if standard output blocks it.
    pub(super) fn start(lines: Lines, left: Option<u64>) -> anyhow::Result<Self> {
        // A descriptor of its own: nobody else waits for a lock that a blocked write holds.
        let out = io::stdout().as_fd().try_clone_to_owned().context("standard output")?;
        let (batches, inbox) = sync_channel(BATCHES_MAX);
        let (tell, answers) = mpsc::channel(ANSWERS_MAX);
        let should_stop = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            out: out.into(),
            lines,
            left,
            piece: Vec::with_capacity(PIECE_BYTES),
            should_stop: Arc::clone(&should_stop),
            tell,
        };
        let thread = thread::Builder::new().name("output".to_owned());
        thread.spawn(move || writer.run(&inbox)).context("cannot start a thread")?;
        Ok(Self { batches, answers, busy: 0, has_ended: left == Some(0), should_stop })
    }

    /// Takes records to be written; there must be room.
    pub(super) fn write(
        &mut self,
        records: Vec<ConsumerRecord>,
        position: impl Fn(&TopicPartition) -> Option<Offset>,
    ) {
        let ends = runs(&records).map(|(partition, _)| {
            let end = position(&partition);
            (partition, end)
        });
        let ends = ends.filter_map(|(partition, end)| Some((partition, end?))).collect();
        self.busy += 1;
        // Where the thread has gone, its last answer says why.
        self.batches.try_send(Batch { records, ends }).ok();
    }

    /// Waits for the next piece that was written. Cancel-safe.
    pub(super) async fn written(&mut self) -> anyhow::Result<Written> {
        match self.answers.recv().await {
            Some(Answer::Wrote(written)) => Ok(written),
            Some(Answer::BatchEnd) => {
                self.busy -= 1;
                Ok(Written::default())
            }
            Some(Answer::End) => {
                self.has_ended = true;
                Ok(Written::default())
            }
            Some(Answer::Failed(error)) => {
                self.has_ended = true;
                Err(error)
            }
            None => {
                self.has_ended = true;
                Err(anyhow::anyhow!("nobody writes to standard output any more"))
            }
        }
    }

    /// Lets nothing more be written than the piece that is under way.
    pub(super) fn stop(&self) {
        self.should_stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_room(&self) -> bool {
        self.busy < BATCHES_MAX && !self.has_ended
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy > 0 && !self.has_ended
    }

    /// Whether everything that it was given is written.
    pub(super) fn is_drained(&self) -> bool {
        self.busy == 0 && !self.has_ended
    }

    /// Whether nothing more will be written.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

/// What the thread works with.
struct Writer {
    out: File,
    lines: Lines,
    left: Option<u64>,
    piece: Vec<u8>,
    should_stop: Arc<AtomicBool>,
    tell: mpsc::Sender<Answer>,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Batch>) {
        let mut is_over = false;
        while let Ok(batch) = inbox.recv()
            && !is_over
        {
            let answer = match self.write(&batch) {
                Ok(true) => Answer::BatchEnd,
                Ok(false) => Answer::End,
                Err(error) => Answer::Failed(error),
            };
            is_over = !matches!(answer, Answer::BatchEnd);
            // Nobody listens any more: the command ends.
            is_over |= self.tell.blocking_send(answer).is_err();
        }
    }

    /// Writes a batch piece by piece; says whether more may follow.
    fn write(&mut self, batch: &Batch) -> anyhow::Result<bool> {
        let mut first = 0;
        for (index, record) in batch.records.iter().enumerate() {
            self.lines.write(&mut self.piece, record)?;
            if let Some(left) = &mut self.left {
                *left = left.saturating_sub(1);
            }
            let next = index + 1;
            let is_last = next == batch.records.len() || self.left == Some(0);
            if !is_last && self.piece.len() < PIECE_BYTES {
                continue;
            }
            if self.should_stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.out.write_all(&self.piece)?;
            self.piece.clear();
            let ends = match next == batch.records.len() {
                true => batch.ends.clone(),
                false => runs(&batch.records[first..next]).collect(),
            };
            let written = &batch.records[first..next];
            let bytes = written.iter().filter_map(|it| it.value.as_ref()).map(|it| it.len());
            let told = self.tell.blocking_send(Answer::Wrote(Written {
                ends,
                records: u64::try_from(written.len()).unwrap_or(u64::MAX),
                bytes: u64::try_from(bytes.sum::<usize>()).unwrap_or(u64::MAX),
            }));
            first = next;
            if told.is_err() || self.left == Some(0) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Each partition in a row of records, and the offset behind its last record there.
fn runs(records: &[ConsumerRecord]) -> impl Iterator<Item = (TopicPartition, Offset)> {
    let is_same = |one: &ConsumerRecord, next: &ConsumerRecord| {
        one.partition == next.partition && one.topic == next.topic
    };
    records.chunk_by(is_same).filter_map(|run| {
        let last = run.last()?;
        Some((TopicPartition::new(last.topic.clone(), last.partition), last.offset.next()))
    })
}
