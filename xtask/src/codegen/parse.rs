//! Reads the definitions.
//!
//! ```text
//! api Heartbeat
//! key 12
//! versions 0-4
//! flexible 4                     or: never
//! authorize Read:Group           pairs of operation and resource, or: none
//! request { fields }
//! response { fields }
//! ```
//!
//! or, in the folder `records`:
//!
//! ```text
//! record OffsetCommit
//! topic __consumer_offsets
//! type 0-1                       what keys begin with; the last one is written
//! versions 0-4                   of the value
//! flexible 4                     of the value; the key never is
//! key { fields }
//! value { fields }
//! ```
//!
//! A field is `Name:type`, `Name:[]type`, `Name { fields }` or `Name[] { fields }`; behind it, in
//! any order and without spaces: `?` may be null, `?[2-7]` in these versions only, `(5+)` exists in
//! these versions only (a struct's range holds for its fields), `#1` is tagged field 1, `=-1` has
//! this default. A struct is named after its field, or `Name:Struct { fields }`; a later field may
//! be `Name:Struct` or `Name:[]Struct` then. `//` begins a comment.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};

use super::definition::{Api, Field, Record, Reserved, Type, Versions};

/// Reads `reserved.txt`: a key and a name a line.
pub(crate) fn reserved(text: &str) -> anyhow::Result<Vec<Reserved>> {
    let tokens = tokens(text);
    let mut reserved = Vec::new();
    for pair in tokens.chunks(2) {
        let [key, name] = pair else { bail!("a key without a name") };
        reserved.push(Reserved { key: key.parse()?, name: name.clone() });
    }
    Ok(reserved)
}

/// Reads the file of one API.
pub(crate) fn api(text: &str) -> anyhow::Result<Api> {
    let mut source = Source::new(text);
    let name = source.word("api")?;
    let key = source.word("key")?.parse()?;
    let versions = versions(&source.word("versions")?)?;
    let first_flexible = source.first_flexible()?;
    source.expect("authorize")?;
    let mut authorization = Vec::new();
    loop {
        match source.take()?.as_str() {
            "request" => break,
            "none" => {}
            pair => {
                let (operation, resource) = pair.split_once(':').context("operation:resource")?;
                authorization.push((operation.to_owned(), resource.to_owned()));
            }
        }
    }
    let request = source.fields().context("request")?;
    source.expect("response")?;
    let response = source.fields().context("response")?;
    source.expect_end()?;
    Ok(Api { name, key, versions, first_flexible, authorization, request, response })
}

/// Reads the file of one record.
pub(crate) fn record(text: &str) -> anyhow::Result<Record> {
    let mut source = Source::new(text);
    let name = source.word("record")?;
    let topic = source.word("topic")?;
    let types = versions(&source.word("type")?)?;
    let versions = versions(&source.word("versions")?)?;
    let first_flexible = source.first_flexible()?;
    source.expect("key")?;
    let key = source.fields().context("key")?;
    source.expect("value")?;
    let value = source.fields().context("value")?;
    source.expect_end()?;
    Ok(Record { name, topic, types, versions, first_flexible, key, value })
}

fn tokens(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

struct Source {
    tokens: Vec<String>,
    next: usize,
    /// Structs with a name of their own.
    named: BTreeMap<String, Vec<Field>>,
}

impl Source {
    fn new(text: &str) -> Self {
        Self { tokens: tokens(text), next: 0, named: BTreeMap::new() }
    }

    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.next).map(String::as_str)
    }

    fn take(&mut self) -> anyhow::Result<String> {
        let token = self.tokens.get(self.next).context("the file ends too early")?.clone();
        self.next += 1;
        Ok(token)
    }

    fn expect(&mut self, expected: &str) -> anyhow::Result<()> {
        let found = self.take()?;
        ensure!(found == expected, "expected {expected}, found {found}");
        Ok(())
    }

    fn expect_end(&self) -> anyhow::Result<()> {
        match self.peek() {
            Some(token) => bail!("{token} follows the end"),
            None => Ok(()),
        }
    }

    /// The word after this one.
    fn word(&mut self, title: &str) -> anyhow::Result<String> {
        self.expect(title)?;
        self.take()
    }

    fn first_flexible(&mut self) -> anyhow::Result<Option<i16>> {
        Ok(match self.word("flexible")?.as_str() {
            "never" => None,
            version => Some(version.parse()?),
        })
    }

    /// Fields of the struct that a field holds: they stand behind it, or did behind an earlier one.
    fn fields_of(&mut self, struct_name: Option<&String>) -> anyhow::Result<Vec<Field>> {
        let known = struct_name.and_then(|name| self.named.get(name));
        if self.peek() != Some("{") {
            return Ok(known.cloned().unwrap_or_default());
        }
        ensure!(known.is_none(), "the struct is defined twice");
        let fields = self.fields()?;
        if let Some(name) = struct_name {
            self.named.insert(name.clone(), fields.clone());
        }
        Ok(fields)
    }

    fn fields(&mut self) -> anyhow::Result<Vec<Field>> {
        self.expect("{")?;
        let mut fields: Vec<Field> = Vec::new();
        loop {
            let token = self.take()?;
            if token == "}" {
                break;
            }
            let mut field = field(&token).with_context(|| token.clone())?;
            if let Type::Struct(inner) = &mut field.kind {
                let struct_name = field.struct_name.as_ref();
                *inner = self.fields_of(struct_name).with_context(|| token.clone())?;
                ensure!(!inner.is_empty(), "{token} has no type");
            }
            ensure!(fields.iter().all(|other| other.name != field.name), "{token} stands twice");
            let is_tag_free = |other: &Field| other.tag.is_none() || other.tag != field.tag;
            ensure!(fields.iter().all(is_tag_free), "the tag of {token} is taken");
            fields.push(field);
        }
        Ok(fields)
    }
}

fn field(token: &str) -> anyhow::Result<Field> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric();
    let (name, mut rest) = split_at_end(token, is_word);
    ensure!(!name.is_empty(), "a field begins with its name");
    let mut field = Field {
        name: name.to_owned(),
        kind: Type::Struct(Vec::new()),
        struct_name: None,
        is_array: false,
        nullable: None,
        versions: Versions::ALL,
        tag: None,
        default: None,
    };
    if let Some(after) = rest.strip_prefix(':') {
        let (is_array, after) = strip(after, "[]");
        let (kind, after) = split_at_end(after, is_word);
        field.is_array = is_array;
        if kind.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            field.struct_name = Some(kind.to_owned());
        } else {
            field.kind = primitive(kind, name)?;
        }
        rest = after;
    } else {
        (field.is_array, rest) = strip(rest, "[]");
    }
    while let Some(mark) = rest.chars().next() {
        let after = &rest[mark.len_utf8()..];
        rest = match mark {
            '?' => match after.strip_prefix('[') {
                Some(after) => {
                    let (range, after) = after.split_once(']').context("a range without ]")?;
                    field.nullable = Some(versions(range)?);
                    after
                }
                None => {
                    field.nullable = Some(Versions::ALL);
                    after
                }
            },
            '(' => {
                let (range, after) = after.split_once(')').context("a range without )")?;
                field.versions = versions(range)?;
                after
            }
            '#' => {
                let (tag, after) = split_at_end(after, |letter| letter.is_ascii_digit());
                field.tag = Some(tag.parse()?);
                after
            }
            '=' => {
                let is_value = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
                let (value, after) = split_at_end(after, is_value);
                field.default = Some(value.to_owned());
                after
            }
            other => bail!("what does {other} mean"),
        };
    }
    Ok(field)
}

fn split_at_end(text: &str, is_inside: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|letter: char| !is_inside(letter)).unwrap_or(text.len());
    text.split_at(end)
}

fn strip<'a>(text: &'a str, prefix: &str) -> (bool, &'a str) {
    match text.strip_prefix(prefix) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

fn primitive(kind: &str, name: &str) -> anyhow::Result<Type> {
    Ok(match kind {
        "bool" => Type::Bool,
        "i16" if name.ends_with("ErrorCode") => Type::ErrorCode,
        "i8" => Type::Int("i8"),
        "i16" => Type::Int("i16"),
        "i32" => Type::Int("i32"),
        "i64" => Type::Int("i64"),
        "u16" => Type::Int("u16"),
        "f64" => Type::Float,
        "uuid" => Type::Uuid,
        "str" => Type::Str,
        "bytes" => Type::Bytes,
        "records" => Type::Records,
        other => bail!("no type {other}"),
    })
}

/// `5`, `5+`, `..9` or `5-9`.
fn versions(text: &str) -> anyhow::Result<Versions> {
    if let Some(first) = text.strip_suffix('+') {
        return Ok(Versions { first: first.parse()?, last: i16::MAX });
    }
    if let Some(last) = text.strip_prefix("..") {
        return Ok(Versions { first: 0, last: last.parse()? });
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let versions = Versions { first: first.parse()?, last: last.parse()? };
    ensure!(versions.first <= versions.last, "{text} is no range");
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_marks_are_read_in_any_order() {
        let field = field("HighWatermark:i64#1=-1(18+)").unwrap();
        assert_eq!((field.tag, field.default.as_deref()), (Some(1), Some("-1")));
        assert_eq!(field.versions, Versions { first: 18, last: i16::MAX });
        let field = super::field("Topics[]?[2-7](..7)").unwrap();
        assert!(field.is_array);
        assert_eq!(field.nullable, Some(Versions { first: 2, last: 7 }));
        assert_eq!(field.versions, Versions { first: 0, last: 7 });
    }

    #[test]
    fn definition_with_a_mistake_is_refused() {
        let text = |fields: &str| {
            format!(
                "api A key 1 versions 0 flexible never authorize none \
                 request {{ {fields} }} response {{ }}"
            )
        };
        assert!(api(&text("A:i32 B:str")).is_ok());
        for wrong in ["A:i33", "A", "A:i32 A:i32", "A:i32#1 B:i32#1", "A:i32%", "A:i32(5-3)", "{"] {
            assert!(api(&text(wrong)).is_err(), "{wrong}");
        }
        for wrong in ["A:i32 { B:i32 }", "A:S", "A:S { B:i32 } C:S { B:i32 }"] {
            assert!(api(&text(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn struct_with_a_name_is_made_once_for_all_its_fields() {
        let text = "record R topic t type 7 versions 0-3 flexible 2 key { A:str } \
             value { B:[]S(..1) { C:i32 D[] { E:str } } F:S?#0(2+) }";
        let record = record(text).unwrap();
        let structs = record.structs();
        let names: Vec<&str> = structs.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["RKey", "RValue", "S", "SD"]);
        assert_eq!(structs[0].versions, Versions { first: 7, last: 7 });
        assert_eq!(structs[2].versions, Versions { first: 0, last: 3 });
        assert_eq!(structs[3].versions, Versions { first: 0, last: 3 });
        assert_eq!(structs[3].least_bytes(), Some(2));
        assert_eq!(record.value[1].rust_type("Value"), "Option<S>");
    }
}
