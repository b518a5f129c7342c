//! [`Str`]: text that shares the bytes of the frame it came in.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::{fmt, str};

use bytes::Bytes;

use crate::DecodeError;

/// UTF-8 text, cheap to clone, that shares the bytes it was decoded from.
///
/// A decoded `Str` keeps its whole frame alive. Copy what outlives the request: [`Str::detached`],
/// or turn it into the word it stands for, such as a topic name.
#[derive(Clone, Default)]
pub struct Str(Bytes); // always UTF-8

impl Str {
    /// Text without a copy and without a count.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// Checks that shared bytes are text.
    ///
    /// Errors: [`DecodeError::InvalidUtf8`].
    #[inline]
    pub fn from_utf8(bytes: Bytes) -> Result<Self, DecodeError> {
        // Names are ASCII, and asking that first is several times faster on short ones.
        if bytes.is_ascii() || str::from_utf8(&bytes).is_ok() {
            Ok(Self(bytes))
        } else {
            Err(DecodeError::InvalidUtf8)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("checked when this was made, and bytes do not change")
    }

    /// The same text in an allocation of its own, which keeps no frame alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// The text's bytes, shared.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl Deref for Str {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl From<&String> for Str {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Str> for String {
    fn from(text: Str) -> Self {
        text.as_str().to_owned()
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Str {}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

// The order of UTF-8 bytes is the order of `str`.
impl Ord for Str {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

// As `str` hashes, because maps may look up by `&str`.
impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn str_from_other_bytes_is_refused() {
        let refused = Str::from_utf8(Bytes::from_static(&[0x66, 0xff])).unwrap_err();
        assert_eq!(refused, DecodeError::InvalidUtf8);
    }

    #[test]
    fn str_in_a_map_is_found_by_text() {
        let map = BTreeMap::from([(Str::from("orders"), 1), (Str::from_static("payments"), 2)]);
        assert_eq!(map.get("payments"), Some(&2));
    }

    #[test]
    fn str_detached_no_longer_points_into_the_frame() {
        let frame = Bytes::from(b"a long frame with orders in it".to_vec());
        let shared = Str::from_utf8(frame.slice(18..24)).unwrap();
        assert!(frame.as_ptr_range().contains(&shared.as_bytes().as_ptr()));
        let own = shared.detached();
        assert!(!frame.as_ptr_range().contains(&own.as_bytes().as_ptr()));
        assert_eq!(own, "orders");
    }
}
