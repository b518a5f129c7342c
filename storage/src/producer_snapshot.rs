//! Producer state on disk: Kafka's `.snapshot`, and our `.producers` beside it.
//!
//! Kafka's file holds the last batch of each producer:
//!
//! | at | bytes | name |
//! | --- | --- | --- |
//! | 0 | 2 | version, 1 |
//! | 2 | 4 | CRC-32C of all that follows |
//! | 6 | 4 | count of producers |
//! | 10 | 46 each | producer id 8, epoch 2, last sequence 4, last offset 8, offset delta 4, timestamp 8, coordinator epoch 4, first offset of the open transaction 8 (-1: none) |
//!
//! Ours holds all five, and says which `.snapshot` it belongs to:
//!
//! | at | bytes | name |
//! | --- | --- | --- |
//! | 0 | 4 | magic, `HWPS` |
//! | 4 | 2 | version, 1 |
//! | 6 | 4 | CRC-32 (IEEE) of all that follows |
//! | 10 | 4 | the CRC that the `.snapshot` beside it carries |
//! | 14 | 4 | count of producers |
//! | 18 | 39 each | producer id 8, epoch 2, coordinator epoch 4, first offset of the open transaction 8 (-1: none), last timestamp 8, last seen 8, count of batches 1, then 24 for each batch: last sequence 4, last offset 8, offset delta 4, timestamp 8 |

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use highwater_records::{Offset, ProducerEpoch, ProducerId, Sequence, Timestamp, crc32c};
use smallvec::SmallVec;

use crate::producer_state::{
    PRODUCERS_MAX, Producer, Producers, REMEMBERED_BATCHES_MAX, RememberedBatch,
};

/// Suffix of Kafka's file.
pub(crate) const SNAPSHOT_SUFFIX: &str = "snapshot";
/// Suffix of ours.
pub(crate) const SIDECAR_SUFFIX: &str = "producers";

/// Bytes of either file that are read: twice what the most producers take.
pub(crate) const SNAPSHOT_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a `.snapshot` that holds no producers.
pub(crate) const EMPTY_SNAPSHOT_BYTES: u64 = 10;

const SNAPSHOT_VERSION: i16 = 1;
const SNAPSHOT_ENTRY_BYTES: usize = 46;
const SIDECAR_MAGIC: [u8; 4] = *b"HWPS";
const SIDECAR_VERSION: i16 = 1;

const _: () =
    assert!(((39 + 24 * REMEMBERED_BATCHES_MAX) * PRODUCERS_MAX) as u64 <= SNAPSHOT_BYTES_MAX);

/// One producer of a `.snapshot`, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// Who.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// Its last sequence; -1 if only its epoch is known.
    pub last_sequence: Sequence,
    /// Offset of its last record; -1 if only its epoch is known.
    pub last_offset: i64,
    /// Offsets from the first to the last record of that batch.
    pub offset_delta: i32,
    /// The batch's largest timestamp.
    pub timestamp: Timestamp,
    /// Of the last transaction marker.
    pub coordinator_epoch: i32,
    /// First offset of its open transaction; -1 for none.
    pub current_txn_first_offset: i64,
}

/// Why bytes are no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Another version, or not such a file at all.
    #[error("version {found}, expected {expected}")]
    Version { found: i16, expected: i16 },
    /// The bytes are not what was written.
    #[error("CRC is {found:08x}, the file says {expected:08x}")]
    WrongCrc { expected: u32, found: u32 },
    /// More or fewer bytes than the count says.
    #[error("{found_bytes} bytes do not hold {count} producers")]
    WrongSize { count: i32, found_bytes: usize },
    /// A value that cannot be.
    #[error("producer {index} is not valid")]
    InvalidEntry { index: i32 },
    /// The file beside it is another one than when this was written.
    #[error("does not belong to the snapshot beside it")]
    OtherSnapshot,
}

/// Big-endian fields of a byte string.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn i16(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn offset(&mut self) -> Option<Option<Offset>> {
        let value = self.i64()?;
        Some((value >= 0).then(|| Offset::new(value)))
    }
}

/// The bytes of both files for `producers`: `.snapshot` and `.producers`.
pub(crate) fn write_snapshot(producers: &Producers) -> (Vec<u8>, Vec<u8>) {
    let count = i32::try_from(producers.iter().len()).unwrap_or(i32::MAX);
    let mut body = count.to_be_bytes().to_vec();
    for (id, producer) in producers.iter() {
        let last = producer.batches.last();
        body.extend_from_slice(&id.value().to_be_bytes());
        body.extend_from_slice(&producer.epoch.value().to_be_bytes());
        body.extend_from_slice(&last.map_or(-1, |batch| batch.last_sequence.value()).to_be_bytes());
        body.extend_from_slice(&last.map_or(-1, |batch| batch.last_offset.value()).to_be_bytes());
        body.extend_from_slice(&last.map_or(0, |batch| batch.offset_delta).to_be_bytes());
        body.extend_from_slice(&producer.last_timestamp.value().to_be_bytes());
        body.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
        let open = producer.open_transaction.map_or(-1, Offset::value);
        body.extend_from_slice(&open.to_be_bytes());
    }
    let crc = crc32c(&body);
    let mut snapshot = SNAPSHOT_VERSION.to_be_bytes().to_vec();
    snapshot.extend_from_slice(&crc.to_be_bytes());
    snapshot.extend_from_slice(&body);
    (snapshot, write_sidecar(producers, crc, count))
}

fn write_sidecar(producers: &Producers, snapshot_crc: u32, count: i32) -> Vec<u8> {
    let mut body = snapshot_crc.to_be_bytes().to_vec();
    body.extend_from_slice(&count.to_be_bytes());
    for (id, producer) in producers.iter() {
        body.extend_from_slice(&id.value().to_be_bytes());
        body.extend_from_slice(&producer.epoch.value().to_be_bytes());
        body.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
        let open = producer.open_transaction.map_or(-1, Offset::value);
        body.extend_from_slice(&open.to_be_bytes());
        body.extend_from_slice(&producer.last_timestamp.value().to_be_bytes());
        body.extend_from_slice(&producer.last_seen.value().to_be_bytes());
        body.push(u8::try_from(producer.batches.len()).unwrap_or(0));
        for batch in &producer.batches {
            body.extend_from_slice(&batch.last_sequence.value().to_be_bytes());
            body.extend_from_slice(&batch.last_offset.value().to_be_bytes());
            body.extend_from_slice(&batch.offset_delta.to_be_bytes());
            body.extend_from_slice(&batch.timestamp.value().to_be_bytes());
        }
    }
    let mut sidecar = SIDECAR_MAGIC.to_vec();
    sidecar.extend_from_slice(&SIDECAR_VERSION.to_be_bytes());
    sidecar.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
    sidecar.extend_from_slice(&body);
    sidecar
}

/// Reads Kafka's file: the last batch of each producer.
///
/// # Errors
/// If the bytes are not such a file, whole and unchanged.
pub fn read_snapshot(bytes: &[u8]) -> Result<Vec<SnapshotEntry>, SnapshotError> {
    let (entries, _) = read_snapshot_and_crc(bytes)?;
    Ok(entries)
}

fn read_snapshot_and_crc(bytes: &[u8]) -> Result<(Vec<SnapshotEntry>, u32), SnapshotError> {
    let mut fields = Fields(bytes);
    let version = fields.i16().unwrap_or(-1);
    if version != SNAPSHOT_VERSION {
        return Err(SnapshotError::Version { found: version, expected: SNAPSHOT_VERSION });
    }
    let too_short = SnapshotError::WrongSize { count: 0, found_bytes: bytes.len() };
    let expected = fields.u32().ok_or_else(|| too_short.clone())?;
    let found = crc32c(fields.0);
    if found != expected {
        return Err(SnapshotError::WrongCrc { expected, found });
    }
    let count = fields.i32().ok_or(too_short)?;
    let wanted = usize::try_from(count).ok().and_then(|n| n.checked_mul(SNAPSHOT_ENTRY_BYTES));
    if wanted != Some(fields.0.len()) {
        return Err(SnapshotError::WrongSize { count, found_bytes: bytes.len() });
    }
    let mut entries = Vec::new();
    for index in 0..count {
        let entry = read_entry(&mut fields).ok_or(SnapshotError::InvalidEntry { index })?;
        entries.push(entry);
    }
    Ok((entries, expected))
}

fn read_entry(fields: &mut Fields<'_>) -> Option<SnapshotEntry> {
    let entry = SnapshotEntry {
        producer_id: ProducerId::new(fields.i64()?),
        producer_epoch: ProducerEpoch::new(fields.i16()?),
        last_sequence: Sequence::new(fields.i32()?),
        last_offset: fields.i64()?,
        offset_delta: fields.i32()?,
        timestamp: Timestamp::new(fields.i64()?),
        coordinator_epoch: fields.i32()?,
        current_txn_first_offset: fields.i64()?,
    };
    (entry.offset_delta >= 0).then_some(entry)
}

/// Producer state from Kafka's file and ours beside it, if there is one.
///
/// `now` stands for the time at which each producer was last seen where only Kafka's file knows
/// it.
pub(crate) fn read_producers(
    snapshot: &[u8],
    sidecar: Option<&[u8]>,
    now: Timestamp,
) -> Result<Producers, SnapshotError> {
    let (entries, crc) = read_snapshot_and_crc(snapshot)?;
    if let Some(sidecar) = sidecar {
        return read_sidecar(sidecar, crc);
    }
    let mut producers = Producers::default();
    for entry in entries {
        let mut batches = SmallVec::new();
        if entry.last_offset >= 0 && entry.last_sequence.value() >= 0 {
            batches.push(RememberedBatch {
                last_sequence: entry.last_sequence,
                last_offset: Offset::new(entry.last_offset),
                offset_delta: entry.offset_delta,
                timestamp: entry.timestamp,
            });
        }
        let open = entry.current_txn_first_offset;
        let producer = Producer {
            epoch: entry.producer_epoch,
            batches,
            coordinator_epoch: entry.coordinator_epoch,
            open_transaction: (open >= 0).then(|| Offset::new(open)),
            last_timestamp: entry.timestamp,
            last_seen: now,
        };
        producers.insert(entry.producer_id, producer);
    }
    Ok(producers)
}

/// Checks one of our files against the CRC of the `.snapshot` beside it; returns how many
/// producers it holds.
///
/// # Errors
/// If the bytes are not such a file, whole, unchanged and belonging to that snapshot.
pub fn check_sidecar(bytes: &[u8], snapshot_crc: u32) -> Result<usize, SnapshotError> {
    Ok(read_sidecar(bytes, snapshot_crc)?.iter().len())
}

/// One producer of a `.producers` file, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidecarEntry {
    /// Who.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// Of the last transaction marker; -1 if there was none.
    pub coordinator_epoch: i32,
    /// First offset of its open transaction.
    pub open_transaction: Option<Offset>,
    /// The largest timestamp it sent last.
    pub last_timestamp: Timestamp,
    /// When it last appended, by the broker's clock.
    pub last_seen: Timestamp,
    /// First and last offset, and last sequence, of the batches that are remembered; oldest first.
    pub batches: Vec<(Offset, Offset, Sequence)>,
}

/// What one of our files holds, and the CRC of the `.snapshot` that it belongs to.
///
/// # Errors
/// If the bytes are not such a file, whole and unchanged.
pub fn dump_sidecar(bytes: &[u8]) -> Result<(Vec<SidecarEntry>, u32), SnapshotError> {
    let snapshot_crc = bytes.get(10..14).and_then(|crc| crc.try_into().ok());
    let snapshot_crc = snapshot_crc.map_or(0, u32::from_be_bytes);
    let producers = read_sidecar(bytes, snapshot_crc)?;
    let entries = producers.iter().map(|(id, producer)| SidecarEntry {
        producer_id: *id,
        producer_epoch: producer.epoch,
        coordinator_epoch: producer.coordinator_epoch,
        open_transaction: producer.open_transaction,
        last_timestamp: producer.last_timestamp,
        last_seen: producer.last_seen,
        batches: producer
            .batches
            .iter()
            .map(|batch| (batch.first_offset(), batch.last_offset, batch.last_sequence))
            .collect(),
    });
    Ok((entries.collect(), snapshot_crc))
}

/// The CRC that a `.snapshot` carries, for [`check_sidecar`].
#[must_use]
pub fn snapshot_crc(snapshot: &[u8]) -> Option<u32> {
    let mut fields = Fields(snapshot);
    fields.i16()?;
    fields.u32()
}

fn read_sidecar(bytes: &[u8], snapshot_crc: u32) -> Result<Producers, SnapshotError> {
    let mut fields = Fields(bytes);
    let magic = fields.take::<4>();
    let version = fields.i16().unwrap_or(-1);
    if magic != Some(SIDECAR_MAGIC) || version != SIDECAR_VERSION {
        return Err(SnapshotError::Version { found: version, expected: SIDECAR_VERSION });
    }
    let too_short = SnapshotError::WrongSize { count: 0, found_bytes: bytes.len() };
    let expected = fields.u32().ok_or_else(|| too_short.clone())?;
    let found = crc32fast::hash(fields.0);
    if found != expected {
        return Err(SnapshotError::WrongCrc { expected, found });
    }
    if fields.u32() != Some(snapshot_crc) {
        return Err(SnapshotError::OtherSnapshot);
    }
    let count = fields.i32().ok_or(too_short)?;
    let mut producers = Producers::default();
    for index in 0..count {
        let (id, producer) =
            read_producer(&mut fields).ok_or(SnapshotError::InvalidEntry { index })?;
        producers.insert(id, producer);
    }
    if !fields.0.is_empty() {
        return Err(SnapshotError::WrongSize { count, found_bytes: bytes.len() });
    }
    Ok(producers)
}

fn read_producer(fields: &mut Fields<'_>) -> Option<(ProducerId, Producer)> {
    let id = ProducerId::new(fields.i64()?);
    let mut producer = Producer {
        epoch: ProducerEpoch::new(fields.i16()?),
        coordinator_epoch: fields.i32()?,
        open_transaction: fields.offset()?,
        last_timestamp: Timestamp::new(fields.i64()?),
        last_seen: Timestamp::new(fields.i64()?),
        batches: SmallVec::new(),
    };
    let [batch_count] = fields.take::<1>()?;
    if usize::from(batch_count) > REMEMBERED_BATCHES_MAX {
        return None;
    }
    for _ in 0..batch_count {
        let batch = RememberedBatch {
            last_sequence: Sequence::new(fields.i32()?),
            last_offset: fields.offset()??,
            offset_delta: fields.i32()?,
            timestamp: Timestamp::new(fields.i64()?),
        };
        if batch.offset_delta < 0 || batch.last_sequence.is_none() {
            return None;
        }
        producer.batches.push(batch);
    }
    Some((id, producer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(last_sequence: i32, last_offset: i64) -> RememberedBatch {
        RememberedBatch {
            last_sequence: Sequence::new(last_sequence),
            last_offset: Offset::new(last_offset),
            offset_delta: 2,
            timestamp: Timestamp::new(1_700_000_000_000),
        }
    }

    fn producers() -> Producers {
        let mut producers = Producers::default();
        producers.insert(
            ProducerId::new(7),
            Producer {
                epoch: ProducerEpoch::new(2),
                batches: (0..5).map(|n| batch(n * 3 + 2, i64::from(n) * 3 + 12)).collect(),
                coordinator_epoch: -1,
                open_transaction: None,
                last_timestamp: Timestamp::new(1_700_000_000_000),
                last_seen: Timestamp::new(1_800_000_000_000),
            },
        );
        producers.insert(
            ProducerId::new(8),
            Producer {
                epoch: ProducerEpoch::new(0),
                batches: SmallVec::new(),
                coordinator_epoch: 5,
                open_transaction: Some(Offset::new(99)),
                last_timestamp: Timestamp::new(1_700_000_000_001),
                last_seen: Timestamp::new(1_800_000_000_001),
            },
        );
        producers
    }

    #[test]
    fn snapshot_bytes_are_kafkas() {
        let (snapshot, _) = write_snapshot(&producers());
        let body = concat!(
            "00000002",
            "0000000000000007",
            "0002",
            "0000000e",
            "0000000000000018",
            "00000002",
            "0000018bcfe56800",
            "ffffffff",
            "ffffffffffffffff",
            "0000000000000008",
            "0000",
            "ffffffff",
            "ffffffffffffffff",
            "00000000",
            "0000018bcfe56801",
            "00000005",
            "0000000000000063",
        );
        let hex: String = snapshot[6..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, body);
        assert_eq!(snapshot[..2], [0, 1]);
        assert_eq!(snapshot[2..6], crc32c(&snapshot[6..]).to_be_bytes());
        assert_eq!(snapshot.len(), 10 + 2 * 46);
    }

    #[test]
    fn both_files_together_give_back_everything() {
        let (snapshot, sidecar) = write_snapshot(&producers());
        let now = Timestamp::new(5);
        let read = read_producers(&snapshot, Some(&sidecar), now).unwrap();
        assert_eq!(read, producers());
    }

    #[test]
    fn kafkas_file_alone_gives_the_last_batch() {
        let (snapshot, _) = write_snapshot(&producers());
        let read = read_producers(&snapshot, None, Timestamp::new(5)).unwrap();
        let (_, producer) = read.iter().next().unwrap();
        assert_eq!(producer.batches.as_slice(), [batch(14, 24)]);
        assert_eq!(producer.last_seen, Timestamp::new(5));
    }

    #[test]
    fn sidecar_of_another_snapshot_is_refused() {
        let (_, sidecar) = write_snapshot(&producers());
        let (snapshot, _) = write_snapshot(&Producers::default());
        let refused = read_producers(&snapshot, Some(&sidecar), Timestamp::new(5));
        assert_eq!(refused, Err(SnapshotError::OtherSnapshot));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (snapshot, sidecar) = write_snapshot(&producers());
        let crc = snapshot_crc(&snapshot).unwrap();
        assert_eq!(check_sidecar(&sidecar, crc), Ok(2));
        for at in 0..snapshot.len() {
            let mut damaged = snapshot.clone();
            damaged[at] ^= 0x10;
            assert!(read_snapshot(&damaged).is_err(), "byte {at}");
            assert!(read_snapshot(&snapshot[..at]).is_err(), "cut at {at}");
        }
        for at in 0..sidecar.len() {
            let mut damaged = sidecar.clone();
            damaged[at] ^= 0x10;
            assert!(check_sidecar(&damaged, crc).is_err(), "byte {at}");
            assert!(check_sidecar(&sidecar[..at], crc).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn absurd_count_with_a_good_crc_allocates_nothing() {
        let mut bytes = i32::MAX.to_be_bytes().to_vec();
        let crc = crc32c(&bytes);
        let mut snapshot = vec![0, 1];
        snapshot.extend_from_slice(&crc.to_be_bytes());
        snapshot.append(&mut bytes);
        let found = read_snapshot(&snapshot).unwrap_err();
        assert_eq!(found, SnapshotError::WrongSize { count: i32::MAX, found_bytes: 10 });
    }
}
