//! InitProducerId: an identity for an idempotent producer.
//!
//! Source: KIP-98, KIP-360.

use std::sync::Arc;

use highwater_protocol::messages::init_producer_id::{
    InitProducerIdRequest, InitProducerIdResponse,
};
use highwater_records::ErrorCode;

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::admin_code;

/// Gives a new id with epoch 0, whatever id the producer had before.
///
/// Differs from Kafka: with a transactional id the answer is COORDINATOR_NOT_AVAILABLE until there is a transaction coordinator; clients
/// look for it again and give up at their own timeout, with a message that says so.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    if let Err(error_code) = check(&request) {
        return refused(error_code);
    }
    match broker.producer_ids.next(&broker.controller).await {
        Ok(id) => InitProducerIdResponse {
            producer_id: id.value(),
            producer_epoch: 0,
            ..InitProducerIdResponse::default()
        },
        Err(fault) => refused(admin_code(&fault)),
    }
}

fn check(request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
    match request.transactional_id.as_deref() {
        Some("") => return Err(ErrorCode::InvalidRequest),
        Some(_) => return Err(ErrorCode::CoordinatorNotAvailable),
        None => {}
    }
    if (request.producer_id == -1) == (request.producer_epoch == -1) {
        Ok(())
    } else {
        Err(ErrorCode::InvalidRequest)
    }
}

fn refused(error_code: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse { error_code, producer_epoch: -1, ..InitProducerIdResponse::default() }
}

#[cfg(test)]
mod tests {
    use highwater_protocol::Str;

    use super::*;

    #[test]
    fn only_complete_and_non_transactional_requests_pass() {
        for (transactional_id, producer_id, producer_epoch, expected) in [
            (None, -1, -1, Ok(())),
            (None, 7, 3, Ok(())),
            (None, 7, -1, Err(ErrorCode::InvalidRequest)),
            (None, -1, 3, Err(ErrorCode::InvalidRequest)),
            (Some(""), -1, -1, Err(ErrorCode::InvalidRequest)),
            (Some("t"), -1, -1, Err(ErrorCode::CoordinatorNotAvailable)),
        ] {
            let request = InitProducerIdRequest {
                transactional_id: transactional_id.map(Str::from),
                producer_id,
                producer_epoch,
                ..Default::default()
            };
            assert_eq!(check(&request), expected, "{request:?}");
        }
    }

    #[test]
    fn refusal_carries_no_identity() {
        let response = refused(ErrorCode::InvalidRequest);
        assert_eq!((response.producer_id, response.producer_epoch), (-1, -1));
    }
}
