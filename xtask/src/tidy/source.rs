//! Just enough of Rust's grammar to tell code from comments, strings and tests.

/// The source with comments, and what strings and characters hold, replaced by spaces.
///
/// Shapes: as many bytes and lines as `source`.
pub(crate) fn masked(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' | b'b' | b'c' if !follows_word(bytes, at) => match raw_string_end(bytes, at) {
                Some(end) => end,
                None => at + 1,
            },
            b'\'' => char_end(source, at),
            _ => at + 1,
        };
        if end > at + 1 {
            for byte in &mut out[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The masked source with everything under `#[cfg(test)]` replaced by spaces too.
pub(crate) fn without_tests(masked: &str) -> String {
    let mut out = masked.to_owned();
    for attribute in ["#[cfg(test)]", "#[test]"] {
        while let Some(start) = out.find(attribute) {
            let end = item_end(&out, start + attribute.len());
            blank(&mut out, start, end);
        }
    }
    if out.contains("#![cfg(test)]") {
        let end = out.len();
        blank(&mut out, 0, end);
    }
    out
}

/// Where `word` stands in the masked source as a whole word.
pub(crate) fn words<'a>(masked: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    masked.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let bytes = masked.as_bytes();
        !follows_word(bytes, *at) && !bytes.get(at + word.len()).copied().is_some_and(is_word)
    })
}

/// The position after the bracket that closes the one at `open`.
pub(crate) fn closing(masked: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in masked.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    masked.len()
}

/// The end of the item that begins at `at`: past its `;` or its braces.
pub(crate) fn item_end(masked: &str, at: usize) -> usize {
    let bytes = masked.as_bytes();
    let mut at = at;
    while at < bytes.len() {
        match bytes[at] {
            b';' => return at + 1,
            b'{' => return closing(masked, at),
            b'(' | b'[' => at = closing(masked, at),
            _ => at += 1,
        }
    }
    bytes.len()
}

fn blank(text: &mut String, start: usize, end: usize) {
    let spaces: String =
        text[start..end].chars().map(|symbol| if symbol == '\n' { '\n' } else { ' ' }).collect();
    text.replace_range(start..end, &spaces);
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_word(bytes[at - 1])
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

fn block_comment_end(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = at;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of `r"..."`, `br#"..."#` and the like, if one begins at `at`.
fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut open = at;
    while matches!(bytes.get(open), Some(b'r' | b'b' | b'c')) && open < at + 2 {
        open += 1;
    }
    let hashes = bytes[open..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(open + hashes) != Some(&b'"') {
        return None;
    }
    if !bytes[at..open].contains(&b'r') {
        return (hashes == 0).then(|| string_end(bytes, open));
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let body = open + hashes + 1;
    let length = bytes[body..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(bytes.len(), |length| body + length + close.len()))
}

/// The end of a character literal at `quote`, or of nothing but the quote of a lifetime.
fn char_end(source: &str, quote: usize) -> usize {
    let bytes = source.as_bytes();
    if bytes.get(quote + 1) == Some(&b'\\') {
        let mut at = quote + 3;
        while at < bytes.len() && bytes[at] != b'\'' {
            at += 1;
        }
        return (at + 1).min(bytes.len());
    }
    let symbol_length = source[quote + 1..].chars().next().map_or(0, char::len_utf8);
    let close = quote + 1 + symbol_length;
    if symbol_length > 0 && bytes.get(close) == Some(&b'\'') { close + 1 } else { quote + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        assert_eq!(masked(source), expected, "{source}");
    }

    #[test]
    fn comments_and_strings_become_spaces() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"f("x // y", 'z', b"w")"#, r"f(        ,    ,     )");
        check(r#"x(r"\", r#s)"#, r"x(    , r#s)");
        check("let s = r#\"a \"b\" c\"#;", "let s =             ;");
        check("let a: &'static str = '\\'';", "let a: &'static str =     ;");
        check("for<'a> f('\u{e4}')", "for<'a> f(    )");
        check("bar(\"a\\\"b\")", "bar(      )");
    }

    #[test]
    fn items_under_cfg_test_are_left_out() {
        let source =
            "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\n#[cfg(test)]\nmod c;\nfn d() {}";
        let code = without_tests(&masked(source));
        assert!(code.contains("fn a") && code.contains("fn d"), "{code}");
        assert!(!code.contains("fn b") && !code.contains("mod c"), "{code}");
        assert_eq!(code.lines().count(), source.lines().count());
    }

    #[test]
    fn words_are_whole() {
        let found: Vec<usize> = words("tokio tokio_util xtokio (tokio)", "tokio").collect();
        assert_eq!(found, [0, 25]);
    }
}
