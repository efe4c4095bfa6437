//! The top level holds the rooms of the house and nothing else.

use super::rules::TOP_LEVEL;
use super::{Tree, Violation};

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut names: Vec<&str> = Vec::new();
    for (path, _) in &tree.files {
        let top = path.split('/').next().unwrap_or(path);
        if !top.starts_with('.') && !names.contains(&top) && !TOP_LEVEL.contains(&top) {
            names.push(top);
        }
    }
    names
        .into_iter()
        .map(|name| Violation {
            path: name.into(),
            line: 1,
            what: "does not belong at the top level".into(),
            remedy: format!(
                "move it into a crate or deploy/; allowed: {}",
                TOP_LEVEL.join(" ")
            ),
        })
        .collect()
}
