//! Record batches that get past a CRC and are something else inside.

use std::sync::OnceLock;

use bytes::Bytes;
use highwater_records::compression::compress;
use highwater_records::{
    Attributes, BATCH_LENGTH_MIN, BatchBuilder, BatchHeader, Codec, Header, LeaderEpoch, Offset,
    ProducerEpoch, ProducerId, Sequence, Timestamp,
};

use super::Random;

const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
/// Where the codecs stop to take any ratio, and some more.
const BOMB_BYTES: usize = 80 << 20;
/// Of those codecs that cannot make 80 MB fit into the largest batch that a topic takes.
const SMALL_BOMB_BYTES: usize = 18 << 20;

/// Numbers that no honest batch holds in a count, a length, a time or a sequence.
const ABSURD: [i64; 8] = [0, -1, 1, 1 << 20, 0x7fff_ffff, -0x8000_0000, i64::MAX, i64::MIN];

/// Zig-zag varints of the same kind: lengths beyond the end, negative ones, and one that has no end.
const ABSURD_VARINTS: [&[u8]; 7] = [
    &[0],
    &[1],
    &[3],
    &[0x7e],
    &[0xfe, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
];

/// Batches as honest producers write them, to be spoilt.
#[derive(Debug)]
pub(super) struct Batches {
    sound: Vec<Sound>,
}

/// One honest batch, taken apart.
#[derive(Debug)]
struct Sound {
    header: BatchHeader,
    /// The records before the codec.
    plain: Vec<u8>,
}

impl Batches {
    pub(super) fn new() -> Self {
        let sound =
            [1, 3, 60].into_iter().flat_map(|count| [sound(count, false), sound(count, true)]);
        Self { sound: sound.collect() }
    }

    /// The record bytes of one partition.
    pub(super) fn next(&self, random: &mut Random) -> Vec<u8> {
        if random.below(256) == 0 {
            let bombs = bombs();
            return bombs[random.below(bombs.len())].clone();
        }
        let Sound { header, plain } = &self.sound[random.below(self.sound.len())];
        let codec = CODECS[random.below(CODECS.len())];
        let mut header = header.clone();
        header.attributes = header.attributes.with_codec(codec);
        match random.below(9) {
            0 => sealed(header, flipped(packed(codec, plain), random)),
            1 => sealed(header, packed(codec, &flipped(plain.clone(), random))),
            2 => sealed(header, packed(codec, &with_absurd_varint(plain.clone(), random))),
            3 => sealed(header, cut(packed(codec, plain), random)),
            4 => sealed(header, packed(codec, &cut(plain.clone(), random))),
            5 => with_absurd_header(header, packed(codec, plain), random),
            6 => cut(sealed(header, packed(codec, plain)), random),
            7 => with_lying_prefix(sealed(header, packed(codec, plain)), random),
            _ => sealed(header, packed(codec, plain)),
        }
    }
}

fn sound(count: usize, has_producer: bool) -> Sound {
    let mut builder = BatchBuilder::new(Codec::None);
    if has_producer {
        builder.producer(ProducerId::new(4_000), ProducerEpoch::new(0), Sequence::new(0));
    }
    let header = Header { key: Bytes::from_static(b"header"), value: None };
    let now = Timestamp::new(1_700_000_000_000);
    for number in 0..count {
        let value = format!("value {number}");
        match number % 3 {
            0 => builder.append(
                now,
                Some(b"key"),
                Some(value.as_bytes()),
                std::slice::from_ref(&header),
            ),
            1 => builder.append(now, None, Some(value.as_bytes()), &[]),
            _ => builder.append(now, Some(b"key"), None, &[header.clone(), header.clone()]),
        };
    }
    let batch = builder.build();
    Sound { header: batch.header().clone(), plain: batch.body().to_vec() }
}

fn packed(codec: Codec, plain: &[u8]) -> Vec<u8> {
    compress(codec, None, plain).expect("every codec is built in")
}

/// A batch with this body: right length, right CRC.
fn sealed(mut header: BatchHeader, body: Vec<u8>) -> Vec<u8> {
    let size = i32::try_from(body.len()).expect("a test batch is far below 2 GiB");
    header.batch_length = BATCH_LENGTH_MIN + size;
    [&header.seal(&body)[..], &body].concat()
}

fn flipped(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        bytes[at] = random.byte();
    }
    bytes
}

fn cut(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    bytes.truncate(random.below(bytes.len()));
    bytes
}

fn with_absurd_varint(mut plain: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let absurd = ABSURD_VARINTS[random.below(ABSURD_VARINTS.len())];
    let at = random.below(plain.len());
    // Instead of one byte of a short number, and one time in two instead of as many as it has.
    let end = if random.below(2) == 0 { at + 1 } else { (at + absurd.len()).min(plain.len()) };
    plain.splice(at..end, absurd.iter().copied());
    plain
}

/// The CRC covers all that is wrong here.
fn with_absurd_header(mut header: BatchHeader, body: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let wide = ABSURD[random.below(ABSURD.len())];
    // The lowest bytes: -1 stays -1, and what does not fit becomes something else that is absurd.
    let [.., a, b, c, d] = wide.to_be_bytes();
    let number = i32::from_be_bytes([a, b, c, d]);
    let short = i16::from_be_bytes([c, d]);
    match random.below(9) {
        0 => header.record_count = number,
        1 => header.last_offset_delta = number,
        2 => (header.record_count, header.last_offset_delta) = (number, number.wrapping_sub(1)),
        3 => header.base_timestamp = Timestamp::new(wide),
        4 => header.max_timestamp = Timestamp::new(wide),
        5 => header.attributes = Attributes::new(i16::from_be_bytes([0, random.byte()])),
        6 => header.producer_id = ProducerId::new(wide),
        7 => header.producer_epoch = ProducerEpoch::new(short),
        _ => header.base_sequence = Sequence::new(number),
    }
    sealed(header, body)
}

/// What stands before the CRC, and the CRC: none of it is covered.
fn with_lying_prefix(mut batch: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let Ok(mut header) = BatchHeader::read(&batch) else { return batch };
    let wide = ABSURD[random.below(ABSURD.len())];
    let [.., a, b, c, d] = wide.to_be_bytes();
    let number = i32::from_be_bytes([a, b, c, d]);
    match random.below(7) {
        0 => header.batch_length = number,
        1 => header.batch_length = header.batch_length.wrapping_add(1),
        2 => header.base_offset = Offset::new(wide),
        3 => header.partition_leader_epoch = LeaderEpoch::new(number),
        // Magic 0 and 1 are other formats, and of the others nobody knows anything.
        4 => header.magic = i8::from_be_bytes([random.byte() % 4]),
        5 => header.crc ^= 1,
        // Two batches where one is allowed.
        _ => return [&batch[..], &batch].concat(),
    }
    batch[..header.write().len()].copy_from_slice(&header.write());
    batch
}

/// Batches that are small and say much.
fn bombs() -> &'static [Vec<u8>] {
    static BOMBS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    BOMBS.get_or_init(|| {
        let header = sound(1, false).header;
        let mut builder = BatchBuilder::new(Codec::None);
        for _ in 0..100_000 {
            builder.append(header.base_timestamp, None, None, &[]);
        }
        let many = builder.build().body();
        let mut bombs = Vec::new();
        for codec in CODECS {
            let one_record = match codec {
                Codec::None => 900_000,
                Codec::Snappy => SMALL_BOMB_BYTES,
                Codec::Gzip | Codec::Lz4 | Codec::Zstd => BOMB_BYTES,
            };
            let mut header = header.clone();
            header.attributes = header.attributes.with_codec(codec);
            bombs.push(sealed(header.clone(), packed(codec, &endless_value(one_record))));
            // Many records, and many more that the header promises.
            (header.record_count, header.last_offset_delta) = (i32::MAX, i32::MAX - 1);
            bombs.push(sealed(header, packed(codec, &many)));
        }
        bombs
    })
}

/// One record without a key, with a value of so many zeros, and without its last byte: only the end tells.
fn endless_value(value_bytes: usize) -> Vec<u8> {
    let fields = [&[0, 0, 0, 1], &zigzag_varint(value_bytes)[..]].concat();
    let mut plain = [zigzag_varint(fields.len() + value_bytes + 1), fields].concat();
    plain.resize(plain.len() + value_bytes, 0);
    plain
}

fn zigzag_varint(number: usize) -> Vec<u8> {
    let mut rest = number * 2;
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(rest % 128).expect("below 128");
        rest /= 128;
        if rest == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use highwater_records::{BatchRules, RecordBatch, validate};

    use super::*;

    /// Without this the campaign could send nothing but broken CRCs, and no walk would ever see a record.
    #[test]
    fn batches_get_past_the_crc_and_are_refused_by_the_walk() {
        let rules = BatchRules { now: Timestamp::new(1_700_000_000_000), ..BatchRules::default() };
        let (mut no_batch, mut refused, mut good) = (0, 0, 0);
        let mut random = Random(99);
        let batches = Batches::new();
        for _ in 0..5_000 {
            let bytes = Bytes::from(batches.next(&mut random));
            match RecordBatch::parse(bytes).map(|batch| validate(&batch, &rules)) {
                Err(_) => no_batch += 1,
                Ok(Err(_)) => refused += 1,
                Ok(Ok(_)) => good += 1,
            }
        }
        assert!(refused > 1_500 && no_batch > 500 && good > 300, "{refused} {no_batch} {good}");
    }

    #[test]
    fn bombs_fit_into_a_topic_and_are_refused_inside() {
        let rules = BatchRules { now: Timestamp::new(1_700_000_000_000), ..BatchRules::default() };
        let mut stopped_count = 0;
        for bomb in bombs() {
            let batch = RecordBatch::parse(Bytes::from(bomb.clone())).unwrap();
            assert!(bomb.len() < rules.max_message_bytes, "{} bytes", bomb.len());
            let refusal = validate(&batch, &rules).unwrap_err();
            let is_stopped = refusal.to_string().contains("too large once decompressed");
            stopped_count += usize::from(is_stopped);
        }
        // Gzip, lz4 and zstd make 80 MB small enough.
        assert_eq!(stopped_count, 3);
        assert_eq!(bombs().len(), 2 * CODECS.len());
    }
}
