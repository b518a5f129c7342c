//! A small log directory that has one of everything, stopped cleanly.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_records::{
    BatchBuilder, Codec, EndTransactionMarker, LeaderEpoch, NodeId, Offset, ProducerEpoch,
    ProducerId, Sequence, Timestamp, Uuid,
};
use highwater_storage::{
    AppendTimesFile, CheckpointKind, Disk, Log, LogDir, MetaProperties, SimDisk, ValidatedBatch,
};

use crate::fixture::*;

/// Batches of 4 kinds of producer, all codecs that are built in, two epochs, transactions that are
/// committed, aborted, entwined and left open, over several segments.
pub(crate) fn fill(log: &mut Log) {
    fill_rounds(log, 0..6);
    append_in(log, data(10, 0, 0, true), LeaderEpoch::new(5));
}

/// The same without the transaction that is left open. Sequences go on from round to round.
pub(crate) fn fill_rounds(log: &mut Log, rounds: std::ops::Range<i32>) {
    for round in rounds {
        let epoch = LeaderEpoch::new(if round < 4 { 3 } else { 5 });
        for codec in Codec::ALL.into_iter().filter(|codec| codec.is_supported()) {
            append_in(log, plain(codec, round), epoch);
        }
        for sequence in 0..3 {
            append_in(log, data(7, 0, round * 6 + sequence * 2, false), epoch);
        }
        append_in(log, data(8, 1, round * 4, true), epoch);
        append_in(log, data(9, 0, round * 2, true), epoch);
        append_in(log, data(8, 1, round * 4 + 2, true), epoch);
        append_in(log, end(8, 1, round % 2 == 0), epoch);
        append_in(log, end(9, 0, false), epoch);
    }
}

fn append_in(log: &mut Log, batch: ValidatedBatch, epoch: LeaderEpoch) {
    log.append(batch, epoch, NOW).unwrap();
    log.flush_writes().unwrap();
}

fn plain(codec: Codec, round: i32) -> ValidatedBatch {
    let mut builder = BatchBuilder::new(codec);
    for at in 0..3 {
        let time = Timestamp::new(NOW.value() + i64::from(round) * 1000 + at);
        builder.append(time, Some(b"key"), Some(&[b'v'; 50]), &[]);
    }
    ValidatedBatch::from(&builder.build())
}

pub(crate) fn data(id: i64, epoch: i16, sequence: i32, in_transaction: bool) -> ValidatedBatch {
    let mut builder = BatchBuilder::new(Codec::None);
    builder.producer(ProducerId::new(id), ProducerEpoch::new(epoch), Sequence::new(sequence));
    if in_transaction {
        builder.transactional();
    }
    for _ in 0..2 {
        builder.append(NOW, None, Some(format!("{id} at {sequence}").as_bytes()), &[]);
    }
    ValidatedBatch::from(&builder.build())
}

pub(crate) fn end(id: i64, epoch: i16, is_commit: bool) -> ValidatedBatch {
    let marker = EndTransactionMarker { is_commit, coordinator_epoch: 4 };
    let batch = marker.batch(ProducerId::new(id), ProducerEpoch::new(epoch), NOW);
    ValidatedBatch::from(&batch)
}

/// The log directory of a broker that was stopped cleanly.
pub(crate) fn stopped() -> (SimDisk, World) {
    let (disk, world) = World::simulated(small());
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut dir = LogDir::open(shared, &world.root, 77).unwrap();
    dir.format(MetaProperties {
        cluster_id: "cluster".into(),
        node_id: NodeId::new(1),
        directory_id: Uuid::from_random(99),
        is_ours: true,
    })
    .unwrap();
    let mut log = world.create();
    fill(&mut log);
    let end = log.close(NOW).unwrap();
    for kind in [CheckpointKind::RecoveryPoint, CheckpointKind::HighWatermark] {
        dir.write_checkpoint(kind, &BTreeMap::from([(place(), end)])).unwrap();
    }
    dir.write_checkpoint(CheckpointKind::LogStart, &BTreeMap::new()).unwrap();
    let (mut times, _) = AppendTimesFile::open(&dir).unwrap();
    let of_log = vec![(Offset::ZERO, NOW)];
    times.replace([((topic_id(), 0), &*of_log)]).unwrap();
    dir.write_clean_marker(3).unwrap();
    drop(dir);
    (disk, world)
}
