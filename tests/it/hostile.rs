//! Hostile frames against the real process; the campaign of a million is `src/bin/hostile.rs`.

use std::net::Ipv4Addr;

use highwater_tests::Highwater;
use highwater_tests::honest::Honest;
use highwater_tests::hostile::{Frames, attack};

#[test]
fn hostile_frames_hurt_nobody_but_who_sent_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = Highwater::serve(
        directory.path(),
        &[
            "max.connections=100000",
            "max.connections.per.ip=100000",
            "max.connection.creation.rate=0",
        ],
    )
    .unwrap();
    let mut honest = Honest::connect(broker.address(), "honest").unwrap();
    let mut frames = Frames::new(7).unwrap();
    let mut reached = 0;
    for source in 2..12 {
        let tally = attack(broker.address(), Ipv4Addr::new(127, 0, 0, source), &mut frames, 500);
        reached += tally.reached;
        honest.round_trip().unwrap();
    }
    assert!(reached >= 4_900, "only {reached} of 5,000 frames reached the parser");
    assert!(broker.process().is_running().unwrap());
}
