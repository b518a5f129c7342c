//! A few real power cuts, where root may mount; `docs/testing.md` has the command for more.

use highwater_tests::loop_fs::Kind;
use highwater_tests::power_cuts::{Losses, campaign};

/// One in each order, and one more of the first.
const CUTS: usize = 3;

fn cut(kind: Kind, durability: &str) -> Option<Losses> {
    match campaign(kind, durability, CUTS, &|line| println!("{line}")).unwrap() {
        Ok(losses) => {
            println!("{kind}, {durability}: {losses:?}");
            assert!(losses.cuts_that_bit > 0, "the cuts took nothing: {losses:?}");
            Some(losses)
        }
        Err(reason) => {
            println!("skipped: power cuts on {kind}: {reason}");
            None
        }
    }
}

fn check_nothing_acknowledged_is_lost(kind: Kind) {
    if let Some(losses) = cut(kind, "fsync") {
        assert_eq!(losses.acked_lost, 0, "{losses:?}");
        assert!(losses.acked > 100, "too few records to say anything: {losses:?}");
    }
}

#[test]
fn power_cut_of_ext4_takes_nothing_that_was_acknowledged() {
    check_nothing_acknowledged_is_lost(Kind::Ext4);
}

#[test]
fn power_cut_of_xfs_takes_nothing_that_was_acknowledged() {
    check_nothing_acknowledged_is_lost(Kind::Xfs);
}

/// The same cuts must lose records where durability does not promise them, or they could not show a loss at all.
#[test]
fn power_cut_takes_acknowledged_records_in_os_mode() {
    if let Some(losses) = cut(Kind::Ext4, "os") {
        assert!(losses.acked_lost > 0, "{losses:?}");
    }
}
