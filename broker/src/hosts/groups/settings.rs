//! What an operator sets, as the machine takes it.

use std::collections::BTreeMap;

use highwater_controller::MetadataImage;
use highwater_controller::config::ConfigMap;
use highwater_controller::image::ConfigResource;
use highwater_coordinator::group::{GroupConfig, GroupOverrides, MigrationPolicy};
use highwater_records::Codec;

use crate::config::Config;

/// The settings of this broker for all groups.
pub(super) fn group_config(config: &Config) -> GroupConfig {
    let number = |key: &str| i32::try_from(config.number(key)).unwrap_or(i32::MAX);
    let consumer = |key: &str| number(&format!("group.consumer.{key}"));
    let text = |key: &str| config.text(key).unwrap_or_default();
    let assignors = text("group.consumer.assignors");
    let assignors = assignors.split(',').map(str::trim).filter(|name| !name.is_empty());
    GroupConfig {
        session_timeout_min_ms: number("group.min.session.timeout.ms"),
        session_timeout_max_ms: number("group.max.session.timeout.ms"),
        initial_rebalance_delay_ms: number("group.initial.rebalance.delay.ms"),
        group_size_max: config.count("group.max.size"),
        offset_metadata_bytes_max: config.count("offset.metadata.max.bytes"),
        offsets_retention_ms: config.number("offsets.retention.minutes").saturating_mul(60_000),
        disconnect_timeout_ms: number("highwater.group.disconnect.timeout.ms"),
        consumer_session_timeout_ms: consumer("session.timeout.ms"),
        consumer_session_timeout_min_ms: consumer("min.session.timeout.ms"),
        consumer_session_timeout_max_ms: consumer("max.session.timeout.ms"),
        consumer_heartbeat_interval_ms: consumer("heartbeat.interval.ms"),
        consumer_heartbeat_interval_min_ms: consumer("min.heartbeat.interval.ms"),
        consumer_heartbeat_interval_max_ms: consumer("max.heartbeat.interval.ms"),
        consumer_group_size_max: config.count("group.consumer.max.size"),
        consumer_assignors: assignors.map(str::to_owned).collect(),
        consumer_assignment_interval_ms: consumer("assignment.interval.ms"),
        consumer_regex_refresh_interval_ms: consumer("regex.refresh.interval.ms"),
        consumer_migration_policy: migration_policy(&text("group.consumer.migration.policy")),
        ..GroupConfig::default()
    }
}

fn migration_policy(text: &str) -> MigrationPolicy {
    match text.to_ascii_lowercase().as_str() {
        "disabled" => MigrationPolicy::Disabled,
        "upgrade" => MigrationPolicy::Upgrade,
        "downgrade" => MigrationPolicy::Downgrade,
        _ => MigrationPolicy::Bidirectional,
    }
}

/// `offsets.topic.compression.codec`, or none if it is not built in.
pub(super) fn codec(config: &Config) -> Codec {
    let id = u8::try_from(config.number("offsets.topic.compression.codec")).unwrap_or(0);
    Codec::from_id(id).ok().filter(|codec| codec.is_supported()).unwrap_or(Codec::None)
}

/// The settings of single groups.
pub(super) fn overrides(image: &MetadataImage) -> BTreeMap<String, GroupOverrides> {
    let of_group = |(resource, configs): (&ConfigResource, &ConfigMap)| match resource {
        ConfigResource::Group(name) => Some((name.clone(), group_overrides(configs))),
        ConfigResource::Topic(_) | ConfigResource::Broker(_) | ConfigResource::BrokerDefaults => {
            None
        }
    };
    image.configs().iter().filter_map(of_group).collect()
}

fn group_overrides(configs: &ConfigMap) -> GroupOverrides {
    let number = |key: &str| configs.get(key).and_then(|value| value.trim().parse().ok());
    GroupOverrides {
        consumer_session_timeout_ms: number("consumer.session.timeout.ms"),
        consumer_heartbeat_interval_ms: number("consumer.heartbeat.interval.ms"),
        consumer_assignment_interval_ms: number("consumer.assignment.interval.ms"),
    }
}
