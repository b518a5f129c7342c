//! Writes the modules of records in internal topics.

use std::fmt::Write as _;

use super::definition::Record;
use super::structs;

/// The key and the value of one record.
pub(crate) fn emit(record: &Record) -> anyhow::Result<String> {
    let Record { name, topic, types, versions, first_flexible, .. } = record;
    let mut out = format!(
        "//! {name} (type {} in `{topic}`): versions {}, {}.\n\nuse super::prelude::*;\n\n",
        types.text(),
        versions.text(),
        structs::flexible_text(*first_flexible)
    );
    for item in record.structs() {
        structs::emit(&mut out, &item)?;
        if !item.is_whole {
            writeln!(out, "const _: () = assert!(fits_record_budget::<{}>());\n", item.name)?;
        }
    }
    writeln!(
        out,
        "impl CoordinatorKey for {name}Key {{\nconst TYPE: i16 = {};\ntype Value = {name}Value;\n}}\n\n\
         impl CoordinatorValue for {name}Value {{\n\
         const VERSIONS: RangeInclusive<i16> = {}..={};\n}}",
        types.last, versions.first, versions.last
    )?;
    Ok(out)
}

/// `generated/records/mod.rs`.
pub(crate) fn emit_module(records: &[Record]) -> anyhow::Result<String> {
    let mut out = format!(
        "{}//! Records of internal topics, one module each, written by `cargo xtask codegen` from\n\
         //! `definitions/records`.\n\n",
        structs::ALLOWED
    );
    for record in records {
        writeln!(out, "pub mod {};", record.module())?;
    }
    out.push('\n');
    for record in records {
        writeln!(out, "pub use self::{}::{{{1}Key, {1}Value}};", record.module(), record.name)?;
    }
    out.push_str(
        "\nmod prelude {\n\
         pub(super) use std::ops::RangeInclusive;\n\
         pub(super) use bytes::Bytes;\n\
         pub(super) use highwater_records::Uuid;\n\
         pub(super) use crate::reader::fits_record_budget;\n\
         pub(super) use crate::{CoordinatorKey, CoordinatorValue, DecodeError, EncodeError, Message, Reader, Str, Writer, reader, writer};\n\
         }\n",
    );
    Ok(out)
}
