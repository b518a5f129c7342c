//! `highwater consume`: records of a topic to standard output, as raw bytes.

mod member;
mod sink;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use highwater::client::ClientError;
use highwater::consumer::{
    ConsumeError, Consumer, ConsumerRecord, Isolation, OffsetReset, OffsetSpec, SeekTo,
};
use highwater::{Offset, Timestamp, TopicName, TopicPartition};
use highwater_records::TimestampType;
use serde_json::{Value, json};

use self::member::{Member, Signals};
use self::sink::Sink;
use super::failure::Usage;
use super::format::Format;
use super::output::{Output, OutputFormat, Progress};
use super::{Global, reach};

/// How many records one step takes; large, because each step is written out at once.
const POLL_RECORDS: usize = 10_000;
/// The same for a member of a group: what is read and not written is read again when it ends.
const MEMBER_POLL_RECORDS: usize = 500;

/// Arguments of `consume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --from-beginning and --offset only records to come are shown.

With --group the partitions of the topic are shared with the other members of the group (KIP-848,
the coordinator assigns). It goes on where the group has committed; --from-beginning counts only
where it has not. What was written is committed every 5 seconds and at the end, also by Ctrl-C; a
second Ctrl-C ends at once, without that. The broker must know KIP-848: Highwater, or Kafka 4.
There --exit-at-end looks at the partitions that this member was given. It ends too when the group
has had no partition for it in four heartbeats: others read them all.

Letters of --format: %t topic, %p partition, %o offset, %k key, %K its length, %s value, %S its
length, %T timestamp in ms, %h headers, %% a percent sign; escapes \\n \\r \\t \\0 \\\\ \\xHH.
With --output json each record is a line; a key or value that is no text stands as hexadecimal
digits under key_hex or value_hex.

Examples:
  highwater consume orders --from-beginning --exit-at-end > orders.txt
  highwater consume orders --offset -10 --format '%p@%o %k=%s\\n'
  highwater consume orders --offset time:1700000000000 --max 5 --output json
  highwater consume orders --group readers --from-beginning")]
pub(crate) struct Consume {
    /// The topic
    topic: TopicName,
    /// Begin at the oldest record
    #[arg(long, conflicts_with = "offset")]
    from_beginning: bool,
    /// Where to begin: a number, earliest, latest, -N for the last N of each partition, or
    /// time:MS for the first record at or after a time
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    offset: Option<Place>,
    /// Only this partition [default: all]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Read as a member of this group, and commit what was written
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["offset", "partition"])]
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    group: Option<String>,
    /// End after so many records
    #[arg(long, value_name = "COUNT")]
    max: Option<u64>,
    /// End when everything that is there now has been shown
    #[arg(long)]
    exit_at_end: bool,
    /// How to write a record [default: %s\n]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Whether to show records of open and aborted transactions
    #[arg(long, value_enum, default_value_t)]
    isolation: IsolationArgument,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Seek(SeekTo),
    /// So many records before the end.
    Last(i64),
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum IsolationArgument {
    #[default]
    ReadUncommitted,
    ReadCommitted,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<i64>().map_err(|_| WRONG_PLACE.to_owned());
        match text {
            "earliest" | "beginning" => Ok(Self::Seek(SeekTo::Earliest)),
            "latest" | "end" => Ok(Self::Seek(SeekTo::Latest)),
            text => match text.strip_prefix("time:") {
                Some(time) => Ok(Self::Seek(SeekTo::Time(Timestamp::new(number(time)?)))),
                None => match number(text)? {
                    offset @ 0.. => Ok(Self::Seek(SeekTo::Offset(Offset::new(offset)))),
                    last => Ok(Self::Last(last.checked_neg().ok_or(WRONG_PLACE)?)),
                },
            },
        }
    }
}

const WRONG_PLACE: &str = "expected a number, earliest, latest, -N or time:MS";

/// How a record is written.
#[derive(Clone, Debug)]
struct Lines {
    output: OutputFormat,
    format: Format,
}

/// Writes records and knows when to end.
struct Writer<'a> {
    output: &'a mut Output,
    lines: Lines,
    left: Option<u64>,
    /// Where each partition ends, while not all of it is shown; none to go on for ever.
    ends: Option<BTreeMap<TopicPartition, Offset>>,
    progress: Progress,
}

pub(crate) async fn run(
    global: &Global,
    arguments: Consume,
    output: &mut Output,
) -> anyhow::Result<()> {
    if output.format == OutputFormat::Json && arguments.format.is_some() {
        return Err(Usage("--format and --output json contradict each other".to_owned()).into());
    }
    let is_member = arguments.group.is_some();
    let options = global.client_options();
    let mut builder = Consumer::builder(&global.brokers)
        .client_options(|client| {
            client.api_timeout = options.api_timeout;
            client.client_id = options.client_id;
        })
        .max_poll_records(if is_member { MEMBER_POLL_RECORDS } else { POLL_RECORDS })
        .auto_offset_store(!is_member)
        .isolation_level(match arguments.isolation {
            IsolationArgument::ReadUncommitted => Isolation::ReadUncommitted,
            IsolationArgument::ReadCommitted => Isolation::ReadCommitted,
        })
        .auto_offset_reset(match arguments.offset {
            Some(Place::Seek(SeekTo::Offset(_))) => OffsetReset::None,
            None if is_member && !arguments.from_beginning => OffsetReset::Latest,
            _ => OffsetReset::Earliest,
        });
    if let Some(group) = &arguments.group {
        builder = builder.group_id(group);
    }
    let mut consumer = builder.build()?;
    reach(consumer.client()).await?;
    let partitions = arguments.partitions(&consumer).await?;
    let starts = match is_member {
        true => Vec::new(),
        false => arguments.starts(&consumer, &partitions).await?,
    };
    let ends = match arguments.exit_at_end {
        true => Some(look_up(&consumer, &partitions, OffsetSpec::Latest).await?),
        false => None,
    };
    let progress = Progress::new("written", !io::stdout().is_terminal());
    let format = arguments.format.clone().unwrap_or_else(Format::value_lines);
    let lines = Lines { output: output.format, format };
    if is_member {
        let (sink, signals) = (Sink::start(lines, arguments.max)?, Signals::new()?);
        let member = Member { consumer, sink, ends, progress, signals };
        return member.run(arguments.topic).await;
    }
    consumer.assign(starts);
    let mut writer = Writer { output, lines, left: arguments.max, ends, progress };
    while !writer.is_done(&consumer) {
        let records = consumer.poll(Duration::from_millis(500)).await?;
        writer.write(&records)?;
    }
    Ok(())
}

impl Consume {
    async fn partitions(&self, consumer: &Consumer) -> anyhow::Result<Vec<TopicPartition>> {
        let all = consumer.partitions_of(&self.topic).await?;
        let Some(number) = self.partition else { return Ok(all) };
        let count = all.len();
        let chosen: Vec<_> = all.into_iter().filter(|it| it.partition == number).collect();
        if chosen.is_empty() {
            return Err(ConsumeError::Client(ClientError::UnknownPartition {
                topic: self.topic.to_string(),
                partition: number,
                partition_count: count,
            })
            .into());
        }
        Ok(chosen)
    }

    /// Where to begin in each partition. Places relative to the end are fixed here, before
    /// anything is read: "only records to come" means from now on.
    async fn starts(
        &self,
        consumer: &Consumer,
        partitions: &[TopicPartition],
    ) -> anyhow::Result<Vec<(TopicPartition, SeekTo)>> {
        let place = match (self.from_beginning, self.offset) {
            (true, _) => Place::Seek(SeekTo::Earliest),
            (false, Some(place)) => place,
            (false, None) => Place::Seek(SeekTo::Latest),
        };
        let back = match place {
            Place::Seek(SeekTo::Latest) => 0,
            Place::Last(count) => count,
            Place::Seek(to) => return Ok(partitions.iter().map(|it| (it.clone(), to)).collect()),
        };
        let ends = look_up(consumer, partitions, OffsetSpec::Latest).await?;
        let first = look_up(consumer, partitions, OffsetSpec::Earliest).await?;
        let starts = ends.into_iter().map(|(partition, end)| {
            let from = Offset::new(end.value().saturating_sub(back)).max(first[&partition]);
            (partition, SeekTo::Offset(from))
        });
        Ok(starts.collect())
    }
}

async fn look_up(
    consumer: &Consumer,
    partitions: &[TopicPartition],
    place: OffsetSpec,
) -> anyhow::Result<BTreeMap<TopicPartition, Offset>> {
    let places = partitions.iter().map(|partition| (partition.clone(), place)).collect();
    let mut found = BTreeMap::new();
    for (partition, listed) in consumer.offsets(places).await {
        let offset = listed?.offset.unwrap_or(Offset::ZERO);
        found.insert(partition, offset);
    }
    Ok(found)
}

impl Writer<'_> {
    fn is_done(&mut self, consumer: &Consumer) -> bool {
        if let Some(ends) = &mut self.ends {
            // The position also passes what no reader sees, such as the ends of transactions.
            ends.retain(|partition, end| {
                consumer.position(partition).is_none_or(|position| position < *end)
            });
        }
        self.left == Some(0) || self.ends.as_ref().is_some_and(BTreeMap::is_empty)
    }

    fn write(&mut self, records: &[ConsumerRecord]) -> anyhow::Result<()> {
        let (mut count, mut bytes) = (0, 0);
        for record in records {
            if self.left == Some(0) {
                break;
            }
            if self.is_past_the_end(record) {
                continue;
            }
            self.lines.write(self.output.writer(), record)?;
            if let Some(left) = &mut self.left {
                *left -= 1;
            }
            count += 1;
            bytes += record.value.as_ref().map_or(0, |value| value.len());
        }
        // Everything that is ready has been written; whoever reads it should not have to wait.
        self.output.writer().flush()?;
        self.progress.add(count, u64::try_from(bytes).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Whether a record came after the end was looked up.
    fn is_past_the_end(&self, record: &ConsumerRecord) -> bool {
        let Some(ends) = &self.ends else { return false };
        let partition = TopicPartition::new(record.topic.clone(), record.partition);
        ends.get(&partition).is_none_or(|end| record.offset >= *end)
    }
}

impl Lines {
    fn write(&self, out: &mut impl Write, record: &ConsumerRecord) -> io::Result<()> {
        match self.output {
            OutputFormat::Table => self.format.write(out, record),
            OutputFormat::Json => {
                serde_json::to_writer(&mut *out, &in_json(record))?;
                out.write_all(b"\n")
            }
        }
    }
}

fn in_json(record: &ConsumerRecord) -> Value {
    let mut line = json!({
        "topic": record.topic.as_str(),
        "partition": record.partition,
        "offset": record.offset.value(),
        "timestamp": record.timestamp.value(),
        "timestamp_type": match record.timestamp_type {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        },
    });
    put(&mut line, "key", record.key.as_deref());
    put(&mut line, "value", record.value.as_deref());
    let headers = record.headers.iter().map(|header| {
        let mut json = json!({});
        put(&mut json, "key", Some(&header.key));
        put(&mut json, "value", header.value.as_deref());
        json
    });
    line["headers"] = headers.collect();
    line
}

/// Bytes as text, or under another name as hexadecimal digits: JSON knows no bytes.
pub(crate) fn put(line: &mut Value, name: &str, bytes: Option<&[u8]>) {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => line[name] = Value::Null,
        Some((_, Ok(text))) => line[name] = text.into(),
        Some((bytes, Err(_))) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            line[format!("{name}_hex")] = digits.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::fixture::record;

    fn check(text: &str, expected: Place) {
        assert_eq!(text.parse::<Place>().unwrap(), expected, "{text}");
    }

    #[test]
    fn place_is_a_number_a_word_a_time_or_so_many_from_the_end() {
        check("earliest", Place::Seek(SeekTo::Earliest));
        check("latest", Place::Seek(SeekTo::Latest));
        check("42", Place::Seek(SeekTo::Offset(Offset::new(42))));
        check("-10", Place::Last(10));
        check("time:1700", Place::Seek(SeekTo::Time(Timestamp::new(1700))));
        for wrong in ["", "x", "time:", "time:x", "1.5", "-9223372036854775808"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn json_keeps_every_byte_of_a_value_that_is_no_text() {
        let line = in_json(&record());
        assert_eq!(line["key"], "key");
        assert_eq!(line["value_hex"], "7661ff6c7565");
        assert!(line.get("value").is_none());
        assert_eq!(line["headers"][1], json!({ "key": "b", "value": null }));
    }
}
