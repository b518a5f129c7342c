//! Whose a log directory is: `meta.properties`.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::collections::BTreeMap;

use highwater_records::{NodeId, Uuid};

use crate::text::{FormatError, Lines};

/// Name of the file in a log directory.
pub(crate) const META_PROPERTIES_FILE: &str = "meta.properties";

/// Says that the directory was made by Highwater, not taken over from Apache Kafka.
const MADE_BY_KEY: &str = "highwater.version";

/// Who a log directory belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// The cluster; any text.
    pub cluster_id: String,
    /// The node.
    pub node_id: NodeId,
    /// This directory.
    pub directory_id: Uuid,
    /// Whether Highwater made the directory; false for one taken over from Apache Kafka.
    pub is_ours: bool,
}

/// Reads `meta.properties`, a Java properties file of format version 1.
///
/// # Errors
/// For another version, and for a key that is missing or cannot be read.
pub fn read_meta_properties(bytes: &[u8]) -> Result<MetaProperties, FormatError> {
    let values = read_properties(bytes)?;
    let value = |key: &str| {
        values.get(key).ok_or_else(|| FormatError::new(0, format_args!("{key} is missing")))
    };
    let bad = |key: &str, reason: &dyn std::fmt::Display| {
        FormatError::new(0, format_args!("{key}: {reason}"))
    };
    let version = value("version")?;
    if version != "1" {
        return Err(bad("version", &format_args!("{version:?}, expected 1")));
    }
    let node_id: i32 = value("node.id")?.parse().map_err(|error| bad("node.id", &error))?;
    if node_id < 0 {
        return Err(bad("node.id", &"negative"));
    }
    let directory_id: Uuid = match values.get("directory.id") {
        Some(id) => id.parse().map_err(|error| bad("directory.id", &error))?,
        None => Uuid::ZERO,
    };
    Ok(MetaProperties {
        cluster_id: value("cluster.id")?.clone(),
        node_id: NodeId::new(node_id),
        directory_id,
        is_ours: values.contains_key(MADE_BY_KEY),
    })
}

/// The text of the file.
#[must_use]
pub fn write_meta_properties(meta: &MetaProperties) -> String {
    let MetaProperties { cluster_id, node_id, directory_id, is_ours } = meta;
    let cluster_id = escape(cluster_id);
    let mut text = format!(
        "cluster.id={cluster_id}\ndirectory.id={directory_id}\nnode.id={node_id}\nversion=1\n"
    );
    if *is_ours {
        text.push_str(MADE_BY_KEY);
        text.push_str("=1\n");
    }
    text
}

/// What Java's properties files take for a blank; no other white space.
const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

/// Keys and values of a Java properties file, as far as `meta.properties` needs them: comments,
/// `=` or `:`, blanks around keys, and backslash escapes; no continued lines.
fn read_properties(bytes: &[u8]) -> Result<BTreeMap<String, String>, FormatError> {
    let mut values = BTreeMap::new();
    let mut lines = Lines::new(bytes)?;
    while let Some(line) = lines.next_if_any() {
        let line = line.trim_start_matches(BLANKS);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let Some((key, value)) = line.split_once(['=', ':']) else {
            return Err(lines.error("expected key=value"));
        };
        let value =
            unescape(value.trim_start_matches(BLANKS)).ok_or_else(|| lines.error("bad escape"))?;
        if values.insert(key.trim_end_matches(BLANKS).to_owned(), value).is_some() {
            return Err(lines.error("a key stands twice"));
        }
    }
    Ok(values)
}

fn unescape(value: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(found) = chars.next() {
        if found != '\\' {
            out.push(found);
            continue;
        }
        match chars.next()? {
            't' => out.push('\t'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            'f' => out.push('\u{c}'),
            'u' => {
                let digits: String = chars.by_ref().take(4).collect();
                if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                out.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
            }
            other => out.push(other),
        }
    }
    Some(out)
}

fn escape(value: &str) -> String {
    let mut out = String::new();
    for found in value.chars() {
        match found {
            '\\' | ':' | '=' | '#' | '!' => out.extend(['\\', found]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            ' ' if out.is_empty() => out.push_str("\\ "),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(cluster_id: &str) -> MetaProperties {
        MetaProperties {
            cluster_id: cluster_id.into(),
            node_id: NodeId::new(3),
            directory_id: Uuid::from_random(99),
            is_ours: true,
        }
    }

    #[test]
    fn written_file_reads_back_whatever_the_cluster_is_called() {
        for name in ["JYFQKH2bTl2nKsuIfbEkoQ", " a=b:c#d!\\e\n", ""] {
            let meta = meta(name);
            let text = write_meta_properties(&meta);
            assert_eq!(read_meta_properties(text.as_bytes()).unwrap(), meta, "{text}");
        }
    }

    #[test]
    fn file_of_apache_kafka_is_read() {
        let text = "#\n#Mon Jan 05 10:11:12 UTC 2026\ncluster.id=JYFQKH2bTl2nKsuIfbEkoQ\n\
                    directory.id=zSVbY7JZSwe8PKZFqYo7aA\nnode.id=1\nversion=1\n";
        let meta = read_meta_properties(text.as_bytes()).unwrap();
        assert_eq!(meta.cluster_id, "JYFQKH2bTl2nKsuIfbEkoQ");
        assert_eq!(meta.node_id, NodeId::new(1));
        assert_eq!(meta.directory_id.to_string(), "zSVbY7JZSwe8PKZFqYo7aA");
        assert!(!meta.is_ours);
    }

    #[test]
    fn damaged_file_is_refused() {
        for text in [
            "",
            "version=0\nbroker.id=1\n",
            "version=1\nnode.id=1\n",
            "version=1\nnode.id=x\ncluster.id=a\n",
            "version=1\nnode.id=-1\ncluster.id=a\n",
            "version=1\nnode.id=1\ncluster.id=a\ndirectory.id=b\n",
            "version=1\nversion=1\nnode.id=1\ncluster.id=a\n",
            "version=1\nnode.id=1\ncluster.id=\\u00zz\n",
            "nonsense",
        ] {
            assert!(read_meta_properties(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
