//! A log against a `Vec`, by random operations.

use proptest::prelude::*;

use crate::fixture::*;

#[derive(Clone, Debug)]
enum Op {
    Append { batches: Vec<usize> },
    Read { from: i64, upper: i64, bytes_max: usize },
    Truncate { keep_per_mille: i64 },
    DeleteRecords { per_mille: i64 },
    Sync,
    Checkpoint,
    Roll,
    ReopenClean,
    Kill,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => prop::collection::vec(1_usize..5, 1..6).prop_map(|batches| Op::Append { batches }),
        4 => (0..1000_i64, 0..1200_i64, 0_usize..3000)
            .prop_map(|(from, upper, bytes_max)| Op::Read { from, upper, bytes_max }),
        1 => (500..1000_i64).prop_map(|keep_per_mille| Op::Truncate { keep_per_mille }),
        1 => (0..700_i64).prop_map(|per_mille| Op::DeleteRecords { per_mille }),
        1 => Just(Op::Sync),
        1 => Just(Op::Checkpoint),
        1 => Just(Op::Roll),
        1 => Just(Op::ReopenClean),
        1 => Just(Op::Kill),
    ]
}

/// The log as a `Vec`: value of each offset, and where batches begin.
#[derive(Debug, Default)]
struct Model {
    values: Vec<String>,
    batch_ends: Vec<i64>,
    start: i64,
    recovery_point: i64,
    counter: usize,
}

impl Model {
    fn end(&self) -> i64 {
        i64::try_from(self.values.len()).unwrap()
    }

    /// A truncation to `to` ended at `end`: there, or at the start of the batch that holds `to`.
    fn truncate(&mut self, to: i64, end: i64) {
        let bounds = || [0, self.end()].into_iter().chain(self.batch_ends.iter().copied());
        let expected = bounds().filter(|bound| *bound <= to).max().unwrap();
        // The batch that holds the log start goes as a whole; the log then begins anew there.
        assert_eq!(end, expected.max(self.start));
        self.values.truncate(usize::try_from(end).unwrap());
        self.batch_ends.retain(|batch_end| *batch_end <= end);
        self.batch_ends.push(end);
        self.recovery_point = self.recovery_point.min(end);
    }

    fn at(&self, per_mille: i64) -> i64 {
        self.start + (self.end() - self.start) * per_mille / 1000
    }
}

/// A batch in the turn; values are of different sizes and unique.
fn append_one(log: &mut highwater_storage::Log, model: &mut Model, count: usize) {
    let values: Vec<String> = (0..count)
        .map(|_| {
            model.counter += 1;
            format!("{}-{}", model.counter, "v".repeat(model.counter % 90))
        })
        .collect();
    let borrowed: Vec<&str> = values.iter().map(String::as_str).collect();
    let appended = log.append(batch(&borrowed), EPOCH, NOW).unwrap();
    assert_eq!(appended.base_offset.value(), model.end());
    model.values.extend(values);
    model.batch_ends.push(model.end());
}

fn run(ops: Vec<Op>, cache_bytes: u64) {
    let (disk, mut world) = World::simulated(small());
    world.cache = highwater_storage::TailCache::new(cache_bytes);
    let mut log = world.create();
    let mut model = Model::default();
    for op in ops {
        match op {
            Op::Append { batches } => {
                batches.into_iter().for_each(|count| append_one(&mut log, &mut model, count));
                log.flush_writes().unwrap();
            }
            Op::Read { from, upper, bytes_max } => read(&log, &model, from, upper, bytes_max),
            Op::Truncate { keep_per_mille } => {
                let to = model.at(keep_per_mille);
                let end = log.truncate_to(offset(to)).unwrap().value();
                model.truncate(to, end);
            }
            Op::DeleteRecords { per_mille } => {
                model.start = model.at(per_mille);
                log.advance_log_start(offset(model.start));
                log.delete_old_segments().unwrap();
            }
            Op::Sync => {
                sync(&mut log).unwrap();
                assert_eq!(log.synced_end_offset().value(), model.end());
            }
            Op::Checkpoint => {
                checkpoint(&mut log).unwrap();
                model.recovery_point = log.recovery_point().value();
                assert_eq!(model.recovery_point, model.end());
            }
            Op::Roll => log.roll(NOW).unwrap(),
            Op::ReopenClean => {
                log.close(NOW).unwrap();
                model.recovery_point = model.end();
                log = open(&world, true, &model);
            }
            Op::Kill => {
                drop(log);
                disk.crash();
                log = open(&world, false, &model);
            }
        }
        assert_eq!(log.log_end_offset().value(), model.end());
        assert_eq!(log.log_start_offset().value(), model.start);
    }
    read(&log, &model, 0, i64::MAX, usize::MAX);
    let expected: Vec<(i64, String)> = (0..).zip(model.values.iter().cloned()).collect();
    assert_eq!(records(&log), expected[usize::try_from(model.start).unwrap()..]);
    let report = highwater_storage::verify(&*world.disk, &world.root).unwrap();
    assert_eq!(report.problems, []);
}

fn open(world: &World, is_clean: bool, model: &Model) -> highwater_storage::Log {
    let opening = highwater_storage::Opening {
        is_clean,
        recovery_point: offset(model.recovery_point),
        log_start_offset: offset(model.start),
        is_topic_known: false,
        keep_holes: false,
        now: NOW,
    };
    highwater_storage::Log::open(world.setup(), opening).unwrap().0
}

fn read(log: &highwater_storage::Log, model: &Model, from: i64, upper: i64, bytes_max: usize) {
    let from = model.start + from % (model.end() - model.start + 1);
    let limits = highwater_storage::ReadLimits {
        upper_bound: offset(upper),
        bytes_max: bytes_max.min(1 << 20),
        min_one_batch: true,
    };
    let fetched = log.view().read(offset(from), limits).unwrap();
    let ends: Vec<i64> = model.batch_ends.iter().copied().filter(|end| *end > from).collect();
    let next = fetched.next_offset.value();
    let first_fits = from < model.end() && ends[0] <= upper;
    assert_eq!(next > from, first_fits, "reading from {from} below {upper}");
    if next > from {
        assert!(ends.contains(&next) && next <= upper);
        let single = next == ends[0];
        assert!(single || fetched.size_bytes <= limits.bytes_max);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn log_behaves_as_a_list_of_batches(
        ops in prop::collection::vec(op(), 1..60),
        cache_bytes in prop_oneof![Just(0), Just(300_000_u64)],
    ) {
        run(ops, cache_bytes);
    }
}
