//! The commands in texts for users: each must be one that a test, the demo or a step runs.
//! Reads fenced `sh` blocks; whether the options exist is asked of the programs by the test
//! command's readme step.

use super::rules::{PROGRAMS, README_COMMANDS, RanBy};
use super::{Tree, Violation};
use crate::{demo, test};

/// A command in such a text.
#[derive(PartialEq, Debug)]
pub struct Shown {
    /// Where it starts, from 1.
    pub line: usize,
    /// `program argument …`; `cargo run -p X -- …` is program X.
    pub words: Vec<String>,
}

/// The texts whose commands are checked.
pub const TEXTS: &[&str] = &["README.md", "deploy/README.md"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    TEXTS
        .iter()
        .filter_map(|path| Some((*path, commands(tree.text(path)?))))
        .flat_map(|(path, shown)| shown.into_iter().map(move |shown| (path, shown)))
        .filter_map(|(path, shown)| {
            let (what, remedy) = complaint(&shown, tree)?;
            Some(Violation {
                path: path.into(),
                line: shown.line,
                what,
                remedy,
            })
        })
        .collect()
}

fn complaint(shown: &Shown, tree: &Tree) -> Option<(String, String)> {
    let command = shown.words.join(" ");
    let Some((start, ran_by)) = README_COMMANDS
        .iter()
        .find(|(start, _)| shown.words.starts_with(&split(start)))
    else {
        return Some((
            format!("nothing runs `{command}`"),
            "add it to tidy's README table together with what runs it".into(),
        ));
    };
    let (runs, by) = match ran_by {
        RanBy::Entry => (true, String::new()),
        RanBy::Step(step) => (test::has_step(step), format!("the test step {step}")),
        RanBy::Demo => (demo::runs(&split(start)), "the demo".into()),
        RanBy::Tests(folder, word) => (
            tree.rust().any(|(path, text)| {
                path.starts_with(folder)
                    && (path.contains("tests") || text.contains("#[cfg(test)]"))
                    && [format!("\"{word}\""), format!("\"{word} ")]
                        .iter()
                        .any(|argument| text.contains(argument))
            }),
            format!("a test under {folder}"),
        ),
    };
    (!runs).then(|| {
        (
            format!("`{start}` is said to be run by {by}, which does not run it"),
            "test it, or correct tidy's README table".into(),
        )
    })
}

/// The commands of the project's programs in the text's fenced `sh` blocks.
pub fn commands(text: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let (mut within, mut pending) = (false, None::<(usize, String)>);
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if let Some(language) = trimmed.strip_prefix("```") {
            within = !within && language.trim() == "sh";
            continue;
        }
        if !within {
            continue;
        }
        let (start, mut whole) = pending.take().unwrap_or((index + 1, String::new()));
        match trimmed.strip_suffix('\\') {
            Some(part) => {
                whole.push_str(part);
                pending = Some((start, whole));
            }
            None => {
                whole.push_str(trimmed);
                shown.extend(of_line(start, &whole));
            }
        }
    }
    shown
}

fn of_line(line: usize, text: &str) -> Vec<Shown> {
    let text = text.strip_prefix("$ ").unwrap_or(text);
    let text = match text.split_once(" #") {
        _ if text.starts_with('#') => "",
        Some((command, _)) => command,
        None => text,
    };
    text.split("&&")
        .flat_map(|part| part.split([';', '|']))
        .filter_map(|part| program(split(part)))
        .map(|words| Shown { line, words })
        .collect()
}

/// The words from the program's name on, if it is one of the project's.
fn program(words: Vec<String>) -> Option<Vec<String>> {
    let skipped = |word: &String| word == "sudo" || word.contains('=');
    let mut words: Vec<String> = words.into_iter().skip_while(skipped).collect();
    if words.first().is_some_and(|word| word == "-u") {
        // sudo's, with the user's name.
        words.drain(..words.len().min(2));
    }
    let first = words.first_mut()?;
    if let Some((_, name)) = first.rsplit_once('/') {
        *first = name.to_string();
    }
    if !PROGRAMS.contains(&first.as_str()) {
        return None;
    }
    if words.get(..2) == Some(&split("cargo run")[..]) {
        let package = words.iter().position(|w| w == "-p" || w == "--package");
        let name = words.get(package? + 1)?.clone();
        let own = words
            .iter()
            .position(|w| w == "--")
            .unwrap_or(words.len() - 1)
            + 1;
        return Some(std::iter::once(name).chain(words.drain(own..)).collect());
    }
    Some(words)
}

fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn the_services_user_is_given_whole_paths() {
        // It may not pass through the home of whoever types the command.
        let text = std::fs::read_to_string(workspace::root().join("deploy/README.md")).unwrap();
        let mut files = 0;
        for line in text.lines() {
            let Some((_, command)) = line.split_once("sudo -u edge-agent ") else {
                continue;
            };
            let command = command.split('`').next().unwrap();
            for file in command.split(' ').filter(|word| word.contains('.')) {
                assert!(file.starts_with('/'), "{line}");
                files += 1;
            }
        }
        assert!(files > 0);
    }

    #[test]
    fn commands_are_found_as_typed() {
        let text = "\
```sh
$ cargo xtask demo --data DIR   # your own pictures
git clone somewhere && cd it
RUST_LOG=x ./target/debug/edge-agent run \\
    --config agent.toml | tee log
# cargo nonsense
sudo -u edge-agent edge-agent check --config a.toml
cargo run -p host-trainer -- train --epochs 3
```
cargo not in a block
```rust
cargo not in sh
```
";
        let found: Vec<(usize, String)> = commands(text)
            .into_iter()
            .map(|shown| (shown.line, shown.words.join(" ")))
            .collect();
        let expected = [
            (2, "cargo xtask demo --data DIR"),
            (4, "edge-agent run --config agent.toml"),
            (7, "edge-agent check --config a.toml"),
            (8, "host-trainer train --epochs 3"),
        ];
        let expected = expected.map(|(line, words)| (line, words.to_string()));
        assert_eq!(found, expected);
    }
}
