//! A reader that begins at the start of a partition and reads as fast as it is served.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result};

use super::answer::{Inbox, check, connect, u32_at, u64_at};
use super::{Done, FetchFrame};

/// What answers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// What a Kafka broker answers.
    Batches,
    /// A piece of a file, from a floor program.
    Bytes,
}

/// One connection, one request at a time.
#[derive(Debug)]
pub struct CatchUp {
    stream: TcpStream,
    inbox: Inbox,
    frame: FetchFrame,
    content: Content,
    next_offset: u64,
    requests: u32,
}

/// The whole batches of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Batches {
    pub(super) bytes: u64,
    pub(super) records: u64,
    /// The offset behind the last record; none if there was none.
    pub(super) end: Option<u64>,
}

impl CatchUp {
    pub fn connect(address: SocketAddr, frame: FetchFrame, content: Content) -> Result<Self> {
        let (stream, inbox) = (connect(address)?, Inbox::new());
        Ok(Self { stream, inbox, frame, content, next_offset: 0, requests: 0 })
    }

    /// Reads on until `bytes` of batches, or of the file, were received.
    pub fn read(&mut self, bytes: u64) -> Result<Done> {
        let begun = Instant::now();
        let mut done = Done::default();
        while done.bytes < bytes {
            let got = self.fetch()?;
            anyhow::ensure!(got.bytes > 0, "the partition ended at offset {}", self.next_offset);
            done.requests += 1;
            done.records += got.records;
            done.bytes += got.bytes;
        }
        done.elapsed = begun.elapsed();
        Ok(done)
    }

    /// Asks once at `offset` and returns the bytes of whole batches.
    pub fn fetch_at(&mut self, offset: u64) -> Result<u64> {
        self.next_offset = offset;
        Ok(self.fetch()?.bytes)
    }

    /// Goes back to the start.
    pub fn rewind(&mut self) {
        self.next_offset = 0;
    }

    /// Asks once, from where the last answer ended.
    pub(super) fn fetch(&mut self) -> Result<Batches> {
        let frame = self.frame.numbered(self.requests, self.next_offset);
        self.stream.write_all(frame).context("send")?;
        let answer = self.inbox.wait(&mut self.stream)?;
        let got = match self.content {
            Content::Batches => {
                check(answer, self.requests, self.frame.partition_at())?;
                batches_of(records_of(answer, self.frame.partition_at())?)?
            }
            Content::Bytes => Batches { bytes: answer.len() as u64 - 4, ..Batches::default() },
        };
        self.requests = self.requests.wrapping_add(1);
        self.next_offset = got.end.unwrap_or(self.next_offset);
        Ok(got)
    }
}

/// The record bytes of the only partition of an answer of version 11.
fn records_of(answer: &[u8], partition_at: usize) -> Result<&[u8]> {
    // Error code, high watermark, last stable offset, log start offset.
    let aborted_at = partition_at + 2 + 8 + 8 + 8;
    let aborted = u32_at(answer, aborted_at)?;
    anyhow::ensure!(aborted == 0 || aborted == u32::MAX, "aborted transactions in an answer");
    // The preferred read replica, and the length of the records.
    let records_at = aborted_at + 4 + 4 + 4;
    answer.get(records_at..).context("an answer too short for its records")
}

/// Walks the headers; the last batch may be cut off, as Kafka does at the size that was asked for.
fn batches_of(records: &[u8]) -> Result<Batches> {
    let mut batches = Batches::default();
    let mut rest = records;
    // Base offset, length; what the length counts begins with the epoch; the last offset delta stands at 23.
    while rest.len() >= 27 {
        let size = usize::try_from(u32_at(rest, 8)?)? + 12;
        if rest.len() < size {
            break;
        }
        let count = u64::from(u32_at(rest, 23)?) + 1;
        batches.bytes += size as u64;
        batches.records += count;
        batches.end = Some(u64_at(rest, 0)? + count);
        rest = &rest[size..];
    }
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use highwater_records::{BatchBuilder, Codec, Offset, Timestamp};

    use super::*;

    #[test]
    fn batch_that_is_cut_off_does_not_count() {
        let mut bytes = Vec::new();
        for base in [10, 12] {
            let mut builder = BatchBuilder::new(Codec::None);
            builder.base_offset(Offset::new(base));
            for _ in 0..2 {
                builder.append(Timestamp::new(0), None, Some(b"value"), &[]);
            }
            bytes.extend_from_slice(builder.build().bytes());
        }
        let half = bytes.len() / 2;
        let whole = batches_of(&bytes).unwrap();
        assert_eq!((whole.records, whole.end), (4, Some(14)));
        let cut = batches_of(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!((cut.records, cut.end, cut.bytes), (2, Some(12), half as u64));
        assert_eq!(batches_of(&bytes[..20]).unwrap(), Batches::default());
    }
}
