//! The project's commands, `cargo xtask …`: setup, tidy, test, demo, bench,
//! scenes, street.
//! Not part of what is shipped; it knows the other crates only as programs it calls.

mod bench;
mod board;
mod board_test;
mod demo;
mod say;
mod scenes;
mod setup;
mod shell;
mod street;
mod systemd;
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
    /// Time the programs beside what others would use
    Bench(bench::Arguments),
    /// Watch drawn scenes whose truth is known; a table of recall, false events and colours
    Scenes(scenes::Arguments),
    /// Try the agent on an emulated Raspberry Pi, with a kernel's own camera and pins
    BoardTest(board_test::Arguments),
    /// Watch a real street's frames beside a detector's boxes; a contact sheet to judge
    Street(street::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Task::Setup(arguments) => setup::run(&arguments).map(|()| true),
        Task::Tidy => tidy::run().map(|()| true),
        Task::Test(arguments) => test::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments).map(|()| true),
        Task::Bench(arguments) => bench::run(&arguments).map(|()| true),
        Task::Scenes(arguments) => scenes::run(&arguments),
        Task::BoardTest(arguments) => board_test::run(&arguments),
        Task::Street(arguments) => street::run(&arguments).map(|()| true),
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
