//! `cargo xtask demo`: the whole way once, from pictures to events, with time and place of each
//! step. It only calls the project's programs; what they are called with stands in `plan`.

mod plan;

use crate::folder::Maker;
use crate::setup::{self, Part};
use crate::shell::Tool;
use crate::{say, workspace};
use anyhow::{Context, Result, bail};
use plan::{Call, Plan};
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::time::Instant;

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Your own pictures: a folder with one folder per colour; without it cars are drawn
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Weights to start from, as `host-trainer train --pretrained` takes them
    #[arg(long, value_name = "FILE", default_value = "none")]
    pretrained: String,
    /// How often training goes through the pictures
    #[arg(long, value_name = "N", default_value_t = EPOCHS, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Where everything is put; made anew each time
    #[arg(long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,
}

impl Arguments {
    /// The demo as the test command runs it: drawn pictures, everything into `out`.
    pub fn drawn(out: PathBuf) -> Self {
        Self {
            data: None,
            pretrained: "none".into(),
            epochs: EPOCHS,
            out,
        }
    }
}

/// Marks what it makes.
const FOLDER: Maker = Maker("demo");
/// Enough for drawn pictures.
const EPOCHS: u32 = 6;

/// Whether the demo runs a command that starts with these words, `program subcommand`.
pub fn runs(words: &[String]) -> bool {
    let plan = Plan::new(Path::new("demo"), None, "none", 1);
    let mut calls = plan.train();
    calls.extend(plan.use_run(Path::new("run")));
    calls.iter().any(|call| {
        let first = call.arguments.first().and_then(|first| first.to_str());
        words.first().map(String::as_str) == Some(call.program)
            && words.get(1).map(String::as_str) == first
    })
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    let out = absolute(&arguments.out).context("--out is not a path")?;
    let data = match &arguments.data {
        Some(data) => Some(own_pictures(data, &out)?),
        None => None,
    };
    // Refused before the long downloads, made after them.
    FOLDER.check(&out)?;
    setup::ensure(&[Part::Packages, Part::Libtorch])?;

    let step = say::begin(
        "build",
        "the trainer, the agent and the drawn road (minutes the first time)",
    );
    // The whole workspace, as the tests build it: another selection would switch on other
    // features of shared dependencies and compile them a second time.
    Tool::cargo().args(["build", "--workspace"]).run()?;
    step.done();

    FOLDER.make(&out)?;
    let plan = Plan::new(
        &out,
        data.as_deref(),
        &arguments.pretrained,
        arguments.epochs,
    );
    for call in plan.train() {
        carry_out(&call)?;
    }
    let run = last_run(&plan.runs)?;
    write(&plan.agent_file, &plan.agent_config())?;
    for call in plan.use_run(&run) {
        carry_out(&call)?;
    }
    println!();
    let took = say::duration(start.elapsed());
    say::line("demo", &format!("done in {took}"));
    print!("{}", plan.farewell(&run));
    Ok(())
}

fn own_pictures(data: &Path, out: &Path) -> Result<PathBuf> {
    let path = fs::canonicalize(data)
        .with_context(|| format!("--data {}: no such folder", data.display()))?;
    let list = fs::read_dir(&path)
        .with_context(|| format!("--data {}: cannot be listed", data.display()))?;
    let classes = list.flatten().filter(|entry| entry.path().is_dir()).count();
    if classes < 2 {
        bail!(
            "--data {} has {classes} folders; it needs one per colour, each with pictures: \
             {0}/red/1.jpg, {0}/blue/1.jpg, …",
            data.display()
        );
    }
    if path.starts_with(fs::canonicalize(out).unwrap_or_else(|_| out.to_path_buf())) {
        bail!(
            "--data {} lies in the folder that the demo makes anew; move it, or give another --out",
            data.display()
        );
    }
    Ok(path)
}

fn carry_out(call: &Call) -> Result<()> {
    println!();
    let step = say::begin(call.name, call.why);
    let tool = Tool::new(workspace::program(call.program)?).args(&call.arguments);
    tool.run().with_context(|| {
        format!(
            "the demo stops at `{}`; what was made so far is kept",
            call.name
        )
    })?;
    step.done();
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The run folder that training has just made: the one with the highest number.
fn last_run(runs: &Path) -> Result<PathBuf> {
    let list = fs::read_dir(runs).with_context(|| format!("cannot list {}", runs.display()))?;
    list.flatten()
        .filter_map(|entry| {
            let number: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((number, entry.path()))
        })
        .max()
        .map(|(_, path)| path)
        .with_context(|| format!("training left no numbered folder in {}", runs.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp::Temp;

    #[test]
    fn the_last_run_is_the_highest_number() {
        let temp = Temp::new()
            .file("9/log", "")
            .file("10/log", "")
            .file("best/log", "");
        assert_eq!(last_run(temp.path()).unwrap(), temp.path().join("10"));
        let empty = Temp::new();
        let error = last_run(empty.path()).unwrap_err().to_string();
        assert!(error.contains("left no numbered folder"), "{error}");
    }

    #[test]
    fn own_pictures_are_class_folders_outside_of_out() {
        let temp = Temp::new()
            .file("data/red/1.jpg", "")
            .file("data/blue/1.jpg", "")
            .file("one/red/1.jpg", "");
        let out = temp.path().join("out");
        let case = |name: &str, out: &Path| match own_pictures(&temp.path().join(name), out) {
            Ok(path) => path.file_name().unwrap().to_string_lossy().into_owned(),
            Err(error) => format!("{error:#}"),
        };
        assert_eq!(case("data", &out), "data");
        assert!(case("one", &out).contains("has 1 folders; it needs one per colour"));
        assert!(case("none", &out).contains("no such folder"));
        assert!(case("data", temp.path()).contains("lies in the folder"));
    }

    #[test]
    fn what_it_runs_is_known() {
        let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
        assert!(runs(&words("host-trainer train --epochs 3")));
        assert!(runs(&words("edge-agent score")));
        assert!(!runs(&words("edge-agent devices")));
        assert!(!runs(&words("edge-agent")));
    }
}
