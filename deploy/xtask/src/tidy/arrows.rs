//! Dependency arrows between the workspace's crates, and where versions are pinned.
//! Reads the manifests as written; features are left to cargo.

use super::rules::ARROWS;
use super::{Tree, Violation};
use toml::{Table, Value};

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in tree.texts() {
        if path == "Cargo.toml" || path.ends_with("/Cargo.toml") {
            match text.parse::<Table>() {
                Ok(manifest) if path == "Cargo.toml" => pins(text, &manifest, &mut found),
                Ok(manifest) => member(path, text, &manifest, &mut found),
                Err(error) => found.push(Violation {
                    path: path.into(),
                    line: 1,
                    what: format!("is not TOML: {}", error.message()),
                    remedy: "correct it".into(),
                }),
            }
        }
    }
    found
}

/// The workspace table: every version is stated to the last place.
fn pins(text: &str, manifest: &Table, found: &mut Vec<Violation>) {
    let table = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table);
    for (name, value) in table.into_iter().flatten() {
        let version = value.as_str().or_else(|| value.get("version")?.as_str());
        let stated = version.is_some_and(|version| {
            let places = version.trim_start_matches(['=', '^', '~', ' ']).split('.');
            places.clone().count() >= 3 && places.clone().all(|place| !place.contains('*'))
        });
        if !stated && value.get("path").is_none() {
            found.push(Violation {
                path: "Cargo.toml".into(),
                line: line_of(text, name),
                what: format!("the version of {name} is not pinned"),
                remedy: "state it to the last place, as in \"1.2.3\"".into(),
            });
        }
    }
}

fn member(path: &str, text: &str, manifest: &Table, found: &mut Vec<Violation>) {
    let folder = path.trim_end_matches("/Cargo.toml");
    let Some((_, _, allowed)) = ARROWS.iter().find(|(_, home, _)| *home == folder) else {
        found.push(Violation {
            path: path.into(),
            line: 1,
            what: "is a crate without an entry in the table of arrows".into(),
            remedy: "say in tidy's rules what it may depend on".into(),
        });
        return;
    };
    for (name, value) in dependencies(manifest) {
        let line = line_of(text, name);
        if value.get("workspace").and_then(Value::as_bool) != Some(true) {
            found.push(Violation {
                path: path.into(),
                line,
                what: format!("{name} has its own version or path"),
                remedy: format!(
                    "pin it in the workspace's table and write {name}.workspace = true"
                ),
            });
        }
        if ARROWS.iter().any(|(own, _, _)| own == name) && !allowed.contains(&name.as_str()) {
            let may = match allowed {
                [] => "no crate of the workspace".to_string(),
                some => some.join(" and "),
            };
            found.push(Violation {
                path: path.into(),
                line,
                what: format!("an arrow from {folder} to {name}"),
                remedy: format!("it may depend on {may}; move what both need into models"),
            });
        }
    }
}

/// Every dependency of every kind and target.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets
        .into_iter()
        .flatten()
        .filter_map(|(_, t)| t.as_table());
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flatten()
        .collect()
}

fn line_of(text: &str, name: &str) -> usize {
    text.lines()
        .position(|line| {
            let key = line.trim_start().strip_prefix(name);
            key.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
                || line.trim_end().ends_with(&format!("ependencies.{name}]"))
        })
        .map_or(1, |index| index + 1)
}
