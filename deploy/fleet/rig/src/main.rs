//! `fleet-rig load`: simulated devices at a real broker. `fleet-rig storage`: events in a real
//! database. What they find is in the README above.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use fleet_rig::load::{self, Plan};
use fleet_rig::storage;

/// Measures what a fleet of devices costs its servers.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulated devices publish to a mosquitto with the fleet's configuration
    Load {
        /// How many
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
        devices: u32,
        /// How long they tell events
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
        seconds: u32,
        /// Events of each device a second, 0.01 to 100
        #[arg(long, default_value_t = 1.0)]
        rate: f64,
    },
    /// Events are written into a PostgreSQL with the fleet's tables
    Storage {
        /// How many
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..=100_000_000))]
        rows: u64,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    match *command {
        Command::Load {
            devices,
            seconds,
            rate,
        } => {
            if !(0.01..=100.0).contains(&rate) {
                bail!("--rate {rate} is out of range; allowed: 0.01 to 100");
            }
            let plan = Plan {
                devices: devices as usize,
                seconds: seconds.into(),
                rate,
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            if let Some(report) = runtime.block_on(load::run(plan))? {
                println!("{report}");
                if !report.complete() {
                    bail!("not every event that was acknowledged was collected");
                }
            }
        }
        Command::Storage { rows } => {
            if let Some(report) = storage::run(rows)? {
                println!("{report}");
            }
        }
    }
    Ok(())
}
