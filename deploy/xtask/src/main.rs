//! The project's commands, `cargo xtask …`. Not part of what is shipped; it knows the other crates
//! only as programs it calls.

mod bench;
mod board;
mod board_test;
mod cross;
mod deb;
mod demo;
mod fleet;
mod folder;
mod fuzz;
mod say;
mod scenes;
mod setup;
mod shell;
mod soak;
mod street;
mod systemd;
mod target;
#[cfg(test)]
mod temp;
mod test;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The project's commands: setup, tidy, test, demo, bench.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Bring what the build needs: Debian packages, libtorch, the aarch64 toolchain
    Setup(setup::Arguments),
    /// Check the architecture rules by reading the sources
    Tidy,
    /// Set up, then run every check: the project's one test command
    Test(test::Arguments),
    /// Set up, then go the whole way once: pictures, training, bundle, events
    Demo(demo::Arguments),
    /// Build the agent for a device, in the release profile
    Cross(cross::Arguments),
    /// Build the agent's Debian package
    Deb(deb::Arguments),
    /// Time the programs beside what others would use
    Bench(bench::Arguments),
    /// Watch drawn scenes whose truth is known; a table of recall, false events and colours
    Scenes(scenes::Arguments),
    /// A day of simulated traffic; memory and descriptors over it, and whether they stay flat
    Soak(soak::Arguments),
    /// Any bytes at every place where the agent takes bytes of others, for minutes
    Fuzz(fuzz::Arguments),
    /// Try the fleet's server on this machine, or measure what devices cost it
    Fleet(fleet::Arguments),
    /// Try the agent on an emulated Raspberry Pi, with a kernel's own camera and pins
    BoardTest(board_test::Arguments),
    /// Watch a real street's frames beside a detector's boxes; a contact sheet to judge
    Street(street::Arguments),
    /// Measure what labels of a site bring, on a real street's frames
    AdaptCurve(street::curve::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Task::Setup(arguments) => setup::run(&arguments).map(|()| true),
        Task::Tidy => tidy::run().map(|()| true),
        Task::Test(arguments) => test::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments).map(|()| true),
        Task::Cross(arguments) => cross::run(&arguments).map(|()| true),
        Task::Deb(arguments) => deb::run(&arguments).map(|()| true),
        Task::Bench(arguments) => bench::run(&arguments).map(|()| true),
        Task::Scenes(arguments) => scenes::run(&arguments),
        Task::Soak(arguments) => soak::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Fleet(arguments) => fleet::run(&arguments).map(|()| true),
        Task::BoardTest(arguments) => board_test::run(&arguments),
        Task::Street(arguments) => street::run(&arguments).map(|()| true),
        Task::AdaptCurve(arguments) => street::curve::run(&arguments).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
