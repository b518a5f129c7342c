//! `highwater topic`: create, list, describe, alter and delete.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::{Args, Subcommand};
use highwater::admin::{
    AlterOperation, ConfigChange, ConfigEntry, ConfigResource, ConfigSource, CreateOptions,
    NewTopic, TopicDescription,
};
use highwater::client::ClientError;
use highwater::{Admin, ErrorCode, TopicName};
use serde_json::json;

use super::failure::{Reported, Usage, tell};
use super::output::Output;
use super::{Global, key_value};

/// Arguments of `topic`.
#[derive(Debug, Args)]
pub(crate) struct Topic {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a topic
    #[command(after_help = "Example: highwater topic create orders --partitions 6 \
                            --config retention.ms=86400000")]
    Create(Create),
    /// List the topics of the cluster
    List(List),
    /// Show partitions, leaders, replicas and settings
    Describe(Describe),
    /// Add partitions, change settings
    Alter(Alter),
    /// Delete topics and all their records
    Delete(Delete),
}

#[derive(Debug, Args)]
struct Create {
    /// Name of the topic
    name: TopicName,
    /// How many partitions [default: the broker's num.partitions]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// How many copies of each [default: the broker's default.replication.factor]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,
    /// A setting of the topic; may be repeated
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
    configs: Vec<(String, String)>,
    /// Succeed if the topic is there already
    #[arg(long)]
    if_not_exists: bool,
}

#[derive(Debug, Args)]
struct List {
    /// Also list Kafka's own topics
    #[arg(long)]
    internal: bool,
}

#[derive(Debug, Args)]
struct Describe {
    /// Names of topics [default: all but Kafka's own]
    names: Vec<TopicName>,
}

#[derive(Debug, Args)]
struct Alter {
    /// Name of the topic
    name: TopicName,
    /// Grow to this many partitions; keys may then go to other partitions than before
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// Set a setting; may be repeated
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
    configs: Vec<(String, String)>,
    /// Take a setting away, so that the default counts again; may be repeated
    #[arg(long = "delete-config", value_name = "KEY")]
    deleted: Vec<String>,
}

#[derive(Debug, Args)]
struct Delete {
    /// Names of the topics
    #[arg(required = true)]
    names: Vec<TopicName>,
    /// Succeed if a topic is not there
    #[arg(long)]
    if_exists: bool,
}

pub(crate) async fn run(
    global: &Global,
    arguments: Topic,
    output: &mut Output,
) -> anyhow::Result<()> {
    let admin = global.admin().await?;
    match arguments.action {
        Action::Create(create) => create.run(&admin, output).await,
        Action::List(list) => list.run(&admin, output).await,
        Action::Describe(describe) => describe.run(&admin, output).await,
        Action::Alter(alter) => alter.run(&admin, output).await,
        Action::Delete(delete) => delete.run(&admin, output).await,
    }
}

impl Create {
    async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let topic = NewTopic {
            name: self.name.clone(),
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            assignments: Vec::new(),
            configs: self.configs.into_iter().collect::<BTreeMap<_, _>>(),
        };
        let created = admin.create_topics(&[topic], CreateOptions::default()).await?;
        let created = created.into_iter().next().context("no answer for the topic")?;
        let name = &self.name;
        match created {
            Ok(created) => {
                let count = created.partitions;
                let partitions = match count {
                    Some(1) => " with 1 partition".to_owned(),
                    Some(count) => format!(" with {count} partitions"),
                    None => String::new(),
                };
                output.say(&format!("created topic {name}{partitions}"))?;
                output.json(&json!({
                    "topic": name.as_str(), "created": true, "id": created.id.to_string(),
                    "partitions": count, "replication_factor": created.replication_factor,
                }))?;
                Ok(())
            }
            Err(error)
                if self.if_not_exists && error.code() == Some(ErrorCode::TopicAlreadyExists) =>
            {
                output.say(&format!("topic {name} is there already"))?;
                output.json(&json!({ "topic": name.as_str(), "created": false }))?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl List {
    async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let topics = admin.list_topics().await?;
        let mut rows = Vec::new();
        for topic in topics.iter().filter(|topic| self.internal || !topic.is_internal) {
            let replicas = topic.partitions.iter().map(|it| it.replicas.len()).max().unwrap_or(0);
            rows.push(vec![
                topic.name.to_string(),
                topic.partitions.len().to_string(),
                replicas.to_string(),
            ]);
            output.json(&json!({
                "topic": topic.name.as_str(), "id": topic.id.to_string(),
                "internal": topic.is_internal, "partitions": topic.partitions.len(),
                "replication_factor": replicas,
            }))?;
        }
        output.table(&["TOPIC", "PARTITIONS", "REPLICAS"], &rows)?;
        Ok(())
    }
}

impl Describe {
    async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let topics: Vec<Result<TopicDescription, ClientError>> = if self.names.is_empty() {
            let topics = admin.list_topics().await?.into_iter();
            topics.filter(|topic| !topic.is_internal).map(Ok).collect()
        } else {
            admin.describe_topics(&self.names).await?
        };
        let mut failed = false;
        for topic in topics {
            match topic {
                Ok(topic) => describe(admin, &topic, output).await?,
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

async fn describe(
    admin: &Admin,
    topic: &TopicDescription,
    output: &mut Output,
) -> anyhow::Result<()> {
    let resource = ConfigResource::Topic(topic.name.clone());
    let configs = admin.describe_configs(&resource, None).await?;
    let durability = configs.iter().find(|config| config.name == "highwater.durability");
    let is_set = |config: &&ConfigEntry| config.source == ConfigSource::Topic;
    let set = configs
        .iter()
        .filter(is_set)
        .map(|config| format!("{}={}", config.name, config.value.as_deref().unwrap_or("(hidden)")));
    let set = set.collect::<Vec<_>>().join(", ");
    output.say(&format!("topic       {}", topic.name))?;
    output.say(&format!("id          {}", topic.id))?;
    if let Some(value) = durability.and_then(|config| config.value.as_deref()) {
        output.say(&format!("durability  {value}"))?;
    }
    output.say(&format!("settings    {}", if set.is_empty() { "(defaults)" } else { &set }))?;
    let list = |nodes: &[highwater_records::NodeId]| {
        let nodes: Vec<String> = nodes.iter().map(|node| node.value().to_string()).collect();
        if nodes.is_empty() { "-".to_owned() } else { nodes.join(",") }
    };
    let mut rows = Vec::new();
    for partition in &topic.partitions {
        rows.push(vec![
            partition.partition.to_string(),
            partition.leader.map_or("none".to_owned(), |leader| leader.value().to_string()),
            partition.leader_epoch.value().to_string(),
            list(&partition.replicas),
            list(&partition.isr),
            list(&partition.offline),
        ]);
    }
    output.table(&["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "OFFLINE"], &rows)?;
    let ids = |nodes: &[highwater_records::NodeId]| -> Vec<i32> {
        nodes.iter().map(|node| node.value()).collect()
    };
    let partitions = topic.partitions.iter().map(|partition| {
        json!({
            "partition": partition.partition,
            "leader": partition.leader.map(|leader| leader.value()),
            "leader_epoch": partition.leader_epoch.value(),
            "replicas": ids(&partition.replicas),
            "isr": ids(&partition.isr),
            "offline": ids(&partition.offline),
        })
    });
    let configs = configs.iter().map(|config| (config.name.clone(), json!(config.value)));
    output.json(&json!({
        "topic": topic.name.as_str(), "id": topic.id.to_string(), "internal": topic.is_internal,
        "partitions": partitions.collect::<Vec<_>>(),
        "configs": configs.collect::<serde_json::Map<_, _>>(),
    }))?;
    Ok(())
}

impl Alter {
    async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let set = self
            .configs
            .into_iter()
            .map(|(name, value)| ConfigChange { name, operation: AlterOperation::Set(value) });
        let deleted = self
            .deleted
            .into_iter()
            .map(|name| ConfigChange { name, operation: AlterOperation::Delete });
        let changes: Vec<ConfigChange> = set.chain(deleted).collect();
        if changes.is_empty() && self.partitions.is_none() {
            let text = "nothing to alter: give --partitions, --config or --delete-config";
            return Err(Usage(text.to_owned()).into());
        }
        if !changes.is_empty() {
            let resource = ConfigResource::Topic(self.name.clone());
            admin.alter_configs(&resource, &changes).await?;
        }
        if let Some(count) = self.partitions {
            admin.create_partitions(&self.name, count).await?;
        }
        output.say(&format!("altered topic {}", self.name))?;
        output.json(&json!({ "topic": self.name.as_str(), "altered": true }))?;
        Ok(())
    }
}

impl Delete {
    async fn run(self, admin: &Admin, output: &mut Output) -> anyhow::Result<()> {
        let deleted = admin.delete_topics(&self.names).await?;
        let mut failed = false;
        for (name, result) in self.names.iter().zip(deleted) {
            match result {
                Ok(()) => {
                    output.say(&format!("deleted topic {name}"))?;
                    output.json(&json!({ "topic": name.as_str(), "deleted": true }))?;
                }
                Err(error)
                    if self.if_exists
                        && error.code() == Some(ErrorCode::UnknownTopicOrPartition) =>
                {
                    output.say(&format!("there is no topic {name}"))?;
                    output.json(&json!({ "topic": name.as_str(), "deleted": false }))?;
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
