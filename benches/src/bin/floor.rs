//! What nobody can leave out: the least work that answers a load, one thread for each connection.
//!
//! - `floor produce DIRECTORY [--files N] [--sync]`: receive a frame, CRC-32C over it, append it to a file, answer. Connection `n`
//!   writes to file `n` of `N`; with `--sync` each append is synced before its answer.
//! - `floor file PATH [--sendfile]`: answer each frame with the next 1 MiB of a file, by pread and send or by sendfile.
//! - `floor echo`: receive a frame, answer.
//!
//! It listens on a free port of 127.0.0.1 and prints `listening on ADDRESS`. It knows no protocol: a frame is a 32-bit size and
//! as many bytes, an answer repeats the number at its fifth byte. Nothing is batched, neither appends nor answers.
#![expect(clippy::print_stdout, reason = "says where it listens")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use crc_fast::{CrcAlgorithm, checksum};

const USAGE: &str =
    "usage: floor produce DIRECTORY [--files N] [--sync] | file PATH [--sendfile] | echo";

/// Bytes of an answer, size prefix included: about what a Produce response takes.
const ANSWER_BYTES: usize = 64;
/// Largest frame the floor takes.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How much is read while it is not known where the frame ends; of a large frame only the rest is read, so that no bytes of the
/// next one have to be moved.
const FIRST_READ_BYTES: usize = 64 * 1024;
/// The size prefix, the API's key and version; then comes the number.
const NUMBER_AT: usize = 8;
const CHUNK_BYTES: u64 = 1024 * 1024;

struct Sink {
    file: File,
    end: AtomicU64,
    is_synced: bool,
}

/// What a connection does with a frame.
enum Work {
    Append(Arc<Sink>),
    Send { file: File, file_bytes: u64, at: u64, by: SendBy },
    Echo,
}

#[derive(Clone, Copy)]
enum SendBy {
    Pread,
    Sendfile,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["produce", directory, options @ ..] => {
            let sinks = sinks(Path::new(directory), options)?;
            serve(move |number| Ok(Work::Append(Arc::clone(&sinks[number % sinks.len()]))))
        }
        ["file", path] => serve_file(path, SendBy::Pread),
        ["file", path, "--sendfile"] => serve_file(path, SendBy::Sendfile),
        ["echo"] => serve(|_| Ok(Work::Echo)),
        _ => bail!(USAGE),
    }
}

fn sinks(directory: &Path, mut options: &[&str]) -> Result<Vec<Arc<Sink>>> {
    let (mut files, mut is_synced) = (1_usize, false);
    while !options.is_empty() {
        options = match options {
            ["--sync", rest @ ..] => {
                is_synced = true;
                rest
            }
            ["--files", count, rest @ ..] => {
                files = count.parse().context("--files")?;
                rest
            }
            _ => bail!(USAGE),
        };
    }
    anyhow::ensure!(files > 0, "at least one file");
    let open = |number| {
        let path = directory.join(format!("floor-{number}.log"));
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        Ok(Arc::new(Sink { file, end: AtomicU64::new(0), is_synced }))
    };
    (0..files).map(open).collect()
}

fn serve_file(path: &str, by: SendBy) -> Result<()> {
    let path = path.to_owned();
    serve(move |_| {
        let file = File::open(&path).with_context(|| path.clone())?;
        let file_bytes = file.metadata()?.len();
        anyhow::ensure!(file_bytes >= CHUNK_BYTES, "{path} is shorter than one answer");
        Ok(Work::Send { file, file_bytes, at: 0, by })
    })
}

fn serve(work: impl Fn(usize) -> Result<Work>) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    for (number, stream) in listener.incoming().enumerate() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        let work = work(number)?;
        // The thread ends with its connection, and all of them with the process.
        thread::spawn(move || connection(stream, work));
    }
    Ok(())
}

fn connection(mut stream: TcpStream, mut work: Work) -> Result<()> {
    let mut buffer = vec![0_u8; FIRST_READ_BYTES];
    let mut answer = vec![0_u8; ANSWER_BYTES];
    let mut filled = 0;
    loop {
        let wanted = frame_bytes(&buffer[..filled])?;
        let read_to = wanted.unwrap_or(0).max(FIRST_READ_BYTES);
        if buffer.len() < read_to {
            buffer.resize(read_to, 0);
        }
        if wanted.is_none_or(|wanted| filled < wanted) {
            let read = stream.read(&mut buffer[filled..read_to])?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
            continue;
        }
        let frame = wanted.context("a whole frame")?;
        anyhow::ensure!(frame >= NUMBER_AT + 4, "a frame of {frame} bytes");
        answer[4..8].copy_from_slice(&buffer[NUMBER_AT..NUMBER_AT + 4]);
        work.answer(&buffer[..frame], &mut answer, &mut stream)?;
        buffer.copy_within(frame..filled, 0);
        filled -= frame;
    }
}

impl Work {
    fn answer(&mut self, frame: &[u8], answer: &mut Vec<u8>, stream: &mut TcpStream) -> Result<()> {
        match self {
            Self::Append(sink) => {
                std::hint::black_box(checksum(CrcAlgorithm::Crc32Iscsi, frame));
                let at = sink.end.fetch_add(frame.len() as u64, Ordering::Relaxed);
                sink.file.write_all_at(frame, at)?;
                if sink.is_synced {
                    sink.file.sync_data()?;
                }
            }
            Self::Send { file, file_bytes, at, by } => {
                if *at + CHUNK_BYTES > *file_bytes {
                    *at = 0;
                }
                let chunk = usize::try_from(CHUNK_BYTES)?;
                answer[..4].copy_from_slice(&u32::try_from(chunk + 4)?.to_be_bytes());
                match by {
                    SendBy::Pread => {
                        answer.resize(8 + chunk, 0);
                        file.read_exact_at(&mut answer[8..], *at)?;
                        stream.write_all(answer)?;
                    }
                    SendBy::Sendfile => {
                        stream.write_all(&answer[..8])?;
                        send_file(stream, file, *at, chunk)?;
                    }
                }
                *at += CHUNK_BYTES;
                return Ok(());
            }
            Self::Echo => {}
        }
        answer[..4].copy_from_slice(&u32::try_from(ANSWER_BYTES - 4)?.to_be_bytes());
        Ok(stream.write_all(answer)?)
    }
}

fn send_file(stream: &TcpStream, file: &File, mut at: u64, bytes: usize) -> Result<()> {
    let mut left = bytes;
    while left > 0 {
        let sent = rustix::fs::sendfile(stream, file, Some(&mut at), left)?;
        anyhow::ensure!(sent > 0, "the file became shorter");
        left -= sent;
    }
    Ok(())
}

/// Bytes of the first frame, its prefix included, once the prefix is there.
fn frame_bytes(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(prefix) = bytes.first_chunk::<4>() else { return Ok(None) };
    let size = usize::try_from(u32::from_be_bytes(*prefix))?;
    anyhow::ensure!(size <= FRAME_BYTES_MAX, "frame of {size} bytes");
    Ok(Some(size + 4))
}
