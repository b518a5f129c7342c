//! The topic of a run: one of its own that is deleted again, or the user's.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::Args;
use highwater::admin::{CreateOptions, NewTopic};
use highwater::{Admin, TopicName};

use crate::commands::failure::note;
use crate::commands::moment::now;
use crate::commands::{Global, key_value};

const PARTITIONS: i32 = 4;

/// Which topic to use.
#[derive(Clone, Debug, Args)]
pub(super) struct TopicArguments {
    /// An existing topic, which is kept with what is written to it [default: a new one, deleted
    /// at the end]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["partitions", "configs", "keep"])]
    pub(super) topic: Option<TopicName>,
    /// Partitions of the new topic [default: 4]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// A setting of the new topic; may be repeated
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
    configs: Vec<(String, String)>,
    /// Do not delete the new topic
    #[arg(long)]
    keep: bool,
}

/// A topic while it is used.
#[derive(Debug)]
pub(super) struct Used {
    admin: Admin,
    pub(super) name: TopicName,
    /// Its partitions.
    pub(super) partitions: i32,
    is_deleted_at_end: bool,
}

impl TopicArguments {
    /// Finds the topic, or makes it.
    pub(super) async fn open(&self, global: &Global) -> anyhow::Result<Used> {
        let admin = global.admin().await?;
        if let Some(name) = &self.topic {
            let found = admin.describe_topics(std::slice::from_ref(name)).await?;
            let found = found.into_iter().next().context("no answer for the topic")??;
            let partitions = i32::try_from(found.partitions.len())?;
            return Ok(Used { admin, name: name.clone(), partitions, is_deleted_at_end: false });
        }
        let name = format!("highwater-bench-{}-{}", std::process::id(), now().value());
        let name: TopicName = name.parse()?;
        let partitions = self.partitions.unwrap_or(PARTITIONS);
        let new = NewTopic {
            partitions: Some(partitions),
            configs: self.configs.iter().cloned().collect::<BTreeMap<_, _>>(),
            ..NewTopic::new(name.clone())
        };
        let created = admin.create_topics(&[new], CreateOptions::default()).await?;
        created.into_iter().next().context("no answer for the topic")??;
        Ok(Used { admin, name, partitions, is_deleted_at_end: !self.keep })
    }
}

impl Used {
    /// Deletes the topic if it was made for the run, whatever came of the run.
    pub(super) async fn close<T>(self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        if !self.is_deleted_at_end {
            return result;
        }
        let deleted = self.admin.delete_topics(std::slice::from_ref(&self.name)).await;
        let deleted = deleted.map(|answers| answers.into_iter().collect::<Result<(), _>>());
        if let Ok(Err(error)) | Err(error) = deleted {
            note(&format!("topic {} is left behind: {error}", self.name));
        }
        result
    }
}
