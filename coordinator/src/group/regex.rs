//! Topic patterns of KIP-848 subscriptions: RE2 syntax, matched against whole topic names.
//!
//! The engine is the `regex` crate, which like RE2 takes time in proportion to the input. Where its
//! syntax says more than RE2's, the pattern is refused or rewritten, so that a pattern means here
//! what it means on any Kafka broker: `\Q..\E` quotes, a class knows no nesting and no set
//! operations, and only the flags `i`, `m`, `s` and `U` exist.
//!
//! Topic names are ASCII, so a pattern is compiled for ASCII bytes alone: the tables of Unicode,
//! which a few bytes of a pattern can make the engine fold and merge for a second, are not needed.
//! A pattern of [`PATTERN_BYTES_MAX`] bytes is compiled or refused in about a millisecond.
//!
//! Differs from Kafka: a pattern of a subscription has at most 1,024 bytes and takes at most 128 KiB
//! once it is compiled, and its Unicode classes are the general categories and the scripts `Latin` and
//! `Common`; another one is refused as INVALID_REGULAR_EXPRESSION. Kafka has no limit.

use regex::bytes::{Regex, RegexBuilder};

use ascii_class::AsciiClass;

mod ascii_class;

/// Bytes a pattern may have; a longer one is refused as not valid.
pub(crate) const PATTERN_BYTES_MAX: usize = 1024;

/// Bytes a compiled pattern may take (`[a-z]{1000}{1000}` and its like); a larger one is refused as
/// not valid.
const COMPILED_BYTES_MAX: usize = 1 << 17;

/// Bytes that matching remembers between two names; beyond it, it forgets and begins again.
const CACHE_BYTES_MAX: usize = 1 << 20;

/// How deep groups may nest; deeper is refused as not valid.
const NESTING_MAX: u32 = 64;

/// How often a repetition may ask for something, as in RE2; more often is refused as not valid.
const REPETITION_MAX: usize = 1000;

/// A byte that is in no topic name; stands for all that is not ASCII.
const NEVER: &str = r"\xFF";

/// A pattern that is not valid, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct TopicPatternError {
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// A compiled topic pattern.
#[derive(Clone, Debug)]
pub(crate) struct TopicPattern(Regex);

impl TopicPattern {
    /// Compiles a pattern in RE2 syntax.
    ///
    /// Errors: [`TopicPatternError`] for bad syntax and for a pattern past one of the limits.
    pub(crate) fn parse(pattern: &str) -> Result<Self, TopicPatternError> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(refused(&format!("longer than {PATTERN_BYTES_MAX} bytes")));
        }
        let translated = Translation::default().run(pattern)?;
        RegexBuilder::new(&format!(r"\A(?:{translated})\z"))
            .unicode(false)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(CACHE_BYTES_MAX)
            .nest_limit(NESTING_MAX)
            .build()
            .map(Self)
            .map_err(|error| refused(&last_line(&error)))
    }

    /// Whether the whole name matches.
    #[must_use]
    pub(crate) fn matches(&self, topic: &str) -> bool {
        self.0.is_match(topic.as_bytes())
    }
}

fn refused(reason: &str) -> TopicPatternError {
    TopicPatternError { reason: reason.to_owned() }
}

/// The engine's message draws the pattern over several lines; the last one says what is wrong.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// Rewrites RE2 syntax into the engine's.
#[derive(Default)]
struct Translation {
    out: String,
    /// Groups that are open.
    depth: usize,
}

impl Translation {
    fn run(mut self, pattern: &str) -> Result<String, TopicPatternError> {
        let mut rest = pattern;
        let mut is_repeated = false;
        while let Some(next) = rest.chars().next() {
            let repetition = match next {
                '*' | '+' | '?' => Some(&rest[1..]),
                '{' => after_counts(rest)?,
                _ => None,
            };
            if let Some(after) = repetition {
                if is_repeated {
                    return Err(refused("invalid nested repetition operator"));
                }
                let after = after.strip_prefix('?').unwrap_or(after); // not greedy
                self.out.push_str(&rest[..rest.len() - after.len()]);
                (rest, is_repeated) = (after, true);
                continue;
            }
            is_repeated = false;
            rest = match next {
                '\\' => self.escape(rest, false)?,
                '[' => self.class(rest)?,
                '(' => self.group(rest)?,
                ')' if self.depth == 0 => return Err(refused("unexpected )")),
                ')' => {
                    self.depth -= 1;
                    self.out.push(')');
                    &rest[1..]
                }
                // No count follows, so it stands for itself.
                '{' | '}' => {
                    self.out.push('\\');
                    self.literal(next);
                    &rest[1..]
                }
                other => {
                    self.literal(other);
                    &rest[other.len_utf8()..]
                }
            };
        }
        Ok(self.out)
    }

    fn literal(&mut self, literal: char) {
        if literal.is_ascii() { self.out.push(literal) } else { self.out.push_str(NEVER) }
    }

    /// `\` and what it escapes.
    fn escape<'a>(&mut self, rest: &'a str, in_class: bool) -> Result<&'a str, TopicPatternError> {
        let after = &rest[1..];
        let Some(escaped) = after.chars().next() else {
            return Err(refused("trailing backslash"));
        };
        let behind = &after[escaped.len_utf8()..];
        match escaped {
            'Q' if !in_class => {
                let (quoted, behind) = behind.split_once("\\E").unwrap_or((behind, ""));
                for quoted in quoted.chars() {
                    if has_meaning(quoted) {
                        self.out.push('\\');
                    }
                    self.literal(quoted);
                }
                return Ok(behind);
            }
            'E' if !in_class => {} // the end of nothing
            'C' if !in_class => self.out.push_str("(?s:.)"),
            'p' | 'P' => {
                let (class, behind) = AsciiClass::read(after)?;
                class.write(&mut self.out, in_class);
                return Ok(behind);
            }
            'x' => {
                let (code, behind) = hexadecimal(behind)?;
                match u8::try_from(code) {
                    Ok(byte) if byte.is_ascii() => self.out.push_str(&format!(r"\x{byte:02X}")),
                    Ok(_) | Err(_) => self.out.push_str(NEVER),
                }
                return Ok(behind);
            }
            // The engine's word boundaries.
            '<' | '>' => self.out.push(escaped),
            'u' | 'U' => {
                return Err(refused(&format!("invalid escape sequence: \\{escaped}")));
            }
            other if !other.is_ascii() => {
                return Err(refused(&format!("invalid escape sequence: \\{escaped}")));
            }
            other => {
                self.out.push('\\');
                self.out.push(other);
            }
        }
        Ok(behind)
    }

    /// `[...]`: what the engine would read as nesting or as a set operation is escaped.
    fn class<'a>(&mut self, rest: &'a str) -> Result<&'a str, TopicPatternError> {
        self.out.push('[');
        let mut rest = &rest[1..];
        if let Some(negated) = rest.strip_prefix('^') {
            self.out.push('^');
            rest = negated;
        }
        let mut first = true;
        loop {
            if !first && rest.starts_with(']') {
                self.out.push(']');
                return Ok(&rest[1..]);
            }
            first = false;
            rest = self.class_item(rest)?;
            // A dash at the end stands for itself.
            if rest.starts_with('-') && !rest.starts_with("-]") {
                self.out.push('-');
                rest = self.class_item(&rest[1..])?;
            }
        }
    }

    /// One character, escape or named class inside `[...]`.
    fn class_item<'a>(&mut self, rest: &'a str) -> Result<&'a str, TopicPatternError> {
        let Some(next) = rest.chars().next() else {
            return Err(refused("missing closing ]"));
        };
        let named = rest.strip_prefix("[:").and_then(|name| name.split_once(":]"));
        match (next, named) {
            ('\\', _) => return self.escape(rest, true),
            ('[', Some((name, behind))) if name.is_ascii() => {
                self.out.push_str("[:");
                self.out.push_str(name);
                self.out.push_str(":]");
                return Ok(behind);
            }
            (']' | '[' | '&' | '~' | '-' | '^', _) => self.out.push('\\'),
            (_, _) => {}
        }
        self.literal(next);
        Ok(&rest[next.len_utf8()..])
    }

    /// `(`, with flags checked: the engine knows some that RE2 does not.
    fn group<'a>(&mut self, rest: &'a str) -> Result<&'a str, TopicPatternError> {
        let Some(inside) = rest.strip_prefix("(?") else {
            self.depth += 1;
            // Nobody asks what it captures.
            self.out.push_str("(?:");
            return Ok(&rest[1..]);
        };
        if inside.starts_with(['P', '<']) {
            self.depth += 1;
            self.out.push_str("(?");
            return Ok(inside);
        }
        let Some(at) = inside.find([':', ')']) else {
            return Err(refused("missing closing )"));
        };
        let (flags, behind) = inside.split_at(at);
        if let Some(unknown) = flags.chars().find(|flag| !"imsU-".contains(*flag)) {
            return Err(refused(&format!("invalid or unsupported Perl syntax: (?{unknown}")));
        }
        self.depth += usize::from(behind.starts_with(':'));
        self.out.push_str("(?");
        self.out.push_str(flags);
        self.out.push_str(&behind[..1]);
        Ok(&behind[1..])
    }
}

/// Whether the engine takes the character for more than itself.
fn has_meaning(literal: char) -> bool {
    r"\.+*?()|[]{}^$#&-~".contains(literal)
}

/// What follows `{n}`, `{n,}` or `{n,m}`; `None` for another text, which is no repetition.
fn after_counts(rest: &str) -> Result<Option<&str>, TopicPatternError> {
    let Some((counts, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return Ok(None);
    };
    let (min, max) = counts.split_once(',').unwrap_or((counts, counts));
    let is_count = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|digit| digit.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'))
    };
    if !is_count(min) || !(max.is_empty() || is_count(max)) {
        return Ok(None);
    }
    let is_past = |text: &str| text.parse().map_or(!text.is_empty(), |n: usize| n > REPETITION_MAX);
    if is_past(min) || is_past(max) {
        return Err(refused(&format!("invalid repeat count: {{{counts}}}")));
    }
    Ok(Some(after))
}

/// The code of `41` or `{41}`, and what follows it.
fn hexadecimal(rest: &str) -> Result<(u32, &str), TopicPatternError> {
    let bad = || refused("invalid escape sequence: \\x");
    let (digits, behind) = match rest.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or_else(bad)?,
        None => rest.split_at_checked(2).ok_or_else(bad)?,
    };
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let code = u32::from_str_radix(digits, 16).ok().filter(|code| *code <= 0x0010_ffff);
    code.filter(|_| is_hexadecimal).map(|code| (code, behind)).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        let compiled = TopicPattern::parse(pattern).unwrap();
        for topic in matching {
            assert!(compiled.matches(topic), "{pattern} matches {topic}");
        }
        for topic in other {
            assert!(!compiled.matches(topic), "{pattern} does not match {topic}");
        }
    }

    #[test]
    fn the_whole_name_has_to_match() {
        check("foo", &["foo"], &["foobar", "a-foo", "fo", ""]);
        check("foo|bar.*", &["foo", "bar", "bar-1"], &["foo-1", "a-bar"]);
        check("^foo$", &["foo"], &["foo1"]);
        check("", &[""], &["a"]);
        check("(?i)Foo[0-9]+", &["foo1", "FOO23"], &["foo"]);
        check("(?m)foo$", &["foo"], &["foo\nbar"]);
    }

    #[test]
    fn re2_only_syntax_means_what_it_means_there() {
        check(r"\Qa.b\E.*", &["a.b", "a.bc"], &["axb"]);
        check(r"\Qa.b", &["a.b"], &["axb"]);
        check(r"a\C", &["ab"], &["a"]);
        check(r"(?P<name>a+)b", &["aab"], &["b"]);
        check(r"(?<name>a+)b", &["aab"], &["b"]);
        check(r"[[:alpha:]]+", &["abc"], &["a1"]);
        check(r"\pL+", &["abc"], &["1"]);
    }

    #[test]
    fn a_class_knows_no_nesting_and_no_set_operations() {
        check("[a[b]", &["a", "[", "b"], &["ab]"]);
        check("[a&&b]", &["a", "&", "b"], &["c"]);
        check("[a~~b]", &["a", "~", "b"], &["c"]);
        check("[]a]", &["]", "a"], &["b"]);
        check("[^]a]", &["b"], &["]", "a"]);
        check("[a-c-]+", &["a-c", "b"], &["d"]);
        check("[-a]", &["-", "a"], &["b"]);
        check(r"[\]a]", &["]", "a"], &["\\"]);
        check("[+--]", &["+", ",", "-"], &["."]);
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for pattern in [
            "(",
            ")",
            "a)(b",
            "[",
            "[a",
            "*",
            "a**",
            "a*+",
            "a{2}{3}",
            "a*?*",
            "a{1001}",
            "a{0,1001}",
            "a{1001,}",
            "a{99999999999999999999999}",
            "(?=a)",
            "(?!a)",
            "(?<=a)b",
            r"(a)\1",
            r"\",
            "(?x)a",
            "(?u:a)",
            "(?z)",
            r"\u0041",
            r"\x4",
            r"\x{110000}",
            r"\x{+41}",
            r"\p{Klingon}",
            r"[\p{Klingon}]",
            "\\\u{e9}",
            "a{2,1}",
            "[b-a]",
            "(?P<n>a)(?P<n>b)",
        ] {
            assert!(TopicPattern::parse(pattern).is_err(), "{pattern} is no valid pattern");
        }
    }

    #[test]
    fn what_people_write_is_taken() {
        check("^(a|b)-.*$", &["a-", "b-x"], &["c-x", "ab-"]);
        check(r"orders\..+", &["orders.eu"], &["orders.", "ordersxeu"]);
        check("[a-z0-9_-]{1,20}", &["a_1-z"], &["", "aaaaaaaaaaaaaaaaaaaaa", "A"]);
        check("[a-zA-Z0-9._-]{1,249}", &["orders.eu"], &[""]);
        check(r"\w+\d", &["abc1"], &["abc"]);
        check("(?i:a)b+?c", &["Abbc"], &["ABc"]);
        let names: Vec<String> = (100..150).map(|n| format!("orders.in.{n}")).collect();
        check(&names.join("|"), &["orders.in.149"], &["orders.in.150"]);
    }

    #[test]
    fn braces_that_count_nothing_stand_for_themselves() {
        check("a{", &["a{"], &["a"]);
        check("a{,5}", &["a{,5}"], &["a", ""]);
        check("a{01}", &["a{01}"], &["a"]);
        check("a{x}*", &["a{x", "a{x}}"], &["a"]);
        check("a{2}", &["aa"], &["a", "a{2}"]);
        check("a{0,1000}", &["", "a"], &["b"]);
        check(r"\b{start}", &[], &["a"]);
        check(r"\<a", &["<a"], &["a"]);
    }

    #[test]
    fn what_is_not_ascii_never_matches() {
        check("\u{e9}|a", &["a"], &["b", "\u{e9}"]);
        check("(?i)[\u{e9}\u{212a}]|a", &["A"], &["k", "K"]);
        check(r"\x{e9}|\xe9|\x41", &["A"], &["a"]);
        check("[a-\u{e9}]", &["a", "z"], &["A"]);
        check("[^\u{e9}]", &["a"], &[""]);
        check("\\Q\u{e9}\\E|a", &["a"], &["b"]);
    }

    #[test]
    fn a_unicode_class_has_its_ascii_characters() {
        check(r"\p{Lu}\pN*", &["A", "B12"], &["a", "1"]);
        check(r"\PL\p{^L}", &["12", "_."], &["a1"]);
        check(r"[\p{Nd}x]+", &["1x"], &["y"]);
        check(r"[^\pL]", &["1"], &["a"]);
        check(r"\p{Mn}|[\p{Mn}]|a", &["a"], &["b"]);
        check(r"(?i)\p{Lu}", &["a", "A"], &["1"]);
    }

    #[test]
    fn a_pattern_past_a_limit_is_refused() {
        let parse = TopicPattern::parse;
        assert!(parse(&"a".repeat(PATTERN_BYTES_MAX)).is_ok());
        assert!(parse(&"a".repeat(PATTERN_BYTES_MAX + 1)).is_err());
        let nested = |depth| format!("{}{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(NESTING_MAX as usize / 2)).is_ok());
        assert!(parse(&nested(NESTING_MAX as usize + 1)).is_err());
        // Small text, large program.
        assert!(parse("(a{10}){10}").is_ok());
        for large in ["((a{100}){100}){100}", "[ab]{1000}[cd]{1000}[ef]{1000}[gh]{1000}"] {
            let refused = parse(large).unwrap_err();
            assert!(refused.reason.contains("size limit"), "{large}: {refused}");
        }
    }

    #[test]
    fn no_pattern_uses_the_tables_of_unicode() {
        // Under the limit of the program's size only as one of bytes.
        let folded = format!("(?i){}", r"\pL".repeat(300));
        check(&folded, &[&"aB".repeat(150)], &["a", &"1".repeat(300)]);
        check(&r"\W".repeat(500), &[], &["a"]);
    }

    proptest! {
        #[test]
        fn a_pattern_of_any_text_matches_as_its_group_does(
            pattern in r"[\[\]()\\\-&~:^?QECPpaxb{}0-9,.*+|]{0,24}",
            topic in "[abx0-9.-]{0,4}",
        ) {
            // What is taken says the same in a group: it opens and closes nothing outside.
            prop_assume!(!pattern.contains("\\Q") && !pattern.ends_with('\\'));
            if let Ok(alone) = TopicPattern::parse(&pattern) {
                let grouped = TopicPattern::parse(&format!("(?:{pattern})")).unwrap();
                prop_assert_eq!(grouped.matches(&topic), alone.matches(&topic));
                let either = TopicPattern::parse(&format!("zz|{pattern}")).unwrap();
                prop_assert_eq!(either.matches(&topic), alone.matches(&topic));
                prop_assert!(either.matches("zz"));
            }
        }

        #[test]
        fn a_quoted_name_matches_itself_alone(name in "[a-zA-Z0-9._-]{1,20}", other in "[a-z.]{1,8}") {
            let compiled = TopicPattern::parse(&format!(r"\Q{name}\E")).unwrap();
            prop_assert!(compiled.matches(&name));
            prop_assert_eq!(compiled.matches(&other), name == other);
        }
    }
}
