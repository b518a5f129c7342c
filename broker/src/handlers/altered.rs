//! What AlterConfigs and IncrementalAlterConfigs share: the code and the words for each resource.

use std::sync::Arc;

use highwater_controller::decide::ConfigTarget;
use highwater_controller::{MetadataImage, Refusal};
use highwater_protocol::Str;
use highwater_records::ErrorCode;

use crate::error_map::{admin_code, controller_code};
use crate::hosts::controller::AdminFault;

/// What the controller decided for each resource, and the metadata that holds it.
type Decided = Result<(Vec<(ConfigTarget, Result<(), Refusal>)>, Arc<MetadataImage>), AdminFault>;

/// One resource as it is answered.
pub(super) struct Altered {
    pub(super) target: ConfigTarget,
    pub(super) code: ErrorCode,
    pub(super) message: Option<Str>,
}

/// An answer for each resource; `asked` are all of them, for a fault that meets them all.
pub(super) fn altered(decided: Decided, asked: Vec<ConfigTarget>) -> Vec<Altered> {
    let answer = |target, code, message: Option<String>| Altered {
        target,
        code,
        message: message.map(Str::from),
    };
    match decided {
        Ok((results, _image)) => results
            .into_iter()
            .map(|(target, result)| match result {
                Ok(()) => answer(target, ErrorCode::None, None),
                Err(refusal) => {
                    answer(target, controller_code(&refusal), Some(refusal.to_string()))
                }
            })
            .collect(),
        Err(fault) => asked
            .into_iter()
            .map(|target| answer(target, admin_code(&fault), Some(fault.to_string())))
            .collect(),
    }
}
