//! Where a value comes from, and which one is in force.

use std::collections::BTreeMap;

use super::{ConfigDef, KeySynonym, broker_config};

/// Where a value was set; the codes are those of DescribeConfigs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    Topic,
    DynamicBroker,
    DynamicDefaultBroker,
    StaticBroker,
    Default,
    Group,
}

impl ConfigSource {
    /// Code of the source on the wire.
    pub const fn code(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::DynamicBroker => 2,
            Self::DynamicDefaultBroker => 3,
            Self::StaticBroker => 4,
            Self::Default => 5,
            Self::Group => 8,
        }
    }
}

/// One place that sets a value, under the name it has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonym {
    pub name: &'static str,
    pub value: String,
    pub source: ConfigSource,
}

/// The value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// `None`: nothing is set and the key has no default.
    pub value: Option<String>,
    pub source: ConfigSource,
    /// Every place that sets it, the strongest first.
    pub synonyms: Vec<Synonym>,
}

/// Key-value pairs of one place.
pub type ConfigMap = BTreeMap<String, String>;

/// The places where values are set, strongest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConfigSources<'a> {
    /// Overrides of one topic.
    pub topic: Option<&'a ConfigMap>,
    /// Overrides of one group.
    pub group: Option<&'a ConfigMap>,
    /// Dynamic values of one broker.
    pub broker: Option<&'a ConfigMap>,
    /// Dynamic values of all brokers.
    pub cluster: Option<&'a ConfigMap>,
    /// The configuration file.
    pub file: Option<&'a ConfigMap>,
}

impl ConfigSources<'_> {
    /// The value of a topic key.
    pub fn topic_value(&self, def: &'static ConfigDef) -> Effective {
        let mut found = Found::default();
        if let Some(value) = self.topic.and_then(|map| map.get(def.name)) {
            found.push(def.name, value, 1, ConfigSource::Topic);
        }
        self.collect_broker(def.synonyms.iter().copied(), &mut found);
        if def.synonyms.is_empty()
            && let Some(default) = def.default
        {
            found.push(def.name, default, 1, ConfigSource::Default);
        }
        found.finish()
    }

    /// The value of a group key. What the brokers have set shows as the default, as in Kafka.
    pub fn group_value(&self, def: &'static ConfigDef) -> Effective {
        let mut found = Found::default();
        if let Some(value) = self.group.and_then(|map| map.get(def.name)) {
            found.push(def.name, value, 1, ConfigSource::Group);
        }
        let mut effective = found.finish();
        if effective.value.is_none() {
            let mut inherited = Found::default();
            self.collect_broker(def.synonyms.iter().copied(), &mut inherited);
            effective.value = inherited.value;
        }
        effective
    }

    /// The value of a broker key.
    pub fn broker_value(&self, def: &'static ConfigDef) -> Effective {
        let own = KeySynonym { name: def.name, factor: 1 };
        let mut found = Found::default();
        self.collect_broker(std::iter::once(own).chain(def.synonyms.iter().copied()), &mut found);
        found.finish()
    }

    fn collect_broker(&self, names: impl Iterator<Item = KeySynonym> + Clone, found: &mut Found) {
        let places = [
            (self.broker, ConfigSource::DynamicBroker),
            (self.cluster, ConfigSource::DynamicDefaultBroker),
            (self.file, ConfigSource::StaticBroker),
        ];
        for (place, source) in places {
            let Some(place) = place else { continue };
            for KeySynonym { name, factor } in names.clone() {
                if let Some(value) = place.get(name) {
                    found.push(name, value, factor, source);
                }
            }
        }
        for KeySynonym { name, factor } in names {
            if let Some(default) = broker_config(name).and_then(|def| def.default) {
                found.push(name, default, factor, ConfigSource::Default);
            }
        }
    }
}

#[derive(Default)]
struct Found {
    value: Option<String>,
    synonyms: Vec<Synonym>,
}

impl Found {
    fn push(&mut self, name: &'static str, value: &str, factor: i64, source: ConfigSource) {
        if self.value.is_none() {
            self.value = Some(in_unit(value, factor));
        }
        self.synonyms.push(Synonym { name, value: value.to_owned(), source });
    }

    fn finish(self) -> Effective {
        let source = self.synonyms.first().map_or(ConfigSource::Default, |first| first.source);
        Effective { value: self.value, source, synonyms: self.synonyms }
    }
}

/// The value times `factor`; a negative number means "no limit" in every unit.
fn in_unit(value: &str, factor: i64) -> String {
    match value.trim().parse::<i64>() {
        Ok(number) if factor != 1 && number >= 0 => number.saturating_mul(factor).to_string(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::topic_config;
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> ConfigMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn strongest_place_wins_and_all_places_are_listed() {
        let topic = map(&[("retention.ms", "1")]);
        let broker = map(&[("log.retention.ms", "2")]);
        let cluster = map(&[("log.retention.ms", "3")]);
        let file = map(&[("log.retention.hours", "4"), ("log.retention.minutes", "5")]);
        let all = ConfigSources {
            topic: Some(&topic),
            group: None,
            broker: Some(&broker),
            cluster: Some(&cluster),
            file: Some(&file),
        };
        let def = topic_config("retention.ms").unwrap();
        let effective = all.topic_value(def);
        assert_eq!(effective.value.as_deref(), Some("1"));
        assert_eq!(effective.source, ConfigSource::Topic);
        let listed: Vec<_> =
            effective.synonyms.iter().map(|s| (s.name, s.value.as_str(), s.source)).collect();
        assert_eq!(
            listed,
            [
                ("retention.ms", "1", ConfigSource::Topic),
                ("log.retention.ms", "2", ConfigSource::DynamicBroker),
                ("log.retention.ms", "3", ConfigSource::DynamicDefaultBroker),
                ("log.retention.minutes", "5", ConfigSource::StaticBroker),
                ("log.retention.hours", "4", ConfigSource::StaticBroker),
                ("log.retention.hours", "168", ConfigSource::Default),
            ]
        );
        let file_only = ConfigSources { file: Some(&file), ..ConfigSources::default() };
        assert_eq!(file_only.topic_value(def).value.as_deref(), Some("300000"));
        let nothing = ConfigSources::default().topic_value(def);
        assert_eq!(nothing.value.as_deref(), Some("604800000"));
        assert_eq!(nothing.source, ConfigSource::Default);
    }

    #[test]
    fn unlimited_hours_stay_unlimited_in_milliseconds() {
        let file = map(&[("log.retention.hours", "-1")]);
        let sources = ConfigSources { file: Some(&file), ..ConfigSources::default() };
        let value = sources.topic_value(topic_config("retention.ms").unwrap()).value;
        assert_eq!(value.as_deref(), Some("-1"));
    }

    #[test]
    fn every_topic_key_has_its_documented_default() {
        for def in super::super::TOPIC_CONFIGS {
            let effective = ConfigSources::default().topic_value(def);
            assert_eq!(effective.value.as_deref(), def.default, "{}", def.name);
            assert_eq!(effective.source, ConfigSource::Default, "{}", def.name);
        }
    }

    #[test]
    fn broker_key_reads_its_other_spelling() {
        let file = map(&[("broker.id", "7")]);
        let sources = ConfigSources { file: Some(&file), ..ConfigSources::default() };
        let effective = sources.broker_value(broker_config("node.id").unwrap());
        assert_eq!(effective.value.as_deref(), Some("7"));
        assert_eq!(effective.source, ConfigSource::StaticBroker);
    }
}
