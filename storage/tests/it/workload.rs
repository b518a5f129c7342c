//! A broker around one log, step by step, and what its user was told on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{
    BatchBuilder, Codec, LeaderEpoch, NodeId, Offset, ProducerEpoch, ProducerId, Sequence, Uuid,
    batches,
};
use highwater_storage::{
    CheckpointKind, Log, LogConfig, LogDir, LogDirError, MetaProperties, Opening, Recovery,
    SimDisk, StorageFault, ValidatedBatch, remove_files, topic_id_of, verify,
};

use crate::cleaning::Pass;
use crate::fixture::{NOW, World, limits, offset, place, produced, small};

/// One step of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many batches in one turn.
    Append(usize),
    Sync,
    Checkpoint,
    Roll,
    /// A new leader epoch begins.
    Lead,
    /// Raise the log start by so many offsets, and delete what lies below.
    DeleteRecords(i64),
    /// Cut so many offsets off the end.
    Truncate(i64),
    /// Compact all segments but the active one.
    Clean,
    /// Clean stop and start.
    Restart,
    /// Delete the topic.
    Delete,
    /// Create it (again).
    Create,
}

/// A record as it was appended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) epoch: LeaderEpoch,
    pub(crate) value: String,
}

/// What a user was told, as the workload went on.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Told {
    /// Which topic of the name it is; a deleted one does not come back.
    incarnation: u64,
    /// Whether its directory may be there, and whether it must.
    may_exist: bool,
    must_exist: bool,
    /// Record of each offset appended and not truncated; the newest may not be written.
    pub(crate) records: Vec<Record>,
    /// As many of them are durable.
    pub(crate) synced: usize,
    /// Batches by base offset: count of records and first sequence.
    pub(crate) batches: BTreeMap<i64, (i32, i32)>,
    /// Offsets that compaction has removed, and those that a pass under way removes.
    removed: BTreeSet<i64>,
    being_removed: BTreeSet<i64>,
    /// Log start that is durable, and that was asked for.
    pub(crate) start: i64,
    start_wanted: i64,
    next_sequence: i32,
    epoch: LeaderEpoch,
    /// Whether the topic is compacted: offsets may be missing.
    is_compacted: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            incarnation: 1,
            may_exist: true,
            must_exist: false,
            records: Vec::new(),
            synced: 0,
            batches: BTreeMap::new(),
            removed: BTreeSet::new(),
            being_removed: BTreeSet::new(),
            start: 0,
            start_wanted: 0,
            next_sequence: 0,
            epoch: LeaderEpoch::new(3),
            is_compacted: false,
        }
    }
}

impl Told {
    pub(crate) fn compacted() -> Self {
        Self { is_compacted: true, ..Self::default() }
    }

    /// A number that stands for all of it.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn topic_id(&self) -> Uuid {
        Uuid::from_random(u128::from(self.incarnation))
    }

    fn end(&self) -> i64 {
        i64::try_from(self.records.len()).unwrap()
    }

    /// The values of a new batch, its base offset and its first sequence.
    fn next_batch(&mut self) -> (i64, Vec<String>, i32) {
        let (base, first) = (self.end(), self.next_sequence);
        let count = 1 + first % 3;
        let values: Vec<String> = (0..count).map(|n| format!("{base}/{first}/{n:030}")).collect();
        let epoch = self.epoch;
        self.records.extend(values.iter().map(|value| Record { epoch, value: value.clone() }));
        self.batches.insert(base, (count, first));
        self.next_sequence += count;
        (base, values, first)
    }

    fn values(&self, base: i64, count: i32) -> Vec<String> {
        let base = usize::try_from(base).unwrap();
        let records = &self.records[base..base + usize::try_from(count).unwrap()];
        records.iter().map(|record| record.value.clone()).collect()
    }

    /// Offsets of which a newer record has the key; they have not been removed yet.
    fn replaced_by_newer(&self) -> BTreeSet<i64> {
        (0..self.end() - KEYS).filter(|offset| !self.removed.contains(offset)).collect()
    }

    fn truncate(&mut self, end: i64) {
        self.records.truncate(usize::try_from(end).unwrap());
        self.batches.retain(|base, _| *base < end);
        self.next_sequence = self.next_sequence_at(end);
    }

    fn next_sequence_at(&self, end: i64) -> i32 {
        let last = self.batches.range(..end).next_back();
        last.map_or(0, |(_, (count, first))| first + count)
    }
}

/// Keys that the records of a compacted topic have in turn.
const KEYS: i64 = 4;

/// As [`produced`], each record with a key.
fn keyed(base: i64, sequence: i32, values: &[String]) -> ValidatedBatch {
    let mut builder = BatchBuilder::new(Codec::None);
    builder.producer(ProducerId::new(7), ProducerEpoch::new(0), Sequence::new(sequence));
    for (offset, value) in (base..).zip(values) {
        let key = (offset % KEYS).to_string();
        builder.append(NOW, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
    }
    ValidatedBatch::from(&builder.build())
}

/// Keeps what was told at which number of changes of the disk.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    pub(crate) told: Told,
    /// From so many changes on that was told.
    pub(crate) heard: Vec<(u64, Arc<Told>)>,
}

impl Teller {
    pub(crate) fn new(told: Told) -> Self {
        Self { told, heard: Vec::new() }
    }

    fn note(&mut self, disk: &SimDisk) {
        self.heard.push((disk.change_count(), Arc::new(self.told.clone())));
    }

    /// What was told when the disk had been changed so often.
    pub(crate) fn told_at(&self, changes: u64) -> Arc<Told> {
        let heard = self.heard.iter().rev().find(|(since, _)| *since <= changes);
        heard.map_or_else(Arc::default, |(_, told)| Arc::clone(told))
    }
}

pub(crate) type Outcome<T> = Result<T, String>;

fn text(error: impl Display) -> String {
    error.to_string()
}

/// An error, unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)*) => {
        if !$condition {
            return Err(format!($($message)*));
        }
    };
}

fn meta() -> MetaProperties {
    MetaProperties {
        cluster_id: "c".into(),
        node_id: NodeId::new(1),
        directory_id: Uuid::from_random(1),
        is_ours: true,
    }
}

/// A broker with at most one log.
pub(crate) struct Broker {
    disk: SimDisk,
    pub(crate) world: World,
    dir: LogDir,
    pub(crate) log: Option<Log>,
    /// All below was compacted by this process.
    cleaned_through: i64,
}

impl Broker {
    /// Starts on what is there: finishes deletions, opens the log.
    pub(crate) fn start(disk: &SimDisk, told: &Told) -> Outcome<(Self, Recovery)> {
        Self::start_with(disk, told, small())
    }

    pub(crate) fn start_with(
        disk: &SimDisk,
        told: &Told,
        config: LogConfig,
    ) -> Outcome<(Self, Recovery)> {
        let world = World::on(Arc::new(disk.clone()), Path::new("/data"), config);
        let mut dir = LogDir::open(Arc::clone(&world.disk), &world.root, 1).map_err(text)?;
        if dir.meta().is_none() {
            dir.format(meta()).map_err(text)?;
        }
        let is_clean = dir.take_clean_marker().map_err(text)?;
        for deleted in dir.contents().map_err(text)?.deleted {
            world.disk.remove_dir_all(&deleted).map_err(text)?;
        }
        let mut broker = Self { disk: disk.clone(), world, dir, log: None, cleaned_through: 0 };
        let mut recovery = Recovery::default();
        if broker.world.disk.exists(&broker.world.dir()).map_err(text)? {
            recovery = broker.open(told, is_clean)?;
        }
        Ok((broker, recovery))
    }

    fn open(&mut self, told: &Told, is_clean: bool) -> Outcome<Recovery> {
        let offset_in = |kind| -> Outcome<Offset> {
            let offsets = self.dir.read_checkpoint(kind).map_err(text)?;
            Ok(offsets.get(&place()).copied().unwrap_or_default())
        };
        let opening = Opening {
            is_clean,
            recovery_point: offset_in(CheckpointKind::RecoveryPoint)?,
            log_start_offset: offset_in(CheckpointKind::LogStart)?,
            is_topic_known: false,
            keep_holes: false,
            now: NOW,
        };
        let setup = highwater_storage::LogSetup { topic_id: told.topic_id(), ..self.world.setup() };
        let opened = Log::open(setup, opening).map_err(|error| format!("{error:?}"))?;
        let (log, recovery) = opened;
        self.log = Some(log);
        Ok(recovery)
    }

    pub(crate) fn log(&mut self) -> &mut Log {
        self.log.as_mut().expect("the topic exists")
    }

    /// Does one step. On an error the disk failed, and so did the log.
    pub(crate) fn apply(&mut self, step: Step, teller: &mut Teller) -> Outcome<()> {
        let disk = self.disk.clone();
        match step {
            Step::Append(count) => self.append(count, teller)?,
            Step::Sync => self.sync()?,
            Step::Checkpoint => self.checkpoint()?,
            Step::Roll => self.log().roll(NOW).map_err(text)?,
            Step::Lead => {
                teller.told.epoch = LeaderEpoch::new(teller.told.epoch.value() + 1);
                self.log().assign_leader_epoch(teller.told.epoch);
            }
            Step::DeleteRecords(count) => self.delete_records(count, teller)?,
            Step::Truncate(count) => {
                let told = &mut teller.told;
                let end = self.log().log_end_offset().value() - count;
                let bound = told.batches.range(..=end).next_back().map_or(0, |(base, _)| *base);
                told.synced = told.synced.min(usize::try_from(bound).unwrap());
                teller.note(&disk);
                let end = self.log().truncate_to(offset(end)).map_err(text)?.value();
                assert_eq!(end, bound);
                teller.told.truncate(end);
            }
            Step::Clean => self.clean(teller)?,
            Step::Restart => self.restart(teller)?,
            Step::Delete => self.delete(teller)?,
            Step::Create => self.create(teller)?,
        }
        if let Some(log) = &self.log {
            teller.told.synced = usize::try_from(log.synced_end_offset().value()).unwrap();
        }
        teller.note(&disk);
        Ok(())
    }

    fn append(&mut self, count: usize, teller: &mut Teller) -> Outcome<()> {
        let new: Vec<_> = (0..count).map(|_| teller.told.next_batch()).collect();
        teller.note(&self.disk);
        let epoch = teller.told.epoch;
        for (base, values, sequence) in new {
            let batch = if teller.told.is_compacted {
                keyed(base, sequence, &values)
            } else {
                produced(7, 0, sequence, &values)
            };
            let appended = self.log().append(batch, epoch, NOW).map_err(text)?;
            assert_eq!(appended.base_offset, offset(base));
        }
        self.log().flush_writes().map_err(text)
    }

    pub(crate) fn sync(&mut self) -> Outcome<()> {
        crate::fixture::sync(self.log()).map_err(text)
    }

    pub(crate) fn checkpoint(&mut self) -> Outcome<()> {
        crate::fixture::checkpoint(self.log()).map_err(text)?;
        let recovery_point = self.log().recovery_point();
        self.write_offset(CheckpointKind::RecoveryPoint, recovery_point)
    }

    /// A fault takes the whole log directory offline, as in the broker.
    fn write_offset(&mut self, kind: CheckpointKind, offset: Offset) -> Outcome<()> {
        let written = self.dir.write_checkpoint(kind, &BTreeMap::from([(place(), offset)]));
        if let Err(LogDirError::Fault(fault)) = &written {
            self.log().on_fault(fault.clone());
        }
        written.map_err(text)
    }

    fn delete_records(&mut self, count: i64, teller: &mut Teller) -> Outcome<()> {
        teller.told.start_wanted += count;
        teller.note(&self.disk);
        let start = offset(teller.told.start_wanted);
        self.log().advance_log_start(start);
        self.write_offset(CheckpointKind::LogStart, start)?;
        teller.told.start = teller.told.start_wanted;
        teller.note(&self.disk);
        self.log().delete_old_segments().map_err(text)?;
        let deleted = self.log().take_deleted();
        remove_files(&*self.world.disk, &deleted).map_err(text)
    }

    fn clean(&mut self, teller: &mut Teller) -> Outcome<()> {
        self.log().roll(NOW).map_err(text)?;
        self.checkpoint()?;
        teller.told.synced = teller.told.records.len();
        teller.told.being_removed = teller.told.replaced_by_newer();
        teller.note(&self.disk);
        let pass = Pass { cleaned_through: self.cleaned_through, ..Pass::default() };
        let Self { world, log, .. } = self;
        let log = log.as_mut().expect("the topic exists");
        let summary = pass.run(world, log).ok_or("there was nothing to clean")?;
        self.cleaned_through = summary.cleaned_through.value();
        let removed = std::mem::take(&mut teller.told.being_removed);
        teller.told.removed.extend(removed);
        Ok(())
    }

    fn restart(&mut self, teller: &mut Teller) -> Outcome<()> {
        let log = self.log.take().expect("the topic exists");
        let before = log.log_end_offset();
        let end = log.close(NOW).map_err(text)?;
        teller.told.synced = teller.told.records.len();
        teller.note(&self.disk);
        assert_eq!(end, before);
        let offsets = BTreeMap::from([(place(), end)]);
        self.dir.write_checkpoint(CheckpointKind::RecoveryPoint, &offsets).map_err(text)?;
        self.dir.write_clean_marker(1).map_err(text)?;
        // The lock of the process that ends goes with it.
        self.disk.crash();
        self.dir = LogDir::open(Arc::clone(&self.world.disk), &self.world.root, 1).map_err(text)?;
        assert!(self.dir.take_clean_marker().map_err(text)?);
        let recovery = self.open(&teller.told, true)?;
        assert!(recovery.was_clean);
        Ok(())
    }

    /// As the broker does it: the checkpoints forget the partition, then its directory goes.
    fn delete(&mut self, teller: &mut Teller) -> Outcome<()> {
        let log = self.log.take().expect("the topic exists");
        teller.told.must_exist = false;
        // From here on the log may begin and recover anywhere.
        teller.told.start = 0;
        teller.note(&self.disk);
        self.forget()?;
        let path = log.delete(Uuid::from_random(99)).map_err(text)?;
        let incarnation = teller.told.incarnation;
        teller.told = Told { incarnation, may_exist: false, ..Told::default() };
        teller.note(&self.disk);
        self.world.disk.remove_dir_all(&path).map_err(text)
    }

    fn forget(&self) -> Outcome<()> {
        for kind in [CheckpointKind::RecoveryPoint, CheckpointKind::LogStart] {
            self.dir.write_checkpoint(kind, &BTreeMap::new()).map_err(text)?;
        }
        Ok(())
    }

    pub(crate) fn create(&mut self, teller: &mut Teller) -> Outcome<()> {
        let told = &mut teller.told;
        told.may_exist = true;
        told.incarnation += 1;
        teller.note(&self.disk);
        self.forget()?;
        let topic_id = teller.told.topic_id();
        let setup = highwater_storage::LogSetup { topic_id, ..self.world.setup() };
        self.log = Some(Log::create(setup).map_err(text)?);
        teller.told.must_exist = true;
        teller.note(&self.disk);
        Ok(())
    }
}

/// Runs a workload on an empty disk until it ends or the disk stops.
pub(crate) fn run(disk: &SimDisk, steps: &[Step], teller: &mut Teller) -> Outcome<Broker> {
    let (mut broker, _) = Broker::start(disk, &teller.told)?;
    broker.create(teller)?;
    for step in steps {
        broker.apply(*step, teller)?;
    }
    Ok(broker)
}

/// A log that was found after a crash, and where it ends.
pub(crate) struct Found {
    pub(crate) broker: Broker,
    pub(crate) end: usize,
}

/// Starts after a crash and looks: the log is a prefix of what was appended and holds all that was
/// synced (I-S1), its files agree with each other (I-S3), and it is there if it must be (I-S4).
pub(crate) fn start_and_check(disk: &SimDisk, told: &Told) -> Outcome<Found> {
    let (mut broker, recovery) = Broker::start(disk, told)?;
    let Some(log) = &broker.log else {
        ensure!(!told.must_exist, "the partition is gone");
        // A creation is taken up again; a deletion is over.
        if told.may_exist && told.records.is_empty() {
            let topic_id = told.topic_id();
            let setup = highwater_storage::LogSetup { topic_id, ..broker.world.setup() };
            broker.log = Some(Log::create(setup).map_err(text)?);
        }
        return Ok(Found { broker, end: 0 });
    };
    ensure!(told.may_exist, "a deleted partition is back");
    let id = topic_id_of(&*broker.world.disk, &broker.world.dir()).map_err(text)?;
    ensure!(id == Some(told.topic_id()), "topic id {id:?}");
    let (start, end) = (log.log_start_offset().value(), log.log_end_offset().value());
    ensure!(start >= told.start && start <= told.start_wanted, "log start {start}");
    let end_index = usize::try_from(end).unwrap();
    ensure!(end_index <= told.records.len(), "{end} of {} records", told.records.len());
    ensure!(end_index >= told.synced, "{end} of {} synced: {recovery:?}", told.synced);
    ensure!(log.synced_end_offset().value() == end, "recovered, but not synced");
    check_records(log, told, start, end)?;
    ensure!(broker.world.cache.used_bytes() == 0, "a cache without budget keeps bytes");
    let report = verify(&*broker.world.disk, &broker.world.root).map_err(text)?;
    ensure!(report.problems.is_empty(), "{:?}", report.problems);
    broker.log().fault().map_or(Ok(()), |fault: &StorageFault| Err(text(fault)))?;
    Ok(Found { broker, end: end_index })
}

fn check_records(log: &Log, told: &Told, start: i64, end: i64) -> Outcome<()> {
    let found = read(log)?;
    for offset in start..end {
        let index = usize::try_from(offset).unwrap();
        let found = found.get(&offset);
        let may_be_gone = found.is_none() && told.being_removed.contains(&offset);
        let is_gone = told.removed.contains(&offset) || may_be_gone;
        let expected = Some(&told.records[index]).filter(|_| !is_gone);
        ensure!(found == expected, "at {offset} of {start}..{end}: {found:?}, not {expected:?}");
    }
    let first = found.keys().next().copied().unwrap_or(start);
    ensure!(first >= start && found.keys().all(|offset| *offset < end), "records outside");
    let last = i32::try_from(end).unwrap().checked_sub(1).filter(|_| end > start);
    let last_epoch = last.map(|last| told.records[usize::try_from(last).unwrap()].epoch);
    ensure!(log.latest_epoch() >= last_epoch, "epoch {:?}", log.latest_epoch());
    Ok(())
}

/// All records of a log by offset.
fn read(log: &Log) -> Outcome<BTreeMap<i64, Record>> {
    let view = log.view();
    let mut found = BTreeMap::new();
    let mut next = log.log_start_offset();
    while next < view.log_end_offset() {
        let fetched = view.read(next, limits(700)).map_err(|error| format!("{error:?}"))?;
        ensure!(fetched.next_offset > next, "reading stands still at {next}");
        for batch in batches(&Bytes::from(fetched.chunks.concat())) {
            let batch = batch.map_err(text)?;
            let epoch = batch.header().partition_leader_epoch;
            for record in batch.records().map_err(text)? {
                let record = record.map_err(text)?;
                let value = String::from_utf8(record.value.unwrap_or_default().to_vec());
                let value = value.map_err(text)?;
                if record.offset >= log.log_start_offset() {
                    found.insert(record.offset.value(), Record { epoch, value });
                }
            }
        }
        next = fetched.next_offset;
    }
    Ok(found)
}

/// The producer's last five batches are recognised, and the one after them is taken. (A log that
/// lost all up to its start begins anew there; what it then knows of producers depends on what was
/// lost.)
pub(crate) fn check_producer(found: &mut Found, told: &Told) -> Outcome<()> {
    let Some(log) = &mut found.broker.log else { return Ok(()) };
    let (start, end) = (log.log_start_offset().value(), log.log_end_offset().value());
    if end <= start {
        return Ok(());
    }
    let known: Vec<_> = told.batches.range(start..end).collect();
    for (base, (count, sequence)) in known.iter().rev().take(5) {
        let again = produced(7, 0, *sequence, &told.values(**base, *count));
        let again = crate::fixture::append(log, again);
        let again = again.map_err(|error| format!("batch at {base} again: {error:?}"))?;
        ensure!(again.duplicate, "batch at {base} is no duplicate");
        ensure!(again.base_offset == offset(**base), "batch at {base} is at {again:?}");
    }
    let next = produced(7, 0, told.next_sequence_at(end), &["next".into()]);
    let appended = crate::fixture::append(log, next).map_err(|error| format!("{error:?}"))?;
    let at = (appended.base_offset.value(), appended.duplicate);
    ensure!(at == (end, false), "the next batch is at {at:?}, not {end}");
    Ok(())
}
