//! What a definition says: an API, its two messages, their fields and versions.

/// An API with its two messages.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) name: String,
    pub(crate) key: i16,
    pub(crate) versions: Versions,
    /// From this version on lengths are compact and structs end with tags.
    pub(crate) first_flexible: Option<i16>,
    /// Pairs of operation and resource.
    pub(crate) authorization: Vec<(String, String)>,
    pub(crate) request: Vec<Field>,
    pub(crate) response: Vec<Field>,
}

impl Api {
    /// Name of the module its structs are in.
    pub(crate) fn module(&self) -> String {
        snake_case(&self.name)
    }

    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        self.first_flexible.is_some_and(|first| version >= first)
    }

    /// All structs of the API, each before those inside it.
    pub(crate) fn structs(&self) -> Vec<Struct<'_>> {
        let mut structs = Vec::new();
        for (prefix, fields) in [("Request", &self.request), ("Response", &self.response)] {
            let name = format!("{}{prefix}", self.name);
            structs.push(Struct { name, fields, versions: self.versions, is_message: true });
            collect(prefix, fields, self.versions, &mut structs);
        }
        structs
    }
}

fn collect<'a>(
    prefix: &str,
    fields: &'a [Field],
    versions: Versions,
    structs: &mut Vec<Struct<'a>>,
) {
    for field in fields {
        if let Type::Struct(inner) = &field.kind {
            let name = field.struct_name(prefix);
            let versions = versions.intersection(field.versions);
            structs.push(Struct { name: name.clone(), fields: inner, versions, is_message: false });
            collect(&name, inner, versions, structs);
        }
    }
}

/// A struct to generate.
#[derive(Debug)]
pub(crate) struct Struct<'a> {
    pub(crate) name: String,
    pub(crate) fields: &'a [Field],
    /// The versions in which it occurs.
    pub(crate) versions: Versions,
    /// Whether it is a whole request or response.
    pub(crate) is_message: bool,
}

impl Struct<'_> {
    /// What the names of structs inside begin with.
    pub(crate) fn prefix(&self, api: &Api) -> String {
        if self.is_message {
            self.name.trim_start_matches(api.name.as_str()).to_owned()
        } else {
            self.name.clone()
        }
    }
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    /// As Kafka spells it.
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) is_array: bool,
    /// The versions in which it may be null.
    pub(crate) nullable: Option<Versions>,
    /// The versions that have it.
    pub(crate) versions: Versions,
    pub(crate) tag: Option<u32>,
    /// As in the definition; `None` is zero, empty or null.
    pub(crate) default: Option<String>,
}

/// Type of a field or of its elements.
#[derive(Debug)]
pub(crate) enum Type {
    Bool,
    Int(&'static str),
    ErrorCode,
    Float,
    Uuid,
    Str,
    Bytes,
    Records,
    Struct(Vec<Field>),
}

impl Field {
    /// Name of the Rust field.
    pub(crate) fn rust_name(&self) -> String {
        let name = snake_case(&self.name);
        if name == "match" || name == "type" { format!("r#{name}") } else { name }
    }

    /// Name of the struct that it holds.
    pub(crate) fn struct_name(&self, prefix: &str) -> String {
        format!("{prefix}{}", singular(&self.name))
    }

    /// Type of one element, or of the whole if it is no array.
    pub(crate) fn element_type(&self, prefix: &str) -> String {
        match &self.kind {
            Type::Bool => "bool".to_owned(),
            Type::Int(int) => (*int).to_owned(),
            Type::ErrorCode => "ErrorCode".to_owned(),
            Type::Float => "f64".to_owned(),
            Type::Uuid => "Uuid".to_owned(),
            Type::Str => "Str".to_owned(),
            Type::Bytes => "Bytes".to_owned(),
            Type::Records => "Records".to_owned(),
            Type::Struct(_) => self.struct_name(prefix),
        }
    }

    /// Type of the Rust field.
    pub(crate) fn rust_type(&self, prefix: &str) -> String {
        let element = self.element_type(prefix);
        let whole = if self.is_array { format!("Vec<{element}>") } else { element };
        if self.nullable.is_some() { format!("Option<{whole}>") } else { whole }
    }

    /// The default as an expression; `None` if it is that of the Rust type.
    ///
    /// A field that can be null in some of its versions only is empty by default, not null, so
    /// that the default can be sent in all of them.
    pub(crate) fn default_value(&self) -> Option<String> {
        match (&self.default, self.nullable) {
            (Some(text), _) => Some(match text.as_str() {
                "i32max" => "i32::MAX".to_owned(),
                "i32min" => "i32::MIN".to_owned(),
                "i64max" => "i64::MAX".to_owned(),
                other => other.to_owned(),
            }),
            (None, Some(nullable)) if !nullable.contains_all(self.versions) => {
                Some("Some(Default::default())".to_owned())
            }
            (None, _) => None,
        }
    }

    /// Least bytes that it takes in a version that has it in place.
    pub(crate) fn least_bytes(&self, api: &Api, version: i16) -> usize {
        let flexible = api.is_flexible(version);
        if self.is_array {
            return if flexible { 1 } else { 4 };
        }
        match &self.kind {
            Type::Bool | Type::Int("i8") => 1,
            Type::Int("i16" | "u16") | Type::ErrorCode => 2,
            Type::Int("i32") => 4,
            Type::Int(_) | Type::Float => 8,
            Type::Uuid => 16,
            Type::Str if flexible => 1,
            Type::Str => 2,
            Type::Bytes | Type::Records if flexible => 1,
            Type::Bytes | Type::Records => 4,
            Type::Struct(_) if self.nullable.is_some() => 1,
            Type::Struct(fields) => least_bytes(fields, api, version),
        }
    }
}

/// Least bytes that a struct of these fields takes in a version.
pub(crate) fn least_bytes(fields: &[Field], api: &Api, version: i16) -> usize {
    let in_place = fields.iter().filter(|field| field.tag.is_none());
    let present = in_place.filter(|field| field.versions.contains(version));
    let tags = usize::from(api.is_flexible(version));
    present.map(|field| field.least_bytes(api, version)).sum::<usize>() + tags
}

/// A key without messages.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) key: i16,
    pub(crate) name: String,
}

/// A range of versions, both ends included; open ends are the ends of `i16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) first: i16,
    pub(crate) last: i16,
}

impl Versions {
    pub(crate) const ALL: Self = Self { first: 0, last: i16::MAX };

    pub(crate) fn contains(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }

    pub(crate) fn contains_all(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    pub(crate) fn intersection(self, other: Self) -> Self {
        Self { first: self.first.max(other.first), last: self.last.min(other.last) }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = i16> {
        self.first..=self.last
    }

    /// The Rust condition on `v` that says whether a version out of `within` is in this range;
    /// `None` if every one is.
    pub(crate) fn condition(self, within: Self) -> Option<String> {
        let above = self.first > within.first;
        let below = self.last < within.last;
        match (above, below) {
            (false, false) => None,
            (true, false) => Some(format!("v >= {}", self.first)),
            (false, true) => Some(format!("v <= {}", self.last)),
            (true, true) if self.first == self.last => Some(format!("v == {}", self.first)),
            (true, true) => Some(format!("({}..={}).contains(&v)", self.first, self.last)),
        }
    }

    /// For the docs.
    pub(crate) fn text(self) -> String {
        match (self.first, self.last) {
            (first, i16::MAX) => format!("{first}+"),
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        }
    }
}

/// `TopicId` to `topic_id`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_word = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_word {
            snake.push('_');
        }
        after_word = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// `Topics` to `Topic`, `Entries` to `Entry`.
pub(crate) fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    match name.strip_suffix('s') {
        Some(stem) if !stem.ends_with('s') => stem.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_breaks_before_capitals_after_words() {
        assert_eq!(snake_case("ResultsByTopicV3AndBelow"), "results_by_topic_v3_and_below");
        assert_eq!(snake_case("timeoutMs"), "timeout_ms");
        assert_eq!(snake_case("ZkMigrationReady"), "zk_migration_ready");
    }

    #[test]
    fn singular_drops_one_s_only() {
        assert_eq!(singular("Entries"), "Entry");
        assert_eq!(singular("TopicPartitions"), "TopicPartition");
        assert_eq!(singular("TopicData"), "TopicData");
        assert_eq!(singular("Address"), "Address");
    }

    #[test]
    fn condition_tests_only_the_ends_that_matter() {
        let within = Versions { first: 3, last: 13 };
        let condition = |first, last| Versions { first, last }.condition(within);
        assert_eq!(condition(0, i16::MAX), None);
        assert_eq!(condition(3, 13), None);
        assert_eq!(condition(9, i16::MAX).as_deref(), Some("v >= 9"));
        assert_eq!(condition(0, 12).as_deref(), Some("v <= 12"));
        assert_eq!(condition(5, 7).as_deref(), Some("(5..=7).contains(&v)"));
    }
}
