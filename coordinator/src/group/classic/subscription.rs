//! What classic consumers put into the group's bytes, as far as the broker reads it.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::Bytes;
use highwater_protocol::{Reader, Str};

/// The topics of a subscription: its version (i16) and then an array of names, which is the prefix
/// of every version. `None` if the bytes say something else.
pub(crate) fn subscribed_topics(subscription: &Bytes) -> Option<Vec<Str>> {
    let mut reader = Reader::new(subscription.clone());
    reader.i16().ok()?;
    reader.primitives(false).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Option<&[&str]>) {
        let topics = subscribed_topics(&Bytes::copy_from_slice(bytes));
        let expected: Option<Vec<Str>> =
            expected.map(|names| names.iter().map(|name| Str::from(*name)).collect());
        assert_eq!(topics, expected, "{bytes:?}");
    }

    #[test]
    fn topics_of_every_version_are_its_prefix() {
        check(b"\0\0\0\0\0\x01\0\x01a\xff\xff\xff\xff", Some(&["a"]));
        check(b"\0\x03\0\0\0\x02\0\x01a\0\x02bb\xff\xff\xff\xff\0\0\0\0", Some(&["a", "bb"]));
        check(b"\x7f\xff\0\0\0\0", Some(&[]));
    }

    #[test]
    fn other_bytes_are_unknown_topics_and_cost_nothing() {
        check(b"", None);
        check(b"\0", None);
        check(b"range", None);
        check(b"\0\0\x7f\xff\xff\xff", None);
        check(b"\0\0\0\0\0\x01\0\x05a", None);
        check(b"\0\0\0\0\0\x01\0\x01\xff", None);
        check(b"\0\0\xff\xff\xff\xff", None);
    }
}
