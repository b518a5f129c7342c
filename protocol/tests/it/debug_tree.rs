//! Compares two messages of different codecs by their `Debug` text, field by field and by name.
//!
//! Equal bytes do not show that two codecs agree which of two equal-sized fields is which; equal
//! names with equal values do.

use std::collections::BTreeMap;

use highwater_records::{ErrorCode, Uuid};

/// Fields of versions that we do not have (InitProducerId 6).
const FROM_LATER_VERSIONS: [&str; 4] =
    ["enable_2_pc", "keep_prepared_txn", "ongoing_txn_producer_id", "ongoing_txn_producer_epoch"];

const RENAMED_GENERATION_ID: &str = "generation_id_or_member_epoch";

/// A value as `Debug` shows it, with wrappers such as `Some(..)` taken off.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Leaf(String),
    List(Vec<Tree>),
    Struct(BTreeMap<String, Tree>),
}

impl Tree {
    pub(crate) fn of(value: &impl std::fmt::Debug) -> Self {
        let text: Vec<char> = format!("{value:?}").chars().collect();
        let mut parser = Parser { text: &text, at: 0 };
        let tree = parser.value();
        assert_eq!(parser.at, text.len(), "debug text was understood");
        tree
    }

    /// Where ours differs from theirs; `None` if nowhere.
    pub(crate) fn difference(&self, theirs: &Self, path: &str) -> Option<String> {
        let differs = || Some(format!("{path}: ours {self:?}, theirs {theirs:?}"));
        match (self, theirs) {
            (Self::Leaf(ours), Self::Leaf(other)) => {
                let is_same = ours == other
                    || (path.ends_with("error_code") && code(ours) == *other)
                    || (path.ends_with(".records") && other.starts_with("b\""))
                    || (ours == "None" && other == "\"\"")
                    || (ours == "\"\"" && other == "None");
                if is_same { None } else { differs() }
            }
            (Self::List(ours), Self::List(other)) if ours.len() == other.len() => {
                let mut pairs = ours.iter().zip(other).enumerate();
                pairs.find_map(|(index, (ours, other))| {
                    ours.difference(other, &format!("{path}[{index}]"))
                })
            }
            (Self::Struct(ours), Self::Struct(other)) => {
                for (name, theirs) in other {
                    if name == "unknown_tagged_fields" {
                        continue;
                    }
                    let path = format!("{path}.{name}");
                    let our_name = match name.as_str() {
                        // Renamed in Kafka 4.4.
                        "generation_id" if !ours.contains_key(name) => RENAMED_GENERATION_ID,
                        name => name,
                    };
                    let Some(ours) = ours.get(our_name) else {
                        if FROM_LATER_VERSIONS.contains(&name.as_str()) {
                            continue;
                        }
                        return Some(format!("{path}: we have no such field"));
                    };
                    let difference = ours.difference(theirs, &path);
                    if difference.is_some() {
                        return difference;
                    }
                }
                None
            }
            (Self::Leaf(null), Self::List(list)) | (Self::List(list), Self::Leaf(null))
                if null == "None" && list.is_empty() =>
            {
                None
            }
            _ => differs(),
        }
    }

    /// Names of fields that ours has and theirs has not.
    pub(crate) fn extra_fields(&self, theirs: &Self) -> Vec<String> {
        match (self, theirs) {
            (Self::Struct(ours), Self::Struct(other)) => {
                let each = ours.iter().flat_map(|(name, ours)| match other.get(name) {
                    Some(theirs) => ours.extra_fields(theirs),
                    None if name == RENAMED_GENERATION_ID => Vec::new(),
                    None => vec![name.clone()],
                });
                each.collect()
            }
            (Self::List(ours), Self::List(other)) => {
                ours.iter().zip(other).flat_map(|(ours, other)| ours.extra_fields(other)).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn code(name: &str) -> String {
    let named = ErrorCode::ALL.iter().find(|code| format!("{code:?}") == name);
    named.map_or_else(|| name.to_owned(), |code| code.code().to_string())
}

struct Parser<'a> {
    text: &'a [char],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> char {
        self.text.get(self.at).copied().unwrap_or('\0')
    }

    fn skip_spaces(&mut self) {
        while self.peek() == ' ' {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Tree {
        self.skip_spaces();
        match self.peek() {
            '[' => Tree::List(self.elements(']')),
            '{' => {
                // A map, such as their unknown tagged fields.
                while self.peek() != '}' {
                    self.string_or_char();
                }
                self.at += 1;
                Tree::Leaf("map".to_owned())
            }
            '"' => Tree::Leaf(self.string()),
            'b' if self.text.get(self.at + 1) == Some(&'"') => {
                self.at += 1;
                Tree::Leaf(format!("b{}", self.string()))
            }
            _ => self.named(),
        }
    }

    fn string_or_char(&mut self) {
        if self.peek() == '"' {
            self.string();
        } else {
            self.at += 1;
        }
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while self.peek() != '"' {
            self.at += if self.peek() == '\\' { 2 } else { 1 };
        }
        self.at += 1;
        self.text[start..self.at].iter().collect()
    }

    fn named(&mut self) -> Tree {
        let start = self.at;
        while self.peek().is_alphanumeric() || "_-.+#".contains(self.peek()) {
            self.at += 1;
        }
        let name: String = self.text[start..self.at].iter().collect();
        match self.peek() {
            '(' if name == "Uuid" || name == "Records" => {
                let end = self.text[self.at..].iter().position(|letter| *letter == ')').unwrap();
                let inside: String = self.text[self.at + 1..self.at + end].iter().collect();
                self.at += end + 1;
                Tree::Leaf(if name == "Uuid" { hyphenated(&inside) } else { inside })
            }
            '(' => {
                let mut inside = self.elements(')');
                assert_eq!(inside.len(), 1, "{name} wraps one value");
                inside.remove(0)
            }
            ' ' if self.text.get(self.at + 1) == Some(&'{') => {
                self.at += 1;
                Tree::Struct(self.fields())
            }
            _ => Tree::Leaf(name),
        }
    }

    fn elements(&mut self, end: char) -> Vec<Tree> {
        self.at += 1;
        let mut elements = Vec::new();
        while self.peek() != end {
            elements.push(self.value());
            if self.peek() == ',' {
                self.at += 1;
            }
            self.skip_spaces();
        }
        self.at += 1;
        elements
    }

    fn fields(&mut self) -> BTreeMap<String, Tree> {
        self.at += 1;
        let mut fields = BTreeMap::new();
        loop {
            self.skip_spaces();
            if self.peek() == '}' {
                break;
            }
            let start = self.at;
            while self.peek() != ':' {
                self.at += 1;
            }
            let name: String = self.text[start..self.at].iter().collect();
            self.at += 1;
            fields.insert(name.trim_matches('_').to_owned(), self.value());
            self.skip_spaces();
            if self.peek() == ',' {
                self.at += 1;
            }
        }
        self.at += 1;
        fields
    }
}

fn hyphenated(base64: &str) -> String {
    let id: Uuid = base64.parse().unwrap();
    let hex: String = id.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
