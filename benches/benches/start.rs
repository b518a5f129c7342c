//! From the start of the process on an empty directory to the first accepted produce, and resident memory when idle.
//!
//! Metadata and topic creation are synced, acks=all. Targets: median of 20 starts at most 25 ms; idle at most 15 MB.
#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_benches::statistics::Summary;
use highwater_tests::honest::{create_topic, produce};
use highwater_tests::{Highwater, RawClient, highwater_binary};

const STARTS: usize = 20;
const IDLE: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    highwater_binary().context("build the broker before the clock runs")?;
    let mut starts = Vec::new();
    let mut idle = 0;
    for start in 0..STARTS {
        let address = free_address()?;
        let begun = Instant::now();
        let mut broker = Highwater::serve_at(
            &directory.path().join(start.to_string()),
            &address.to_string(),
            &[],
        )?;
        let mut client = RawClient::connect(broker.address())?;
        create_topic(&mut client, "first", 1, &[])?;
        produce(&mut client, "first", 0, -1, &[b"first"])?;
        starts.push(begun.elapsed().as_secs_f64() * 1e3);
        if start + 1 == STARTS {
            drop(client);
            std::thread::park_timeout(IDLE);
            idle = broker.process().resident_bytes()?;
        }
    }
    let starts = Summary::of(&starts).context("no starts")?;
    println!("start to first accepted produce, ms   {starts}   target at most 25");
    println!("idle resident memory, MB              {:.1}   target at most 15", megabytes(idle));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
