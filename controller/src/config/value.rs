//! Checking one configuration value.

use super::{Bounds, ConfigDef, ConfigType};

/// A value that a key cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigValueError {
    #[error("invalid value {value} for configuration {key}: not a number of type {kind}")]
    NotANumber { key: String, value: String, kind: &'static str },
    #[error("invalid value {value} for configuration {key}: expected true or false")]
    NotABoolean { key: String, value: String },
    #[error("invalid value {value} for configuration {key}: {rule}")]
    OutOfBounds { key: String, value: String, rule: String },
    #[error("invalid value {value} for configuration {key}: the element {element} stands twice")]
    DuplicateElement { key: String, value: String, element: String },
    #[error("invalid value {value} for configuration {key}: an element of the list is empty")]
    EmptyElement { key: String, value: String },
}

/// The elements of a LIST value; surrounding blanks do not count.
pub fn parse_list(value: &str) -> Vec<&str> {
    if value.trim().is_empty() {
        return Vec::new();
    }
    value.split(',').map(str::trim).collect()
}

pub(super) fn validate(def: &ConfigDef, value: &str) -> Result<(), ConfigValueError> {
    let value = value.trim();
    match def.kind {
        ConfigType::Boolean => check_boolean(def, value),
        ConfigType::Short => check_integer(def, value, i64::from(i16::MIN), i64::from(i16::MAX)),
        ConfigType::Int => check_integer(def, value, i64::from(i32::MIN), i64::from(i32::MAX)),
        ConfigType::Long => check_integer(def, value, i64::MIN, i64::MAX),
        ConfigType::Double => check_double(def, value),
        ConfigType::List => check_list(def, value),
        ConfigType::String | ConfigType::Class => check_string(def, value),
        ConfigType::Password => Ok(()),
    }
}

fn check_boolean(def: &ConfigDef, value: &str) -> Result<(), ConfigValueError> {
    if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
        return Ok(());
    }
    Err(ConfigValueError::NotABoolean { key: def.name.to_owned(), value: value.to_owned() })
}

fn check_integer(
    def: &ConfigDef,
    value: &str,
    type_min: i64,
    type_max: i64,
) -> Result<(), ConfigValueError> {
    let number = value
        .parse::<i64>()
        .ok()
        .filter(|number| (type_min..=type_max).contains(number))
        .ok_or_else(|| ConfigValueError::NotANumber {
            key: def.name.to_owned(),
            value: value.to_owned(),
            kind: def.kind.name(),
        })?;
    let (is_allowed, rule) = match def.bounds {
        Bounds::AtLeast(min) => (number >= min, format!("value must be at least {min}")),
        Bounds::Between(min, max) => {
            ((min..=max).contains(&number), format!("value must be between {min} and {max}"))
        }
        Bounds::MinusOneOr(min, max) => {
            let is_allowed = number == -1 || (min..=max).contains(&number);
            (is_allowed, format!("value must be -1 or between {min} and {max}"))
        }
        Bounds::Any
        | Bounds::BetweenDoubles(..)
        | Bounds::OneOf(_)
        | Bounds::OneOfInAnyCase(_)
        | Bounds::ListOf(_)
        | Bounds::NonEmpty
        | Bounds::ThrottledReplicas => return Ok(()),
    };
    if is_allowed { Ok(()) } else { Err(out_of_bounds(def, value, rule)) }
}

fn check_double(def: &ConfigDef, value: &str) -> Result<(), ConfigValueError> {
    let number =
        value.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(|| {
            ConfigValueError::NotANumber {
                key: def.name.to_owned(),
                value: value.to_owned(),
                kind: def.kind.name(),
            }
        })?;
    if let Bounds::BetweenDoubles(min, max) = def.bounds
        && !(min..=max).contains(&number)
    {
        return Err(out_of_bounds(def, value, format!("value must be between {min} and {max}")));
    }
    Ok(())
}

fn check_string(def: &ConfigDef, value: &str) -> Result<(), ConfigValueError> {
    let (is_allowed, rule) = match def.bounds {
        Bounds::OneOf(allowed) => {
            (allowed.contains(&value), format!("value must be one of {}", allowed.join(", ")))
        }
        Bounds::OneOfInAnyCase(allowed) => {
            let is_allowed = allowed.iter().any(|word| word.eq_ignore_ascii_case(value));
            (is_allowed, format!("value must be one of {}, in any case", allowed.join(", ")))
        }
        Bounds::NonEmpty => (!value.is_empty(), "value must not be empty".to_owned()),
        Bounds::Any
        | Bounds::AtLeast(_)
        | Bounds::Between(..)
        | Bounds::MinusOneOr(..)
        | Bounds::BetweenDoubles(..)
        | Bounds::ListOf(_)
        | Bounds::ThrottledReplicas => return Ok(()),
    };
    if is_allowed { Ok(()) } else { Err(out_of_bounds(def, value, rule)) }
}

fn check_list(def: &ConfigDef, value: &str) -> Result<(), ConfigValueError> {
    let elements = parse_list(value);
    for (position, element) in elements.iter().enumerate() {
        if element.is_empty() {
            return Err(ConfigValueError::EmptyElement {
                key: def.name.to_owned(),
                value: value.to_owned(),
            });
        }
        if elements.iter().take(position).any(|earlier| earlier == element) {
            return Err(ConfigValueError::DuplicateElement {
                key: def.name.to_owned(),
                value: value.to_owned(),
                element: (*element).to_owned(),
            });
        }
    }
    let (is_allowed, rule) = match def.bounds {
        Bounds::ListOf(allowed) => {
            let is_allowed = elements.iter().all(|element| allowed.contains(element));
            (is_allowed, format!("every element must be one of {}", allowed.join(", ")))
        }
        Bounds::NonEmpty => (!elements.is_empty(), "the list must not be empty".to_owned()),
        Bounds::ThrottledReplicas => {
            let is_allowed = throttled_replicas_are_valid(&elements);
            (is_allowed, "expected * or a list of partition:broker".to_owned())
        }
        Bounds::Any
        | Bounds::AtLeast(_)
        | Bounds::Between(..)
        | Bounds::MinusOneOr(..)
        | Bounds::BetweenDoubles(..)
        | Bounds::OneOf(_)
        | Bounds::OneOfInAnyCase(_) => return Ok(()),
    };
    if is_allowed { Ok(()) } else { Err(out_of_bounds(def, value, rule)) }
}

fn throttled_replicas_are_valid(elements: &[&str]) -> bool {
    if elements == ["*"] || elements == ["none"] {
        return true;
    }
    elements.iter().all(|element| {
        element.split_once(':').is_some_and(|(partition, broker)| {
            partition.parse::<u32>().is_ok() && broker.parse::<u32>().is_ok()
        })
    })
}

fn out_of_bounds(def: &ConfigDef, value: &str, rule: String) -> ConfigValueError {
    ConfigValueError::OutOfBounds { key: def.name.to_owned(), value: value.to_owned(), rule }
}

#[cfg(test)]
mod tests {
    use super::super::{broker_config, topic_config};

    fn topic(key: &str, value: &str) -> Result<(), String> {
        topic_config(key).unwrap().validate(value).map_err(|error| error.to_string())
    }

    #[test]
    fn values_inside_type_and_bounds_are_accepted() {
        for (key, value) in [
            ("retention.ms", "-1"),
            ("segment.bytes", "1048576"),
            ("cleanup.policy", ""),
            ("cleanup.policy", "compact, delete"),
            ("compression.type", "zstd"),
            ("compression.gzip.level", "-1"),
            ("compression.gzip.level", "9"),
            ("min.cleanable.dirty.ratio", "0.25"),
            ("preallocate", "TRUE"),
            ("leader.replication.throttled.replicas", "*"),
            ("leader.replication.throttled.replicas", "0:1,1:2"),
            ("highwater.durability", "os"),
        ] {
            assert_eq!(topic(key, value), Ok(()), "{key}={value}");
        }
    }

    #[test]
    fn values_outside_type_or_bounds_are_refused_with_the_rule() {
        for (key, value, part) in [
            ("retention.ms", "-2", "at least -1"),
            ("retention.ms", "a week", "not a number of type LONG"),
            ("segment.bytes", "1048575", "at least 1048576"),
            ("segment.bytes", "2147483648", "not a number of type INT"),
            ("cleanup.policy", "shrink", "one of"),
            ("cleanup.policy", "delete,delete", "stands twice"),
            ("cleanup.policy", "delete,,compact", "empty"),
            ("compression.type", "lzma", "one of"),
            ("compression.gzip.level", "0", "-1 or between 1 and 9"),
            ("min.cleanable.dirty.ratio", "1.5", "between 0 and 1"),
            ("min.cleanable.dirty.ratio", "NaN", "not a number"),
            ("preallocate", "yes", "true or false"),
            ("leader.replication.throttled.replicas", "0-1", "partition:broker"),
            ("highwater.durability", "none", "one of"),
        ] {
            let message = topic(key, value).unwrap_err();
            assert!(message.contains(part), "{key}={value}: {message}");
            assert!(message.contains(key), "{message}");
        }
    }

    #[test]
    fn passwords_take_anything_and_are_sensitive() {
        let def = broker_config("ssl.keystore.password").unwrap();
        assert!(def.is_sensitive());
        assert_eq!(def.validate("a b,c"), Ok(()));
    }
}
