//! IncrementalAlterConfigs: set, delete, append to and subtract from single keys.
//!
//! Source: KIP-339.

use std::sync::Arc;

use highwater_controller::decide::{
    ConfigChange, ConfigTarget, ResourceAlteration, incremental_alter_configs,
};
use highwater_protocol::messages::incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, RequestResource,
    ResponseResponse,
};

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::handlers::altered::{Altered, altered};

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
    let asked = request.resources.iter().map(target).collect();
    let responses = altered(decided, asked).into_iter().map(response).collect();
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

fn response(altered: Altered) -> ResponseResponse {
    ResponseResponse {
        error_code: altered.code,
        error_message: altered.message,
        resource_type: altered.target.code,
        resource_name: altered.target.name.into(),
    }
}
