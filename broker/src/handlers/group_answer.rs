//! What the handlers of group requests share: an answer, or the error that stands for it.

use highwater_coordinator::group::Refusal;
use highwater_protocol::Str;
use highwater_records::ErrorCode;

use crate::error_map::{NO_ROOM_CODE, group_code, unavailable_code};
use crate::hosts::groups::Unavailable;

/// Why a group request is not answered as its client wished.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    ByGroup(#[from] Refusal),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// See [`super::answer_room`].
    #[error("the answer has no room for the group, ask for it again")]
    NoRoom,
}

impl Refused {
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::ByGroup(refusal) => group_code(refusal),
            Self::Unavailable(unavailable) => unavailable_code(unavailable),
            Self::NoRoom => NO_ROOM_CODE,
        }
    }

    /// What is wrong with a group, for versions that say it. Tools show it.
    pub(super) fn message(&self, group_id: &Str) -> Option<Str> {
        Some(Str::from(match self {
            // Kafka's words.
            Self::ByGroup(Refusal::GroupIdNotFound) => format!("Group {group_id} not found."),
            _ => self.to_string(),
        }))
    }
}

/// The code of a result inside an answer.
pub(super) fn code_of(result: &Result<(), Refusal>) -> ErrorCode {
    result.as_ref().map_or_else(group_code, |()| ErrorCode::None)
}

/// Takes the answer of one variant out of a machine's reply.
macro_rules! answer {
    ($reply:expr, $variant:ident) => {
        match $reply {
            Ok(highwater_coordinator::group::Answer::$variant(result)) => {
                result.map_err($crate::handlers::group_answer::Refused::from)
            }
            Ok(_) => unreachable!("an answer has the variant of its input"),
            Err(unavailable) => Err($crate::handlers::group_answer::Refused::from(unavailable)),
        }
    };
}
pub(super) use answer;
