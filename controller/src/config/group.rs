//! The keys that one group can have for itself, and what they may be beside the broker's bounds.
//!
//! Differs from Kafka: the keys of share groups and streams groups (`share.*`, `streams.*`) are refused as INVALID_CONFIG, because
//! there are no such groups here which they could be for.

use super::ConfigDef;
use super::ConfigType::Int;
use super::broker_config;
use super::same;
use super::sources::{ConfigMap, ConfigSources};
use super::value::ConfigValueError;

/// Every group key, sorted by name.
pub static GROUP_CONFIGS: &[ConfigDef] = &[
    ConfigDef::new(
        "consumer.assignment.interval.ms",
        Int,
        "1000",
        "Least time between two assignments of a consumer group.",
    )
    .at_least(0)
    .synonyms(&[same("group.consumer.assignment.interval.ms")]),
    ConfigDef::new(
        "consumer.heartbeat.interval.ms",
        Int,
        "5000",
        "Heartbeat interval of a member of a consumer group.",
    )
    .at_least(1)
    .synonyms(&[same("group.consumer.heartbeat.interval.ms")]),
    ConfigDef::new(
        "consumer.session.timeout.ms",
        Int,
        "45000",
        "Session timeout of a member of a consumer group.",
    )
    .at_least(1)
    .synonyms(&[same("group.consumer.session.timeout.ms")]),
];

/// The definition of a group key.
pub fn group_config(name: &str) -> Option<&'static ConfigDef> {
    GROUP_CONFIGS.iter().find(|def| def.name == name)
}

/// Why a group cannot have these values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupConfigRefusal {
    #[error("unknown group configuration {key}")]
    Unknown { key: String },
    #[error(transparent)]
    Value(#[from] ConfigValueError),
    #[error("{key} is {value}; {bound_key} is {bound}")]
    OutOfBounds { key: &'static str, value: i64, bound_key: String, bound: i64 },
    #[error(
        "consumer.session.timeout.ms is {session_ms}, it must be above consumer.heartbeat.interval.ms, which is {heartbeat_ms}"
    )]
    SessionTooShort { session_ms: i64, heartbeat_ms: i64 },
}

/// Checks all the overrides of a group together; `sources` are those of the broker.
pub fn check_group_configs(
    overrides: &ConfigMap,
    sources: &ConfigSources<'_>,
) -> Result<(), GroupConfigRefusal> {
    for (key, value) in overrides {
        let def =
            group_config(key).ok_or_else(|| GroupConfigRefusal::Unknown { key: key.clone() })?;
        def.validate(value)?;
    }
    let sources = ConfigSources { group: Some(overrides), ..*sources };
    for def in GROUP_CONFIGS.iter().filter(|def| overrides.contains_key(def.name)) {
        let value = group_number(&sources, def);
        let broker = |bound: &str| {
            let key = def.name.replacen("consumer.", &format!("group.consumer.{bound}."), 1);
            let number = broker_config(&key).and_then(|def| sources.broker_value(def).value);
            number.and_then(|number| number.trim().parse::<i64>().ok()).map(|number| (key, number))
        };
        let out_of = |(bound_key, bound)| GroupConfigRefusal::OutOfBounds {
            key: def.name,
            value,
            bound_key,
            bound,
        };
        if let Some(bound) = broker("min").filter(|(_, min)| value < *min) {
            return Err(out_of(bound));
        }
        if let Some(bound) = broker("max").filter(|(_, max)| value > *max) {
            return Err(out_of(bound));
        }
    }
    let number = |key| group_config(key).map_or(0, |def| group_number(&sources, def));
    let session_ms = number("consumer.session.timeout.ms");
    let heartbeat_ms = number("consumer.heartbeat.interval.ms");
    if session_ms <= heartbeat_ms {
        return Err(GroupConfigRefusal::SessionTooShort { session_ms, heartbeat_ms });
    }
    Ok(())
}

fn group_number(sources: &ConfigSources<'_>, def: &'static ConfigDef) -> i64 {
    let value = sources.group_value(def).value;
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(overrides: &[(&str, &str)]) -> Result<(), GroupConfigRefusal> {
        let map = |pairs: &[(&str, &str)]| -> ConfigMap {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let file = map(&[("group.consumer.min.session.timeout.ms", "6000")]);
        let sources = ConfigSources { file: Some(&file), ..ConfigSources::default() };
        check_group_configs(&map(overrides), &sources)
    }

    #[test]
    fn group_values_stay_within_the_bounds_of_the_broker() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("consumer.session.timeout.ms", "6000")]), Ok(()));
        assert!(check(&[("consumer.session.timeout.ms", "5999")]).is_err());
        assert!(check(&[("consumer.session.timeout.ms", "60001")]).is_err());
        assert!(check(&[("consumer.heartbeat.interval.ms", "4999")]).is_err());
        assert!(check(&[("consumer.assignment.interval.ms", "0")]).is_ok());
        assert!(check(&[("consumer.assignment.interval.ms", "15001")]).is_err());
    }

    #[test]
    fn session_shorter_than_the_heartbeat_is_refused() {
        let both = |session, heartbeat| {
            check(&[
                ("consumer.session.timeout.ms", session),
                ("consumer.heartbeat.interval.ms", heartbeat),
            ])
        };
        assert_eq!(both("8000", "7000"), Ok(()));
        let refusal = GroupConfigRefusal::SessionTooShort { session_ms: 8000, heartbeat_ms: 8000 };
        assert_eq!(both("8000", "8000"), Err(refusal));
    }

    #[test]
    fn unknown_key_and_bad_number_are_refused() {
        assert!(matches!(check(&[("retention.ms", "1")]), Err(GroupConfigRefusal::Unknown { .. })));
        let value = check(&[("consumer.session.timeout.ms", "soon")]);
        assert!(matches!(value, Err(GroupConfigRefusal::Value(_))));
    }

    #[test]
    fn every_group_key_has_the_default_of_its_broker_key() {
        for def in GROUP_CONFIGS {
            let effective = ConfigSources::default().group_value(def);
            assert_eq!(effective.value.as_deref(), def.default, "{}", def.name);
        }
    }
}
