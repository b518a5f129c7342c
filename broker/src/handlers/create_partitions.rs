//! CreatePartitions: more partitions for a topic.

use std::sync::Arc;

use highwater_controller::decide::{NewPartitions, create_partitions};
use highwater_protocol::Str;
use highwater_protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, RequestTopic, ResponseResult,
};
use highwater_records::{ErrorCode, NodeId};

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{admin_code, controller_code};

/// Adds the partitions, each topic on its own merits, and answers once they can be produced to.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let topics: Vec<NewPartitions> = request.topics.iter().map(new_partitions).collect();
    let is_dry = request.validate_only;
    let decided = broker
        .decide_on_partitions(request.timeout_ms, move |image, controller, random| {
            create_partitions(image, controller, &topics, is_dry, random)
        })
        .await;
    let results = match decided {
        Ok((answer, _image)) => answer
            .into_iter()
            .map(|(name, result)| match result {
                Ok(()) => ResponseResult { name: Str::from(name), ..ResponseResult::default() },
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
    CreatePartitionsResponse { results, ..CreatePartitionsResponse::default() }
}

fn new_partitions(topic: &RequestTopic) -> NewPartitions {
    let nodes = |ids: &[i32]| ids.iter().copied().map(NodeId::new).collect();
    let assignments = topic.assignments.as_ref();
    NewPartitions {
        name: topic.name.to_string(),
        count: topic.count,
        assignments: assignments.map(|all| all.iter().map(|one| nodes(&one.broker_ids)).collect()),
    }
}

fn refused(name: Str, error_code: ErrorCode, message: String) -> ResponseResult {
    ResponseResult { name, error_code, error_message: Some(Str::from(message)) }
}
