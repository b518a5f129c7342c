//! AlterConfigs: the old way, which replaces all overrides of a resource.

use std::sync::Arc;

use highwater_controller::decide::{ConfigTarget, ResourceReplacement, alter_configs};
use highwater_protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResponse, RequestResource, ResponseResponse,
};

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::handlers::altered::{Altered, altered};

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
    let asked = request.resources.iter().map(target).collect();
    let responses = altered(decided, asked).into_iter().map(response).collect();
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

fn response(altered: Altered) -> ResponseResponse {
    ResponseResponse {
        error_code: altered.code,
        error_message: altered.message,
        resource_type: altered.target.code,
        resource_name: altered.target.name.into(),
    }
}
