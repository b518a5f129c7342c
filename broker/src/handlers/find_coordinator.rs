//! FindCoordinator: who looks after a group, a transactional id or a share partition.
//!
//! Differs from Kafka: there are no coordinators of transactions and share groups yet, so the answer to every sound question about them
//! is COORDINATOR_NOT_AVAILABLE, and no internal topic is made for it. Clients ask again until their own timeout.

use std::sync::Arc;

use highwater_controller::MetadataImage;
use highwater_coordinator::group::partition_of;
use highwater_protocol::Str;
use highwater_protocol::messages::find_coordinator::{
    FindCoordinatorRequest, FindCoordinatorResponse, ResponseCoordinator,
};
use highwater_records::{ErrorCode, LeaderEpoch, NodeId, TopicName, Uuid};

use super::current_leader::{self, CurrentLeader};
use crate::broker::Broker;
use crate::context::RequestContext;
use crate::hosts::auto_create::AutoCreate;
use crate::hosts::groups::OFFSETS_TOPIC;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

/// From this version on several keys are asked for.
const BATCH_VERSION: i16 = 4;
/// Before it share partitions cannot be asked for.
const SHARE_VERSION: i16 = 6;

/// What Kafka says where there is nothing to say.
const NO_ERROR: &str = "NONE";

/// Answers for each key. The first question about a group makes the topic that keeps groups.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let image = broker.metadata.load();
    if request.key_type == GROUP && image.topics().get(OFFSETS_TOPIC).is_none() {
        let name = TopicName::parse(OFFSETS_TOPIC).expect("a legal name");
        AutoCreate::start(broker, vec![name]);
    }
    answer(context.api_version, request, |group| {
        let node = group_leader(&image, group)?;
        let leader = CurrentLeader { node, epoch: LeaderEpoch::NONE };
        let endpoints = current_leader::endpoints(broker, context, std::iter::once(leader));
        let found = endpoints.into_iter().next()?;
        Some(Coordinator { node: found.node, host: found.host, port: found.port })
    })
}

/// The broker that coordinates a group, if there is one.
fn group_leader(image: &MetadataImage, group: &str) -> Option<NodeId> {
    let topic = image.topics().get(OFFSETS_TOPIC)?;
    let count = i32::try_from(topic.partitions.len()).ok()?;
    let leader = topic.partition(partition_of(group, count))?.leader;
    (leader != NodeId::NONE).then_some(leader)
}

/// Where a coordinator listens.
#[derive(Clone)]
struct Coordinator {
    node: NodeId,
    host: Str,
    port: i32,
}

fn answer(
    version: i16,
    request: FindCoordinatorRequest,
    of_group: impl Fn(&str) -> Option<Coordinator>,
) -> FindCoordinatorResponse {
    let key_type = request.key_type;
    let find = |key: &str| find(version, key_type, key, &of_group);
    if version >= BATCH_VERSION {
        let coordinators = request.coordinator_keys.into_iter().map(|key| match find(&key) {
            Ok(found) => ResponseCoordinator {
                key,
                node_id: found.node.value(),
                host: found.host,
                port: found.port,
                error_message: Some(Str::default()),
                ..ResponseCoordinator::default()
            },
            Err((error_code, message)) => ResponseCoordinator {
                key,
                node_id: -1,
                host: Str::default(),
                port: -1,
                error_code,
                error_message: Some(Str::from_static(message)),
            },
        });
        let coordinators = coordinators.collect();
        return FindCoordinatorResponse { coordinators, ..FindCoordinatorResponse::default() };
    }
    match find(&request.key) {
        Ok(found) => FindCoordinatorResponse {
            error_message: Some(Str::from_static(NO_ERROR)),
            node_id: found.node.value(),
            host: found.host,
            port: found.port,
            ..FindCoordinatorResponse::default()
        },
        Err((error_code, message)) => FindCoordinatorResponse {
            error_code,
            error_message: Some(Str::from_static(message)),
            node_id: -1,
            port: -1,
            ..FindCoordinatorResponse::default()
        },
    }
}

fn find(
    version: i16,
    key_type: i8,
    key: &str,
    of_group: impl Fn(&str) -> Option<Coordinator>,
) -> Result<Coordinator, (ErrorCode, &'static str)> {
    let none = |message| Err((ErrorCode::CoordinatorNotAvailable, message));
    match key_type {
        GROUP => match of_group(key) {
            Some(found) => Ok(found),
            None => none("the coordinator of the group is not available yet"),
        },
        TRANSACTION => none("this broker has no transaction coordinator yet"),
        SHARE if version >= SHARE_VERSION && is_share_key(key) => {
            none("this broker has no share coordinator yet")
        }
        SHARE => Err((
            ErrorCode::InvalidRequest,
            "a share key is group:topicId:partition, from version 6 on",
        )),
        _ => Err((
            ErrorCode::InvalidRequest,
            "key types are 0 (group), 1 (transaction) and 2 (share)",
        )),
    }
}

/// `group:topicId:partition`; the group may hold colons itself.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let (partition, id, group) = (parts.next(), parts.next(), parts.next());
    let is_partition = partition.is_some_and(|partition| partition.parse::<u32>().is_ok());
    let is_id = id.is_some_and(|id| id.parse::<Uuid>().is_ok());
    is_partition && is_id && group.is_some_and(|group| !group.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE_KEY: &str = "g:AAAAAAAAAAAAAAAAAAAAAQ:0";

    /// Knows no group.
    fn nobody(_group: &str) -> Option<Coordinator> {
        None
    }

    #[test]
    fn group_is_found_with_the_leader_of_its_partition() {
        let image = super::super::fixture::image();
        assert_eq!(group_leader(&image, "any"), Some(NodeId::new(1)));
        assert_eq!(group_leader(&MetadataImage::default(), "any"), None);
        let found =
            |_: &str| Some(Coordinator { node: NodeId::new(7), host: Str::from("here"), port: 9 });
        let request = || FindCoordinatorRequest {
            key: Str::from("g"),
            coordinator_keys: vec![Str::from("g")],
            ..Default::default()
        };
        let one = answer(3, request(), found);
        assert_eq!(
            (one.error_code, one.node_id, &*one.host, one.port),
            (ErrorCode::None, 7, "here", 9)
        );
        let several = answer(4, request(), found).coordinators;
        assert_eq!(
            (several[0].error_code, several[0].node_id, several[0].port),
            (ErrorCode::None, 7, 9)
        );
    }

    #[test]
    fn no_coordinator_is_ever_claimed_and_unsound_questions_are_refused() {
        for (version, key_type, key, expected) in [
            (0, GROUP, "g", ErrorCode::CoordinatorNotAvailable),
            (3, TRANSACTION, "t", ErrorCode::CoordinatorNotAvailable),
            (3, SHARE, SHARE_KEY, ErrorCode::InvalidRequest),
            (3, 3, "x", ErrorCode::InvalidRequest),
        ] {
            let request =
                FindCoordinatorRequest { key: Str::from(key), key_type, ..Default::default() };
            let response = answer(version, request, nobody);
            assert_eq!(response.error_code, expected, "{version} {key_type} {key}");
            assert_eq!((response.node_id, &*response.host, response.port), (-1, "", -1));
        }
    }

    #[test]
    fn every_key_has_its_own_answer_from_version_4() {
        let keys = [SHARE_KEY, "no share key", "g:h:AAAAAAAAAAAAAAAAAAAAAQ:7"];
        let request = |key_type| FindCoordinatorRequest {
            key_type,
            coordinator_keys: keys.map(Str::from).to_vec(),
            ..Default::default()
        };
        let codes = |version, key_type| -> Vec<ErrorCode> {
            let response = answer(version, request(key_type), nobody);
            assert!(response.coordinators.iter().zip(keys).all(|(found, key)| found.key == key));
            assert!(
                response.coordinators.iter().all(|found| found.node_id == -1 && found.port == -1)
            );
            response.coordinators.iter().map(|found| found.error_code).collect()
        };
        assert_eq!(codes(4, GROUP), [ErrorCode::CoordinatorNotAvailable; 3]);
        assert_eq!(codes(5, SHARE), [ErrorCode::InvalidRequest; 3]);
        let available = ErrorCode::CoordinatorNotAvailable;
        assert_eq!(codes(6, SHARE), [available, ErrorCode::InvalidRequest, available]);
    }
}
