//! `highwater group`: list, describe, members, reset and delete.

mod describe;
mod lag;
mod offsets_file;
mod plan;
mod reset;

use clap::{Args, Subcommand};
use highwater::admin::GroupMember;
use highwater::{Admin, ErrorCode, TopicPartition};
use serde_json::json;

use super::Global;
use super::failure::{Reported, tell};
use super::output::Output;

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
    /// Only groups in this state, such as Stable or Empty; may be repeated
    #[arg(long = "state", value_name = "STATE")]
    states: Vec<String>,
}

#[derive(Debug, Args)]
struct Members {
    /// Ids of groups
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
}

#[derive(Debug, Args)]
struct Delete {
    /// Ids of groups
    #[arg(required = true, value_name = "GROUP")]
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
            let state = group.state.as_deref();
            let is_wanted =
                |wanted: &String| state.is_some_and(|it| it.eq_ignore_ascii_case(wanted));
            if !self.states.is_empty() && !self.states.iter().any(is_wanted) {
                continue;
            }
            rows.push(vec![
                group.group_id.clone(),
                or_dash(group.group_type.as_deref()),
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
            group.to_owned(),
            member.member_id.clone(),
            or_dash(member.instance_id.as_deref()),
            or_dash(Some(&member.client_id)),
            or_dash(Some(&member.host)),
            member.epoch.map_or("-".to_owned(), |epoch| epoch.to_string()),
            or_dash(Some(&in_short(&member.assignment))),
            goes_to.map_or("-".to_owned(), |target| or_dash(Some(&in_short(target)))),
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

/// An empty cell would shift the columns for `awk`.
fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

/// `orders:0,1,2;returns:4`, from partitions in order.
fn in_short(partitions: &[TopicPartition]) -> String {
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
        assert_eq!(in_short(&[]), "");
    }
}
