//! Every rule on a small tree: a clean one passes, one with a single fault is found out.

use super::*;
use crate::temp::Temp;

const CLEAN: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"models\"]\n[workspace.dependencies]\n\
         models = { path = \"models\" }\nserde = { version = \"1.0.2\" }\ntch = \"=0.24.0\"\n",
    ),
    ("Cargo.lock", ""),
    (".gitignore", "/target\n"),
    (
        "models/Cargo.toml",
        "[package]\nname = \"models\"\n[dependencies]\nserde.workspace = true\n",
    ),
    (
        "models/src/lib.rs",
        "//! The contract.\n//! a.unwrap() in words\nfn f() -> Option<u8> { None.unwrap_or(g()) }\n\
         #[cfg(test)]\nmod helper;\n\
         #[cfg(test)]\nmod tests {\n fn t() { x().unwrap(); }\n}\n",
    ),
    (
        "models/src/runner/plan.rs",
        "//! Plan.\nuse tract_onnx::prelude::*;\n",
    ),
    (
        "models/src/bundle/tests.rs",
        "//! Tests.\nfn t() { x().unwrap(); }\n",
    ),
    (
        "edge-agent/Cargo.toml",
        "[dependencies]\nmodels.workspace = true\nroad-sim = { workspace = true }\n",
    ),
    (
        "host-trainer/src/net.rs",
        "//! Net.\nuse tch::Tensor;\nfn f() { x().unwrap(); }\n",
    ),
    (
        "README.md",
        "```sh\ncargo xtask test\ncargo clippy --workspace\n```\nhttps://a.b/work/c\n",
    ),
];

/// What is reported when this file is put into the clean tree.
fn with(path: &str, text: &str) -> Vec<String> {
    let mut temp = Temp::new();
    for (path, text) in CLEAN.iter().chain([&(path, text)]) {
        temp = temp.file(path, text);
    }
    let paths = CLEAN.iter().map(|(path, _)| *path).chain([path]);
    let tree = Tree::of(temp.path(), paths);
    check(&tree).iter().map(Violation::to_string).collect()
}

fn assert_found(path: &str, text: &str, expected: &str) {
    let found = with(path, text);
    assert_eq!(found.len(), 1, "{path}: {text:?}: {found:#?}");
    assert!(
        found[0].starts_with(expected),
        "{} is not {expected}",
        found[0]
    );
    assert!(found[0].contains("; "), "{} says no remedy", found[0]);
}

#[test]
fn a_clean_tree_passes() {
    assert_eq!(with(".ci/run", "#!/bin/bash\n"), Vec::<String>::new());
}

#[test]
fn layout() {
    assert_found(
        "scripts/x.sh",
        "",
        "scripts:1: does not belong at the top level",
    );
    assert_found("notes.md", "", "notes.md:1: does not belong");
}

#[test]
fn arrows() {
    let path = "models/Cargo.toml";
    let arrow = "[dependencies]\n\nroad-sim.workspace = true\n";
    assert_found(
        path,
        arrow,
        "models/Cargo.toml:3: an arrow from models to road-sim",
    );
    let arrow = "[target.'cfg(unix)'.dev-dependencies]\nedge-agent = { workspace = true }\n";
    assert_found(
        path,
        arrow,
        "models/Cargo.toml:2: an arrow from models to edge-agent",
    );
    let arrow = "[build-dependencies.xtask]\nworkspace = true\n";
    assert_found(
        path,
        arrow,
        "models/Cargo.toml:1: an arrow from models to xtask",
    );
    let arrow = "[dependencies]\nhost-trainer.workspace = true\n";
    assert_found(
        "edge-agent/Cargo.toml",
        arrow,
        "edge-agent/Cargo.toml:2: an arrow",
    );
    assert_found(
        "deploy/new/Cargo.toml",
        "",
        "deploy/new/Cargo.toml:1: is a crate without",
    );
    assert_found(path, "[dependencies\n", "models/Cargo.toml:1: is not TOML");
}

#[test]
fn pins() {
    let own = "[dependencies]\nserde = \"1.0.2\"\n";
    assert_found(
        "models/Cargo.toml",
        own,
        "models/Cargo.toml:2: serde has its own version",
    );
    let own = "[dependencies.serde]\nversion = \"1\"\n";
    assert_found(
        "models/Cargo.toml",
        own,
        "models/Cargo.toml:1: serde has its own version",
    );
    for version in ["\"1.0\"", "\"*\"", "\"1.0.*\"", "{ git = \"x\" }"] {
        let text = format!("[workspace.dependencies]\nserde = {version}\n");
        assert_found(
            "Cargo.toml",
            &text,
            "Cargo.toml:2: the version of serde is not pinned",
        );
    }
}

#[test]
fn rooms() {
    for (path, line, name) in [
        ("host-trainer/src/report.rs", "use tch::Tensor;", "tch"),
        (
            "models/src/lib.rs",
            "fn f(t: tract_core::Tensor) {}",
            "tract",
        ),
        ("edge-agent/src/source.rs", "use v4l::Device;", "v4l"),
        ("edge-agent/src/sink.rs", "use rppal::gpio;", "rppal"),
        ("edge-agent/src/sink.rs", "use gpiocdev::line;", "gpiocdev"),
        ("edge-agent/src/sink.rs", "use rumqttc::Client;", "rumqttc"),
        (
            "edge-agent/src/decode.rs",
            "let x = image::load();",
            "image",
        ),
        (
            "host-trainer/src/quantise.rs",
            "use safetensors;",
            "safetensors",
        ),
        (
            "edge-agent/src/main.rs",
            "use ::tiny_skia::Pixmap;",
            "tiny_skia",
        ),
    ] {
        let text = format!("//! It.\n\n{line}\n");
        assert_found(path, &text, &format!("{path}:3: {name} outside its room"));
    }
    let words = "//! tch::Tensor\nconst A: &str = \"tch::Tensor\"; /* tch::Tensor */\n";
    assert_eq!(with("models/src/words.rs", words), Vec::<String>::new());
    let tests = "//! It.\n#[cfg(test)]\nmod tests {\n use tch::Tensor;\n}\n";
    assert_eq!(
        with("host-trainer/src/quantise.rs", tests),
        Vec::<String>::new()
    );
    let path = "host-trainer/src/report.rs";
    assert_found(
        path,
        tests,
        "host-trainer/src/report.rs:4: tch outside its room",
    );
}

#[test]
fn openings_and_lengths() {
    assert_found(
        "models/src/a.rs",
        "fn f() {}\n",
        "models/src/a.rs:1: does not open with //!",
    );
    let long = "//! Long.\n".repeat(400);
    assert_eq!(with("models/src/a.rs", &long), Vec::<String>::new());
    let long = long + "\n";
    assert_found("models/src/a.rs", &long, "models/src/a.rs:401: 401 lines");
}

#[test]
fn unfinished_work() {
    for line in super::rules::UNFINISHED_CODE {
        let text = format!("//! It.\n{line}\n");
        let expected = format!("host-trainer/tests/a.rs:2: {line}");
        assert_found("host-trainer/tests/a.rs", &text, &expected);
    }
    for word in super::rules::UNFINISHED_WORDS {
        assert_found(
            "deploy/notes.md",
            &format!("# {word}: x\n"),
            "deploy/notes.md:1: ",
        );
    }
    assert_eq!(
        with("deploy/notes.md", "METHODTODOS XXXL\n"),
        Vec::<String>::new()
    );
}

#[test]
fn stopping() {
    for line in [
        "a().unwrap();",
        "a().expect(b);",
        "panic!();",
        "unreachable!();",
    ] {
        for path in ["models/src/a.rs", "edge-agent/src/b/a.rs"] {
            let text = format!("//! It.\nfn f() {{\n{line}\n}}\n");
            assert_found(path, &text, &format!("{path}:3: "));
        }
        for path in [
            "models/build.rs",
            "models/tests/a.rs",
            "host-trainer/src/a.rs",
        ] {
            let text = format!("//! It.\nfn f() {{\n{line}\n}}\n");
            assert_eq!(with(path, &text), Vec::<String>::new());
        }
    }
}

#[test]
fn paths_of_a_machine_and_of_its_neighbours() {
    for folder in super::rules::MACHINE_FOLDERS {
        let text = format!("path = \"/{folder}/x\"\n");
        assert_found("deploy/a.toml", &text, "deploy/a.toml:1: /");
        assert_eq!(
            with("deploy/a.toml", &format!("a/{folder}/x\n")),
            Vec::<String>::new()
        );
    }
    let shared = format!(
        "//! It.\nconst A: &str = \"../{}/data\";\n",
        super::rules::SHARED
    );
    let path = "host-trainer/tests/a.rs";
    assert_found(path, &shared, "host-trainer/tests/a.rs:2: ../");
    let skips = format!("{shared}// absent: skip\n");
    assert_eq!(with(path, &skips), Vec::<String>::new());
    assert_found("models/src/a.rs", &skips, "models/src/a.rs:2: ../");
}

#[test]
fn the_readmes_commands() {
    let text = "```sh\ncargo xtask test\ncargo bench\n```\n";
    assert_found("README.md", text, "README.md:3: nothing runs `cargo bench`");
    let text = "```sh\nedge-agent classify x.jpg\n```\n";
    let expected = "README.md:2: `edge-agent classify` is said to be run by a test under";
    assert_found("README.md", text, expected);
    let mut temp = Temp::new().file("README.md", text);
    temp = temp.file(
        "edge-agent/tests/cli.rs",
        "//! Tests.\nfn t() { run(&[\"classify\"]) }\n",
    );
    let tree = Tree::of(
        temp.path(),
        ["README.md", "edge-agent/tests/cli.rs"].into_iter(),
    );
    assert_eq!(check(&tree), []);
}

#[test]
fn every_command_of_the_readme_table_is_run() {
    for (start, ran_by) in super::rules::README_COMMANDS {
        match ran_by {
            super::rules::RanBy::Step(step) => {
                assert!(crate::test::has_step(step), "{start}: no step {step}");
            }
            super::rules::RanBy::Demo => {
                let words: Vec<String> = start.split(' ').map(String::from).collect();
                assert!(crate::demo::runs(&words), "the demo does not run {start}");
            }
            _ => {}
        }
    }
}
