//! Real power cuts of a loop-mounted file system under a loaded broker. As root:
//!
//! `power_cuts ext4|xfs fsync|os COUNT`
//!
//! Ends with one line, and exit code 1 if an acknowledged record was gone (`fsync`), or if the cuts
//! could not show that any can be (`os`).
#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use anyhow::{Context, Result, bail, ensure};
use highwater_tests::loop_fs::Kind;
use highwater_tests::power_cuts::campaign;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, durability, count] = arguments.as_slice() else {
        bail!("usage: power_cuts ext4|xfs fsync|os COUNT");
    };
    let kind = Kind::parse(kind).with_context(|| format!("neither ext4 nor xfs: {kind}"))?;
    let is_os = match durability.as_str() {
        "fsync" => false,
        "os" => true,
        other => bail!("neither fsync nor os: {other}"),
    };
    let losses = match campaign(kind, durability, count.parse()?, &|line| println!("{line}"))? {
        Ok(losses) => losses,
        Err(reason) => bail!("this machine does not permit it: {reason}"),
    };
    println!("{kind}, {durability}: {losses:?}");
    ensure!(losses.cuts_that_bit > 0, "the cuts took nothing");
    if is_os {
        ensure!(losses.acked_lost > 0, "the cuts took nothing that was acknowledged");
    } else {
        ensure!(losses.acked_lost == 0, "acknowledged records are gone");
    }
    Ok(())
}
