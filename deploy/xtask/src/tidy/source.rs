//! A Rust source with everything that is not code blanked out, line for line.
//! A scanner of tokens' outlines, not a parser.

/// The source with comments and the contents of literals replaced by spaces.
pub fn code(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut out = text.clone();
    let mut at = 0;
    while at < text.len() {
        let end = match text[at] {
            '/' if text.get(at + 1) == Some(&'/') => find(&text, at, |c| c == '\n'),
            '/' if text.get(at + 1) == Some(&'*') => block_comment(&text, at),
            '"' => quoted(&text, at + 1, '"'),
            'r' if !within_word(&text, at) => match raw_string(&text, at) {
                Some(end) => end,
                None => at + 1,
            },
            '\'' => match (text.get(at + 1), text.get(at + 2)) {
                (Some('\\'), _) => quoted(&text, at + 1, '\''),
                (Some(_), Some('\'')) => at + 3,
                // A lifetime.
                _ => at + 1,
            },
            _ => at + 1,
        };
        if end > at + 1 {
            for c in &mut out[at..end.min(text.len())] {
                if *c != '\n' {
                    *c = ' ';
                }
            }
        }
        at = end;
    }
    out.into_iter().collect()
}

fn find(text: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    text[from..]
        .iter()
        .position(|c| wanted(*c))
        .map_or(text.len(), |offset| from + offset)
}

fn block_comment(text: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

fn quoted(text: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Where the raw string that starts with this `r` ends, if one starts here.
fn raw_string(text: &[char], from: usize) -> Option<usize> {
    let quote = find(text, from + 1, |c| c != '#');
    if text.get(quote) != Some(&'"') {
        return None;
    }
    let hashes = quote - from - 1;
    let mut at = quote + 1;
    while at < text.len() {
        let closing = &text[at + 1..(at + 1 + hashes).min(text.len())];
        if text[at] == '"' && closing.len() == hashes && closing.iter().all(|c| *c == '#') {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(text.len())
}

/// Whether the letter here continues a word; the `b` or `c` of `br""` does not make one.
fn within_word(text: &[char], at: usize) -> bool {
    let word = |index: usize| text.get(index).is_some_and(|c| is_word(*c));
    match at.checked_sub(1) {
        Some(before) if matches!(text[before], 'b' | 'c') => before > 0 && word(before - 1),
        Some(before) => word(before),
        None => false,
    }
}

/// Whether the character can be part of a name.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The code with every item marked `#[cfg(test)]` blanked out too.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        let end = item_end(item);
        out.push_str(before);
        out.extend(item[..end].chars().map(|c| if c == '\n' { c } else { ' ' }));
        rest = &item[end..];
    }
    out + rest
}

/// Names of the modules in files of their own that the code declares for tests only.
pub fn test_modules(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("#[cfg(test)]") {
        let item = &code[at..at + item_end(&code[at..])];
        let words: Vec<&str> = item
            .split(|c: char| !is_word(c))
            .filter(|word| !word.is_empty())
            .collect();
        if let [.., "mod", name] = words.as_slice()
            && item.ends_with(';')
        {
            found.push(*name);
        }
    }
    found
}

/// The end of the item at the start of this code: its closing brace or semicolon.
fn item_end(code: &str) -> usize {
    let (mut braces, mut others) = (0i32, 0i32);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => others += 1,
            ')' | ']' => others -= 1,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces <= 0 {
                    return at + 1;
                }
            }
            ';' if braces == 0 && others == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        for (source, gone, kept) in [
            ("a; // hidden::x\nb;", "hidden", "b;"),
            ("a; /* hidden /* hidden */ hidden */ b;", "hidden", "b;"),
            (r#"f("hidden \" hidden"); b;"#, "hidden", "b;"),
            ("f(r#\"hidden \" hidden\"#); b;", "hidden", "b;"),
            ("f(br\"hidden\\\"); b;", "hidden", "b;"),
            ("let c = '\"'; b; // hidden", "hidden", "b;"),
            (r"let c = '\''; b; // hidden", "hidden", "b;"),
            ("fn f<'a>(x: &'a str) { b; } // hidden", "hidden", "b;"),
            ("let for_r = bar; \"hidden\"; b;", "hidden", "for_r = bar"),
            ("\"hidden\nhidden\"; b;", "hidden", "b;"),
        ] {
            let left = code(source);
            assert!(!left.contains(gone), "{source} -> {left}");
            assert!(left.contains(kept), "{source} -> {left}");
            assert_eq!(left.lines().count(), source.lines().count(), "{source}");
            assert_eq!(left.chars().count(), source.chars().count(), "{source}");
        }
    }

    #[test]
    fn test_items_are_blanked_and_what_follows_is_not() {
        let source = "a();\n#[cfg(test)]\nmod tests;\nb();\n\
                      #[cfg(test)]\nimpl T { fn f(x: [u8; 2]) { hidden(); } }\nc();\n\
                      #[cfg(test)]\nmod t {\n fn g() { hidden() }\n}\n";
        let left = without_tests(&code(source));
        assert!(!left.contains("hidden") && !left.contains("mod"), "{left}");
        for kept in ["a();", "b();", "c();"] {
            assert!(left.contains(kept), "{left}");
        }
        assert_eq!(left.lines().count(), source.lines().count());
    }

    #[test]
    fn modules_for_tests_are_named() {
        let source = "mod a;\n#[cfg(test)]\nmod b;\n#[cfg(test)]\n#[path = \"x.rs\"]\n\
                      pub(crate) mod c;\n#[cfg(test)]\nmod d { mod e; }\n#[cfg(test)]\nuse f::mod_g;";
        assert_eq!(test_modules(&code(source)), ["b", "c"]);
    }
}
