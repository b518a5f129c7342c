//! `highwater config`: the settings of topics and brokers.

use clap::{Args, Subcommand, ValueEnum};
use highwater::TopicName;
use highwater::admin::{AlterOperation, ConfigChange, ConfigEntry, ConfigResource, ConfigSource};
use highwater_records::NodeId;
use serde_json::json;

use super::Global;
use super::failure::Usage;
use super::output::{Output, OutputFormat};

/// Arguments of `config`.
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show settings and where their values come from
    #[command(after_help = "Examples:\n  highwater config get topic orders\n  \
                            highwater config get broker 1 log.retention.ms")]
    Get(Get),
    /// Change settings
    #[command(
        after_help = "Examples:\n  highwater config set topic orders retention.ms=3600000\n  \
                            highwater config set topic orders --delete retention.ms"
    )]
    Set(Set),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Topic,
    Broker,
}

#[derive(Debug, Args)]
struct Get {
    /// What has the settings
    kind: Kind,
    /// Name of the topic or id of the broker; `default` for all brokers
    name: String,
    /// Only these keys
    keys: Vec<String>,
    /// Only what differs from the defaults
    #[arg(long)]
    changed: bool,
}

#[derive(Debug, Args)]
struct Set {
    /// What has the settings
    kind: Kind,
    /// Name of the topic or id of the broker; `default` for all brokers
    name: String,
    /// Settings to set
    #[arg(value_name = "KEY=VALUE", value_parser = super::key_value)]
    #[arg(required_unless_present = "deleted")]
    pairs: Vec<(String, String)>,
    /// Take a setting away, so that the default counts again; may be repeated
    #[arg(long = "delete", value_name = "KEY")]
    deleted: Vec<String>,
}

pub(crate) async fn run(
    global: &Global,
    arguments: Config,
    output: &mut Output,
) -> anyhow::Result<()> {
    let admin = global.admin().await?;
    match arguments.action {
        Action::Get(get) => {
            let resource = resource(get.kind, &get.name)?;
            let keys = (!get.keys.is_empty()).then_some(get.keys.as_slice());
            let mut entries = admin.describe_configs(&resource, keys).await?;
            if let Some(unknown) = get.keys.iter().find(|key| !has(&entries, key)) {
                anyhow::bail!("no setting {unknown:?}; leave the key out to see all there are");
            }
            if get.changed {
                entries.retain(|entry| entry.source != ConfigSource::Default);
            }
            entries.sort_by(|one, other| one.name.cmp(&other.name));
            show(&entries, output)
        }
        Action::Set(set) => {
            let resource = resource(set.kind, &set.name)?;
            let pairs = set.pairs.into_iter();
            let pairs = pairs
                .map(|(name, value)| ConfigChange { name, operation: AlterOperation::Set(value) });
            let deleted = set.deleted.into_iter();
            let deleted =
                deleted.map(|name| ConfigChange { name, operation: AlterOperation::Delete });
            let changes: Vec<ConfigChange> = pairs.chain(deleted).collect();
            admin.alter_configs(&resource, &changes).await?;
            let keys: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
            output.say(&format!("changed {}", keys.join(", ")))?;
            output.json(&json!({ "changed": keys }))?;
            Ok(())
        }
    }
}

fn has(entries: &[ConfigEntry], key: &str) -> bool {
    entries.iter().any(|entry| entry.name == key)
}

fn show(entries: &[ConfigEntry], output: &mut Output) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for entry in entries {
        let value = match (&entry.value, entry.is_sensitive) {
            (_, true) => "(hidden)".to_owned(),
            (Some(value), false) => value.clone(),
            (None, false) => "-".to_owned(),
        };
        let read_only = if entry.is_read_only { "read-only" } else { "" };
        let source = source(entry.source);
        rows.push(vec![entry.name.clone(), value, source.to_owned(), read_only.to_owned()]);
        if output.format == OutputFormat::Json {
            output.json(&json!({
                "key": entry.name, "value": entry.value, "source": source,
                "read_only": entry.is_read_only, "sensitive": entry.is_sensitive,
                "documentation": entry.documentation,
            }))?;
        }
    }
    output.table(&["KEY", "VALUE", "SOURCE", ""], &rows)?;
    Ok(())
}

fn resource(kind: Kind, name: &str) -> anyhow::Result<ConfigResource> {
    match kind {
        Kind::Topic => {
            let topic = TopicName::parse(name).map_err(|error| Usage(error.to_string()))?;
            Ok(ConfigResource::Topic(topic))
        }
        Kind::Broker if name == "default" => Ok(ConfigResource::BrokerDefault),
        Kind::Broker => {
            let wrong = |_| Usage(format!("broker id {name:?} is not a number"));
            let id: i32 = name.parse().map_err(wrong)?;
            Ok(ConfigResource::Broker(NodeId::new(id)))
        }
    }
}

fn source(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::Topic => "topic",
        ConfigSource::DynamicBroker => "broker, while running",
        ConfigSource::DynamicBrokerDefault => "all brokers, while running",
        ConfigSource::StaticBroker => "broker's file",
        ConfigSource::Default => "default",
        ConfigSource::Other(_) => "other",
    }
}
