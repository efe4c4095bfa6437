//! Each third-party crate with a big vocabulary lives in one room.
//! Finds `NAME::…`, `use NAME` and `extern crate NAME` in code.

use super::rules::{ROOMS, TEST_ROOMS};
use super::source::{code, is_word, without_tests};
use super::{Tree, Violation};

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in tree.rust() {
        let code = code(text);
        let shipped = without_tests(&code);
        for (name, rooms) in ROOMS {
            if rooms.iter().any(|room| path.starts_with(room)) {
                continue;
            }
            let only_tests = TEST_ROOMS.iter().any(|(crate_name, rooms)| {
                crate_name == name && rooms.iter().any(|room| path.starts_with(room))
            });
            let code = if only_tests { &shipped } else { &code };
            for (index, line) in code.lines().enumerate() {
                if names(line, name) {
                    let name = name.replace("_*", "");
                    found.push(Violation {
                        path: path.into(),
                        line: index + 1,
                        what: format!("{name} outside its room"),
                        remedy: format!("move this to {}", rooms.join("*, ") + "*"),
                    });
                }
            }
        }
    }
    found
}

/// Whether the line names the crate as a path's beginning.
fn names(line: &str, name: &str) -> bool {
    let stem = name.trim_end_matches('*');
    line.match_indices(stem).any(|(at, _)| {
        let before = line[..at].trim_end();
        if line[..at].ends_with(is_word) {
            return false;
        }
        // `own::NAME::` is a module of the same name; `::NAME` is the crate.
        if let Some(path) = before.strip_suffix("::")
            && path.ends_with(|c: char| is_word(c) || c == '>')
        {
            return false;
        }
        let rest = &line[at + stem.len()..];
        let rest = match name.ends_with('*') {
            true => rest.trim_start_matches(is_word),
            false if rest.starts_with(is_word) => return false,
            false => rest,
        };
        let last = before.trim_end_matches("::").trim_end();
        let last = last.rsplit(|c| !is_word(c)).next();
        rest.trim_start().starts_with("::") || matches!(last, Some("use" | "crate"))
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_crate_is_told_from_words_and_modules() {
        for (line, name, expected) in [
            ("use tch::Tensor;", "tch", true),
            ("use tch;", "tch", true),
            ("use tch as t;", "tch", true),
            ("use ::tch::nn;", "tch", true),
            ("extern crate tch;", "tch", true),
            ("pub use image::RgbImage;", "image", true),
            ("let t = tch::Tensor::new();", "tch", true),
            ("fn f(t: &tch::Tensor)", "tch", true),
            ("Vec<tract_core::Tensor>", "tract_*", true),
            ("use tract_onnx::prelude::*;", "tract_*", true),
            ("use tract_onnx as onnx;", "tract_*", true),
            ("let batch = patch::new();", "tch", false),
            ("use crate::image::Frame;", "image", false),
            ("crate::image::Frame", "image", false),
            ("let image = frame;", "image", false),
            ("fn image(image: &View)", "image", false),
            ("use images::x;", "image", false),
            ("let tract_like = 1;", "tract_*", false),
        ] {
            assert_eq!(names(line, name), expected, "{line}");
        }
    }
}
