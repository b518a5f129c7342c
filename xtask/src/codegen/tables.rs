//! Writes the table of APIs and the sums over all requests and responses.

use std::fmt::Write as _;

use super::definition::{Api, Reserved};
use super::structs;

/// `generated/mod.rs`.
pub(crate) fn emit_module(apis: &[Api]) -> String {
    let mut out = format!(
        "{}//! The messages, one module per API, written by `cargo xtask codegen` from `definitions`.\n\n\
         pub(crate) mod any;\npub(crate) mod api_key;\n",
        structs::ALLOWED
    );
    for api in apis {
        out.push_str(&format!("pub mod {};\n", api.module()));
    }
    out.push_str(
        "\nmod prelude {\n\
         pub(super) use bytes::Bytes;\n\
         pub(super) use highwater_records::{ErrorCode, Uuid};\n\
         pub(super) use crate::{ApiKey, DecodeError, EncodeError, Message, Reader, Records, Request, Str, Writer, reader, writer};\n\
         }\n",
    );
    out
}

/// `generated/api_key.rs`.
pub(crate) fn emit_api_key(apis: &[Api], reserved: &[Reserved]) -> String {
    let mut rows: Vec<(i16, &str, Option<&Api>)> = Vec::new();
    rows.extend(apis.iter().map(|api| (api.key, api.name.as_str(), Some(api))));
    rows.extend(reserved.iter().map(|reserved| (reserved.key, reserved.name.as_str(), None)));
    rows.sort_by_key(|(key, ..)| *key);
    let each = |line: &dyn Fn(i16, &str, Option<&Api>) -> String| -> String {
        rows.iter().map(|(key, name, api)| line(*key, name, *api)).collect()
    };
    format!(
        "//! The keys of Kafka's APIs.\n\n\
         use crate::api::{{Authorization, Operation, ResourceType, Row}};\n\n\
         /// An API of Kafka's protocol; also those that the codec has no messages for.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n\
         #[repr(i16)]\n\
         pub enum ApiKey {{\n{variants}}}\n\n\
         impl ApiKey {{\n\
         /// Every API, in the order of their numbers.\n\
         pub const ALL: &[Self] = &[{all}];\n\n\
         /// The key of a number; `None` if Kafka has none such.\n\
         #[must_use]\n\
         pub const fn from_code(code: i16) -> Option<Self> {{\n\
         Some(match code {{ {from}\n_ => return None }})\n}}\n\n\
         pub(crate) const fn row(self) -> Row {{\nmatch self {{\n{table}}}\n}}\n}}\n\n\
         const fn may(operation: Operation, resource: ResourceType) -> Authorization {{\n\
         Authorization {{ operation, resource }}\n}}\n",
        variants = each(&|key, name, _| format!("/// Key {key}.\n{name} = {key},\n")),
        all = each(&|_, name, _| format!("Self::{name},")),
        from = each(&|key, name, _| format!("{key} => Self::{name},\n")),
        table = each(&row),
    )
}

fn row(_key: i16, name: &str, api: Option<&Api>) -> String {
    let Some(api) = api else {
        return format!("Self::{name} => Row::reserved(\"{name}\"),\n");
    };
    let authorization: String = api
        .authorization
        .iter()
        .map(|(operation, resource)| {
            format!("may(Operation::{operation}, ResourceType::{resource}),")
        })
        .collect();
    format!(
        "Self::{name} => Row::defined(\"{name}\", ({}, {}), {:?}, const {{ &[{authorization}] }}),\n",
        api.versions.first, api.versions.last, api.first_flexible
    )
}

/// `generated/any.rs`.
pub(crate) fn emit_any(apis: &[Api]) -> String {
    let mut out = String::from(
        "//! Any request and any response: for tools, tests and fuzzing.\n\nuse super::prelude::*;\n\n",
    );
    for kind in ["Request", "Response"] {
        let each = |line: &dyn Fn(&str, &str) -> String| -> String {
            apis.iter().map(|api| line(&api.name, &api.module())).collect()
        };
        let written = write!(
            out,
            "/// The {lower} of any API that has messages.\n\
             #[derive(Clone, Debug, PartialEq)]\npub enum Any{kind} {{\n{variants}}}\n\n\
             impl Any{kind} {{\n\
             /// Which API it belongs to.\n#[must_use]\npub fn key(&self) -> ApiKey {{\nmatch self {{\n{keys}}}\n}}\n\n\
             /// Reads the {lower} of an API; see [`Message::decode`].\n\
             pub fn decode(key: ApiKey, version: i16, reader: &mut Reader) -> Result<Self, DecodeError> {{\n\
             Ok(match key {{\n{decode}other => return Err(DecodeError::UnknownApiKey {{ key: other.code() }}),\n}})\n}}\n\n\
             /// Writes it; see [`Message::encode`].\n\
             pub fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {{\n\
             match self {{\n{encode}}}\n}}\n}}\n\n",
            lower = kind.to_ascii_lowercase(),
            variants = each(&|name, module| format!(
                "/// Of {name}.\n{name}(super::{module}::{name}{kind}),\n"
            )),
            keys = each(&|name, _| format!("Self::{name}(_) => ApiKey::{name},\n")),
            decode = each(&|name, _| format!(
                "ApiKey::{name} => Self::{name}(Message::decode(reader, version)?),\n"
            )),
            encode = each(&|name, _| format!(
                "Self::{name}(message) => message.encode(writer, version),\n"
            )),
        );
        written.expect("a String takes everything");
    }
    out
}
