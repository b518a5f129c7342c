//! Files of offsets, as `kafka-consumer-groups --export` writes them and `--from-file` reads them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use highwater::{Offset, TopicName, TopicPartition};

/// How much of a file is read; a larger one is refused. That is a million partitions and more.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What stands in a file, or comes out of a pipe.
pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        bail!("more than {FILE_BYTES_MAX} bytes");
    }
    Ok(text)
}

/// Reads lines of `topic,partition,offset`, or `group,topic,partition,offset` of which only those
/// of `group` count.
pub(super) fn read(text: &str, group: &str) -> anyhow::Result<BTreeMap<TopicPartition, Offset>> {
    let mut offsets = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let (partition, offset) = match read_line(line, group) {
            Ok(Some(read)) => read,
            Ok(None) => continue,
            Err(error) => return Err(error.context(format!("line {number}"))),
        };
        if offsets.insert(partition.clone(), offset).is_some() {
            bail!("line {number}: {partition} stands there for the second time");
        }
    }
    Ok(offsets)
}

/// Writes what [`read`] reads, and Kafka's tool.
pub(super) fn write(
    out: &mut impl Write,
    offsets: impl Iterator<Item = (TopicPartition, Offset)>,
) -> io::Result<()> {
    for (TopicPartition { topic, partition }, offset) in offsets {
        // No topic name has a comma or a quote in it.
        writeln!(out, "{topic},{partition},{}", offset.value())?;
    }
    Ok(())
}

fn read_line(line: &str, group: &str) -> anyhow::Result<Option<(TopicPartition, Offset)>> {
    let fields = fields(line).context("a quote that does not end")?;
    let (topic, partition, offset) = match fields.as_slice() {
        [topic, partition, offset] => (topic, partition, offset),
        [of, topic, partition, offset] if of == group => (topic, partition, offset),
        [_, _, _, _] => return Ok(None),
        _ => bail!("expected topic,partition,offset or group,topic,partition,offset"),
    };
    let topic: TopicName = topic.parse().with_context(|| format!("topic {topic:?}"))?;
    let partition: u32 = partition.parse().with_context(|| format!("partition {partition:?}"))?;
    let partition = i32::try_from(partition).context("partition")?;
    let offset: u64 = offset.parse().with_context(|| format!("offset {offset:?}"))?;
    let offset = i64::try_from(offset).context("offset")?;
    Ok(Some((TopicPartition::new(topic, partition), Offset::new(offset))))
}

/// Fields between commas; in quotes a comma is a comma, and two quotes are one.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let field = fields.last_mut()?;
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            letter => field.push(letter),
        }
    }
    let is_text = !is_quoted;
    is_text.then(|| fields.iter().map(|field| field.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(topic: &str, number: i32) -> TopicPartition {
        TopicPartition::new(topic.parse().unwrap(), number)
    }

    #[test]
    fn file_of_one_group_is_read_as_it_was_written() {
        let offsets =
            [(partition("orders", 0), Offset::new(7)), (partition("t", 12), Offset::ZERO)];
        let mut text = Vec::new();
        write(&mut text, offsets.clone().into_iter()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "orders,0,7\nt,12,0\n");
        assert_eq!(read(&text, "g").unwrap(), BTreeMap::from(offsets));
    }

    #[test]
    fn file_of_several_groups_gives_only_what_is_of_this_one() {
        // Kafka's tool puts long texts in quotes.
        let text = "\"g, the \"\"first\"\"\",\"orders\",0,7\r\nother,orders,1,8\n\n";
        let expected = BTreeMap::from([(partition("orders", 0), Offset::new(7))]);
        assert_eq!(read(text, "g, the \"first\"").unwrap(), expected);
    }

    #[test]
    fn file_without_an_end_is_refused() {
        let error = text(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.to_string(), "more than 67108864 bytes");
    }

    #[test]
    fn file_that_makes_no_sense_names_its_line() {
        for wrong in ["t,0", "t,x,1", "t,0,-1", "t,-1,1", "a/b,0,1", "t,0,1,2,3", "\"t,0,1", ",0,1"]
        {
            let text = format!("t,9,9\n{wrong}\n");
            let error = format!("{:#}", read(&text, "g").unwrap_err());
            assert!(error.starts_with("line 2"), "{wrong}: {error}");
        }
        assert!(read("t,0,1\nt,0,2\n", "g").is_err());
    }
}
