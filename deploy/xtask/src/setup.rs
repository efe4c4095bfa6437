//! `cargo xtask setup`: brings what the build needs onto a machine that has only Rust.
//! Every step looks first, so that a second run does nothing.

pub mod components;
pub mod cross;
pub mod debian;
mod debs;
pub mod guest;
pub mod libtorch;
pub mod loopback;
pub mod packages;

use anyhow::Result;

use crate::target::Target;

/// Arguments of `cargo xtask setup`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Do one part only; without it: packages, libtorch, browser, broker, database,
    /// service and git
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// A part of the set-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Part {
    /// Debian packages for the build: compiler, libclang, pip and unzip for libtorch
    Packages,
    /// libtorch for the trainer
    Libtorch,
    /// The aarch64 toolchain and emulator for tests on the agent's architecture
    Cross,
    /// The toolchain and emulator for 32-bit ARM boards
    Cross32,
    /// Chromium and its driver for the test of the trainer's web page
    Browser,
    /// The emulated arm64 board
    Board,
    /// The camera of the emulated board: a kernel module, built for its kernel
    Camera,
    /// A small Debian for the emulated board, to install the package in
    Debian,
    /// mosquitto and openssl for the tests of the agent's MQTT sink
    Broker,
    /// PostgreSQL for the tests of the fleet's server
    Database,
    /// systemd's tools and minisign for the tests of the agent's service
    Service,
    /// lintian for the check of the agent's package
    Package,
    /// git for the rules and the package
    Git,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    match arguments.only {
        Some(part) => ensure(&[part]),
        None => ensure(&[
            Part::Packages,
            Part::Libtorch,
            Part::Browser,
            Part::Broker,
            Part::Database,
            Part::Service,
            Part::Git,
        ]),
    }
}

/// Brings these parts, each with the packages it needs itself.
pub fn ensure(parts: &[Part]) -> Result<()> {
    let has = |part| parts.contains(&part);
    let mut purposes = Vec::new();
    if has(Part::Packages) {
        purposes.push(packages::Purpose::Build);
    }
    if (has(Part::Packages) || has(Part::Libtorch)) && libtorch::must_fetch()? {
        purposes.push(packages::Purpose::Fetch);
    }
    if has(Part::Cross) {
        purposes.push(packages::Purpose::Cross);
    }
    if has(Part::Cross32) {
        purposes.push(packages::Purpose::Cross32);
    }
    if has(Part::Browser) {
        purposes.push(packages::Purpose::Browser);
    }
    if has(Part::Board) {
        purposes.push(packages::Purpose::Board);
    }
    if has(Part::Camera) {
        purposes.push(packages::Purpose::Module);
    }
    if has(Part::Broker) {
        purposes.push(packages::Purpose::Broker);
    }
    if has(Part::Database) {
        purposes.push(packages::Purpose::Database);
    }
    if has(Part::Service) {
        purposes.push(packages::Purpose::Service);
    }
    if has(Part::Package) {
        purposes.push(packages::Purpose::Package);
    }
    if has(Part::Git) {
        purposes.push(packages::Purpose::Git);
    }
    packages::ensure(&purposes)?;
    if has(Part::Libtorch) {
        libtorch::ensure()?;
    }
    if has(Part::Cross) {
        cross::ensure(Target::Aarch64)?;
    }
    if has(Part::Cross32) {
        cross::ensure(Target::Armv7)?;
    }
    if has(Part::Board) {
        guest::ensure()?;
    }
    if has(Part::Debian) {
        debian::ensure()?;
    }
    if has(Part::Camera) {
        loopback::ensure()?;
    }
    Ok(())
}
