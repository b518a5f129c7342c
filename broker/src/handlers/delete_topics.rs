//! DeleteTopics, by name or by id.

use std::sync::Arc;

use highwater_controller::Refusal;
use highwater_controller::decide::{TopicReference, delete_topics};
use highwater_protocol::Str;
use highwater_protocol::messages::delete_topics::{
    DeleteTopicsRequest, DeleteTopicsResponse, ResponseResponse,
};
use highwater_records::{ErrorCode, Uuid};

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{admin_code, controller_code};

/// From this version on topics are structs that may hold an id.
const IDS_VERSION: i16 = 6;
/// Before it there is no code for "deletion is disabled".
const DISABLED_CODE_VERSION: i16 = 3;

/// Deletes the topics, each on its own merits.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let version = context.api_version;
    let references = references(version, &request);
    let wanted = references.clone();
    let decided = broker
        .controller
        .decide_within(request.timeout_ms, move |image, controller, _| {
            delete_topics(image, controller, &wanted)
        })
        .await;
    let responses = match decided {
        Ok((answer, _image)) => answer
            .into_iter()
            .map(|(reference, result)| match result {
                Ok(topic) => ResponseResponse {
                    name: Some(Str::from(topic.name.as_str())),
                    topic_id: topic.id,
                    ..ResponseResponse::default()
                },
                Err(refusal) => {
                    refused(&reference, code_in(version, &refusal), refusal.to_string())
                }
            })
            .collect(),
        Err(fault) => {
            let refused = |reference| refused(reference, admin_code(&fault), fault.to_string());
            references.iter().map(refused).collect()
        }
    };
    DeleteTopicsResponse { responses, ..DeleteTopicsResponse::default() }
}

fn references(version: i16, request: &DeleteTopicsRequest) -> Vec<TopicReference> {
    if version >= IDS_VERSION {
        let reference = |name: &Option<Str>, id| TopicReference {
            name: name.as_deref().map(str::to_owned),
            id,
        };
        return request.topics.iter().map(|topic| reference(&topic.name, topic.topic_id)).collect();
    }
    let reference = |name: &Str| TopicReference { name: Some(name.to_string()), id: Uuid::ZERO };
    request.topic_names.iter().map(reference).collect()
}

fn code_in(version: i16, refusal: &Refusal) -> ErrorCode {
    match controller_code(refusal) {
        ErrorCode::TopicDeletionDisabled if version < DISABLED_CODE_VERSION => {
            ErrorCode::InvalidRequest
        }
        code => code,
    }
}

fn refused(reference: &TopicReference, error_code: ErrorCode, message: String) -> ResponseResponse {
    ResponseResponse {
        name: reference.name.as_deref().map(Str::from),
        topic_id: reference.id,
        error_code,
        error_message: Some(Str::from(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disabled_deletion_has_its_own_code_from_version_3() {
        let code = |version| code_in(version, &Refusal::DeletionDisabled);
        assert_eq!(code(2), ErrorCode::InvalidRequest);
        assert_eq!(code(3), ErrorCode::TopicDeletionDisabled);
    }
}
