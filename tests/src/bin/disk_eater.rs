//! Fills a disk to the last byte and keeps it full: `disk_eater FILE` writes until it is killed, and tries again whatever it is told.
//! Says `full` once the first byte was refused.
#![expect(clippy::print_stdout, reason = "speaks to pipes")]

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Between two tries; the disk is then asked for a single byte.
const PAUSE: Duration = Duration::from_millis(1);

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).context("usage: disk_eater FILE")?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let block = vec![b'x'; 1 << 20];
    let (mut wanted, mut is_told) = (block.len(), false);
    loop {
        match file.write_all(&block[..wanted]) {
            Ok(()) => wanted = block.len(),
            Err(_) if wanted > 1 => wanted /= 2,
            Err(_) => {
                if !is_told {
                    println!("full");
                    std::io::stdout().flush()?;
                    is_told = true;
                }
                thread::park_timeout(PAUSE);
                wanted = block.len();
            }
        }
    }
}
