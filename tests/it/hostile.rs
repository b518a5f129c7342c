//! Hostile frames against the real process; the campaign of a million is `src/bin/hostile.rs`.

use std::net::Ipv4Addr;

use highwater_tests::honest::Honest;
use highwater_tests::hostile::{Frames, Tally, Target, attack, attack_with};
use highwater_tests::{Highwater, RawClient};

const NO_LIMITS: &[&str] =
    &["max.connections=100000", "max.connections.per.ip=100000", "max.connection.creation.rate=0"];

#[test]
fn hostile_frames_hurt_nobody_but_who_sent_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = Highwater::serve(directory.path(), NO_LIMITS).unwrap();
    let mut honest = Honest::connect(broker.address(), "honest").unwrap();
    let mut client = RawClient::connect(broker.address()).unwrap();
    let target = Target::prepare(&mut client, "hostile").unwrap();
    let mut frames = Frames::new(7, &target).unwrap();
    let mut sum = Tally::default();
    for source in 2..12 {
        let source = Ipv4Addr::new(127, 0, 0, source);
        sum.add(&attack(broker.address(), source, &mut frames, 500));
        honest.round_trip().unwrap();
    }
    println!("{sum:?}");
    assert_eq!((sum.reached, sum.refused), (5_000, 0), "{sum:?}");
    assert!(sum.batches_refused >= 1_000, "too few batches were looked into: {sum:?}");
    assert!(
        sum.batches_stored >= 100,
        "the sound batches among them say that the others are judged"
    );
    assert!(broker.process().is_running().unwrap());
}

#[test]
fn requests_cut_at_every_byte_hurt_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = Highwater::serve(directory.path(), NO_LIMITS).unwrap();
    let mut honest = Honest::connect(broker.address(), "honest").unwrap();
    let mut client = RawClient::connect(broker.address()).unwrap();
    let target = Target::prepare(&mut client, "hostile").unwrap();
    let cuts = Frames::new(7, &target).unwrap().cuts();
    let count = u64::try_from(cuts.len()).unwrap();
    for (source, cuts) in (2..).zip(cuts.chunks(2_000)) {
        let tally = attack_with(broker.address(), Ipv4Addr::new(127, 0, 1, source), cuts.to_vec());
        assert_eq!(tally.refused, 0, "{tally:?} of {count}");
        honest.round_trip().unwrap();
    }
    assert!(count > 5_000, "only {count} places to cut at");
    assert!(broker.process().is_running().unwrap());
}

/// A connection that is reset at accept has shown its frame to nobody.
#[test]
fn frames_on_refused_connections_are_not_counted_as_seen() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Highwater::serve(directory.path(), &["max.connections=2"]).unwrap();
    let mut first = RawClient::connect(broker.address()).unwrap();
    let target = Target::prepare(&mut first, "hostile").unwrap();
    let mut frames = Frames::new(7, &target).unwrap();
    let mut second = Honest::connect(broker.address(), "second").unwrap();
    let tally = attack(broker.address(), Ipv4Addr::new(127, 0, 0, 2), &mut frames, 50);
    second.round_trip().unwrap();
    assert_eq!(tally, Tally { refused: 50, ..Tally::default() });
}
