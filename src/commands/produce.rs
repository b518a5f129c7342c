//! `highwater produce`: lines of standard input into a topic, byte for byte.

use std::collections::VecDeque;
use std::io;
use std::str::FromStr;

use anyhow::Context;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use futures_util::FutureExt;
use highwater::producer::{Acks, Delivery, ProduceError, Producer, ProducerRecord};
use highwater::{Codec, Header, TopicName};
use serde_json::json;

use super::format::unescape;
use super::lines::{LINE_BYTES_MAX, read_in_background};
use super::output::{Output, Progress};
use super::{Global, reach};

/// Records whose delivery is not yet known; at the limit we wait for the oldest. Their memory is
/// bounded by the producer's buffer as well.
const PENDING_MAX: usize = 100_000;

/// How much goes into a batch: a pipe is read in large pieces, and large batches compress better.
const BATCH_BYTES: usize = 256 * 1024;

/// Arguments of `produce`.
#[derive(Debug, Args)]
#[command(after_help = "\
Each line is a record; only its line feed is taken away. An empty line is an empty record.

Examples:
  echo hello | highwater produce greetings
  highwater produce orders --key-separator : --compression zstd < orders.txt
  printf 'source:web,kind:test\\tvalue\\n' | highwater produce orders --headers")]
pub(crate) struct Produce {
    /// The topic; the broker may create it
    topic: TopicName,
    /// What parts key and value; a line without it has no key
    #[arg(long, value_name = "TEXT")]
    key_separator: Option<Separator>,
    /// Lines begin with headers: NAME:VALUE,NAME:VALUE and a tab
    #[arg(long)]
    headers: bool,
    /// Who must have a record before it counts as written
    #[arg(long, value_enum, default_value_t)]
    acks: AcksArgument,
    /// How batches are compressed
    #[arg(long, value_enum, default_value_t)]
    compression: CompressionArgument,
    /// The partition [default: by key, else spread]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Refuse to create the topic if it is missing
    #[arg(long)]
    no_create: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum AcksArgument {
    /// Nobody
    #[value(name = "0")]
    None,
    /// The leader
    #[value(name = "1")]
    Leader,
    /// Every in-sync replica
    #[default]
    All,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum CompressionArgument {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// Text with kcat's escapes, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Separator(Vec<u8>);

/// Records whose outcome is not known yet, in the order of their lines.
#[derive(Debug, Default)]
struct Deliveries {
    pending: VecDeque<Delivery>,
    delivered_count: u64,
}

pub(crate) async fn run(
    global: &Global,
    arguments: Produce,
    output: &mut Output,
) -> anyhow::Result<()> {
    let producer = arguments.producer(global)?;
    reach(producer.client()).await?;
    let mut chunks = read_in_background(io::stdin()).context("cannot start reading")?;
    let mut progress = Progress::new("sent", true);
    let mut deliveries = Deliveries::default();
    let mut line_number: u64 = 0;
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk.context("cannot read standard input")?;
        let before = line_number;
        for line in chunk.lines() {
            line_number += 1;
            let at_line = || format!("line {line_number}");
            let record = arguments.record(line).with_context(at_line)?;
            let delivery = producer.send(record).await.with_context(at_line)?;
            deliveries.add(delivery).await?;
        }
        deliveries.take_known()?;
        progress.add(line_number - before, u64::try_from(chunk.size_bytes()).unwrap_or(u64::MAX));
    }
    producer.close().await?;
    deliveries.take_all().await?;
    drop(progress);
    let records = deliveries.delivered_count;
    output.json(&json!({ "topic": arguments.topic.as_str(), "records": records }))?;
    Ok(())
}

impl AcksArgument {
    pub(super) fn acks(self) -> Acks {
        match self {
            Self::None => Acks::None,
            Self::Leader => Acks::Leader,
            Self::All => Acks::All,
        }
    }
}

impl CompressionArgument {
    pub(super) fn codec(self) -> Codec {
        match self {
            Self::None => Codec::None,
            Self::Gzip => Codec::Gzip,
            Self::Snappy => Codec::Snappy,
            Self::Lz4 => Codec::Lz4,
            Self::Zstd => Codec::Zstd,
        }
    }
}

impl Produce {
    fn producer(&self, global: &Global) -> anyhow::Result<Producer> {
        let options = global.client_options();
        let builder = Producer::builder(&global.brokers)
            .acks(self.acks.acks())
            .compression(self.compression.codec())
            .batch_size(BATCH_BYTES)
            // The topic may allow more than the usual megabyte; its broker says so if not.
            .max_request_size(LINE_BYTES_MAX + 1024)
            .buffer_memory(64 * 1024 * 1024)
            .max_block(options.api_timeout)
            .allow_auto_create_topics(!self.no_create)
            .client_id(options.client_id);
        Ok(builder.build()?)
    }

    /// The record of a line.
    fn record(&self, line: Bytes) -> anyhow::Result<ProducerRecord> {
        let mut record = ProducerRecord::new(self.topic.clone());
        record.partition = self.partition;
        let mut rest = line;
        if self.headers {
            let (headers, after) = split_once(&rest, b"\t")
                .context("no tab after the headers; expected NAME:VALUE,NAME:VALUE and a tab")?;
            record.headers = parse_headers(&headers)?;
            rest = after;
        }
        if let Some(Separator(separator)) = &self.key_separator
            && let Some((key, after)) = split_once(&rest, separator)
        {
            record.key = Some(key);
            rest = after;
        }
        record.value = Some(rest);
        Ok(record)
    }
}

impl Deliveries {
    async fn add(&mut self, delivery: Delivery) -> anyhow::Result<()> {
        self.pending.push_back(delivery);
        if self.pending.len() > PENDING_MAX
            && let Some(oldest) = self.pending.pop_front()
        {
            let written = oldest.await.map(drop);
            self.count(written)?;
        }
        Ok(())
    }

    /// Takes in what is known by now, without waiting.
    fn take_known(&mut self) -> anyhow::Result<()> {
        while let Some(oldest) = self.pending.front_mut() {
            let Some(written) = oldest.now_or_never() else { break };
            self.pending.pop_front();
            self.count(written.map(drop))?;
        }
        Ok(())
    }

    async fn take_all(&mut self) -> anyhow::Result<()> {
        while let Some(oldest) = self.pending.pop_front() {
            let written = oldest.await.map(drop);
            self.count(written)?;
        }
        Ok(())
    }

    fn count(&mut self, written: Result<(), ProduceError>) -> anyhow::Result<()> {
        let written =
            written.with_context(|| format!("line {} was not written", self.delivered_count + 1));
        self.delivered_count += 1;
        written
    }
}

impl FromStr for Separator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match unescape(text) {
            Ok(bytes) if bytes.is_empty() => Err("it must not be empty".to_owned()),
            Ok(bytes) => Ok(Self(bytes)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What stands before and behind the first `separator`, shared.
fn split_once(bytes: &Bytes, separator: &[u8]) -> Option<(Bytes, Bytes)> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((bytes.slice(..at), bytes.slice(at + separator.len()..)))
}

fn parse_headers(text: &Bytes) -> anyhow::Result<Vec<Header>> {
    let mut headers = Vec::new();
    let mut rest = text.clone();
    while !rest.is_empty() {
        let (header, after) =
            split_once(&rest, b",").unwrap_or_else(|| (rest.clone(), Bytes::new()));
        let (name, value) = split_once(&header, b":")
            .with_context(|| format!("header {header:?} has no colon; expected NAME:VALUE"))?;
        headers.push(Header::new(name, value));
        rest = after;
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(key_separator: Option<&str>, headers: bool) -> Produce {
        Produce {
            topic: "t".parse().unwrap(),
            key_separator: key_separator.map(|text| text.parse().unwrap()),
            headers,
            acks: AcksArgument::All,
            compression: CompressionArgument::None,
            partition: None,
            no_create: false,
        }
    }

    fn check(arguments: &Produce, line: &'static [u8], key: Option<&[u8]>, value: &[u8]) {
        let record = arguments.record(Bytes::from_static(line)).unwrap();
        assert_eq!(record.key.as_deref(), key, "key of {line:?}");
        assert_eq!(record.value.as_deref(), Some(value), "value of {line:?}");
    }

    #[test]
    fn line_is_the_value_byte_for_byte() {
        check(&arguments(None, false), b" a:b\r\xff", None, b" a:b\r\xff");
        check(&arguments(None, false), b"", None, b"");
    }

    #[test]
    fn key_ends_at_the_first_separator_and_is_missing_without_one() {
        let arguments = arguments(Some("::"), false);
        check(&arguments, b"k::v::w", Some(b"k"), b"v::w");
        check(&arguments, b"::v", Some(b""), b"v");
        check(&arguments, b"only:value", None, b"only:value");
    }

    #[test]
    fn headers_stand_before_a_tab_and_then_the_key() {
        let arguments = arguments(Some("\\t"), true);
        let line = Bytes::from_static(b"a:1,b:x:y\tkey\tvalue");
        let record = arguments.record(line).unwrap();
        assert_eq!(record.headers, [Header::new("a", "1"), Header::new("b", "x:y")]);
        assert_eq!(record.key.as_deref(), Some(&b"key"[..]));
        assert_eq!(record.value.as_deref(), Some(&b"value"[..]));
    }

    #[test]
    fn line_without_its_headers_is_an_error() {
        let arguments = arguments(None, true);
        assert!(arguments.record(Bytes::from_static(b"no headers here")).is_err());
        assert!(arguments.record(Bytes::from_static(b"nocolon\tvalue")).is_err());
        assert!(arguments.record(Bytes::from_static(b"\tvalue")).unwrap().headers.is_empty());
    }
}
