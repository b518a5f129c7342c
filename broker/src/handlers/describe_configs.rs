//! DescribeConfigs: values in force, where they come from, and what they mean.
//!
//! Source: KIP-133, KIP-226 (sources and synonyms), KIP-569 (types and documentation).

use std::sync::Arc;

use highwater_controller::config::{
    BROKER_CONFIGS, ConfigDef, ConfigMap, ConfigSource, ConfigSources, Effective, GROUP_CONFIGS,
    Synonym, TOPIC_CONFIGS, Update, Usage, broker_config,
};
use highwater_controller::decide::ConfigTarget;
use highwater_controller::image::ConfigResource;
use highwater_controller::{MetadataImage, Refusal};
use highwater_protocol::Str;
use highwater_protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResponse, RequestResource, ResponseResult,
    ResponseResultConfig, ResponseResultConfigSynonym,
};
use highwater_records::{ErrorCode, NodeId};

use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::controller_code;

/// Describes each resource on its own merits.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let image = broker.metadata.load();
    let view = View {
        image: &image,
        node: broker.config.node_id,
        file: broker.config.properties.as_map(),
        with_synonyms: request.include_synonyms,
        with_documentation: request.include_documentation,
    };
    let results = request.resources.iter().map(|resource| view.resource(resource)).collect();
    DescribeConfigsResponse { results, ..DescribeConfigsResponse::default() }
}

/// What there is to describe, and how much of it was asked for.
struct View<'a> {
    image: &'a MetadataImage,
    node: NodeId,
    file: &'a ConfigMap,
    with_synonyms: bool,
    with_documentation: bool,
}

impl View<'_> {
    fn resource(&self, resource: &RequestResource) -> ResponseResult {
        let result = ResponseResult {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            ..ResponseResult::default()
        };
        match self.configs(resource) {
            Ok(configs) => ResponseResult { configs, ..result },
            Err((error_code, message)) => {
                ResponseResult { error_code, error_message: Some(Str::from(message)), ..result }
            }
        }
    }

    fn configs(
        &self,
        resource: &RequestResource,
    ) -> Result<Vec<ResponseResultConfig>, (ErrorCode, String)> {
        let refuse = |refusal: Refusal| (controller_code(&refusal), refusal.to_string());
        let name = resource.resource_name.to_string();
        let target = ConfigTarget { code: resource.resource_type, name };
        // Null asks for all keys, and so does an empty list.
        let keys = resource.configuration_keys.as_deref().filter(|keys| !keys.is_empty());
        let is_wanted = |def: &&'static ConfigDef| {
            keys.is_none_or(|keys| keys.iter().any(|key| *key == def.name))
        };
        match target.resource(self.image).map_err(refuse)? {
            ConfigResource::Topic(name) => {
                let sources = self.image.topic_config_sources(&name, self.node, self.file);
                let defs = TOPIC_CONFIGS.iter().filter(is_wanted);
                Ok(defs
                    .filter_map(|def| self.entry(def, sources.topic_value(def), false))
                    .collect())
            }
            ConfigResource::Broker(node) if node == self.node => {
                let sources = self.image.broker_config_sources(self.node, self.file);
                let defs = BROKER_CONFIGS.iter().copied().filter(is_wanted);
                let is_fixed = |def: &ConfigDef| def.update == Update::AtStart;
                Ok(defs
                    .filter_map(|def| self.entry(def, sources.broker_value(def), is_fixed(def)))
                    .collect())
            }
            ConfigResource::Broker(node) => Err((
                ErrorCode::InvalidRequest,
                format!(
                    "this is broker {}; ask broker {node} itself, or the empty name",
                    self.node
                ),
            )),
            ConfigResource::Group(name) => {
                let sources = self.image.group_config_sources(&name, self.node, self.file);
                let defs = GROUP_CONFIGS.iter().filter(is_wanted);
                Ok(defs
                    .filter_map(|def| self.entry(def, sources.group_value(def), false))
                    .collect())
            }
            ConfigResource::BrokerDefaults => {
                let set = self.image.configs().get(&ConfigResource::BrokerDefaults);
                let defs = set
                    .into_iter()
                    .flatten()
                    .filter_map(|(key, _)| broker_config(key))
                    .filter(is_wanted);
                let sources = ConfigSources { cluster: set, ..ConfigSources::default() };
                Ok(defs
                    .filter_map(|def| self.entry(def, sources.broker_value(def), false))
                    .collect())
            }
        }
    }

    fn entry(
        &self,
        def: &'static ConfigDef,
        effective: Effective,
        read_only: bool,
    ) -> Option<ResponseResultConfig> {
        if def.usage == Usage::Internal && effective.source == ConfigSource::Default {
            return None;
        }
        let is_sensitive = def.is_sensitive();
        let shown = |value: String| (!is_sensitive).then(|| Str::from(value));
        let synonym = |synonym: Synonym| ResponseResultConfigSynonym {
            name: Str::from_static(synonym.name),
            value: shown(synonym.value),
            source: synonym.source.code(),
        };
        let synonyms = if self.with_synonyms { effective.synonyms } else { Vec::new() };
        Some(ResponseResultConfig {
            name: Str::from_static(def.name),
            value: effective.value.and_then(shown),
            read_only,
            config_source: effective.source.code(),
            is_sensitive,
            synonyms: synonyms.into_iter().map(synonym).collect(),
            config_type: def.kind.code(),
            documentation: self.with_documentation.then(|| documentation(def)),
        })
    }
}

fn documentation(def: &'static ConfigDef) -> Str {
    match def.usage {
        Usage::NoEffect => {
            Str::from(format!("{} (Accepted, without effect on this broker.)", def.documentation))
        }
        Usage::Used | Usage::Internal => Str::from_static(def.documentation),
    }
}

#[cfg(test)]
mod tests;
