//! Lines of standard input, byte for byte, without holding more than a few chunks of it.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

/// How much is read at once; lines are cut out of it without being copied.
const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks read ahead of the producer; when they are full, reading waits.
const CHUNKS_AHEAD_MAX: usize = 4;

/// The longest line; a longer one ends the command, because it could only fill the memory.
pub(crate) const LINE_BYTES_MAX: usize = 100 * 1024 * 1024;

/// Complete lines, without their line feeds, in the order of the input.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Bytes,
}

impl Chunk {
    /// The lines of this chunk; only the line feed itself is taken away.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Bytes> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            if from >= self.bytes.len() {
                return None;
            }
            let rest = &self.bytes[from..];
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let line = self.bytes.slice(from..from + end);
            from += end + 1;
            Some(line)
        })
    }

    /// Bytes of input in this chunk, line feeds included.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Reads `input` on a thread of its own until it ends, fails or the receiver is dropped.
///
/// The thread may stay blocked in a read when the command ends first; the process does not wait
/// for it.
pub(crate) fn read_in_background(
    input: impl Read + Send + 'static,
) -> io::Result<mpsc::Receiver<io::Result<Chunk>>> {
    let (chunks, receiver) = mpsc::channel(CHUNKS_AHEAD_MAX);
    let reader = std::thread::Builder::new().name("stdin".into());
    reader.spawn(move || {
        if let Err(error) = read_chunks(input, |chunk| chunks.blocking_send(Ok(chunk)).is_ok()) {
            // The receiver may be gone; then nobody is left to tell.
            chunks.blocking_send(Err(error)).ok();
        }
    })?;
    Ok(receiver)
}

/// Cuts `input` into chunks of complete lines and hands them to `take` until that says stop.
fn read_chunks(mut input: impl Read, mut take: impl FnMut(Chunk) -> bool) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        let searched = buffer.len();
        buffer.resize(searched + CHUNK_BYTES, 0);
        let read = input.read(&mut buffer[searched..]);
        buffer.truncate(searched + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if let Some(last_feed) = buffer[searched..].iter().rposition(|byte| *byte == b'\n') {
            let complete = buffer.split_to(searched + last_feed + 1).freeze();
            if !take(Chunk { bytes: complete }) {
                return Ok(());
            }
        }
        if buffer.len() > LINE_BYTES_MAX {
            let message = format!("a line is longer than {LINE_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
    }
    if !buffer.is_empty() {
        take(Chunk { bytes: buffer.freeze() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out `bytes` in pieces of `piece_bytes`, as a slow pipe does.
    struct Pieces {
        bytes: Vec<u8>,
        piece_bytes: usize,
        at: usize,
    }

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.piece_bytes.min(into.len()).min(self.bytes.len() - self.at);
            into[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
            self.at += count;
            Ok(count)
        }
    }

    fn check(input: &[u8], expected: &[&[u8]]) {
        for piece_bytes in [1, 2, 3, 1000] {
            let pieces = Pieces { bytes: input.to_vec(), piece_bytes, at: 0 };
            let mut lines: Vec<Vec<u8>> = Vec::new();
            read_chunks(pieces, |chunk| {
                lines.extend(chunk.lines().map(|line| line.to_vec()));
                true
            })
            .unwrap();
            assert_eq!(lines, expected, "{input:?} in pieces of {piece_bytes}");
        }
    }

    #[test]
    fn lines_lose_their_line_feed_and_nothing_else() {
        check(b"", &[]);
        check(b"a\nb\n", &[b"a", b"b"]);
        check(b"no feed at the end", &[b"no feed at the end"]);
        check(b"a\r\n b \n\xff\0\n", &[b"a\r", b" b ", b"\xff\0"]);
        check(b"\n\nx\n\n", &[b"", b"", b"x", b""]);
    }

    #[test]
    fn reading_stops_when_nobody_takes_any_more() {
        let mut taken = 0;
        let pieces = Pieces { bytes: b"a\nb\nc\n".to_vec(), piece_bytes: 2, at: 0 };
        read_chunks(pieces, |_| {
            taken += 1;
            false
        })
        .unwrap();
        assert_eq!(taken, 1);
    }
}
