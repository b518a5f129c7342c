//! Writes the module of one API.

use std::fmt::Write as _;

use super::definition::Api;
use super::structs;

/// The structs of both messages.
pub(crate) fn emit(api: &Api) -> anyhow::Result<String> {
    let mut out = format!(
        "//! {} ({}): versions {}, {}.\n\nuse super::prelude::*;\n\n",
        api.name,
        api.key,
        api.versions.text(),
        structs::flexible_text(api.first_flexible)
    );
    for item in api.structs() {
        structs::emit(&mut out, &item)?;
    }
    writeln!(
        out,
        "impl Request for {0}Request {{ const KEY: ApiKey = ApiKey::{0}; type Response = {0}Response; }}",
        api.name
    )?;
    Ok(out)
}
