//! `highwater group`: list, describe, members, reset and delete.

mod describe;
mod lag;
mod offsets_file;
mod plan;
mod reset;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Args, Subcommand};
use highwater::admin::GroupMember;
use highwater::{Admin, ErrorCode, TopicPartition};
use serde_json::json;

use super::Global;
use super::failure::{Reported, tell};
use super::output::{Output, printable};

/// Letters of a name that a table shows; it pads every line to the longest. Programs get it whole.
const CELL_LETTERS_MAX: usize = 80;
/// Kafka's words for what a group does.
const STATES: [&str; 7] = [
    "PreparingRebalance",
    "CompletingRebalance",
    "Stable",
    "Dead",
    "Empty",
    "Assigning",
    "Reconciling",
];
const TYPES: [&str; 2] = ["classic", "consumer"];

/// Arguments of `group`.
#[derive(Debug, Args)]
pub(crate) struct Group {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the groups of the cluster
    List(List),
    /// Show where groups stand: committed offsets, lag, who reads what
    Describe(describe::Describe),
    /// Show who is in groups
    Members(Members),
    /// Set committed offsets of a group without members
    Reset(reset::Reset),
    /// Delete groups without members, with all their offsets
    Delete(Delete),
}

#[derive(Debug, Args)]
struct List {
    /// Only groups in this state; may be repeated
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', ignore_case = true)]
    #[arg(value_parser = PossibleValuesParser::new(STATES))]
    states: Vec<String>,
    /// Only groups of this type; may be repeated
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', ignore_case = true)]
    #[arg(value_parser = PossibleValuesParser::new(TYPES))]
    types: Vec<String>,
}

#[derive(Debug, Args)]
struct Members {
    /// Ids of groups
    #[arg(required = true, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    groups: Vec<String>,
}

#[derive(Debug, Args)]
struct Delete {
    /// Ids of groups
    #[arg(required = true, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    groups: Vec<String>,
    /// Succeed if a group is not there
    #[arg(long)]
    if_exists: bool,
}

pub(crate) async fn run(
    global: &Global,
    arguments: Group,
    output: &mut Output,
) -> anyhow::Result<()> {
    let admin = global.admin().await?;
    match arguments.action {
        Action::List(list) => list.run(&admin, output).await,
        Action::Describe(describe) => describe.run(&admin, output).await,
        Action::Members(members) => members.run(&admin, output).await,
        Action::Reset(reset) => reset.run(&admin, output).await,
        Action::Delete(delete) => delete.run(&admin, output).await,
    }
}

impl List {
    async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let groups = admin.list_groups().await?;
        let mut rows = Vec::new();
        for group in groups {
            let (state, group_type) = (group.state.as_deref(), group.group_type.as_deref());
            if !is_wanted(&self.states, state) || !is_wanted(&self.types, group_type) {
                continue;
            }
            rows.push(vec![
                or_dash(Some(&group.group_id)),
                or_dash(group_type),
                or_dash(state),
                or_dash(Some(&group.protocol_type)),
                group.coordinator.value().to_string(),
            ]);
            output.json(&json!({
                "group": group.group_id, "type": group.group_type, "state": group.state,
                "protocol_type": group.protocol_type, "coordinator": group.coordinator.value(),
            }))?;
        }
        output.table(&["GROUP", "TYPE", "STATE", "PROTOCOL", "COORDINATOR"], &rows)?;
        Ok(())
    }
}

impl Members {
    async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let mut failed = false;
        for group in &self.groups {
            match admin.describe_group(group).await {
                Ok(described) => show_members(group, &described.members, output)?,
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

fn show_members(group: &str, members: &[GroupMember], output: &mut Output) -> anyhow::Result<()> {
    let rows = members.iter().map(|member| {
        let goes_to = member.target.as_ref().filter(|target| **target != member.assignment);
        vec![
            or_dash(Some(group)),
            or_dash(Some(&member.member_id)),
            or_dash(member.instance_id.as_deref()),
            or_dash(Some(&member.client_id)),
            or_dash(Some(&member.host)),
            member.epoch.map_or("-".to_owned(), |epoch| epoch.to_string()),
            in_short(&member.assignment),
            goes_to.map_or("-".to_owned(), |target| in_short(target)),
        ]
    });
    let header = ["GROUP", "MEMBER", "INSTANCE", "CLIENT", "HOST", "EPOCH", "READS", "WILL READ"];
    output.table(&header, &rows.collect::<Vec<_>>())?;
    for member in members {
        let partitions = |partitions: &[TopicPartition]| -> serde_json::Value {
            let one = |it: &TopicPartition| json!({ "topic": it.topic.as_str(), "partition": it.partition });
            partitions.iter().map(one).collect()
        };
        output.json(&json!({
            "group": group, "member": member.member_id, "instance": member.instance_id,
            "client": member.client_id, "host": member.host, "epoch": member.epoch,
            "subscribed_topics": member.subscribed_topics,
            "subscribed_regex": member.subscribed_regex,
            "assignment": partitions(&member.assignment),
            "target": member.target.as_deref().map(partitions),
        }))?;
    }
    Ok(())
}

impl Delete {
    async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let deleted = admin.delete_groups(&self.groups).await;
        let mut failed = false;
        for (group, result) in self.groups.iter().zip(deleted) {
            match result {
                Ok(()) => {
                    output.say(&format!("deleted group {group}"))?;
                    output.json(&json!({ "group": group, "deleted": true }))?;
                }
                Err(error)
                    if self.if_exists && error.code() == Some(ErrorCode::GroupIdNotFound) =>
                {
                    output.say(&format!("there is no group {group}"))?;
                    output.json(&json!({ "group": group, "deleted": false }))?;
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

/// Whether `is` is one of `wanted`; all are wanted if none is named.
fn is_wanted(wanted: &[String], is: Option<&str>) -> bool {
    let is_named = |wanted: &String| is.is_some_and(|is| is.eq_ignore_ascii_case(wanted));
    wanted.is_empty() || wanted.iter().any(is_named)
}

/// A name as a cell of a table, not too long; an empty cell would shift the columns for `awk`.
fn or_dash(text: Option<&str>) -> String {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return "-".to_owned() };
    let mut cell = printable(text).into_owned();
    if let Some((end, _)) = cell.char_indices().nth(CELL_LETTERS_MAX) {
        cell.truncate(end);
        cell.push('\u{2026}');
    }
    cell
}

/// `orders:0,1,2;returns:4`, from partitions in order; a dash without one.
fn in_short(partitions: &[TopicPartition]) -> String {
    if partitions.is_empty() {
        return "-".to_owned();
    }
    let mut text = String::new();
    let mut last = None;
    for TopicPartition { topic, partition } in partitions {
        if last == Some(topic) {
            text.push(',');
        } else {
            text.push_str(if last.is_some() { ";" } else { "" });
            text.push_str(topic.as_str());
            text.push(':');
        }
        text.push_str(&partition.to_string());
        last = Some(topic);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_in_short_name_each_topic_once() {
        let partition = |topic: &str, number| TopicPartition::new(topic.parse().unwrap(), number);
        let partitions = [partition("a", 0), partition("a", 2), partition("b", 1)];
        assert_eq!(in_short(&partitions), "a:0,2;b:1");
        assert_eq!(in_short(&[]), "-");
    }

    #[test]
    fn name_of_a_cell_is_short_and_obeyed_by_no_terminal() {
        assert_eq!(or_dash(None), "-");
        assert_eq!(or_dash(Some("")), "-");
        assert_eq!(or_dash(Some("\x1b[2J\n")), "\\u{1b}[2J\\n");
        let whole = "\u{e9}".repeat(CELL_LETTERS_MAX);
        assert_eq!(or_dash(Some(&whole)), whole);
        assert_eq!(or_dash(Some(&format!("{whole}x"))), format!("{whole}\u{2026}"));
    }
}
