//! ApiVersions: what this broker serves, said so that every client can read it.
//!
//! Source: KIP-35, KIP-511 (an unknown version is answered in version 0), KIP-584 (features).

use std::sync::Arc;

use highwater_protocol::messages::api_versions::{
    ApiVersionsRequest, ApiVersionsResponse, ResponseApiKey,
};
use highwater_protocol::{ApiKey, Frame, response_frame};
use highwater_records::ErrorCode;

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::net::connection::Offence;
use crate::net::dispatch::{SERVED, Served};

/// From this version on the client says what it is.
const SOFTWARE_NAME_VERSION: i16 = 3;

/// Answers with the table of what is served.
pub(crate) async fn handle(
    _broker: &Arc<Broker>,
    context: &RequestContext,
    request: ApiVersionsRequest,
) -> ApiVersionsResponse {
    let names = [&request.client_software_name, &request.client_software_version];
    if context.api_version >= SOFTWARE_NAME_VERSION
        && !names.into_iter().all(|name| is_software_name(name))
    {
        return ApiVersionsResponse { error_code: ErrorCode::InvalidRequest, ..Default::default() };
    }
    ApiVersionsResponse { api_keys: SERVED.iter().map(api_key).collect(), ..Default::default() }
}

/// The answer to a version we do not know: in version 0, with the range to choose from.
pub(crate) fn unsupported(context: &RequestContext) -> Result<Frame, Offence> {
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion,
        api_keys: SERVED
            .iter()
            .filter(|served| served.key == ApiKey::ApiVersions)
            .map(api_key)
            .collect(),
        ..Default::default()
    };
    response_frame(ApiKey::ApiVersions, 0, context.correlation_id, &response)
        .map_err(|error| Offence::Answer { api: ApiKey::ApiVersions.name(), version: 0, error })
}

fn api_key(served: &Served) -> ResponseApiKey {
    ResponseApiKey {
        api_key: served.key.code(),
        min_version: *served.versions.start(),
        max_version: *served.versions.end(),
    }
}

/// Letters and digits, with `-` and `.` between them.
fn is_software_name(name: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    is_end(bytes.first()) && is_end(bytes.last()) && bytes.iter().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_are_those_kafka_takes() {
        for name in ["a", "librdkafka", "apache-kafka-java", "2.15.0-RC1"] {
            assert!(is_software_name(name), "{name}");
        }
        for name in ["", "-a", "a-", ".", "a b", "a_b", "kafka\u{e9}"] {
            assert!(!is_software_name(name), "{name}");
        }
    }
}
