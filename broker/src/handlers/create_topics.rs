//! CreateTopics.
//!
//! Source: KIP-4, KIP-464 (defaults by -1), KIP-525 (counts and configurations in the answer).

use std::sync::Arc;

use highwater_controller::MetadataImage;
use highwater_controller::config::{ConfigMap, ConfigSources, TOPIC_CONFIGS, Usage};
use highwater_controller::decide::{CreatedTopic, NewTopic, create_topics};
use highwater_protocol::Str;
use highwater_protocol::messages::create_topics::{
    CreateTopicsRequest, CreateTopicsResponse, RequestTopic, ResponseTopic, ResponseTopicConfig,
};
use highwater_records::{ErrorCode, NodeId, Uuid};

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{admin_code, controller_code};

/// Creates the topics, each on its own merits, and answers once they can be produced to.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let topics: Vec<NewTopic> = request.topics.iter().map(new_topic).collect();
    let is_dry = request.validate_only;
    let decided = broker
        .decide_on_partitions(request.timeout_ms, move |image, controller, random| {
            create_topics(image, controller, &topics, is_dry, random)
        })
        .await;
    let topics = match decided {
        Ok((answer, image)) => answer
            .into_iter()
            .map(|(name, result)| match result {
                Ok(topic) => created(broker, &image, topic, is_dry),
                Err(refusal) => {
                    refused(Str::from(name), controller_code(&refusal), refusal.to_string())
                }
            })
            .collect(),
        Err(fault) => {
            let refused =
                |topic: RequestTopic| refused(topic.name, admin_code(&fault), fault.to_string());
            request.topics.into_iter().map(refused).collect()
        }
    };
    CreateTopicsResponse { topics, ..CreateTopicsResponse::default() }
}

fn new_topic(topic: &RequestTopic) -> NewTopic {
    let assignments = topic.assignments.iter().map(|assignment| {
        let nodes = assignment.broker_ids.iter().copied().map(NodeId::new).collect();
        (assignment.partition_index, nodes)
    });
    let configs = topic.configs.iter();
    NewTopic {
        name: topic.name.to_string(),
        partition_count: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: assignments.collect(),
        configs: configs
            .map(|config| (config.name.to_string(), config.value.as_deref().map(str::to_owned)))
            .collect(),
    }
}

fn created(
    broker: &Broker,
    image: &MetadataImage,
    topic: CreatedTopic,
    is_dry: bool,
) -> ResponseTopic {
    let file = broker.config.properties.as_map();
    let inherited = image.broker_config_sources(broker.config.node_id, file);
    ResponseTopic {
        name: Str::from(topic.name.as_str()),
        // A topic that was only validated has no id: the next try would get another one.
        topic_id: if is_dry { Uuid::ZERO } else { topic.id },
        num_partitions: topic.partition_count,
        replication_factor: topic.replication_factor,
        configs: Some(configs(&topic.configs, &inherited)),
        ..ResponseTopic::default()
    }
}

/// Every configuration the topic has, its own and inherited.
fn configs(overrides: &ConfigMap, inherited: &ConfigSources<'_>) -> Vec<ResponseTopicConfig> {
    let sources = ConfigSources { topic: Some(overrides), ..*inherited };
    let is_shown =
        |name: &str, usage: Usage| usage != Usage::Internal || overrides.contains_key(name);
    let shown = TOPIC_CONFIGS.iter().filter(|def| is_shown(def.name, def.usage));
    shown
        .map(|def| {
            let effective = sources.topic_value(def);
            ResponseTopicConfig {
                name: Str::from_static(def.name),
                value: effective.value.map(Str::from),
                read_only: false,
                config_source: effective.source.code(),
                is_sensitive: def.is_sensitive(),
            }
        })
        .collect()
}

fn refused(name: Str, error_code: ErrorCode, message: String) -> ResponseTopic {
    ResponseTopic {
        name,
        error_code,
        error_message: Some(Str::from(message)),
        configs: Some(Vec::new()),
        ..ResponseTopic::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_lists_own_and_inherited_configurations_with_their_sources() {
        let overrides = ConfigMap::from([("retention.ms".to_owned(), "5".to_owned())]);
        let file = ConfigMap::from([("log.segment.bytes".to_owned(), "2000000".to_owned())]);
        let inherited = ConfigSources { file: Some(&file), ..ConfigSources::default() };
        let configs = configs(&overrides, &inherited);
        let find = |name: &str| {
            let config = configs.iter().find(|config| config.name == name).unwrap();
            (config.value.as_deref().unwrap(), config.config_source)
        };
        assert_eq!(find("retention.ms"), ("5", 1));
        assert_eq!(find("segment.bytes"), ("2000000", 4));
        assert_eq!(find("cleanup.policy"), ("delete", 5));
        assert!(configs.iter().all(|config| config.name != "internal.segment.bytes"));
    }
}
