//! Where in the text of a config something is wrong, and the one line that says so.

use toml::de::{DeTable, Error};

use crate::source;

/// Line number (from 1) of what the parser refuses, and what is wrong there.
pub fn told(text: &str, error: Error) -> (usize, String) {
    let error = nearer(text, error);
    let (line, place) = place(text, start(&error));
    (line, explain(&place, error.message()))
}

fn start(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// The same with the place inside `[source]`, for which the parser knows no more than the table.
fn nearer(text: &str, error: Error) -> Error {
    let (_, place) = place(text, start(&error));
    if place.split('.').next() != Some("source") {
        return error;
    }
    let root = DeTable::parse(text).ok();
    let table = root.and_then(|mut root| root.get_mut().remove("source"));
    table.and_then(source::refusal).unwrap_or(error)
}

/// Line number (from 1) and dotted key at a byte of the text.
fn place(text: &str, at: usize) -> (usize, String) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count();
    let mut table = "";
    for row in text.lines().take(line + 1) {
        if let Some(name) = row.trim().strip_prefix('[') {
            // `[[lane]]` is one of several tables of that name.
            let name = name.trim_start_matches('[');
            let name = name.split(']').next().unwrap_or("").trim();
            // A long array's rows begin like that as well, with corners in place of a name.
            if is_key(name) {
                table = name;
            }
        }
    }
    let row = text.lines().nth(line).unwrap_or("").trim();
    let key = match row.split_once('=') {
        Some((key, _)) if is_key(key.trim()) => key.trim(),
        _ => "",
    };
    let place = match (table, key) {
        ("", key) => key.to_string(),
        (table, "") => table.to_string(),
        (table, key) => format!("{table}.{key}"),
    };
    (line + 1, place)
}

/// Whether that is a key, dotted or not. None of a config's is a number or needs quotes.
fn is_key(text: &str) -> bool {
    let mut parts = text.split('.').map(str::trim);
    parts.all(|part| {
        let rest = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.chars().all(rest)
    })
}

/// One line for what the parser says, with what is allowed.
fn explain(place: &str, message: &str) -> String {
    let message = message
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('`', "");
    let told = |what: &str, rest: &str| {
        let (name, allowed) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let allowed = allowed.trim_start_matches("one of ").replace(" or ", ", ");
        // The parser points at the table where it cannot point at the key.
        let known = place.rsplit('.').next() == Some(name);
        let shown = if known || place.is_empty() {
            String::new()
        } else {
            format!(" {name}")
        };
        let place = if place.is_empty() { name } else { place };
        format!("{place}: {what}{shown}; allowed: {allowed}")
    };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        told("unknown key", rest)
    } else if let Some(rest) = message.strip_prefix("unknown variant ") {
        told("unknown value", rest)
    } else if place.is_empty() {
        message
    } else {
        format!("{place}: {message}")
    }
}
