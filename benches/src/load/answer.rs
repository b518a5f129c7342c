//! Answers, looked at where they were received.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long one answer may take before a run counts as failed.
const ANSWER_MAX: Duration = Duration::from_secs(120);
/// How much is asked of the socket at once: many small answers, or a piece of a large one.
const READ_BYTES: usize = 64 * 1024;

/// Connects with Nagle's algorithm off; nothing else is changed.
pub(super) fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    Ok(stream)
}

/// Received bytes, of which whole answers are taken from the front.
#[derive(Debug)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    from: usize,
    filled: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; READ_BYTES], from: 0, filled: 0 }
    }

    /// Reads once, as much as there is up to the end of an answer that was begun.
    pub(super) fn fill(&mut self, stream: &mut impl Read) -> std::io::Result<()> {
        if self.from == self.filled {
            self.from = 0;
            self.filled = 0;
        }
        let wanted = self.wanted_bytes().max(READ_BYTES);
        if self.bytes.len() - self.from < wanted {
            self.bytes.copy_within(self.from..self.filled, 0);
            self.filled -= self.from;
            self.from = 0;
            self.bytes.resize(wanted.max(self.bytes.len()), 0);
        }
        match stream.read(&mut self.bytes[self.filled..])? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.filled += read;
                Ok(())
            }
        }
    }

    /// The next whole answer without its size prefix, if it is there.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let from = self.from;
        let wanted = self.wanted_bytes();
        if wanted == 0 || self.filled - from < wanted {
            return None;
        }
        self.from += wanted;
        Some(&self.bytes[from + 4..from + wanted])
    }

    /// The next whole answer; waits for it.
    pub(super) fn wait(&mut self, stream: &mut TcpStream) -> Result<&[u8]> {
        loop {
            let wanted = self.wanted_bytes();
            if wanted > 0 && self.filled - self.from >= wanted {
                return self.next().context("a whole answer");
            }
            self.fill(stream).context("receive an answer")?;
        }
    }

    /// Bytes of the answer at the front with its prefix; 0 before that is known.
    fn wanted_bytes(&self) -> usize {
        let received = &self.bytes[self.from..self.filled];
        received.first_chunk::<4>().map_or(0, |prefix| {
            // A length that makes no sense ends as memory that nobody has; 32 bits fit into a usize.
            u32::from_be_bytes(*prefix) as usize + 4
        })
    }
}

/// Fails unless `answer` is the one to `correlation_id` and the error code at `error_at` is none.
pub(super) fn check(answer: &[u8], correlation_id: u32, error_at: usize) -> Result<()> {
    let answered = u32_at(answer, 0)?;
    if answered != correlation_id {
        bail!("answer {answered} to request {correlation_id}");
    }
    let code = answer.get(error_at..error_at + 2).context("an answer too short for its error")?;
    if code != [0, 0] {
        bail!("error code {} in an answer", i16::from_be_bytes([code[0], code[1]]));
    }
    Ok(())
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    Ok(u32::from_be_bytes(*field.context("an answer too short")?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Result<u64> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    Ok(u64::from_be_bytes(*field.context("an answer too short")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(sizes: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, size) in sizes.iter().enumerate() {
            bytes.extend_from_slice(&u32::try_from(*size).unwrap().to_be_bytes());
            bytes.extend(std::iter::repeat_n(u8::try_from(index).unwrap(), *size));
        }
        bytes
    }

    #[test]
    fn inbox_returns_every_answer_whole_however_it_arrives() {
        let sizes = [60, 1, 300_000, 60, 70_000, 4];
        let bytes = answers(&sizes);
        for piece in [1_000, 65_536, bytes.len()] {
            let mut inbox = Inbox::new();
            let mut found = Vec::new();
            for mut part in bytes.chunks(piece) {
                while !part.is_empty() {
                    inbox.fill(&mut part).unwrap();
                    while let Some(answer) = inbox.next() {
                        assert!(answer.iter().all(|byte| usize::from(*byte) == found.len()));
                        found.push(answer.len());
                    }
                }
            }
            assert_eq!(found, sizes, "in pieces of {piece}");
        }
    }

    #[test]
    fn answer_to_another_request_or_with_an_error_is_refused() {
        let answer = [0, 0, 0, 7, 1, 0, 0];
        assert!(check(&answer, 7, 5).is_ok());
        assert!(check(&answer, 8, 5).is_err());
        assert!(check(&answer, 7, 4).is_err());
        assert!(check(&answer, 7, 6).is_err());
    }
}
