//! AlterConfigs: the old way, which replaces all overrides of a resource.

use std::sync::Arc;

use highwater_controller::decide::{ConfigTarget, ResourceReplacement, alter_configs};
use highwater_protocol::Str;
use highwater_protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResponse, RequestResource, ResponseResponse,
};
use highwater_records::ErrorCode;

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{admin_code, controller_code};

/// Replaces the overrides of each resource, all of them or none.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let resources: Vec<ResourceReplacement> = request.resources.iter().map(replacement).collect();
    let is_dry = request.validate_only;
    let decided = broker
        .controller
        .decide(move |image, controller, _| alter_configs(image, controller, &resources, is_dry))
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
    AlterConfigsResponse { responses, ..AlterConfigsResponse::default() }
}

fn target(resource: &RequestResource) -> ConfigTarget {
    ConfigTarget { code: resource.resource_type, name: resource.resource_name.to_string() }
}

fn replacement(resource: &RequestResource) -> ResourceReplacement {
    let configs = resource.configs.iter();
    ResourceReplacement {
        target: target(resource),
        configs: configs
            .map(|config| (config.name.to_string(), config.value.as_deref().map(str::to_owned)))
            .collect(),
    }
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
