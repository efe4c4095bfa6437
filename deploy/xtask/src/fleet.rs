//! `cargo xtask fleet`: the files in deploy/fleet at work on this machine. Only builds and calls: the
//! checks are tests of the crate in deploy/fleet/rig, the measurements are its program.

use anyhow::Result;

use crate::setup::{self, Part};
use crate::shell::Tool;
use crate::workspace;

/// Arguments of `cargo xtask fleet`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

/// What is measured; without it everything is checked.
#[derive(clap::Subcommand)]
enum What {
    /// What simulated devices cost a real mosquitto: `load --devices 1000 --seconds 60 --rate 1`
    #[command(disable_help_flag = true)]
    Load(Rest),
    /// What events cost a real PostgreSQL: `storage --rows 1000000`
    #[command(disable_help_flag = true)]
    Storage(Rest),
}

/// Handed on as they are.
#[derive(clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(&[Part::Broker, Part::Database])?;
    match &arguments.what {
        None => check(),
        Some(What::Load(rest)) => measure("load", rest),
        Some(What::Storage(rest)) => measure("storage", rest),
    }
}

fn check() -> Result<()> {
    // A real agent takes part.
    cargo(&["build"]).args(["--bin", "edge-agent"]).run()?;
    cargo(&["test"]).args(["--test", "stack"]).run()
}

fn measure(what: &str, rest: &Rest) -> Result<()> {
    cargo(&["build"]).args(["--bin", "fleet-rig"]).run()?;
    // Each device is an open file here and one in the broker, which inherits the limit.
    Tool::new("sh")
        .args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\""])
        .arg(workspace::program("fleet-rig")?)
        .arg(what)
        .args(&rest.arguments)
        .run()
}

/// Over the whole workspace, so that nothing is compiled a second time with other features.
fn cargo(command: &[&str]) -> Tool {
    Tool::cargo().args(command).arg("--workspace")
}
