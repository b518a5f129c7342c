//! The floor of one acknowledged append: receive a frame, append it to a file, answer.
//!
//! `floor DIRECTORY` listens on a free port of 127.0.0.1, prints `listening on ADDRESS`, and appends what it receives to
//! `DIRECTORY/floor.log`. It parses nothing and checks nothing.
#![expect(clippy::print_stdout, reason = "says where it listens")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Bytes of an answer, size prefix included: about what a Produce response takes.
const ANSWER_BYTES: usize = 64;
/// Largest frame the floor takes.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

struct Sink {
    file: File,
    end: AtomicU64,
}

fn main() -> Result<()> {
    let directory = std::env::args().nth(1).context("usage: floor DIRECTORY")?;
    let file = File::create(Path::new(&directory).join("floor.log")).context("create floor.log")?;
    let sink = Arc::new(Sink { file, end: AtomicU64::new(0) });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(sink))
}

async fn serve(sink: Arc<Sink>) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connections.spawn(connection(stream, Arc::clone(&sink)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(mut stream: TcpStream, sink: Arc<Sink>) -> Result<()> {
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut answer = [0_u8; ANSWER_BYTES];
    answer[..4].copy_from_slice(&u32::try_from(ANSWER_BYTES - 4)?.to_be_bytes());
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        while let Some(frame) = frame_bytes(&buffer[..filled])? {
            if frame > buffer.len() {
                buffer.resize(frame, 0);
            }
            if frame > filled {
                break;
            }
            let at = sink.end.fetch_add(frame as u64, Ordering::Relaxed);
            sink.file.write_all_at(&buffer[..frame], at)?;
            stream.write_all(&answer).await?;
            buffer.copy_within(frame..filled, 0);
            filled -= frame;
        }
    }
}

/// Bytes of the first frame, its prefix included, once the prefix is there.
fn frame_bytes(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(prefix) = bytes.first_chunk::<4>() else { return Ok(None) };
    let size = usize::try_from(u32::from_be_bytes(*prefix))?;
    anyhow::ensure!(size <= FRAME_BYTES_MAX, "frame of {size} bytes");
    Ok(Some(size + 4))
}
