//! `highwater group describe`: where groups stand.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use highwater::admin::{CommittedOffset, GroupDescription, GroupKind, GroupMember};
use highwater::client::ClientError;
use highwater::{Admin, TopicPartition};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::lag::{Standing, standings};
use super::or_dash;
use crate::commands::failure::{Reported, note, tell};
use crate::commands::output::{Output, OutputFormat};

#[derive(Debug, Args)]
#[command(after_help = "\
LAG is the number of records between the committed offset and the end of the partition. SECONDS is
how long the first of them has been there, by the broker's clock, 0 without one: within a second, or
one in a hundred of it. A dash: not known; only Highwater brokers tell seconds.

Examples:
  highwater group describe readers
  highwater group describe readers --watch
  highwater group describe readers --output json | jq '.partitions[] | select(.lag > 0)'")]
pub(super) struct Describe {
    /// Ids of groups [default: all]
    #[arg(value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    groups: Vec<String>,
    /// Show it again every so many seconds, until Ctrl-C: --watch, or --watch=5 with the sign
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600), require_equals = true)]
    watch: Option<u64>,
}

impl Describe {
    pub(super) async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let Some(seconds) = self.watch else {
            return self.show(admin, output).await;
        };
        let is_screen = output.format == OutputFormat::Table && io::stdout().is_terminal();
        loop {
            let next = Instant::now() + Duration::from_secs(seconds);
            if is_screen {
                // From the upper left corner of an empty screen.
                output.writer().write_all(b"\x1b[2J\x1b[H")?;
            }
            match self.show(admin, output).await {
                Ok(()) => {}
                // Told already; the group may come, or the broker come back.
                Err(error) if error.is::<Reported>() => {}
                Err(error) if error.is::<ClientError>() => {
                    // What clears the screen goes first, or it clears this.
                    output.flush()?;
                    tell(&error);
                }
                Err(error) => return Err(error),
            }
            if !is_screen {
                output.say("")?;
            }
            output.flush()?;
            sleep_until(next).await;
        }
    }

    async fn show(&self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let mut groups = self.groups.clone();
        if groups.is_empty() {
            groups.extend(admin.list_groups().await?.into_iter().map(|group| group.group_id));
            if groups.is_empty() {
                output.flush()?;
                note("there are no groups");
            }
        }
        let mut failed = false;
        for (index, group) in groups.iter().enumerate() {
            match admin.describe_group(group).await {
                Ok(described) => {
                    if index > 0 {
                        output.say("")?;
                    }
                    show_group(admin, &described, output).await?;
                }
                Err(error) => {
                    output.flush()?;
                    tell(&error.into());
                    failed = true;
                }
            }
        }
        if failed { Err(Reported.into()) } else { Ok(()) }
    }
}

async fn show_group(
    admin: &Admin,
    group: &GroupDescription,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut partitions: BTreeMap<TopicPartition, Option<CommittedOffset>> = BTreeMap::new();
    let mut readers: BTreeMap<&TopicPartition, &GroupMember> = BTreeMap::new();
    for member in &group.members {
        for partition in &member.assignment {
            partitions.insert(partition.clone(), None);
            readers.insert(partition, member);
        }
    }
    for (partition, committed) in admin.group_offsets(&group.group_id, None).await? {
        partitions.insert(partition, Some(committed?));
    }
    let standings = standings(admin, &partitions).await?;
    let members = group.members.len();
    output.say(&format!("group        {}", group.group_id))?;
    output.say(&format!("state        {}, {} member{}", group.state, members, plural(members)))?;
    output.say(&format!("type         {}", kind(group)))?;
    output.say(&format!("assignor     {}", or_dash(Some(&group.assignor))))?;
    let coordinator = group.coordinator.value();
    output.say(&format!("coordinator  {coordinator} at {}", group.coordinator_address))?;
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for (partition, committed) in &partitions {
        let standing = &standings[partition];
        let reader = readers.get(partition).copied();
        rows.push(row(partition, committed.as_ref(), standing, reader));
        lines.push(json!({
            "topic": partition.topic.as_str(), "partition": partition.partition,
            "committed": committed.as_ref().map(|it| it.offset.value()),
            "metadata": committed.as_ref().map(|it| it.metadata.as_str()),
            "log_end": standing.end.map(|end| end.value()),
            "lag": standing.records, "lag_seconds": standing.seconds,
            "member": reader.map(|it| it.member_id.as_str()),
            "instance": reader.and_then(|it| it.instance_id.as_deref()),
            "client": reader.map(|it| it.client_id.as_str()),
            "host": reader.map(|it| it.host.as_str()),
        }));
    }
    let header =
        ["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "SECONDS", "MEMBER", "HOST", "CLIENT"];
    output.table(&header, &rows)?;
    output.json(&json!({
        "group": group.group_id, "state": group.state, "type": kind(group),
        "protocol_type": group.protocol_type, "assignor": group.assignor,
        "epoch": group.epoch, "assignment_epoch": group.assignment_epoch,
        "coordinator": { "id": coordinator, "address": group.coordinator_address },
        "member_count": members, "partitions": lines,
    }))?;
    Ok(())
}

fn row(
    partition: &TopicPartition,
    committed: Option<&CommittedOffset>,
    standing: &Standing,
    reader: Option<&GroupMember>,
) -> Vec<String> {
    let number = |number: Option<i64>| number.map_or("-".to_owned(), |it| it.to_string());
    vec![
        partition.topic.to_string(),
        partition.partition.to_string(),
        number(committed.map(|it| it.offset.value())),
        number(standing.end.map(|it| it.value())),
        number(standing.records),
        standing.seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.1}")),
        or_dash(reader.map(|it| it.member_id.as_str())),
        or_dash(reader.map(|it| it.host.as_str())),
        or_dash(reader.map(|it| it.client_id.as_str())),
    ]
}

fn kind(group: &GroupDescription) -> &'static str {
    match group.kind {
        GroupKind::Classic => "classic",
        GroupKind::Consumer => "consumer",
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
