//! `host-trainer shrink`: a finished run in, the weights of a narrower network out.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use models::{PreprocessSpec, Preprocessor};
use serde_json::json;

use super::train::{Data, Sources};
use super::{default_workers, usage};
use crate::candidate::Candidate;
use crate::files;
use crate::net::Net;
use crate::run::{Run, RunRecord};
use crate::shrink::{self, Evidence, Goal, Limit, Meter, Round, ShrinkError, Slim};
use crate::train::Job;
use crate::weights;

/// Make a trained network narrower: for a budget of time, instructions and size, or by a share.
///
/// With targets, layers lose channels round after round, first those that change the answers least
/// for what they save, until the network keeps to all targets (after NetAdapt, Yang et al. 2018);
/// the layers after a narrowed one are fitted to what is left, over training pictures. With --width
/// every layer keeps this share of its channels, without that. Nothing is trained: what comes out
/// are weights for `train --pretrained`, which then trains the narrow network; beside them, with
/// the ending .json, the rounds of the search.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("how").required(true).multiple(true))]
pub struct Arguments {
    /// The finished run, such as runs/1
    run: PathBuf,
    /// Begin with the mean of its weights and those of this run, which went on from the same weights
    /// (may be given several times)
    #[arg(long, value_name = "RUN")]
    average: Vec<PathBuf>,
    /// Million instructions of one inference on 64-bit ARM, at most
    #[arg(long, value_name = "MILLIONS", group = "how")]
    target_minsn: Option<f64>,
    /// Milliseconds of one inference on one thread of this machine, at most
    #[arg(long, value_name = "MS", group = "how")]
    target_ms: Option<f64>,
    /// Million parameters, at most; with 8-bit weights, a little less than the bundle's megabytes
    #[arg(long, value_name = "MILLIONS", group = "how")]
    target_mparams: Option<f64>,
    /// Share of its channels that each layer keeps, 0.05 to 1
    #[arg(long, value_name = "SHARE", group = "how",
          conflicts_with_all = ["target_minsn", "target_ms", "target_mparams"])]
    width: Option<f64>,
    /// Side of the network's square input, pixels [default: the run's]
    #[arg(long, value_name = "PIXELS")]
    input_size: Option<u32>,
    /// Share of the cost that the first round saves, each later one a little less
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    first_round: f64,
    /// The file of weights to write, ending with .safetensors
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Arguments {
    /// What the network may cost, on inputs of this kind.
    fn limits(&self, spec: &PreprocessSpec) -> Vec<Limit> {
        let limits = [
            (Meter::Instructions(spec.clone()), self.target_minsn),
            (Meter::Milliseconds(spec.clone()), self.target_ms),
            (Meter::Parameters, self.target_mparams),
        ];
        let limits = limits.into_iter();
        limits
            .filter_map(|(meter, most)| most.map(|most| Limit { meter, most }))
            .collect()
    }

    /// Refuses what cannot be.
    fn check(&self) -> anyhow::Result<()> {
        let limits = [
            ("target-minsn", self.target_minsn, 0.01, 1e4),
            ("target-ms", self.target_ms, 0.001, 1e4),
            ("target-mparams", self.target_mparams, 0.001, 100.0),
            ("first-round", Some(self.first_round), 0.001, 0.5),
            ("width", self.width, 0.05, 1.0),
        ];
        for (name, value, low, high) in limits {
            if let Some(value) = value.filter(|value| !(low..=high).contains(value)) {
                return Err(usage(format!(
                    "--{name} is {value}; {low} to {high} can be"
                )));
            }
        }
        if self
            .out
            .extension()
            .is_none_or(|ending| ending != "safetensors")
        {
            return Err(usage(format!(
                "--out is {}; it must end with .safetensors",
                self.out.display()
            )));
        }
        if self.out.exists() {
            return Err(usage(format!(
                "{} exists; give another --out",
                self.out.display()
            )));
        }
        Ok(())
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    arguments.check()?;
    let run = Run::open(&arguments.run).map_err(usage)?;
    let Candidate {
        record, weights, ..
    } = Candidate::mean_of(&run, &Run::open_all(&arguments.average)?)?;
    let whole = Slim {
        arch: record.arch(),
        weights,
    };
    let side = arguments.input_size.unwrap_or(record.input.width);
    let spec = PreprocessSpec::imagenet(side);
    spec.check()
        .map_err(|e| usage(format!("--input-size: {e}")))?;
    let (slim, rounds) = match arguments.width {
        Some(share) => (whole.scaled(share, shrink::STEP), Vec::new()),
        None => searched(arguments, &run, &record, &spec, whole.clone())?,
    };
    weights::write(&arguments.out, &slim.weights)?;
    let report = arguments.out.with_extension("json");
    let told = json!({
        "run": arguments.run,
        "input_size": side,
        "widths": slim.arch.widths,
        "rounds": rounds,
    });
    files::replace(&report, told.to_string().as_bytes())
        .with_context(|| format!("cannot write {}", report.display()))?;
    let counter = Meter::Instructions(spec);
    let count = |slim: &Slim| counter.cost(&slim.arch).map_err(anyhow::Error::msg);
    println!(
        "\nnarrower     {} of {} parameters, {:.2} of {:.2} {}",
        slim.arch.parameter_count(false),
        whole.arch.parameter_count(false),
        count(&slim)?,
        count(&whole)?,
        counter.unit()
    );
    println!(
        "next         host-trainer train --pretrained {} --input-size {side}, with the data, \
         --split and other options of {}",
        arguments.out.display(),
        arguments.run.display()
    );
    Ok(())
}

/// The search, with a line for each round.
fn searched(
    arguments: &Arguments,
    run: &Run,
    record: &RunRecord,
    spec: &PreprocessSpec,
    whole: Slim,
) -> anyhow::Result<(Slim, Vec<Round>)> {
    let limits = arguments.limits(spec);
    let workers = default_workers();
    let preprocessor = Preprocessor::new(spec).map_err(anyhow::Error::msg)?;
    let data: Data = Sources::recorded(run, record)?.read(spec, workers)?;
    let interrupted = AtomicBool::new(false);
    let job = Job {
        pictures: &data.pictures,
        valid: &data.valid,
        classes: &data.classes,
        preprocessor: &preprocessor,
        recipe: &record.recipe,
        teachers: None,
        workers,
        resident: false,
        interrupted: &interrupted,
    };
    let mut net = Net::on_processor(&whole.arch);
    net.load_all(&whole.weights, &arguments.run.display().to_string())?;
    let evidence = Evidence::of(&job);
    let before = evidence.judge(&net)?;
    let costs = limits.iter().map(|limit| limit.meter.cost(&whole.arch));
    let costs: Vec<f64> = costs
        .collect::<Result<_, _>>()
        .map_err(anyhow::Error::msg)?;
    let heads: Vec<_> = limits
        .iter()
        .map(|limit| limit.meter.short_unit())
        .collect();
    println!("\n{}", row("round", "cuts", &heads, "accuracy", "loss"));
    let told = |round: &str, cuts: &str, costs: &[f64], accuracy: f64, loss: f64| {
        let [accuracy, loss] = [accuracy, loss].map(|number| format!("{number:.4}"));
        let costs: Vec<String> = costs.iter().map(|cost| format!("{cost:.3}")).collect();
        println!("{}", row(round, cuts, &costs, &accuracy, &loss));
    };
    told("", "", &costs, before.accuracy, before.loss);
    let goal = Goal {
        limits: &limits,
        first_round: arguments.first_round,
    };
    let mut rounds = Vec::new();
    let searched = shrink::search(whole, &evidence, &goal, &mut |round| {
        let number = (rounds.len() + 1).to_string();
        let cuts = round.cuts.len().to_string();
        told(&number, &cuts, &round.costs, round.accuracy, round.loss);
        for cut in &round.cuts {
            println!(
                "         {:32} {:>5} to {}",
                cut.layer, cut.before, cut.after
            );
        }
        rounds.push(round.clone());
    });
    match searched {
        Ok(slim) => Ok((slim, rounds)),
        Err(error @ ShrinkError::Smallest { .. }) => Err(usage(error)),
        Err(error) => Err(error.into()),
    }
}

/// A line of the table, with a column for each cost.
fn row<T: Display>(round: &str, cuts: &str, costs: &[T], accuracy: &str, loss: &str) -> String {
    let costs: String = costs.iter().map(|cost| format!(" {cost:>8}")).collect();
    format!("{round:>5} {cuts:>5}{costs} {accuracy:>9} {loss:>8}")
}
