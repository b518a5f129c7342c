//! Writes a struct and how it is read and written.
//!
//! In generated code `r` is the reader, `w` the writer, `v` the version, `f` whether it is
//! flexible.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};

use super::definition::{Field, Struct, Type, Versions};

/// What a module of generated code begins with.
pub(crate) const ALLOWED: &str = "#![allow(unused_variables, unused_mut, unused_imports, clippy::all, clippy::too_many_lines, reason = \"generated\")]\n";

/// For the docs of a module.
pub(crate) fn flexible_text(first_flexible: Option<i16>) -> String {
    match first_flexible {
        Some(first) => format!("flexible from {first}"),
        None => "never flexible".to_owned(),
    }
}

/// The struct, its default and its codec.
pub(crate) fn emit(out: &mut String, item: &Struct<'_>) -> anyhow::Result<()> {
    let has_defaults = item.fields.iter().any(|field| field.default_value().is_some());
    let derive = if has_defaults { "" } else { ", Default" };
    writeln!(out, "#[derive(Clone, Debug{derive}, PartialEq)]\npub struct {} {{", item.name)?;
    for field in item.fields {
        if let Some(text) = field_docs(field) {
            writeln!(out, "/// {text}")?;
        }
        writeln!(out, "pub {}: {},", field.rust_name(), field.rust_type(&item.prefix))?;
    }
    writeln!(out, "}}\n")?;
    if has_defaults {
        emit_default(out, item)?;
    }
    emit_message(out, item).with_context(|| item.name.clone())
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

fn emit_message(out: &mut String, item: &Struct<'_>) -> anyhow::Result<()> {
    let least = item.least_bytes().context("it is in no version")?.max(1);
    writeln!(out, "impl Message for {} {{\nconst LEAST_BYTES: usize = {least};\n", item.name)?;
    emit_decode(out, item)?;
    emit_encode(out, item)?;
    writeln!(out, "}}\n")?;
    Ok(())
}

/// Binds `f`, and says whether a tag section is there: never, always, or if `f`.
fn flexible(item: &Struct<'_>) -> (String, Option<&'static str>) {
    match item.first_flexible {
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

fn emit_decode(out: &mut String, item: &Struct<'_>) -> anyhow::Result<()> {
    writeln!(out, "fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {{")?;
    emit_check(out, item, "reader")?;
    let (f, tag_section) = flexible(item);
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
                let guard = field.versions.condition(flexible_versions(item));
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

/// What is asked for by version says which it has.
fn emit_check(out: &mut String, item: &Struct<'_>, side: &str) -> anyhow::Result<()> {
    if item.is_whole {
        let Versions { first, last } = item.versions;
        writeln!(out, "{side}::check_version(\"{}\", v, {first}..={last})?;", item.name)?;
    }
    Ok(())
}

fn flexible_versions(item: &Struct<'_>) -> Versions {
    let first = item.first_flexible.unwrap_or(i16::MAX);
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

fn emit_encode(out: &mut String, item: &Struct<'_>) -> anyhow::Result<()> {
    writeln!(out, "fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {{")?;
    emit_check(out, item, "writer")?;
    let (f, tag_section) = flexible(item);
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
            let present = is_present(field, &item.prefix);
            let condition = field.versions.condition(flexible_versions(item));
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
