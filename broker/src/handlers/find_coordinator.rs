//! FindCoordinator: who looks after a group, a transactional id or a share partition.
//!
//! Differs from Kafka: there are no coordinators yet, so the answer to every sound question is COORDINATOR_NOT_AVAILABLE, and no internal
//! topic is made for it. Clients ask again until their own timeout.

use std::sync::Arc;

use highwater_protocol::Str;
use highwater_protocol::messages::find_coordinator::{
    FindCoordinatorRequest, FindCoordinatorResponse, ResponseCoordinator,
};
use highwater_records::{ErrorCode, Uuid};

use crate::broker::Broker;
use crate::context::RequestContext;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

/// From this version on several keys are asked for.
const BATCH_VERSION: i16 = 4;
/// Before it share partitions cannot be asked for.
const SHARE_VERSION: i16 = 6;

pub(crate) async fn handle(
    _broker: &Arc<Broker>,
    context: &RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    answer(context.api_version, request)
}

fn answer(version: i16, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let key_type = request.key_type;
    if version >= BATCH_VERSION {
        let coordinators = request.coordinator_keys.into_iter().map(|key| {
            let (error_code, message) = find(version, key_type, &key);
            ResponseCoordinator {
                key,
                node_id: -1,
                host: Str::default(),
                port: -1,
                error_code,
                error_message: Some(Str::from_static(message)),
            }
        });
        let coordinators = coordinators.collect();
        return FindCoordinatorResponse { coordinators, ..FindCoordinatorResponse::default() };
    }
    let (error_code, message) = find(version, key_type, &request.key);
    FindCoordinatorResponse {
        error_code,
        error_message: Some(Str::from_static(message)),
        node_id: -1,
        port: -1,
        ..FindCoordinatorResponse::default()
    }
}

fn find(version: i16, key_type: i8, key: &str) -> (ErrorCode, &'static str) {
    let none = |message| (ErrorCode::CoordinatorNotAvailable, message);
    match key_type {
        GROUP => none("this broker has no group coordinator yet; read with assigned partitions"),
        TRANSACTION => none("this broker has no transaction coordinator yet"),
        SHARE if version >= SHARE_VERSION && is_share_key(key) => {
            none("this broker has no share coordinator yet")
        }
        SHARE => {
            (ErrorCode::InvalidRequest, "a share key is group:topicId:partition, from version 6 on")
        }
        _ => (ErrorCode::InvalidRequest, "key types are 0 (group), 1 (transaction) and 2 (share)"),
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
            let response = answer(version, request);
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
            let response = answer(version, request(key_type));
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
