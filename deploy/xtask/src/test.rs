//! `cargo xtask test`: sets up, runs every check of the project and counts.
//! The checks themselves live in the crates; this runs them in an order and says what failed.

use crate::board_test;
use crate::cross;
use crate::deb;
use crate::demo;
use crate::scenes;
use crate::setup::{self, Part};
use crate::shell::Tool;
use crate::systemd;
use crate::target::Target;
use crate::tidy::{self, readme};
use crate::{say, workspace};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Run one step only, with the set-up that it needs
    #[arg(long, value_name = "STEP", value_parser = clap::builder::PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    only: Option<String>,
    /// List the steps and end
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    why: &'static str,
    needs: &'static [Part],
    run: fn() -> Result<()>,
}

const BUILD: &[Part] = &[Part::Packages, Part::Libtorch];

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        why: "the sources are formatted",
        needs: &[],
        run: || Tool::cargo().args(["fmt", "--all", "--check"]).run(),
    },
    Step {
        name: "tidy",
        why: "the architecture rules hold",
        needs: &[Part::Git],
        run: tidy::run,
    },
    Step {
        name: "clippy",
        why: "no warnings anywhere",
        needs: BUILD,
        run: || {
            Tool::cargo()
                .args(["clippy", "--workspace", "--all-targets", "--"])
                .args(["-D", "warnings"])
                .run()
        },
    },
    Step {
        name: "test",
        why: "unit, integration and documentation tests",
        needs: &[
            Part::Packages,
            Part::Libtorch,
            Part::Browser,
            Part::Broker,
            Part::Database,
            Part::Service,
            Part::Git,
        ],
        run: || {
            Tool::cargo()
                .args(["test", "--workspace", "--no-fail-fast"])
                .run()
        },
    },
    Step {
        name: "systemd",
        why: "the agent's service is sound and confined",
        needs: &[Part::Service],
        run: systemd::run,
    },
    Step {
        name: "deb",
        why: "the agent's package is sound",
        needs: &[Part::Packages, Part::Libtorch, Part::Package, Part::Git],
        run: deb::check,
    },
    Step {
        name: "readme",
        why: "the README's commands have the options it shows",
        needs: BUILD,
        run: readme_options,
    },
    Step {
        name: "demo",
        why: "the whole way once, on drawn pictures",
        needs: BUILD,
        run: || {
            demo::run(&demo::Arguments::drawn(
                workspace::root().join("target/demo"),
            ))
        },
    },
    Step {
        name: "scenes",
        why: "one right event for each vehicle of the drawn scenes",
        needs: BUILD,
        run: scenes::check,
    },
    Step {
        name: "aarch64",
        why: "the same bits, and an agent that starts, on the devices' architecture",
        needs: &[Part::Packages, Part::Cross],
        run: aarch64,
    },
    Step {
        name: "board",
        why: "camera, pins, faults and power cuts on an emulated Raspberry Pi",
        needs: board_test::NEEDS,
        run: board_test::check,
    },
];

/// Whether there is a step of this name.
pub fn has_step(name: &str) -> bool {
    STEPS.iter().any(|step| step.name == name)
}

/// Runs the command; false when a step failed.
pub fn run(arguments: &Arguments) -> Result<bool> {
    if arguments.list {
        for step in STEPS {
            say::line(step.name, step.why);
        }
        return Ok(true);
    }
    let steps: Vec<&Step> = STEPS
        .iter()
        .filter(|step| {
            arguments
                .only
                .as_deref()
                .is_none_or(|only| only == step.name)
        })
        .collect();
    let parts = [
        Part::Packages,
        Part::Libtorch,
        Part::Cross,
        Part::Browser,
        Part::Broker,
        Part::Database,
        Part::Service,
        Part::Package,
        Part::Board,
        Part::Camera,
        Part::Git,
    ];
    let needed: Vec<Part> = parts
        .into_iter()
        .filter(|part| steps.iter().any(|step| step.needs.contains(part)))
        .collect();
    if steps
        .iter()
        .any(|step| matches!(step.name, "fmt" | "clippy"))
    {
        setup::components::ensure()?;
    }
    setup::ensure(&needed).context("the set-up failed, no check was run")?;
    let outcomes: Vec<Outcome> = steps.into_iter().map(attempt).collect();
    println!();
    for outcome in &outcomes {
        println!("{}", outcome.row());
    }
    let failed = outcomes.iter().filter(|o| o.error.is_some()).count();
    println!("{} passed, {failed} failed", outcomes.len() - failed);
    Ok(failed == 0)
}

struct Outcome {
    name: &'static str,
    time: Duration,
    error: Option<String>,
}

impl Outcome {
    fn row(&self) -> String {
        let time = say::duration(self.time);
        match &self.error {
            None => format!("{:<10} passed {time:>12}", self.name),
            Some(error) => format!("{:<10} FAILED {time:>12}  {error}", self.name),
        }
    }
}

fn attempt(step: &Step) -> Outcome {
    println!();
    say::line(step.name, step.why);
    let start = Instant::now();
    let error = (step.run)().err().map(|error| format!("{error:#}"));
    let outcome = Outcome {
        name: step.name,
        time: start.elapsed(),
        error,
    };
    println!("{}", outcome.row());
    outcome
}

/// The tests of the contract and of the drawn road, and the agent itself. All of the default
/// members are selected, so that the dependencies are built once.
///
/// Not repeated here, as they say nothing of the architecture: what starts itself anew (the
/// emulator does not carry that over), what asks the kernel for a camera (the emulator answers
/// another errno), and whole watches of the road, which take minutes emulated.
fn aarch64() -> Result<()> {
    let target = Target::Aarch64;
    setup::cross::cargo(target, "test")?
        .args(["--lib", "--test", "bundle", "--"])
        .args(["--skip", "killed_at_any_moment"])
        .args(["--skip", "source::v4l2"])
        .args(["--skip", "pipeline::tests"])
        .run()?;
    // The emulator's own choice of processor computes in half precision; this one does not.
    setup::cross::cargo(target, "test")?
        .args(["--lib", "--", "kernels::tests::halves"])
        .env("QEMU_CPU", "cortex-a72")
        .run()?;
    setup::cross::cargo(target, "build")?
        .args(["--bin", "edge-agent"])
        .run()?;
    cross::look(&target.built().join("debug/edge-agent"), target)
}

/// Every `--option` that a text for users shows stands in that command's `--help`.
fn readme_options() -> Result<()> {
    Tool::cargo().args(["build", "--workspace"]).run()?;
    for path in readme::TEXTS {
        let file = workspace::root().join(path);
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
        options_of(path, &text)?;
    }
    Ok(())
}

fn options_of(path: &str, text: &str) -> Result<()> {
    let commands = readme::commands(text);
    let mut helps: BTreeMap<Vec<&str>, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for shown in &commands {
        let Some(mut invocation) = invocation(&shown.words) else {
            continue;
        };
        // A command that only holds others: the next word is the one that is asked.
        if help_of(&mut helps, &invocation)?.contains("\nCommands:\n")
            && let Some(word) = shown.words.get(invocation.len())
        {
            invocation.push(word);
        }
        let help = help_of(&mut helps, &invocation)?;
        let (line, command) = (shown.line, invocation.join(" "));
        if help.is_empty() {
            wrong.push(format!("{path}:{line}: no such command: {command}"));
        }
        for option in missing_options(&shown.words, help) {
            wrong.push(format!("{path}:{line}: {command} has no {option}"));
        }
    }
    for line in &wrong {
        println!("{line}");
    }
    if !wrong.is_empty() {
        bail!("{path} shows what does not exist, above");
    }
    println!("           {path}: {} commands checked", commands.len());
    Ok(())
}

/// What the command's `--help` says, asked once; empty when there is no such command.
fn help_of<'a, 'b>(
    helps: &'a mut BTreeMap<Vec<&'b str>, String>,
    invocation: &[&'b str],
) -> Result<&'a str> {
    if !helps.contains_key(invocation) {
        let (program, skip) = match invocation[0] {
            // Not `current_exe`: the build may have replaced the running program.
            "cargo" => (workspace::program("xtask")?, 2),
            name => (workspace::program(name)?, 1),
        };
        let help = Tool::new(program).args(&invocation[skip..]).arg("--help");
        helps.insert(invocation.to_vec(), help.read().unwrap_or_default());
    }
    Ok(helps.get(invocation).map_or("", String::as_str))
}

/// Program and subcommand whose `--help` is to be asked; cargo's own commands are not.
fn invocation(words: &[String]) -> Option<Vec<&str>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let length = match words.as_slice() {
        ["cargo", "xtask", ..] => 3,
        ["cargo", ..] => return None,
        _ => 2,
    };
    let is_name = |word: &&str| !word.starts_with('-');
    Some(words.into_iter().take(length).take_while(is_name).collect())
}

/// Long options of the command that its help does not have.
fn missing_options<'a>(words: &'a [String], help: &str) -> Vec<&'a str> {
    let known: Vec<&str> = help
        .split(|c: char| !(c.is_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--"))
        .collect();
    words
        .iter()
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or(word))
        .filter(|option| !known.contains(option))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    #[test]
    fn steps_that_ask_git_bring_it() {
        let asking = ["tidy", "test", "deb"];
        let bringing = STEPS.iter().filter(|step| step.needs.contains(&Part::Git));
        assert_eq!(bringing.map(|step| step.name).collect::<Vec<_>>(), asking);
    }

    #[test]
    fn help_is_asked_of_the_subcommand() {
        for (shown, expected) in [
            ("cargo xtask demo --data DIR", Some("cargo xtask demo")),
            ("edge-agent run --config a.toml", Some("edge-agent run")),
            ("edge-agent --version", Some("edge-agent")),
            ("cargo test -p models", None),
        ] {
            let shown = words(shown);
            assert_eq!(invocation(&shown).map(|w| w.join(" ")).as_deref(), expected);
        }
    }

    #[test]
    fn an_option_that_help_lacks_is_found() {
        let help = "Options:\n      --data <DIR>  ...\n  -o, --out=<DIR> [aliases: --output]\n";
        let shown = words("x run --data a --out=b --output c -o --dat");
        assert_eq!(missing_options(&shown, help), ["--dat"]);
    }

    #[test]
    fn a_row_says_what_failed() {
        let mut outcome = Outcome {
            name: "fmt",
            time: Duration::from_millis(1500),
            error: None,
        };
        assert_eq!(outcome.row(), "fmt        passed        1.5 s");
        outcome.error = Some("`cargo fmt` ended with 1".into());
        assert_eq!(
            outcome.row(),
            "fmt        FAILED        1.5 s  `cargo fmt` ended with 1"
        );
    }
}
