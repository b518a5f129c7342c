//! The same bytes and the same values as an independent codec, in both directions.
//!
//! It aborts on hostile lengths, so it sees only bytes that we wrote.

use std::collections::BTreeSet;
use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use highwater_protocol::ApiKey;
use kafka_protocol::messages::{ApiKey as TheirKey, RequestKind, ResponseKind};

use crate::debug_tree::Tree;
use crate::round_trip::{decode_request, decode_response, encode_request, encode_response};
use crate::sample;

const SEEDS: u64 = 12;

/// The versions that both codecs have.
fn common() -> Vec<(ApiKey, TheirKey, i16)> {
    let both = sample::apis().filter_map(|(key, version)| {
        let theirs = TheirKey::try_from(key.code()).ok()?;
        let range = theirs.valid_versions();
        (range.min <= version && version <= range.max).then_some((key, theirs, version))
    });
    both.collect()
}

#[test]
fn requests_agree_with_the_other_codec() {
    let mut extra = BTreeSet::new();
    for (key, theirs, version) in common() {
        for seed in 0..SEEDS {
            let what = format!("{key} v{version} request, seed {seed}");
            let sent = encode_request(&sample::request(key, version, seed), version);
            let mut rest = sent.clone();
            let other = match RequestKind::decode(theirs, &mut rest, version) {
                Ok(other) => other,
                Err(_) if is_newer_than_theirs(key, version) => continue,
                Err(error) => panic!("{what}: they refuse it: {error}"),
            };
            assert!(rest.is_empty(), "{what}: they leave {} bytes", rest.len());
            let back = their_bytes(|bytes| other.encode(bytes, version));
            assert_eq!(sent, back, "{what}: they write other bytes");
            let ours = Tree::of(&decode_request(key, version, &back));
            let theirs = Tree::of(&other);
            assert_eq!(ours.difference(&theirs, &what), None);
            extra.extend(ours.extra_fields(&theirs));
        }
    }
    // Our private tags, and a version that they do not have.
    let known = ["age_of", "compacted_through", "synced_end_offset", "transaction_version"];
    assert_eq!(extra, known.map(str::to_owned).into(), "fields that only we have");
}

#[test]
fn responses_agree_with_the_other_codec() {
    let mut extra = BTreeSet::new();
    for (key, theirs, version) in common() {
        for seed in 0..SEEDS {
            let what = format!("{key} v{version} response, seed {seed}");
            let sent = encode_response(&sample::response(key, version, seed), version);
            let mut rest = sent.clone();
            let other = match ResponseKind::decode(theirs, &mut rest, version) {
                Ok(other) => other,
                Err(error) => panic!("{what}: they refuse it: {error}"),
            };
            assert!(rest.is_empty(), "{what}: they leave {} bytes", rest.len());
            let back = their_bytes(|bytes| other.encode(bytes, version));
            assert_eq!(sent, back, "{what}: they write other bytes");
            let ours = Tree::of(&decode_response(key, version, &back));
            let theirs = Tree::of(&other);
            assert_eq!(ours.difference(&theirs, &what), None);
            extra.extend(ours.extra_fields(&theirs));
        }
    }
    let known = ["age_ms", "is_cordoned"]; // our private tag, and of a version that they do not have
    assert_eq!(extra, known.map(str::to_owned).into(), "fields that only we have");
}

#[test]
fn header_versions_agree_with_the_other_codec() {
    for (key, theirs, version) in common() {
        let request = theirs.request_header_version(version);
        assert_eq!(key.request_header_version(version), request, "{key} v{version} request");
        let response = theirs.response_header_version(version);
        assert_eq!(key.response_header_version(version), response, "{key} v{version} response");
    }
}

#[test]
fn other_codec_is_asked_about_nearly_every_version() {
    let all = sample::apis().count();
    let both = common().len();
    assert!(both * 10 > all * 9, "only {both} of {all} versions are compared");
}

fn their_bytes<E: Debug>(encode: impl FnOnce(&mut BytesMut) -> Result<(), E>) -> Bytes {
    let mut bytes = BytesMut::new();
    encode(&mut bytes).unwrap();
    bytes.freeze()
}

/// Versions that they list but whose requests they do not have.
fn is_newer_than_theirs(key: ApiKey, version: i16) -> bool {
    matches!((key, version), (ApiKey::OffsetCommit | ApiKey::OffsetFetch, 10))
}
