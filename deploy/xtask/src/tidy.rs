//! `cargo xtask tidy`: the architecture rules, checked by reading the sources.
//! It understands no types and builds nothing; what it cannot see, clippy and tests see.

mod arrows;
mod layout;
mod manners;
pub mod readme;
mod rooms;
mod rules;
mod source;

use crate::say;
use crate::shell::Tool;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::fs;
use std::path::Path;

/// A broken rule.
#[derive(PartialEq, Debug)]
struct Violation {
    path: String,
    line: usize,
    what: String,
    remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            what,
            remedy,
        } = self;
        write!(f, "{path}:{line}: {what}; {remedy}")
    }
}

/// The project's files: path from the root, and text unless the file is binary.
struct Tree {
    files: Vec<(String, Option<String>)>,
}

impl Tree {
    /// Files that git tracks or would track.
    fn of_git(root: &Path) -> Result<Self> {
        let list = Tool::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .dir(root)
            .read()
            .context("tidy asks git which files belong to the project: run it in a git checkout")?;
        Ok(Self::of(
            root,
            list.split('\0').filter(|path| !path.is_empty()),
        ))
    }

    fn of<'a>(root: &Path, paths: impl Iterator<Item = &'a str>) -> Self {
        let mut files: Vec<_> = paths
            // A removed file stays in git's list until the removal is staged.
            .filter(|path| root.join(path).is_symlink() || root.join(path).is_file())
            .map(|path| {
                let bytes = fs::read(root.join(path)).unwrap_or_default();
                let text = String::from_utf8(bytes).ok().filter(|t| !t.contains('\0'));
                (path.to_string(), text)
            })
            .collect();
        files.sort();
        files.dedup();
        Self { files }
    }

    /// Every text file.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Every Rust file.
    fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.texts().find(|(p, _)| *p == path).map(|(_, text)| text)
    }
}

/// Runs the command.
pub fn run() -> Result<()> {
    let tree = Tree::of_git(&workspace::root())?;
    let violations = check(&tree);
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => {
            let what = format!("{} files keep the rules", tree.files.len());
            say::line("tidy", &what);
            Ok(())
        }
        1 => bail!("1 rule broken, above"),
        many => bail!("{many} rules broken, above"),
    }
}

fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = layout::check(tree);
    found.extend(arrows::check(tree));
    found.extend(rooms::check(tree));
    found.extend(manners::check(tree));
    found.extend(readme::check(tree));
    found
}

#[cfg(test)]
#[path = "tidy/tests.rs"]
mod tests;
