//! What a definition says: an API with its messages, or a record with its key and value; their
//! fields and versions.

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

    /// All structs of the API, each before those inside it.
    pub(crate) fn structs(&self) -> Vec<Struct<'_>> {
        let mut structs = Vec::new();
        let (versions, first_flexible) = (self.versions, self.first_flexible);
        for (part, fields) in [("Request", &self.request), ("Response", &self.response)] {
            let whole = Struct::whole(&self.name, part, fields, versions, first_flexible);
            whole.collect(&mut structs);
        }
        structs
    }
}

/// A record of an internal topic, with its key and its value.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) topic: String,
    /// What keys begin with. The newest type is the one written.
    pub(crate) types: Versions,
    /// Of the value.
    pub(crate) versions: Versions,
    /// Of the value; keys never are.
    pub(crate) first_flexible: Option<i16>,
    pub(crate) key: Vec<Field>,
    pub(crate) value: Vec<Field>,
}

impl Record {
    /// Name of the module its structs are in.
    pub(crate) fn module(&self) -> String {
        snake_case(&self.name)
    }

    /// The key and the value, each before the structs inside it. The version of a key is its type.
    pub(crate) fn structs(&self) -> Vec<Struct<'_>> {
        let mut structs = Vec::new();
        Struct::whole(&self.name, "Key", &self.key, self.types, None).collect(&mut structs);
        let (versions, first_flexible) = (self.versions, self.first_flexible);
        Struct::whole(&self.name, "Value", &self.value, versions, first_flexible)
            .collect(&mut structs);
        structs
    }
}

/// A struct to generate.
#[derive(Debug)]
pub(crate) struct Struct<'a> {
    pub(crate) name: String,
    /// What the names of structs inside begin with.
    pub(crate) prefix: String,
    pub(crate) fields: &'a [Field],
    /// The versions in which it occurs.
    pub(crate) versions: Versions,
    pub(crate) first_flexible: Option<i16>,
    /// Whether it stands alone and is asked for by version: a request, response, key or value.
    pub(crate) is_whole: bool,
}

impl<'a> Struct<'a> {
    fn whole(
        name: &str,
        part: &str,
        fields: &'a [Field],
        versions: Versions,
        first_flexible: Option<i16>,
    ) -> Self {
        let (name, prefix) = (format!("{name}{part}"), part.to_owned());
        Self { name, prefix, fields, versions, first_flexible, is_whole: true }
    }

    /// Adds this struct and then those inside it; of one that several fields hold, the versions
    /// are theirs together.
    fn collect(self, structs: &mut Vec<Self>) {
        let inner = self.fields.iter().filter_map(|field| {
            let Type::Struct(fields) = &field.kind else { return None };
            let name = field.struct_name(&self.prefix);
            Some(Self {
                prefix: name.clone(),
                name,
                fields,
                versions: self.versions.intersection(field.versions),
                first_flexible: self.first_flexible,
                is_whole: false,
            })
        });
        let inner: Vec<Self> = inner.collect();
        let is_same = |known: &&mut Self| known.name == self.name && known.fields == self.fields;
        match structs.iter_mut().find(is_same) {
            Some(known) => known.versions = known.versions.span(self.versions),
            None => structs.push(self),
        }
        for one in inner {
            one.collect(structs);
        }
    }

    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        self.first_flexible.is_some_and(|first| version >= first)
    }

    /// Least bytes that it takes, over all its versions; `None` if it is in none.
    pub(crate) fn least_bytes(&self) -> Option<usize> {
        let versions = self.versions.iter();
        versions.map(|version| least_bytes(self.fields, version, self.is_flexible(version))).min()
    }
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// As Kafka spells it.
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// As the definition names the struct that it holds; `None`: after the field.
    pub(crate) struct_name: Option<String>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
        match &self.struct_name {
            Some(name) => name.clone(),
            None => format!("{prefix}{}", singular(&self.name)),
        }
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
    fn least_bytes(&self, version: i16, is_flexible: bool) -> usize {
        if self.is_array {
            return if is_flexible { 1 } else { 4 };
        }
        match &self.kind {
            Type::Bool | Type::Int("i8") => 1,
            Type::Int("i16" | "u16") | Type::ErrorCode => 2,
            Type::Int("i32") => 4,
            Type::Int(_) | Type::Float => 8,
            Type::Uuid => 16,
            Type::Str if is_flexible => 1,
            Type::Str => 2,
            Type::Bytes | Type::Records if is_flexible => 1,
            Type::Bytes | Type::Records => 4,
            Type::Struct(_) if self.nullable.is_some() => 1,
            Type::Struct(fields) => least_bytes(fields, version, is_flexible),
        }
    }
}

fn least_bytes(fields: &[Field], version: i16, is_flexible: bool) -> usize {
    let in_place = fields.iter().filter(|field| field.tag.is_none());
    let present = in_place.filter(|field| field.versions.contains(version));
    let tags = usize::from(is_flexible);
    present.map(|field| field.least_bytes(version, is_flexible)).sum::<usize>() + tags
}

/// A key without messages.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) key: i16,
    pub(crate) name: String,
}

/// A range of versions, both ends included; open ends are the ends of `i16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    /// The least range with all of both.
    fn span(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
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
