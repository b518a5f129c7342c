//! Unicode classes of a pattern, as far as they reach into ASCII.

use super::{NEVER, TopicPatternError, refused};

/// The ASCII characters of `\p{..}` or `\P{..}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AsciiClass {
    /// One bit for each character.
    members: u128,
}

/// General categories that have no ASCII character.
const BEYOND_ASCII: [&str; 16] =
    ["Cf", "Co", "Cs", "Lm", "Lo", "Lt", "M", "Mc", "Me", "Mn", "Nl", "No", "Pf", "Pi", "So", "Zl"];

impl AsciiClass {
    /// Reads from the `p` or `P` on; also returns what follows the class.
    ///
    /// Errors: no class of this name is known here.
    pub(super) fn read(text: &str) -> Result<(Self, &str), TopicPatternError> {
        let bad = || refused("invalid character class range");
        let is_upper = text.starts_with('P');
        let text = text.get(1..).ok_or_else(bad)?;
        let (name, behind) = match text.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or_else(bad)?,
            None => text.split_at_checked(1).ok_or_else(bad)?,
        };
        let (name, is_negated) = match name.strip_prefix('^') {
            Some(name) => (name, !is_upper),
            None => (name, is_upper),
        };
        let is_member = members_of(name).ok_or_else(bad)?;
        let members = (0..128_u8)
            .filter(|byte| is_member(*byte) != is_negated)
            .fold(0, |members, byte| members | 1 << byte);
        Ok((Self { members }, behind))
    }

    /// Writes it in the engine's syntax.
    pub(super) fn write(self, out: &mut String, in_class: bool) {
        if !in_class {
            out.push('[');
        }
        if self.members == 0 {
            out.push_str(NEVER);
        }
        let has = |byte: u8| self.members >> byte & 1 == 1;
        let mut byte = 0;
        while byte < 128 {
            let end = (byte..128).find(|next| !has(*next)).unwrap_or(128);
            if end > byte {
                out.push_str(&format!(r"\x{byte:02X}-\x{:02X}", end - 1));
            }
            byte = end + 1;
        }
        if !in_class {
            out.push(']');
        }
    }
}

/// Which ASCII characters the class of this name has.
fn members_of(name: &str) -> Option<fn(u8) -> bool> {
    let members: fn(u8) -> bool = match name {
        "Any" => |_| true,
        "C" | "Cc" => |byte| byte.is_ascii_control(),
        "L" | "Latin" => |byte| byte.is_ascii_alphabetic(),
        "Common" => |byte| !byte.is_ascii_alphabetic(),
        "Ll" => |byte| byte.is_ascii_lowercase(),
        "Lu" => |byte| byte.is_ascii_uppercase(),
        "N" | "Nd" => |byte| byte.is_ascii_digit(),
        "P" => |byte| byte.is_ascii_punctuation() && !is_symbol(byte),
        "Pc" => |byte| byte == b'_',
        "Pd" => |byte| byte == b'-',
        "Ps" => |byte| b"([{".contains(&byte),
        "Pe" => |byte| b")]}".contains(&byte),
        "Po" => |byte| b"!\"#%&'*,./:;?@\\".contains(&byte),
        "S" => is_symbol,
        "Sc" => |byte| byte == b'$',
        "Sk" => |byte| b"^`".contains(&byte),
        "Sm" => |byte| b"+<=>|~".contains(&byte),
        "Z" | "Zs" => |byte| byte == b' ',
        "Zp" => |_| false,
        name if BEYOND_ASCII.contains(&name) => |_| false,
        _ => return None,
    };
    Some(members)
}

fn is_symbol(byte: u8) -> bool {
    b"$^`+<=>|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    const WITH_ASCII: [&str; 21] = [
        "Any", "C", "Cc", "Common", "L", "Latin", "Ll", "Lu", "N", "Nd", "P", "Pc", "Pd", "Ps",
        "Pe", "Po", "S", "Sc", "Sk", "Sm", "Zs",
    ];

    #[test]
    fn a_class_has_the_ascii_characters_that_unicode_gives_it() {
        let names = WITH_ASCII.into_iter().chain(BEYOND_ASCII).chain(["Z", "Zp"]);
        // The engine has no surrogates.
        for name in names.filter(|name| *name != "Cs") {
            let of_unicode = Regex::new(&format!(r"\p{{{name}}}")).unwrap();
            for (text, is_negated) in [
                (format!("p{{{name}}}"), false),
                (format!("P{{{name}}}"), true),
                (format!("p{{^{name}}}"), true),
                (format!("P{{^{name}}}"), false),
            ] {
                let (class, behind) = AsciiClass::read(&text).unwrap();
                assert_eq!(behind, "");
                for byte in 0..128_u8 {
                    let expected = of_unicode.is_match(&char::from(byte).to_string()) != is_negated;
                    assert_eq!(class.members >> byte & 1 == 1, expected, "{text}: {byte:#x}");
                }
            }
        }
    }

    #[test]
    fn a_class_that_is_not_known_is_refused() {
        for text in ["p", "p{", "p{L", "p{}", "p{Klingon}", "pX", "p\u{e9}", "p{^}"] {
            assert!(AsciiClass::read(text).is_err(), "{text}");
        }
    }
}
