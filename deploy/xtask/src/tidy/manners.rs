//! Rules about single files: opening line, length, unfinished work, stopping, foreign paths.

use super::rules::{
    LONGEST, MACHINE_FOLDERS, SHARED, SHARED_ROOMS, STEADY_FOLDERS, STOPPING_CODE, UNFINISHED_CODE,
    UNFINISHED_WORDS,
};
use super::source::{code, is_word, test_modules, without_tests};
use super::{Tree, Violation};

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    let for_tests = for_tests(tree);
    for (path, text) in tree.rust() {
        let code = code(text);
        opening(path, text, &mut found);
        length(path, text, &mut found);
        let remedy = "finish it or leave it out";
        search(path, &code, UNFINISHED_CODE, remedy, &mut found);
        if STEADY_FOLDERS.iter().any(|folder| path.starts_with(folder))
            && !is_test(path, &for_tests)
        {
            let code = without_tests(&code);
            let remedy = "return an error that says what, where and what to do";
            search(path, &code, STOPPING_CODE, remedy, &mut found);
        }
    }
    for (path, text) in tree.texts() {
        // Another project's names stand in there.
        if path == "Cargo.lock" {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let mut report = |what: String, remedy: &str| {
                found.push(Violation {
                    path: path.into(),
                    line: index + 1,
                    what,
                    remedy: remedy.into(),
                });
            };
            for word in UNFINISHED_WORDS.iter().filter(|word| has_word(line, word)) {
                report(word.to_string(), "finish it or leave it out");
            }
            if let Some(folder) = machine_path(line) {
                let what = format!("/{folder}/… is a path of one machine");
                report(what, "take it from an argument or the environment");
            }
            let may_skip = SHARED_ROOMS.iter().any(|room| path.starts_with(room));
            if line.contains(SHARED) && !(may_skip && text.contains("skip")) {
                let what = format!("{SHARED} is not part of the project");
                let remedy = "only a test that says `skip` in its absence may name it";
                report(what, remedy);
            }
        }
    }
    found
}

fn opening(path: &str, text: &str, found: &mut Vec<Violation>) {
    if !text.starts_with("//!") {
        found.push(Violation {
            path: path.into(),
            line: 1,
            what: "does not open with //!".into(),
            remedy: "say in the first lines what the file is and what it is not".into(),
        });
    }
}

fn length(path: &str, text: &str, found: &mut Vec<Violation>) {
    let lines = text.lines().count();
    if lines > LONGEST {
        found.push(Violation {
            path: path.into(),
            line: LONGEST + 1,
            what: format!("{lines} lines, {LONGEST} at most"),
            remedy: "it holds two ideas; make it two files".into(),
        });
    }
}

fn search(path: &str, code: &str, wanted: &[&str], remedy: &str, found: &mut Vec<Violation>) {
    for (index, line) in code.lines().enumerate() {
        for text in wanted.iter().filter(|text| has_code(line, text)) {
            found.push(Violation {
                path: path.into(),
                line: index + 1,
                what: text.to_string(),
                remedy: remedy.into(),
            });
        }
    }
}

/// Paths without `.rs` of the modules that are declared for tests only.
fn for_tests(tree: &Tree) -> Vec<String> {
    let mut paths = Vec::new();
    for (path, text) in tree.rust() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let home = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder,
            _ => path.trim_end_matches(".rs"),
        };
        let code = code(text);
        paths.extend(
            test_modules(&code)
                .iter()
                .map(|name| format!("{home}/{name}")),
        );
    }
    paths
}

/// Files that hold tests only.
fn is_test(path: &str, for_tests: &[String]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let declared = for_tests.iter().any(|module| {
        let rest = path.strip_prefix(module.as_str());
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    });
    declared || path.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
}

/// Whether the line has this, not as the end of a longer name.
fn has_code(line: &str, text: &str) -> bool {
    let is_name = text.starts_with(is_word);
    line.match_indices(text)
        .any(|(at, _)| !(is_name && line[..at].ends_with(is_word)))
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_word) && !line[at + word.len()..].starts_with(is_word)
    })
}

/// The machine's folder that an absolute path on this line starts with.
fn machine_path(line: &str) -> Option<&'static str> {
    MACHINE_FOLDERS.iter().copied().find(|folder| {
        let path = format!("/{folder}/");
        line.match_indices(&path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            // Otherwise the middle of a longer path or of an address.
            before.is_none_or(|c| !(is_word(c) || "./-~}$>*".contains(c)))
        })
    })
}
