//! DeleteGroups: groups without members go, with their offsets.

use std::sync::Arc;

use highwater_coordinator::group::Input;
use highwater_protocol::messages::delete_groups::{
    DeleteGroupsRequest, DeleteGroupsResponse, ResponseResult,
};
use highwater_records::ErrorCode;

use super::answer_room::once_each;
use super::group_answer::answer;
use crate::broker::Broker;
use crate::context::RequestContext;

/// Answers group by group, each when its end is committed; a group that is named twice is deleted and answered once, as in Kafka.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(request.groups_names.len());
    for group_id in once_each(request.groups_names) {
        let asked = broker.groups.ask(context, &group_id, |caller| Input::DeleteGroup {
            caller,
            group_id: group_id.clone(),
        });
        let error_code = match answer!(asked.await, DeleteGroup) {
            Ok(()) => ErrorCode::None,
            Err(refused) => refused.code(),
        };
        results.push(ResponseResult { group_id, error_code });
    }
    DeleteGroupsResponse { results, ..DeleteGroupsResponse::default() }
}
