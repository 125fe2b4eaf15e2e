//! Java's properties format: `key=value`, `key: value` or `key value`, comments with `#` or `!`, lines continued by a
//! backslash, `\n`, `\t` and `\uXXXX`.

/// The pairs of a file in their order, each with the number of its line.
pub(super) fn parse(text: &str) -> Vec<(usize, String, String)> {
    logical_lines(text).into_iter().map(|(number, line)| pair(number, &line)).collect()
}

/// Lines without comments and blank ones; a line that ends in a backslash goes on in the next.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if open.is_none() && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let (number, mut whole) = open.take().unwrap_or((index + 1, String::new()));
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            whole.push_str(&line[..line.len() - 1]);
            open = Some((number, whole));
        } else {
            whole.push_str(line);
            lines.push((number, whole));
        }
    }
    lines.extend(open);
    lines
}

/// The key ends at the first separator that no backslash precedes.
fn pair(number: usize, line: &str) -> (usize, String, String) {
    let mut is_escaped = false;
    let end = line.find(|letter: char| {
        let ends = !is_escaped && (letter == '=' || letter == ':' || letter.is_whitespace());
        is_escaped = letter == '\\' && !is_escaped;
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start();
    (number, unescape(key), unescape(value))
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (letter, false) => out.push(letter),
            (_, true) => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('f') => out.push('\u{c}'),
                Some('u') => {
                    let digits: String = letters.by_ref().take(4).collect();
                    let letter = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    out.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                Some(other) => out.push(other),
                None => {}
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).into_iter().map(|(_, key, value)| (key, value)).collect()
    }

    #[test]
    fn every_form_of_java_is_read() {
        let text =
            "# comment\n! comment\n\na=1\nb: 2\n  c  3\nd = x = y\ne\nf\\ g=\\u00fc\\t\\\\\nlist=one,\\\n    two\n";
        let expected =
            [("a", "1"), ("b", "2"), ("c", "3"), ("d", "x = y"), ("e", ""), ("f g", "ü\t\\"), ("list", "one,two")];
        assert_eq!(pairs(text), expected.map(|(key, value)| (key.to_string(), value.to_string())));
    }

    #[test]
    fn continued_line_has_the_number_of_its_first() {
        assert_eq!(parse("\na=1,\\\n2\nb=3"), [(2, "a".into(), "1,2".into()), (4, "b".into(), "3".into())]);
    }

    proptest! {
        #[test]
        fn what_java_would_write_comes_back(pairs_in in prop::collection::vec(("[a-z.]{1,12}", "[ -~]{0,20}"), 0..8)) {
            let escape = |text: &str| text.replace('\\', "\\\\").replace(' ', "\\ ").replace('=', "\\=").replace(':', "\\:");
            let text: String = pairs_in.iter().map(|(key, value)| format!("{}={}\n", escape(key), escape(value))).collect();
            prop_assert_eq!(pairs(&text), pairs_in);
        }

        #[test]
        fn any_text_is_read_without_panic(text: String) {
            let _ = parse(&text);
        }
    }
}
