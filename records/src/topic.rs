//! Names of topics, and partitions of them.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Most characters a topic's name may have, so that its directories fit every file system.
pub const TOPIC_NAME_LENGTH_MAX: usize = 249;

/// A legal topic name: 1 to 249 of `a-z A-Z 0-9 . _ -`, neither `.` nor `..`.
///
/// Cheap to clone. Legal is not the same as creatable: see [`TopicName::collision_key`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

/// Why a text is no topic name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicNameError {
    /// No characters at all.
    #[error("topic name is empty")]
    Empty,
    /// More characters than [`TOPIC_NAME_LENGTH_MAX`].
    #[error("topic name has {length} characters, at most {TOPIC_NAME_LENGTH_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// `.` or `..`.
    #[error("topic name cannot be '.' or '..'")]
    Dots,
    /// A character outside the legal ones.
    #[error("topic name contains {character:?}; legal are ASCII letters, digits, '.', '_' and '-'")]
    IllegalCharacter {
        /// The first illegal one.
        character: char,
    },
}

impl TopicName {
    /// Checks a name.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn parse(name: &str) -> Result<Self, TopicNameError> {
        if name.is_empty() {
            return Err(TopicNameError::Empty);
        }
        if name == "." || name == ".." {
            return Err(TopicNameError::Dots);
        }
        if name.len() > TOPIC_NAME_LENGTH_MAX {
            return Err(TopicNameError::TooLong { length: name.len() });
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match name.chars().find(|&c| !legal(c)) {
            Some(character) => Err(TopicNameError::IllegalCharacter { character }),
            None => Ok(Self(Arc::from(name))),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which two names collide in metric names: `.` counts as `_`. Kafka refuses
    /// to create a topic whose key an existing one has.
    #[must_use]
    pub fn collision_key(&self) -> String {
        self.0.replace('.', "_")
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for TopicName {
    type Err = TopicNameError;

    fn from_str(name: &str) -> Result<Self, TopicNameError> {
        Self::parse(name)
    }
}

impl AsRef<str> for TopicName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

// Ordered, equal and hashed exactly as its text: maps by name can be asked with a `&str`.
impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// One partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicName,
    /// Index of the partition in the topic, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    #[must_use]
    pub const fn new(topic: TopicName, partition: i32) -> Self {
        Self { topic, partition }
    }
}

/// `topic-3`, which is also the name of its directory.
impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Result<(), TopicNameError>) {
        assert_eq!(TopicName::parse(name).map(|_| ()), expected, "{name}");
    }

    #[test]
    fn topic_name_is_checked_as_kafka_does() {
        check("orders", Ok(()));
        check("A.b_c-9", Ok(()));
        check("...", Ok(()));
        check(&"x".repeat(249), Ok(()));
        check(&"x".repeat(250), Err(TopicNameError::TooLong { length: 250 }));
        check("", Err(TopicNameError::Empty));
        check(".", Err(TopicNameError::Dots));
        check("..", Err(TopicNameError::Dots));
        check("a/b", Err(TopicNameError::IllegalCharacter { character: '/' }));
        check("a\0", Err(TopicNameError::IllegalCharacter { character: '\0' }));
        check("caf\u{e9}", Err(TopicNameError::IllegalCharacter { character: '\u{e9}' }));
    }

    #[test]
    fn names_that_differ_by_dot_and_underscore_collide() {
        let [dot, line] = ["a.b_c", "a_b.c"].map(|name| TopicName::parse(name).unwrap());
        assert_ne!(dot, line);
        assert_eq!(dot.collision_key(), line.collision_key());
    }

    #[test]
    fn partition_is_shown_as_its_directory() {
        let topic = TopicName::parse("orders").unwrap();
        assert_eq!(TopicPartition::new(topic, 12).to_string(), "orders-12");
    }
}
