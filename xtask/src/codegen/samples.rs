//! Writes constructors of arbitrary values for the tests of `protocol`.

use std::fmt::Write as _;

use super::definition::{Api, Field, Record, Struct};

/// `protocol/tests/it/samples.rs`: a `Sample` for every struct, by the pieces in `sample.rs`.
pub(crate) fn emit(apis: &[Api]) -> anyhow::Result<String> {
    let mut out = String::from(
        "#![allow(clippy::all, unused_variables, reason = \"generated\")]\n\
         //! Arbitrary values of every message, written by `cargo xtask codegen`.\n\n\
         use highwater_protocol::{AnyRequest, AnyResponse, ApiKey, messages};\n\n\
         use crate::sample::{Sample, Samples};\n\n",
    );
    for kind in ["Request", "Response"] {
        writeln!(
            out,
            "pub(crate) fn {}(key: ApiKey, s: &mut Samples) -> Option<Any{kind}> {{\nSome(match key {{",
            kind.to_ascii_lowercase()
        )?;
        for api in apis {
            writeln!(out, "ApiKey::{0} => Any{kind}::{0}(s.any()),", api.name)?;
        }
        writeln!(out, "_ => return None,\n}})\n}}\n")?;
    }
    for api in apis {
        for item in api.structs() {
            emit_sample(&mut out, &format!("messages::{}", api.module()), &item)?;
        }
    }
    Ok(out)
}

/// `protocol/tests/it/record_samples.rs`: the same for records, and a visit to each.
pub(crate) fn emit_records(records: &[Record]) -> anyhow::Result<String> {
    let mut out = String::from(
        "#![allow(clippy::all, unused_variables, reason = \"generated\")]\n\
         //! Arbitrary keys and values of every record, written by `cargo xtask codegen`.\n\n\
         use highwater_protocol::records;\n\n\
         use crate::records::Visit;\nuse crate::sample::{Sample, Samples};\n\n\
         pub(crate) fn visit_each(visit: &mut impl Visit) {\n",
    );
    for record in records {
        writeln!(out, "visit.record::<records::{}Key>();", record.name)?;
    }
    writeln!(out, "}}\n")?;
    for record in records {
        for item in record.structs() {
            emit_sample(&mut out, &format!("records::{}", record.module()), &item)?;
        }
    }
    Ok(out)
}

fn emit_sample(out: &mut String, module: &str, item: &Struct<'_>) -> anyhow::Result<()> {
    let path = format!("{module}::{}", item.name);
    writeln!(out, "impl Sample for {path} {{\nfn sample(s: &mut Samples) -> Self {{")?;
    writeln!(out, "let v = s.version();\nSelf {{")?;
    for field in item.fields {
        writeln!(out, "{}: {},", field.rust_name(), value(field, item))?;
    }
    writeln!(out, "}}\n}}\n}}\n")?;
    Ok(())
}

fn value(field: &Field, item: &Struct<'_>) -> String {
    let within = item.versions.intersection(field.versions);
    match field.nullable.and_then(|nullable| nullable.condition(within)) {
        Some(condition) => format!("s.null_only_if({condition})"),
        None => "s.any()".to_owned(),
    }
}
