//! IncrementalAlterConfigs: set, delete, append to and subtract from single keys.
//!
//! Source: KIP-339.

use std::sync::Arc;

use highwater_controller::decide::{
    ConfigChange, ConfigTarget, ResourceAlteration, incremental_alter_configs,
};
use highwater_protocol::Str;
use highwater_protocol::messages::incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, RequestResource,
    ResponseResponse,
};
use highwater_records::ErrorCode;

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{admin_code, controller_code};

/// Changes each resource, by all its changes or none.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let resources: Vec<ResourceAlteration> = request.resources.iter().map(alteration).collect();
    let is_dry = request.validate_only;
    let decided = broker
        .controller
        .decide(move |image, controller, _| {
            incremental_alter_configs(image, controller, &resources, is_dry)
        })
        .await;
    let responses = match decided {
        Ok((answer, _image)) => answer
            .into_iter()
            .map(|(target, result)| match result {
                Ok(()) => response(&target, ErrorCode::None, None),
                Err(refusal) => {
                    response(&target, controller_code(&refusal), Some(refusal.to_string()))
                }
            })
            .collect(),
        Err(fault) => {
            let targets = request.resources.iter().map(target);
            targets
                .map(|target| response(&target, admin_code(&fault), Some(fault.to_string())))
                .collect()
        }
    };
    IncrementalAlterConfigsResponse { responses, ..IncrementalAlterConfigsResponse::default() }
}

fn target(resource: &RequestResource) -> ConfigTarget {
    ConfigTarget { code: resource.resource_type, name: resource.resource_name.to_string() }
}

fn alteration(resource: &RequestResource) -> ResourceAlteration {
    let changes = resource.configs.iter().map(|config| ConfigChange {
        key: config.name.to_string(),
        operation: config.config_operation,
        value: config.value.as_deref().map(str::to_owned),
    });
    ResourceAlteration { target: target(resource), changes: changes.collect() }
}

fn response(
    target: &ConfigTarget,
    error_code: ErrorCode,
    message: Option<String>,
) -> ResponseResponse {
    ResponseResponse {
        error_code,
        error_message: message.map(Str::from),
        resource_type: target.code,
        resource_name: Str::from(target.name.as_str()),
    }
}
