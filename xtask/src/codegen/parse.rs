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
//! A field is `Name:type`, `Name:[]type`, `Name { fields }` or `Name[] { fields }`; behind it, in
//! any order and without spaces: `?` may be null, `?[2-7]` in these versions only, `(5+)` exists in
//! these versions only (a struct's range holds for its fields), `#1` is tagged field 1, `=-1` has
//! this default. `//` begins a comment.

use anyhow::{Context as _, bail, ensure};

use super::definition::{Api, Field, Reserved, Type, Versions};

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
    let mut source = Source { tokens: tokens(text), next: 0 };
    source.expect("api")?;
    let name = source.take()?;
    source.expect("key")?;
    let key = source.take()?.parse()?;
    source.expect("versions")?;
    let versions = versions(&source.take()?)?;
    source.expect("flexible")?;
    let first_flexible = match source.take()?.as_str() {
        "never" => None,
        version => Some(version.parse()?),
    };
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
    ensure!(source.next == source.tokens.len(), "something follows the response");
    Ok(Api { name, key, versions, first_flexible, authorization, request, response })
}

fn tokens(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

struct Source {
    tokens: Vec<String>,
    next: usize,
}

impl Source {
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

    fn fields(&mut self) -> anyhow::Result<Vec<Field>> {
        self.expect("{")?;
        let mut fields: Vec<Field> = Vec::new();
        loop {
            let token = self.take()?;
            if token == "}" {
                break;
            }
            let mut field = field(&token).with_context(|| token.clone())?;
            if self.peek() == Some("{") {
                field.kind = Type::Struct(self.fields().with_context(|| token.clone())?);
            }
            let is_empty_struct = matches!(&field.kind, Type::Struct(inner) if inner.is_empty());
            ensure!(!is_empty_struct, "{token} has no type");
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
        field.kind = primitive(kind, name)?;
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
    }
}
