//! openraft's log and vote over the journal.
//!
//! The payload of a journal unit is frames, one after another; each begins with one byte for its kind:
//!
//! | kind | what follows |
//! |---|---|
//! | 0 head | 2 bytes version (1); vote or none; id of the last purged entry or none. First frame of a file, and only there |
//! | 1 vote | the vote that counts from here on |
//! | 2 entry | one entry |
//! | 3 truncate | 8 bytes index: entries from it on do not count |
//!
//! All entries that are not purged are held in memory as well: the log is cut whenever a snapshot is taken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use highwater_protocol::{Reader, Writer};
use highwater_storage::{Disk, StorageFault};
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{
    CommittedLeaderId, EntryPayload, LogId, LogState, Membership, RaftLogReader, StorageError,
    StorageIOError, Vote,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::QuorumError;
use super::encoding::{
    EncodingError, read_entry, read_log_id, read_optional_log_id, read_vote, write_entry,
    write_log_id, write_optional_log_id, write_vote,
};
use super::journal::{Damage, Journal};
use super::openraft::{QuorumNode, Types};
use crate::workers::{Pool, Workers};

type Entry = openraft::Entry<Types>;

const HEAD: i8 = 0;
const VOTE: i8 = 1;
const ENTRY: i8 = 2;
const TRUNCATE: i8 = 3;
const VERSION: i16 = 1;

/// The log of this node. Clones are the same log.
#[derive(Clone)]
pub(super) struct LogStore {
    shared: Arc<Shared>,
}

struct Shared {
    workers: Arc<dyn Workers>,
    log: Mutex<Log>,
    /// Writes that wait for the worker, in order. The quorum has a handful in flight at most.
    writes: Mutex<VecDeque<Write>>,
    journal: Mutex<Journal>,
    journal_bytes: AtomicU64,
    /// Index after the last entry that a durable snapshot holds: the file keeps everything from there on.
    snapshot_end: AtomicU64,
}

#[derive(Clone, Debug, Default)]
struct Log {
    vote: Option<Vote<u64>>,
    last_purged: Option<LogId<u64>>,
    entries: BTreeMap<u64, Entry>,
    has_head: bool,
}

struct Write {
    kind: WriteKind,
    done: Box<dyn FnOnce(Result<(), StorageFault>) + Send>,
}

enum WriteKind {
    Append(Bytes),
    Rewrite(Bytes),
}

/// Checks what the units of a journal hold.
pub(super) fn check_entries(payloads: Vec<(u64, Bytes)>) -> Result<(), Damage> {
    Log::read(payloads).map(drop)
}

impl LogStore {
    /// Opens the log in the journal `path`. Blocks.
    ///
    /// Errors: damage, with file and offset; a fault of the disk.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        workers: Arc<dyn Workers>,
        path: &Path,
    ) -> Result<Self, QuorumError> {
        let (journal, opened) = Journal::open(disk, path)?;
        if opened.cut_bytes > 0 {
            tracing::warn!(path = %path.display(), bytes = opened.cut_bytes, "cut off a write that a crash tore");
        }
        let log = Log::read(opened.payloads).map_err(|damage| QuorumError::Damaged {
            path: path.display().to_string(),
            offset: damage.offset,
            reason: damage.reason,
        })?;
        let journal_bytes = AtomicU64::new(journal.len_bytes());
        let shared = Shared {
            workers,
            log: Mutex::new(log),
            writes: Mutex::new(VecDeque::new()),
            journal: Mutex::new(journal),
            journal_bytes,
            snapshot_end: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether nothing was ever written.
    pub(super) fn is_pristine(&self) -> bool {
        let log = self.shared.log.lock();
        log.vote.is_none() && log.last_purged.is_none() && log.entries.is_empty()
    }

    /// Begins the log of a quorum of one: what initialising the library and its first election leave behind, in one write instead of four,
    /// since a start waits for it. Blocks.
    ///
    /// Errors: a fault of the disk.
    pub(super) fn bootstrap(&self, id: u64, node: QuorumNode) -> Result<(), QuorumError> {
        let voters = Membership::new(vec![BTreeSet::from([id])], BTreeMap::from([(id, node)]));
        let entry = |term, leader, index, payload| {
            let log_id = LogId::new(CommittedLeaderId::new(term, leader), index);
            Entry { log_id, payload }
        };
        let mut log = self.shared.log.lock();
        log.vote = Some(Vote::new_committed(1, id));
        log.has_head = true;
        for entry in
            [entry(0, 0, 0, EntryPayload::Membership(voters)), entry(1, id, 1, EntryPayload::Blank)]
        {
            log.entries.insert(entry.log_id.index, entry);
        }
        let content =
            log.rewritten().map_err(|error| QuorumError::Library { reason: error.to_string() })?;
        let mut journal = self.shared.journal.lock();
        journal.append(&content)?;
        self.shared.journal_bytes.store(journal.len_bytes(), Ordering::Relaxed);
        Ok(())
    }

    /// Vote and entries as bytes, for comparison.
    #[cfg(test)]
    pub(super) fn content(&self) -> Bytes {
        self.shared.log.lock().rewritten().unwrap()
    }

    /// The last entry that is no longer in the log.
    pub(super) fn last_purged(&self) -> Option<LogId<u64>> {
        self.shared.log.lock().last_purged
    }

    /// Bytes of the journal.
    pub(super) fn journal_bytes(&self) -> u64 {
        self.shared.journal_bytes.load(Ordering::Relaxed)
    }

    /// A snapshot up to this entry is durable.
    pub(super) fn on_snapshot(&self, last: Option<LogId<u64>>) {
        let end = last.map_or(0, |last| last.index.saturating_add(1));
        self.shared.snapshot_end.fetch_max(end, Ordering::Relaxed);
    }

    /// Makes sure that a batch of this size has room on the disk.
    ///
    /// Errors: it has not; the log is as good as before.
    pub(super) async fn reserve(&self, bytes: u64) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let reserve = move || shared.journal.lock().reserve(bytes);
        match crate::workers::run(&self.shared.workers, Pool::Metadata, reserve).await {
            Ok(result) => result,
            Err(lost) => Err(io::Error::other(lost)),
        }
    }

    /// Queues a write; `done` is called on a worker once it is synced or has failed.
    fn submit(
        &self,
        kind: WriteKind,
        done: impl FnOnce(Result<(), StorageFault>) + Send + 'static,
    ) {
        self.shared.writes.lock().push_back(Write { kind, done: Box::new(done) });
        let shared = Arc::clone(&self.shared);
        // Whichever job comes first takes the first write: the order is the queue's, not the threads'.
        self.shared.workers.submit(Pool::Metadata, Box::new(move || shared.write_next()));
    }

    async fn write(&self, kind: WriteKind) -> Result<(), io::Error> {
        let (sender, receiver) = oneshot::channel();
        self.submit(kind, move |result| drop(sender.send(result)));
        match receiver.await {
            Ok(result) => result.map_err(io::Error::other),
            Err(_) => Err(io::Error::other("the broker stops")),
        }
    }
}

impl Shared {
    fn write_next(&self) {
        let mut journal = self.journal.lock();
        let Some(Write { kind, done }) = self.writes.lock().pop_front() else { return };
        let result = match kind {
            WriteKind::Append(payload) => journal.append(&payload),
            WriteKind::Rewrite(payload) => journal.rewrite(&payload),
        };
        self.journal_bytes.store(journal.len_bytes(), Ordering::Relaxed);
        drop(journal);
        done(result);
    }
}

impl Log {
    /// Frames for the journal, after the head if the journal has none yet.
    fn frames(
        &mut self,
        write: impl FnOnce(&mut Writer) -> Result<(), EncodingError>,
    ) -> Result<Bytes, EncodingError> {
        let mut out = Writer::new();
        if !self.has_head {
            Self::default().write_head(&mut out);
            self.has_head = true;
        }
        write(&mut out)?;
        Ok(out.into_bytes()?)
    }

    fn write_head(&self, out: &mut Writer) {
        out.i8(HEAD);
        out.i16(VERSION);
        out.bool(self.vote.is_some());
        if let Some(vote) = &self.vote {
            write_vote(out, vote);
        }
        write_optional_log_id(out, self.last_purged.as_ref());
    }

    /// Takes entries from `log_id` on away; what the journal has to say about it.
    fn truncate(&mut self, log_id: &LogId<u64>) -> Result<Bytes, EncodingError> {
        self.entries.split_off(&log_id.index);
        self.frames(|out| {
            out.i8(TRUNCATE);
            write_log_id(out, log_id);
            Ok(())
        })
    }

    /// Takes entries up to `log_id` away; what the journal holds afterwards.
    fn purge(&mut self, log_id: LogId<u64>) -> Result<Bytes, EncodingError> {
        self.entries = self.entries.split_off(&(log_id.index + 1));
        self.last_purged = self.last_purged.max(Some(log_id));
        self.rewritten()
    }

    /// The journal's content as it would be written now.
    fn rewritten(&self) -> Result<Bytes, EncodingError> {
        let mut out = Writer::new();
        self.write_head(&mut out);
        for entry in self.entries.values() {
            out.i8(ENTRY);
            write_entry(&mut out, entry)?;
        }
        Ok(out.into_bytes()?)
    }

    /// The log that the units of a journal make.
    fn read(payloads: Vec<(u64, Bytes)>) -> Result<Self, Damage> {
        let mut log = Self::default();
        for (offset, payload) in payloads {
            log.replay(payload).map_err(|reason| Damage { offset, reason })?;
        }
        Ok(log)
    }

    fn replay(&mut self, payload: Bytes) -> Result<(), String> {
        let mut bytes = Reader::new(payload);
        while bytes.remaining() > 0 {
            self.replay_frame(&mut bytes).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn replay_frame(&mut self, bytes: &mut Reader) -> Result<(), FrameError> {
        match bytes.i8().map_err(EncodingError::from)? {
            HEAD => {
                let version = bytes.i16().map_err(EncodingError::from)?;
                if version != VERSION {
                    return Err(FrameError::Version { version });
                }
                let has_vote = bytes.bool().map_err(EncodingError::from)?;
                let vote = if has_vote { Some(read_vote(bytes)?) } else { None };
                let last_purged = read_optional_log_id(bytes)?;
                *self = Self { vote, last_purged, entries: BTreeMap::new(), has_head: true };
            }
            _ if !self.has_head => return Err(FrameError::NoHead),
            VOTE => self.vote = Some(read_vote(bytes)?),
            ENTRY => {
                let entry = read_entry(bytes)?;
                self.insert(entry)?;
            }
            TRUNCATE => {
                let index = read_log_id(bytes)?.index;
                self.entries.split_off(&index);
            }
            kind => return Err(FrameError::Kind { kind }),
        }
        Ok(())
    }

    fn insert(&mut self, entry: Entry) -> Result<(), FrameError> {
        let index = entry.log_id.index;
        let last = self.last_log_id().map(|last| last.index);
        if last.is_some_and(|last| last.checked_add(1) != Some(index)) && !self.entries.is_empty() {
            return Err(FrameError::Hole { index });
        }
        self.entries.insert(index, entry);
        Ok(())
    }

    fn last_log_id(&self) -> Option<LogId<u64>> {
        self.entries.values().next_back().map(|entry| entry.log_id).or(self.last_purged)
    }
}

#[derive(Debug, thiserror::Error)]
enum FrameError {
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    #[error("version {version} of the format: written by a newer version?")]
    Version { version: i16 },
    #[error("the journal does not begin with a head")]
    NoHead,
    #[error("unknown kind of frame {kind}: written by a newer version?")]
    Kind { kind: i8 },
    #[error("entry {index} does not follow the one before it")]
    Hole { index: u64 },
}

/// Whether a write was refused for want of room.
fn is_full(error: &io::Error) -> bool {
    let fault = error.get_ref().and_then(|source| source.downcast_ref::<StorageFault>());
    fault.is_some_and(StorageFault::is_disk_full)
}

fn write_logs_error(error: impl std::error::Error + 'static) -> StorageError<u64> {
    StorageIOError::write_logs(&error).into()
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError<u64>> {
        let is_empty = match (range.start_bound(), range.end_bound()) {
            (Bound::Included(start), Bound::Excluded(end)) => start >= end,
            (Bound::Included(start), Bound::Included(end)) => start > end,
            _ => false,
        };
        if is_empty {
            return Ok(Vec::new());
        }
        Ok(self.shared.log.lock().entries.range(range).map(|(_, entry)| entry.clone()).collect())
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError<u64>> {
        let log = self.shared.log.lock();
        Ok(LogState { last_purged_log_id: log.last_purged, last_log_id: log.last_log_id() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError<u64>> {
        let frames = self.shared.log.lock().frames(|out| {
            out.i8(VOTE);
            write_vote(out, vote);
            Ok(())
        });
        let frames = frames.map_err(|error| StorageIOError::write_vote(&error))?;
        self.write(WriteKind::Append(frames))
            .await
            .map_err(|error| StorageIOError::write_vote(&error))?;
        self.shared.log.lock().vote = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError<u64>> {
        Ok(self.shared.log.lock().vote)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<Types>,
    ) -> Result<(), StorageError<u64>>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let mut log = self.shared.log.lock();
        let entries: Vec<Entry> = entries.into_iter().collect();
        let frames = log.frames(|out| {
            entries.iter().try_for_each(|entry| {
                out.i8(ENTRY);
                write_entry(out, entry)
            })
        });
        let frames = frames.map_err(write_logs_error)?;
        for entry in entries {
            log.insert(entry).map_err(write_logs_error)?;
        }
        drop(log);
        self.submit(WriteKind::Append(frames), |result| {
            callback.log_io_completed(result.map_err(io::Error::other));
        });
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId<u64>) -> Result<(), StorageError<u64>> {
        let frames = self.shared.log.lock().truncate(&log_id).map_err(write_logs_error)?;
        self.write(WriteKind::Append(frames)).await.map_err(write_logs_error)
    }

    /// Forgets entries up to `log_id`. The file is cut only if a durable snapshot holds them all; if not, they come back with a restart,
    /// which costs nothing but memory.
    async fn purge(&mut self, log_id: LogId<u64>) -> Result<(), StorageError<u64>> {
        let is_in_snapshot = log_id.index < self.shared.snapshot_end.load(Ordering::Relaxed);
        let content = self.shared.log.lock().purge(log_id).map_err(write_logs_error)?;
        if !is_in_snapshot {
            return Ok(());
        }
        match self.write(WriteKind::Rewrite(content)).await {
            // The file stays as it was: longer, and as good.
            Err(error) if is_full(&error) => {
                tracing::warn!(%error, "the metadata log is not cut: disk full");
                Ok(())
            }
            written => written.map_err(write_logs_error),
        }
    }
}
