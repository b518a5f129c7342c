//! ListGroups: every group this broker coordinates.
//!
//! Source: KIP-518 (by state), KIP-848 (by type).

use std::sync::Arc;

use highwater_coordinator::group::{Answer, Input, ListedGroup};
use highwater_protocol::Str;
use highwater_protocol::messages::list_groups::{
    ListGroupsRequest, ListGroupsResponse, ResponseGroup,
};
use highwater_records::ErrorCode;

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::unavailable_code;
use crate::hosts::groups::Unavailable;

/// Answers from all partitions, or not at all: a list that lacks groups which are loading would be taken for the truth.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ListGroupsRequest,
) -> ListGroupsResponse {
    let replies = broker
        .groups
        .ask_all(context, |caller| Input::ListGroups { caller, request: request.clone() });
    let mut groups = Vec::new();
    for reply in replies.await {
        match reply {
            Ok(Answer::ListGroups(listed)) => groups.extend(listed.into_iter().map(group)),
            Ok(_) => unreachable!("an answer has the variant of its input"),
            Err(Unavailable::NotCoordinator) => {}
            Err(unavailable) => {
                let error_code = unavailable_code(&unavailable);
                return ListGroupsResponse { error_code, ..ListGroupsResponse::default() };
            }
        }
    }
    ListGroupsResponse { error_code: ErrorCode::None, groups, ..ListGroupsResponse::default() }
}

fn group(listed: ListedGroup) -> ResponseGroup {
    ResponseGroup {
        group_id: listed.group_id,
        protocol_type: listed.protocol_type,
        group_state: Str::from_static(listed.state),
        group_type: Str::from_static(listed.group_type),
    }
}
