//! Writes the structs of one API and how they are read and written.
//!
//! In generated code `r` is the reader, `w` the writer, `v` the version, `f` whether it is
//! flexible.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};

use super::definition::{Api, Field, Struct, Type, Versions, least_bytes};

/// The module of an API.
pub(crate) fn emit(api: &Api) -> anyhow::Result<String> {
    let mut out = format!(
        "//! {} ({}): versions {}, {}.\n\n",
        api.name,
        api.key,
        api.versions.text(),
        match api.first_flexible {
            Some(first) => format!("flexible from {first}"),
            None => "never flexible".to_owned(),
        }
    );
    out.push_str("use super::prelude::*;\n\n");
    for item in api.structs() {
        emit_struct(&mut out, api, &item).with_context(|| item.name.clone())?;
    }
    writeln!(
        out,
        "impl Request for {0}Request {{ const KEY: ApiKey = ApiKey::{0}; type Response = {0}Response; }}",
        api.name
    )?;
    Ok(out)
}

fn emit_struct(out: &mut String, api: &Api, item: &Struct<'_>) -> anyhow::Result<()> {
    let prefix = item.prefix(api);
    let has_defaults = item.fields.iter().any(|field| field.default_value().is_some());
    let derive = if has_defaults { "" } else { ", Default" };
    writeln!(out, "#[derive(Clone, Debug{derive}, PartialEq)]\npub struct {} {{", item.name)?;
    for field in item.fields {
        if let Some(text) = field_docs(field) {
            writeln!(out, "/// {text}")?;
        }
        writeln!(out, "pub {}: {},", field.rust_name(), field.rust_type(&prefix))?;
    }
    writeln!(out, "}}\n")?;
    if has_defaults {
        emit_default(out, item)?;
    }
    emit_message(out, api, item, &prefix)
}

fn field_docs(field: &Field) -> Option<String> {
    let mut facts = Vec::new();
    if field.versions != Versions::ALL {
        facts.push(format!("versions {}", field.versions.text()));
    }
    if let Some(nullable) = field.nullable
        && !nullable.contains_all(field.versions)
    {
        facts.push(format!("null in {}", nullable.text()));
    }
    if let Some(tag) = field.tag {
        facts.push(format!("tag {tag}"));
    }
    if let Some(default) = &field.default {
        facts.push(format!("default {default}"));
    }
    let text = facts.join(", ");
    let mut letters = text.chars();
    let first = letters.next()?;
    Some(format!("{}{}.", first.to_ascii_uppercase(), letters.as_str()))
}

fn default_expression(field: &Field) -> String {
    field.default_value().unwrap_or_else(|| "Default::default()".to_owned())
}

fn emit_default(out: &mut String, item: &Struct<'_>) -> anyhow::Result<()> {
    writeln!(out, "impl Default for {} {{\nfn default() -> Self {{\nSelf {{", item.name)?;
    for field in item.fields {
        writeln!(out, "{}: {},", field.rust_name(), default_expression(field))?;
    }
    writeln!(out, "}}\n}}\n}}\n")?;
    Ok(())
}

fn emit_message(
    out: &mut String,
    api: &Api,
    item: &Struct<'_>,
    prefix: &str,
) -> anyhow::Result<()> {
    let each = item.versions.iter().map(|version| least_bytes(item.fields, api, version));
    let least = each.min().context("it is in no version")?.max(1);
    writeln!(out, "impl Message for {} {{\nconst LEAST_BYTES: usize = {least};\n", item.name)?;
    emit_decode(out, api, item)?;
    emit_encode(out, api, item, prefix)?;
    writeln!(out, "}}\n")?;
    Ok(())
}

/// Binds `f`, and says whether a tag section is there: never, always, or if `f`.
fn flexible(api: &Api, item: &Struct<'_>) -> (String, Option<&'static str>) {
    match api.first_flexible {
        Some(first) if first <= item.versions.first => ("true".to_owned(), Some("")),
        Some(first) if first <= item.versions.last => (format!("v >= {first}"), Some("if f ")),
        _ => ("false".to_owned(), None),
    }
}

fn in_place<'a>(item: &Struct<'a>) -> impl Iterator<Item = &'a Field> + use<'a> {
    item.fields.iter().filter(|field| field.tag.is_none())
}

fn tagged<'a>(item: &Struct<'a>) -> Vec<(u32, &'a Field)> {
    let mut tagged: Vec<_> =
        item.fields.iter().filter_map(|field| Some((field.tag?, field))).collect();
    tagged.sort_by_key(|(tag, _)| *tag);
    tagged
}

fn emit_decode(out: &mut String, api: &Api, item: &Struct<'_>) -> anyhow::Result<()> {
    writeln!(out, "fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {{")?;
    if item.is_message {
        let Versions { first, last } = api.versions;
        writeln!(out, "ApiKey::{}.check_decode(v, {first}..={last})?;", api.name)?;
    }
    let (f, tag_section) = flexible(api, item);
    writeln!(out, "let f = {f};")?;
    for field in in_place(item) {
        let read = read_expression(field, item.versions, "f")?;
        match field.versions.condition(item.versions) {
            None => writeln!(out, "let {} = {read};", field.rust_name())?,
            Some(condition) => writeln!(
                out,
                "let {} = if {condition} {{ {read} }} else {{ {} }};",
                field.rust_name(),
                default_expression(field)
            )?,
        }
    }
    let tagged = tagged(item);
    for (_, field) in &tagged {
        writeln!(out, "let mut {} = {};", field.rust_name(), default_expression(field))?;
    }
    if let Some(section) = tag_section {
        if tagged.is_empty() {
            writeln!(out, "{section}{{ r.skip_tags()?; }}")?;
        } else {
            writeln!(out, "{section}{{ r.tags(|r, tag| {{ match tag {{")?;
            for (tag, field) in &tagged {
                let guard = field.versions.condition(flexible_versions(api, item));
                let guard = guard.map(|guard| format!(" if {guard}")).unwrap_or_default();
                let read = read_expression(field, item.versions, "true")?;
                writeln!(out, "{tag}{guard} => {} = {read},", field.rust_name())?;
            }
            writeln!(out, "_ => return Ok(false),\n}}\nOk(true) }})?; }}")?;
        }
    } else {
        ensure!(tagged.is_empty(), "tagged fields need a flexible version");
    }
    let names: Vec<String> = item.fields.iter().map(Field::rust_name).collect();
    writeln!(out, "Ok(Self {{ {} }})\n}}\n", names.join(", "))?;
    Ok(())
}

fn flexible_versions(api: &Api, item: &Struct<'_>) -> Versions {
    let first = api.first_flexible.unwrap_or(i16::MAX);
    item.versions.intersection(Versions { first, last: i16::MAX })
}

fn read_expression(field: &Field, within: Versions, f: &str) -> anyhow::Result<String> {
    let null = if field.nullable.is_some() { "nullable_" } else { "" };
    let read = match (&field.kind, field.is_array) {
        (Type::Struct(_), true) => format!("r.{null}array({f}, v)?"),
        (Type::Bool | Type::Bytes | Type::Records | Type::Float, true) => {
            anyhow::bail!("{}: no arrays of these", field.name)
        }
        (_, true) => format!("r.{null}primitives({f})?"),
        (Type::Struct(_), false) if field.nullable.is_some() => "r.nullable_struct(v)?".to_owned(),
        (Type::Struct(_), false) => "Message::decode(r, v)?".to_owned(),
        (Type::Str, false) => format!("r.{null}string({f})?"),
        (Type::Bytes, false) => format!("r.{null}bytes({f})?"),
        (Type::Records, false) => {
            ensure!(field.nullable.is_some(), "{}: records are nullable", field.name);
            format!("r.records({f})?")
        }
        (kind, false) => {
            ensure!(field.nullable.is_none(), "{}: cannot be null", field.name);
            format!("r.{}()?", scalar(kind))
        }
    };
    Ok(match null_condition(field, within) {
        Some(condition) => format!("reader::null_only_if({condition}, {read})?"),
        None => read,
    })
}

fn scalar(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::Int(int) => int,
        Type::ErrorCode => "error_code",
        Type::Float => "f64",
        Type::Uuid => "uuid",
        Type::Str | Type::Bytes | Type::Records | Type::Struct(_) => "no scalar",
    }
}

/// When null is legal, for a field that is nullable in some of its versions only.
fn null_condition(field: &Field, within: Versions) -> Option<String> {
    field.nullable?.condition(within.intersection(field.versions))
}

fn emit_encode(out: &mut String, api: &Api, item: &Struct<'_>, prefix: &str) -> anyhow::Result<()> {
    writeln!(out, "fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {{")?;
    if item.is_message {
        let Versions { first, last } = api.versions;
        writeln!(out, "ApiKey::{}.check_encode(v, {first}..={last})?;", api.name)?;
    }
    let (f, tag_section) = flexible(api, item);
    writeln!(out, "let f = {f};")?;
    for field in in_place(item) {
        let write = write_statement(field, "f");
        let null = null_condition(field, item.versions).map(|condition| {
            format!(
                "writer::null_only_if({condition}, &self.{}, \"{}\")?;",
                field.rust_name(),
                field.name
            )
        });
        let statements = format!("{}{write};", null.unwrap_or_default());
        match field.versions.condition(item.versions) {
            None => writeln!(out, "{statements}")?,
            Some(condition) => writeln!(out, "if {condition} {{ {statements} }}")?,
        }
    }
    if let Some(section) = tag_section {
        let tagged = tagged(item);
        writeln!(out, "{section}{{")?;
        for (tag, field) in &tagged {
            let present = is_present(field, prefix);
            let condition = field.versions.condition(flexible_versions(api, item));
            let version = condition.map(|condition| format!("{condition} && "));
            writeln!(out, "let has_{tag} = {}{present};", version.unwrap_or_default())?;
        }
        let count: Vec<String> =
            tagged.iter().map(|(tag, _)| format!("u32::from(has_{tag})")).collect();
        let count = if count.is_empty() { "0".to_owned() } else { count.join(" + ") };
        writeln!(out, "w.uvarint({count});")?;
        for (tag, field) in &tagged {
            let write = write_statement(field, "true");
            writeln!(out, "if has_{tag} {{ w.tagged({tag}, |w| {{ {write}; Ok(()) }})?; }}")?;
        }
        writeln!(out, "}}")?;
    }
    writeln!(out, "Ok(())\n}}")?;
    Ok(())
}

fn write_statement(field: &Field, f: &str) -> String {
    let name = field.rust_name();
    let null = if field.nullable.is_some() { "nullable_" } else { "" };
    match (&field.kind, field.is_array) {
        (Type::Struct(_), true) => format!("w.{null}array({f}, v, &self.{name})?"),
        (_, true) => format!("w.{null}primitives({f}, &self.{name})?"),
        (Type::Struct(_), false) if field.nullable.is_some() => {
            format!("w.nullable_struct(v, &self.{name})?")
        }
        (Type::Struct(_), false) => format!("self.{name}.encode(w, v)?"),
        (Type::Str, false) => format!("w.{null}string({f}, &self.{name})?"),
        (Type::Bytes, false) => format!("w.{null}bytes({f}, &self.{name})?"),
        (Type::Records, false) => format!("w.records({f}, &self.{name})?"),
        (kind, false) => format!("w.{}(self.{name})", scalar(kind)),
    }
}

/// Whether a tagged field has to be sent: a default is not.
fn is_present(field: &Field, prefix: &str) -> String {
    let name = field.rust_name();
    if field.nullable.is_some() {
        return format!("self.{name}.is_some()");
    }
    if field.is_array {
        return format!("!self.{name}.is_empty()");
    }
    match (field.default_value(), &field.kind) {
        (Some(default), _) => format!("self.{name} != {default}"),
        (None, Type::Bool) => format!("self.{name}"),
        (None, Type::Int(_)) => format!("self.{name} != 0"),
        (None, Type::Str | Type::Bytes) => format!("!self.{name}.is_empty()"),
        (None, _) => format!("self.{name} != {}::default()", field.element_type(prefix)),
    }
}
