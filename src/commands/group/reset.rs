//! `highwater group reset`: sets committed offsets, after showing what would change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use highwater::admin::CommittedOffset;
use highwater::{Admin, ErrorCode, Offset, Timestamp, TopicName, TopicPartition};
use serde_json::json;

use super::plan::{Planned, Target, plan};
use super::{offsets_file, or_dash};
use crate::commands::failure::{Reported, Usage, tell};
use crate::commands::moment::{self, Moment, Span};
use crate::commands::output::{Output, OutputFormat};

#[derive(Debug, Args)]
#[command(after_help = "\
Shows what would change, and changes it only with --execute. The group must have no members; a
group that is not there is made. An offset outside of a partition becomes its nearest end.

Examples:
  highwater group reset readers --to-earliest
  highwater group reset readers --topic orders:0,3 --to-time 2026-05-01T12:00:00Z --execute
  highwater group reset readers --shift-by -100 --execute
  highwater group reset readers --to-current --export > offsets.csv
  highwater group reset readers --from-file offsets.csv --execute")]
pub(super) struct Reset {
    /// Id of the group
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    group: String,
    /// A topic, or some of its partitions; may be repeated [default: all with a committed offset]
    #[arg(long = "topic", value_name = "TOPIC[:0,1,...]", conflicts_with = "from_file")]
    topics: Vec<Scope>,
    #[command(flatten)]
    to: To,
    /// Do it
    #[arg(long)]
    execute: bool,
    /// Write the new offsets as CSV, as kafka-consumer-groups does, instead of a table
    #[arg(long)]
    export: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct To {
    /// To the oldest record
    #[arg(long)]
    to_earliest: bool,
    /// To the end: only records to come
    #[arg(long)]
    to_latest: bool,
    /// To where it is; to the end in partitions where it has no offset
    #[arg(long)]
    to_current: bool,
    /// To an offset
    #[arg(long, value_name = "OFFSET", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    to_offset: Option<i64>,
    /// To the first record at or after a time: milliseconds since 1970, or 2026-05-01T12:00:00Z
    #[arg(long, value_name = "TIME", alias = "to-datetime", allow_hyphen_values = true)]
    to_time: Option<Moment>,
    /// To the first record that is no older than this: 90s, 15m, 2h, 7d or PT1H30M
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    by_duration: Option<Span>,
    /// So many records on; with a minus sign, back
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true)]
    shift_by: Option<i64>,
    /// To the offsets in a CSV file of kafka-consumer-groups: topic,partition,offset
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

/// A topic, or some of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    topic: TopicName,
    partitions: Option<BTreeSet<i32>>,
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (topic, numbers) = match text.split_once(':') {
            Some((topic, numbers)) => (topic, Some(numbers)),
            None => (text, None),
        };
        let number = |text: &str| match text.parse() {
            Ok(number @ 0..) => Ok(number),
            _ => Err(format!("{text:?} is no partition")),
        };
        let partitions = numbers.map(|numbers| numbers.split(',').map(number).collect());
        let topic = topic.parse::<TopicName>().map_err(|error| error.to_string())?;
        Ok(Self { topic, partitions: partitions.transpose()? })
    }
}

impl Reset {
    pub(super) async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        if self.export && output.format == OutputFormat::Json {
            let text = "--export and --output json contradict each other";
            return Err(Usage(text.to_owned()).into());
        }
        let target = self.target()?;
        self.refuse_members(admin).await?;
        let mut committed = BTreeMap::new();
        for (partition, offset) in admin.group_offsets(&self.group, None).await? {
            committed.insert(partition, offset?);
        }
        let partitions = self.partitions(admin, &committed, &target).await?;
        let plan = plan(admin, &committed, &partitions, &target).await?;
        let failures = if self.execute {
            let offset = |planned: &Planned| CommittedOffset::new(planned.to);
            let offsets = plan.iter().map(|(it, planned)| (it.clone(), offset(planned)));
            let answers = admin.set_group_offsets(&self.group, &offsets.collect()).await?;
            answers.into_iter().filter_map(|(it, answer)| Some((it, answer.err()?))).collect()
        } else {
            BTreeMap::new()
        };
        let done = plan.iter().filter(|(partition, _)| !failures.contains_key(*partition));
        self.show(&done.collect(), output)?;
        if failures.is_empty() {
            return Ok(());
        }
        output.flush()?;
        for error in failures.into_values() {
            tell(&error.into());
        }
        Err(Reported.into())
    }

    fn target(&self) -> anyhow::Result<Target> {
        let to = &self.to;
        Ok(if to.to_earliest {
            Target::Earliest
        } else if to.to_latest {
            Target::Latest
        } else if let Some(offset) = to.to_offset {
            Target::Offset(Offset::new(offset))
        } else if let Some(time) = to.to_time {
            Target::Time(time.0)
        } else if let Some(span) = to.by_duration {
            let ms = i64::try_from(span.0.as_millis()).unwrap_or(i64::MAX);
            Target::Time(Timestamp::new(moment::now().value().saturating_sub(ms).max(0)))
        } else if let Some(by) = to.shift_by {
            Target::Shift(by)
        } else if let Some(path) = &to.from_file {
            let what = || path.display().to_string();
            let text = offsets_file::text(path).with_context(what)?;
            Target::Each(offsets_file::read(&text, &self.group).with_context(what)?)
        } else {
            Target::Current
        })
    }

    /// A member would go on from where it is, and commit that over what is set here.
    async fn refuse_members(&self, admin: &Admin) -> anyhow::Result<()> {
        let group = match admin.describe_group(&self.group).await {
            Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => return Ok(()),
            described => described?,
        };
        let members = group.members.len();
        let has_some = members > 0 || !matches!(group.state.as_str(), "Empty" | "Dead");
        if has_some {
            bail!(
                "group {} is {} with {members} member{}: stop them first; `highwater group \
                 members {}` shows them",
                self.group,
                group.state,
                if members == 1 { "" } else { "s" },
                self.group
            );
        }
        Ok(())
    }

    async fn partitions(
        &self,
        admin: &Admin,
        committed: &BTreeMap<TopicPartition, CommittedOffset>,
        target: &Target,
    ) -> anyhow::Result<Vec<TopicPartition>> {
        if let Target::Each(offsets) = target {
            if offsets.is_empty() {
                bail!("the file has no offset of group {}", self.group);
            }
            return Ok(offsets.keys().cloned().collect());
        }
        if self.topics.is_empty() {
            if committed.is_empty() {
                bail!("group {} has no committed offset: name topics with --topic", self.group);
            }
            return Ok(committed.keys().cloned().collect());
        }
        let names: Vec<TopicName> = self.topics.iter().map(|scope| scope.topic.clone()).collect();
        let described = admin.describe_topics(&names).await?;
        let mut partitions = BTreeSet::new();
        for (scope, topic) in self.topics.iter().zip(described) {
            let count = topic?.partitions;
            let all = count.iter().map(|partition| partition.partition).collect();
            // A number that is not there is refused when its offsets are looked up.
            let numbers = scope.partitions.clone().unwrap_or(all);
            let topic = |number| TopicPartition::new(scope.topic.clone(), number);
            partitions.extend(numbers.into_iter().map(topic));
        }
        Ok(partitions.into_iter().collect())
    }

    fn show(
        &self,
        plan: &BTreeMap<&TopicPartition, &Planned>,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        if self.export {
            let offsets = plan.iter().map(|(it, planned)| ((*it).clone(), planned.to));
            offsets_file::write(output.writer(), offsets)?;
            return Ok(());
        }
        let rows = plan.iter().map(|(partition, planned)| {
            let change = planned.from.map(|from| planned.to.value() - from.value());
            vec![
                or_dash(Some(&self.group)),
                partition.topic.to_string(),
                partition.partition.to_string(),
                planned.from.map_or("-".to_owned(), |from| from.value().to_string()),
                planned.to.value().to_string(),
                change.map_or("-".to_owned(), |change| format!("{change:+}")),
            ]
        });
        let header = ["GROUP", "TOPIC", "PARTITION", "COMMITTED", "NEW", "CHANGE"];
        output.table(&header, &rows.collect::<Vec<_>>())?;
        let clamped = plan.values().filter(|planned| planned.is_clamped).count();
        if clamped > 0 {
            output.say(&format!("{clamped} outside of the partition: its nearest end is taken"))?;
        }
        if !self.execute {
            output.say("nothing is changed; add --execute to do it")?;
        }
        let partitions = plan.iter().map(|(partition, planned)| {
            json!({
                "topic": partition.topic.as_str(), "partition": partition.partition,
                "committed": planned.from.map(|from| from.value()), "new": planned.to.value(),
                "clamped": planned.is_clamped,
            })
        });
        output.json(&json!({
            "group": self.group, "executed": self.execute,
            "partitions": partitions.collect::<Vec<_>>(),
        }))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_is_a_topic_or_some_of_its_partitions() {
        let topic: TopicName = "orders".parse().unwrap();
        let whole = Scope { topic: topic.clone(), partitions: None };
        assert_eq!("orders".parse(), Ok(whole));
        let some = Scope { topic, partitions: Some(BTreeSet::from([0, 3])) };
        assert_eq!("orders:3,0".parse(), Ok(some));
        for wrong in ["", "a/b", "orders:", "orders:x", "orders:-1", "orders:0,"] {
            assert!(wrong.parse::<Scope>().is_err(), "{wrong}");
        }
    }
}
