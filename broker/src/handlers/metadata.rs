//! Metadata: brokers, topics, partitions and their leaders, as one listener sees them.
//!
//! Source: KIP-516 (topic ids), KIP-430 (authorized operations), KIP-302 (listeners).

use std::collections::BTreeSet;
use std::sync::Arc;

use highwater_controller::MetadataImage;
use highwater_controller::image::{BrokerImage, PartitionImage, TopicImage};
use highwater_protocol::Str;
use highwater_protocol::messages::metadata::{
    MetadataRequest, MetadataResponse, RequestTopic, ResponseBroker, ResponseTopic,
    ResponseTopicPartition,
};
use highwater_records::{ErrorCode, NodeId, TopicName, Uuid};

use super::authorized_operations as operations;
use crate::broker::Broker;
use crate::context::RequestContext;
use crate::hosts::auto_create::AutoCreate;

/// Topics one request may name; more is INVALID_REQUEST for each of them.
const TOPICS_MAX: usize = 10_000;

/// Answers from the published image; topics that are missing are made in the background if request and broker allow it.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: MetadataRequest,
) -> MetadataResponse {
    let image = broker.metadata.load();
    let view = View {
        image: &image,
        listener: context.listener_name(),
        version: context.api_version,
        controller: broker.controller.leader(),
    };
    let may_create =
        request.allow_auto_topic_creation && broker.config.flag("auto.create.topics.enable");
    let (response, missing) = view.answer(&request);
    if may_create && !missing.is_empty() {
        AutoCreate::start(broker, missing);
    }
    response
}

/// The image as clients of one listener see it in one version.
pub(super) struct View<'a> {
    pub(super) image: &'a MetadataImage,
    pub(super) listener: &'a str,
    pub(super) version: i16,
    pub(super) controller: Option<NodeId>,
}

/// A partition's leader as clients are told, and what is wrong with it.
pub(super) struct LeaderAnswer {
    pub(super) error_code: ErrorCode,
    pub(super) leader_id: i32,
}

impl<'a> View<'a> {
    /// The answer, and the named topics that do not exist but could.
    fn answer(&self, request: &MetadataRequest) -> (MetadataResponse, Vec<TopicName>) {
        let mut missing = Vec::new();
        let ask = request.include_topic_authorized_operations;
        let mut topics = match &request.topics {
            None => self.all_topics(),
            // Version 0 has no null: there an empty list asks for all.
            Some(topics) if topics.is_empty() && self.version == 0 => self.all_topics(),
            Some(topics) => self.named_topics(topics, &mut missing),
        };
        for topic in topics.iter_mut().filter(|topic| topic.error_code == ErrorCode::None) {
            topic.topic_authorized_operations = operations::topic(ask);
        }
        let response = MetadataResponse {
            brokers: self.image.alive_brokers().filter_map(|broker| self.broker(broker)).collect(),
            cluster_id: Some(Str::from(self.image.cluster_id())),
            controller_id: self.controller.unwrap_or(NodeId::NONE).value(),
            topics,
            cluster_authorized_operations: operations::cluster(
                request.include_cluster_authorized_operations,
            ),
            ..MetadataResponse::default()
        };
        (response, missing)
    }

    fn broker(&self, broker: &BrokerImage) -> Option<ResponseBroker> {
        let endpoint = broker.endpoint(self.listener)?;
        Some(ResponseBroker {
            node_id: broker.node.value(),
            host: Str::from(endpoint.host.as_str()),
            port: i32::from(endpoint.port),
            rack: broker.rack.as_deref().map(Str::from),
        })
    }

    fn all_topics(&self) -> Vec<ResponseTopic> {
        self.image.topics().iter().map(|topic| self.topic(topic)).collect()
    }

    fn named_topics(
        &self,
        wanted: &[RequestTopic],
        missing: &mut Vec<TopicName>,
    ) -> Vec<ResponseTopic> {
        // Before version 12 topics cannot be asked for by id, although 10 and 11 have the field.
        let by_id = |topic: &RequestTopic| !topic.topic_id.is_zero() || topic.name.is_none();
        let is_invalid = wanted.len() > TOPICS_MAX || self.version < 12 && wanted.iter().any(by_id);
        let mut seen = BTreeSet::new();
        let mut answer = Vec::new();
        for topic in wanted {
            if !seen.insert((topic.name.as_ref(), topic.topic_id)) {
                continue;
            }
            answer.push(match (&topic.name, topic.topic_id) {
                (name, id) if is_invalid => refused(ErrorCode::InvalidRequest, name.clone(), id),
                (_, id) if !id.is_zero() => self.topic_by_id(id),
                (Some(name), _) => self.topic_by_name(name, missing),
                (None, _) => refused(ErrorCode::InvalidRequest, None, Uuid::ZERO),
            });
        }
        if self.version < 12 {
            // Null names cannot be said there.
            for topic in &mut answer {
                topic.name.get_or_insert_default();
            }
        }
        answer
    }

    fn topic_by_id(&self, id: Uuid) -> ResponseTopic {
        match self.image.topics().get_by_id(id) {
            Some(topic) => self.topic(topic),
            None => refused(ErrorCode::UnknownTopicId, None, id),
        }
    }

    fn topic_by_name(&self, name: &Str, missing: &mut Vec<TopicName>) -> ResponseTopic {
        if let Some(topic) = self.image.topics().get(name) {
            return self.topic(topic);
        }
        match TopicName::parse(name) {
            Ok(parsed) => {
                missing.push(parsed);
                refused(ErrorCode::UnknownTopicOrPartition, Some(name.clone()), Uuid::ZERO)
            }
            Err(_illegal) => {
                refused(ErrorCode::InvalidTopicException, Some(name.clone()), Uuid::ZERO)
            }
        }
    }

    fn topic(&self, topic: &TopicImage) -> ResponseTopic {
        ResponseTopic {
            error_code: ErrorCode::None,
            name: Some(Str::from(topic.name.as_str())),
            topic_id: topic.id,
            is_internal: topic.is_internal(),
            partitions: topic
                .numbered()
                .map(|(number, state)| self.partition(number, state))
                .collect(),
            topic_authorized_operations: operations::NOT_ASKED,
        }
    }

    fn partition(&self, number: i32, state: &PartitionImage) -> ResponseTopicPartition {
        let LeaderAnswer { mut error_code, leader_id } = self.leader(state);
        let (mut replicas, mut isr) = (numbers(&state.replicas), numbers(&state.isr));
        if self.version == 0 {
            // The first version leaves out replicas that cannot be reached, and says so.
            let counts = (replicas.len(), isr.len());
            replicas.retain(|node| self.is_reachable(NodeId::new(*node)));
            isr.retain(|node| self.is_reachable(NodeId::new(*node)));
            if error_code == ErrorCode::None && counts != (replicas.len(), isr.len()) {
                error_code = ErrorCode::ReplicaNotAvailable;
            }
        }
        ResponseTopicPartition {
            error_code,
            partition_index: number,
            leader_id,
            leader_epoch: state.leader_epoch.value(),
            replica_nodes: replicas,
            isr_nodes: isr,
            offline_replicas: self.offline(state),
        }
    }

    /// The leader, if clients of this listener can reach it.
    pub(super) fn leader(&self, state: &PartitionImage) -> LeaderAnswer {
        let missing = |error_code| LeaderAnswer { error_code, leader_id: -1 };
        if state.leader.is_none() || !self.image.is_alive(state.leader) {
            return missing(ErrorCode::LeaderNotAvailable);
        }
        if !self.is_reachable(state.leader) {
            return missing(if self.version >= 6 {
                ErrorCode::ListenerNotFound
            } else {
                ErrorCode::LeaderNotAvailable
            });
        }
        LeaderAnswer { error_code: ErrorCode::None, leader_id: state.leader.value() }
    }

    fn is_reachable(&self, node: NodeId) -> bool {
        let broker = self.image.broker(node).filter(|broker| !broker.is_fenced);
        broker.is_some_and(|broker| broker.endpoint(self.listener).is_some())
    }

    /// Replicas on brokers that are gone, or in directories that their broker no longer has.
    pub(super) fn offline(&self, state: &PartitionImage) -> Vec<i32> {
        let is_online = |node: NodeId| {
            let broker = self.image.broker(node).filter(|broker| !broker.is_fenced);
            let directory = state.directory(node).unwrap_or(Uuid::ZERO);
            broker.is_some_and(|broker| {
                directory.is_zero() || broker.directories.contains(&directory)
            })
        };
        let offline = state.replicas.iter().copied().filter(|node| !is_online(*node));
        offline.map(NodeId::value).collect()
    }
}

pub(super) fn numbers(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|node| node.value()).collect()
}

fn refused(error_code: ErrorCode, name: Option<Str>, topic_id: Uuid) -> ResponseTopic {
    ResponseTopic {
        error_code,
        is_internal: name.as_deref().is_some_and(highwater_controller::image::is_internal_topic),
        name,
        topic_id,
        partitions: Vec::new(),
        topic_authorized_operations: operations::NOT_ASKED,
    }
}

#[cfg(test)]
mod tests;
