//! Topic patterns of KIP-848 subscriptions: RE2 syntax, matched against whole topic names.
//!
//! The engine is the `regex` crate, which like RE2 takes time in proportion to the input. Where its
//! syntax says more than RE2's, the pattern is refused or rewritten, so that a pattern means here
//! what it means on any Kafka broker: `\Q..\E` quotes, a class knows no nesting and no set
//! operations, and only the flags `i`, `m`, `s` and `U` exist.

use regex::{Regex, RegexBuilder};

/// Bytes a pattern may have; a longer one is refused as not valid.
pub(crate) const PATTERN_BYTES_MAX: usize = 4096;

/// Bytes a compiled pattern may take (`[a-z]{1000}` and its like); a larger one is refused as not
/// valid.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// How deep groups may nest; deeper is refused as not valid.
const NESTING_MAX: u32 = 64;

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
        let compile = |pattern: &str| {
            RegexBuilder::new(pattern)
                .size_limit(COMPILED_BYTES_MAX)
                .dfa_size_limit(COMPILED_BYTES_MAX)
                .nest_limit(NESTING_MAX)
                .build()
                .map_err(|error| refused(&last_line(&error)))
        };
        let translated = Translation::default().run(pattern)?;
        // On its own first: `a)(b` is only valid with our parentheses around it.
        compile(&translated)?;
        compile(&format!(r"\A(?:{translated})\z")).map(Self)
    }

    /// Whether the whole name matches.
    #[must_use]
    pub(crate) fn matches(&self, topic: &str) -> bool {
        self.0.is_match(topic)
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
}

impl Translation {
    fn run(mut self, pattern: &str) -> Result<String, TopicPatternError> {
        let mut rest = pattern;
        while let Some(next) = rest.chars().next() {
            rest = match next {
                '\\' => self.escape(rest, false)?,
                '[' => self.class(rest)?,
                '(' => self.group(rest)?,
                other => {
                    self.out.push(other);
                    &rest[other.len_utf8()..]
                }
            };
        }
        Ok(self.out)
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
                self.out.push_str(&regex::escape(quoted));
                return Ok(behind);
            }
            'E' if !in_class => {} // the end of nothing
            'C' if !in_class => self.out.push_str("(?s:.)"),
            'u' | 'U' | '<' | '>' => {
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
            ('[', Some((name, behind))) => {
                self.out.push_str("[:");
                self.out.push_str(name);
                self.out.push_str(":]");
                return Ok(behind);
            }
            (']' | '[' | '&' | '~' | '-' | '^', _) => self.out.push('\\'),
            (_, _) => {}
        }
        self.out.push(next);
        Ok(&rest[next.len_utf8()..])
    }

    /// `(`, with flags checked: the engine knows some that RE2 does not.
    fn group<'a>(&mut self, rest: &'a str) -> Result<&'a str, TopicPatternError> {
        let inside = rest.strip_prefix("(?").filter(|inside| !inside.starts_with(['P', '<']));
        if let Some(inside) = inside {
            let flags = inside.split([':', ')']).next().unwrap_or_default();
            if let Some(unknown) = flags.chars().find(|flag| !"imsU-".contains(*flag)) {
                return Err(refused(&format!("invalid or unsupported Perl syntax: (?{unknown}")));
            }
        }
        self.out.push('(');
        Ok(&rest[1..])
    }
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
            "a**b(",
            "(?=a)",
            "(?!a)",
            "(?<=a)b",
            r"(a)\1",
            r"\",
            "(?x)a",
            "(?u:a)",
            "(?z)",
            r"\u0041",
            r"\<a",
            "a{2,1}",
            "[b-a]",
            "(?P<n>a)(?P<n>b)",
        ] {
            assert!(TopicPattern::parse(pattern).is_err(), "{pattern} is no valid pattern");
        }
    }

    #[test]
    fn a_pattern_past_a_limit_is_refused_and_not_compiled() {
        let parse = TopicPattern::parse;
        assert!(parse(&"a".repeat(PATTERN_BYTES_MAX)).is_ok());
        assert!(parse(&"a".repeat(PATTERN_BYTES_MAX + 1)).is_err());
        assert!(parse("((a{100}){100}){100}").is_err());
        assert!(parse(&format!("{}{}", "(".repeat(500), ")".repeat(500))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_compiled_or_refused(pattern in r"[\[\]()\\\-&~:^?QECPpaxb{}0-9,.*+|]{0,24}") {
            // Whatever it means, asking twice gives the same.
            let asked = || TopicPattern::parse(&pattern).map(|compiled| compiled.matches("topic"));
            prop_assert_eq!(asked(), asked());
        }

        #[test]
        fn a_quoted_name_matches_itself_alone(name in "[a-zA-Z0-9._-]{1,20}", other in "[a-z.]{1,8}") {
            let compiled = TopicPattern::parse(&format!(r"\Q{name}\E")).unwrap();
            prop_assert!(compiled.matches(&name));
            prop_assert_eq!(compiled.matches(&other), name == other);
        }
    }
}
