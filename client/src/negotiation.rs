//! The first request of a connection: which versions does this broker speak (KIP-511)?

use highwater_protocol::ApiKey;
use highwater_protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use highwater_records::ErrorCode;

use crate::connection::{Connection, PendingResponse, fault};
use crate::{BrokerVersions, ClientError, ConnectionFault, FaultCause, wire};

/// Asks in version `newest`, and in an older one if the broker does not know that.
///
/// Ends after a few rounds, because each asks in an older version than the one before.
pub(crate) async fn negotiate(
    connection: &Connection,
    newest: i16,
) -> Result<BrokerVersions, ConnectionFault> {
    let mut version = newest;
    loop {
        let response = ask(connection, version).await?;
        match response.error_code {
            ErrorCode::None => return Ok(BrokerVersions::new(&response)),
            ErrorCode::UnsupportedVersion if version > 0 => {
                let theirs = BrokerVersions::new(&response).range(ApiKey::ApiVersions);
                version = theirs.map_or(0, |(_, last)| last).clamp(0, version - 1);
            }
            code => return Err(fault(connection.address(), FaultCause::Handshake(code))),
        }
    }
}

async fn ask(
    connection: &Connection,
    version: i16,
) -> Result<ApiVersionsResponse, ConnectionFault> {
    let request = ApiVersionsRequest {
        client_software_name: "highwater".into(),
        client_software_version: env!("CARGO_PKG_VERSION").into(),
    };
    let started = connection.start(&request, version).await;
    let mut pending: PendingResponse<ApiVersionsRequest> =
        started.map_err(|error| match error {
            ClientError::Connection(fault) => fault,
            other => {
                unreachable!("ApiVersions has no field that could fail to be written: {other}")
            }
        })?;
    let body = pending.body(connection.request_timeout()).await?;
    // A refusal comes in version 0, whatever was asked.
    let answered_in = if wire::is_version_refusal(&body) { 0 } else { version };
    pending.decode(body, answered_in)
}
