//! Codecs against what other libraries wrote, and against those who mean harm.
//!
//! The files in `testdata/compressed/` were made from [`text`] by the reference C libraries of lz4
//! and zstd, by zlib and by the C++ snappy.

use highwater_records::compression::{RATIO_FREE_BYTES, compress, decompress};
use highwater_records::{Codec, CompressionError};

use crate::sample::{supported, text};

const ROOM: usize = 1 << 20;

fn check(codec: Codec, compressed: &[u8]) {
    let found = decompress(codec, compressed, ROOM).unwrap();
    assert!(found == text(), "{} bytes", found.len());
}

fn check_corrupt(codec: Codec, compressed: &[u8], reason_part: &str) {
    match decompress(codec, compressed, ROOM) {
        Err(CompressionError::Corrupt { reason, .. }) if reason.contains(reason_part) => {}
        other => panic!("{reason_part}: {other:?}"),
    }
}

fn changed(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

const LINKED: &[u8] = include_bytes!("../../testdata/compressed/linked-checksums-size.lz4");

#[test]
fn lz4_frames_of_every_kind_are_read() {
    check(Codec::Lz4, LINKED);
    check(Codec::Lz4, include_bytes!("../../testdata/compressed/linked-small-blocks.lz4"));
    check(Codec::Lz4, include_bytes!("../../testdata/compressed/independent-256k.lz4"));
}

#[test]
fn lz4_checksums_are_checked() {
    check_corrupt(Codec::Lz4, &changed(LINKED, 7), "header checksum");
    check_corrupt(Codec::Lz4, &changed(LINKED, 40), "block checksum");
    check_corrupt(Codec::Lz4, &changed(LINKED, LINKED.len() - 1), "content checksum");
}

#[test]
fn lz4_frame_that_is_not_whole_or_not_alone_is_refused() {
    let frame = compress(Codec::Lz4, None, &text()).unwrap();
    check_corrupt(Codec::Lz4, &frame[..frame.len() - 4], "cut off");
    check_corrupt(Codec::Lz4, &[frame.as_slice(), &[0]].concat(), "after the frame");
    check_corrupt(Codec::Lz4, &changed(&frame, 0), "not an lz4 frame");
    check_corrupt(Codec::Lz4, &changed(&frame, 4), "dictionary");
    check_corrupt(Codec::Lz4, &changed(&frame, 6), "header checksum");
}

#[test]
fn lz4_is_written_as_the_java_client_wants_it() {
    let frame = compress(Codec::Lz4, None, b"tiny").unwrap();
    // Header, one block stored as it is because it would not shrink, end mark.
    let expected = b"\x04\x22\x4d\x18\x60\x40\x82\x04\x00\x00\x80tiny\x00\x00\x00\x00";
    assert_eq!(frame, expected);
    assert_eq!(compress(Codec::Lz4, None, b"").unwrap(), b"\x04\x22\x4d\x18\x60\x40\x82\0\0\0\0");
}

#[test]
fn lz4_block_by_hand_is_read() {
    // Seven literals, a match of five bytes seven back, and the final literals.
    let frame = b"\x04\x22\x4d\x18\x60\x40\x82\x10\x00\x00\x00\x71abcdefg\x07\x00\x50vwxyz\
        \x00\x00\x00\x00";
    let found = decompress(Codec::Lz4, frame, ROOM).unwrap();
    assert_eq!(found, b"abcdefgabcdevwxyz");
}

#[test]
fn snappy_is_read_framed_and_bare() {
    check(Codec::Snappy, include_bytes!("../../testdata/compressed/raw.snappy"));
    check(Codec::Snappy, &compress(Codec::Snappy, None, &text()).unwrap());
}

#[test]
fn snappy_is_written_in_framed_blocks_of_32_kib() {
    let framed = compress(Codec::Snappy, None, &text()).unwrap();
    assert_eq!(framed[..16], *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    let mut rest = &framed[16..];
    let mut block_sizes = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (block, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        block_sizes.push(snap::raw::Decoder::new().decompress_vec(block).unwrap().len());
        rest = after;
    }
    assert_eq!(block_sizes, [32 << 10, 32 << 10, 70_000 - (64 << 10)]);
}

#[test]
fn snappy_block_that_claims_gigabytes_is_refused_before_memory_is_taken() {
    let claim = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    check_corrupt(Codec::Snappy, &claim, "claims more");
    let framed = [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x06".as_slice(), &claim].concat();
    check_corrupt(Codec::Snappy, &framed, "claims more");
    let long = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\x7f\xff\xff\xff\x00";
    check_corrupt(Codec::Snappy, long, "block cut off");
    let negative = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff\x00";
    check_corrupt(Codec::Snappy, negative, "negative");
}

#[test]
fn gzip_members_and_names_are_read() {
    check(Codec::Gzip, include_bytes!("../../testdata/compressed/two-members.gz"));
    check(Codec::Gzip, include_bytes!("../../testdata/compressed/named.gz"));
}

#[test]
fn gzip_trailer_is_checked_and_rubbish_after_it_refused() {
    let gzip = compress(Codec::Gzip, Some(1), &text()).unwrap();
    check_corrupt(Codec::Gzip, &changed(&gzip, gzip.len() - 8), "gzip");
    check_corrupt(Codec::Gzip, &changed(&gzip, gzip.len() - 1), "gzip");
    check_corrupt(Codec::Gzip, &[gzip.as_slice(), b"rubbish"].concat(), "gzip");
}

#[test]
fn gzip_of_more_members_than_anyone_writes_is_refused() {
    let member = compress(Codec::Gzip, Some(1), b"").unwrap();
    assert_eq!(decompress(Codec::Gzip, &member.repeat(64), ROOM), Ok(Vec::new()));
    check_corrupt(Codec::Gzip, &member.repeat(66), "members");
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_frames_of_every_kind_are_read() {
    check(Codec::Zstd, include_bytes!("../../testdata/compressed/checksum.zst"));
    check(Codec::Zstd, include_bytes!("../../testdata/compressed/two-frames.zst"));
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_decoder_works_again_after_it_failed() {
    let good: &[u8] = include_bytes!("../../testdata/compressed/checksum.zst");
    for at in 0..good.len() {
        let failed = decompress(Codec::Zstd, &changed(good, at), ROOM);
        assert!(failed.is_err() || failed.unwrap() == text(), "{at}");
        check(Codec::Zstd, good);
    }
}

#[test]
fn compressed_data_cut_anywhere_never_comes_out_as_if_it_were_whole() {
    for codec in supported().filter(|&codec| codec != Codec::None) {
        let whole = compress(codec, Some(1), &text()).unwrap();
        for end in 0..whole.len() {
            match decompress(codec, &whole[..end], ROOM) {
                // Snappy's framing has no end; the walk over the records finds what is missing.
                Ok(output) => assert!(codec == Codec::Snappy && output.len() < 70_000, "{codec}"),
                Err(error) => {
                    assert!(matches!(error, CompressionError::Corrupt { .. }), "{codec} {error}");
                }
            }
        }
    }
}

#[test]
fn output_of_exactly_the_limit_is_given_and_one_byte_more_refused() {
    for codec in supported() {
        let compressed = compress(codec, None, &text()).unwrap();
        assert_eq!(decompress(codec, &compressed, 70_000).unwrap().len(), 70_000, "{codec}");
        let refused = decompress(codec, &compressed, 69_999);
        assert_eq!(refused, Err(CompressionError::TooLarge { max_bytes: 69_999 }), "{codec}");
    }
}

#[test]
fn ratio_limit_begins_at_sixteen_mebibytes() {
    for codec in supported().filter(|&codec| codec != Codec::None) {
        let exact = compress(codec, None, &vec![0; RATIO_FREE_BYTES]).unwrap();
        assert!(decompress(codec, &exact, usize::MAX).is_ok(), "{codec}");
        let more = compress(codec, None, &vec![0; RATIO_FREE_BYTES + 1]).unwrap();
        let is_past_ratio = RATIO_FREE_BYTES > more.len() * 1_000;
        let refused = decompress(codec, &more, usize::MAX).is_err();
        assert_eq!(refused, is_past_ratio, "{codec}: {} bytes", more.len());
    }
}

#[test]
fn codec_names_and_numbers_are_kafkas() {
    let table = [("none", 0), ("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd", 4)];
    for (codec, (name, id)) in Codec::ALL.into_iter().zip(table) {
        assert_eq!((codec.name(), codec.id()), (name, id));
        assert_eq!(name.parse(), Ok(codec));
        assert_eq!(Codec::from_id(id), Ok(codec));
    }
    assert!("GZIP".parse::<Codec>().is_err());
    assert!(Codec::from_id(5).is_err());
}
