//! `cargo xtask bench infer`: the network's time on one thread, beside tract's own operators and
//! beside other runtimes from PyPI, in interleaved rounds with the same weights and input; and its
//! instructions on emulated ARM processors. It only calls programs and reads numbers.

mod board;
mod many;
mod peers;
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

pub(super) use self::many::{instructions, milliseconds};
use self::peers::Peers;
use super::rates::median;
use crate::shell::Tool;
use crate::{say, workspace};

/// Arguments of `cargo xtask bench infer`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The network, an ONNX file as `host-trainer export` writes it [default: the shipped one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Sides of the square input, pixels
    #[arg(
        long,
        value_name = "PIXELS",
        value_delimiter = ',',
        default_value = "96,224"
    )]
    side: Vec<u32>,
    /// Rounds; each runs everything in turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Runs in a round
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Count instructions on emulated ARM processors instead
    #[arg(long)]
    board: bool,
    /// With --board: processors, as QEMU names them
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "cortex-a53,cortex-a72,cortex-a76"
    )]
    cpu: Vec<String>,
}

/// Largest difference of a number in two runtimes' answers.
const AGREEMENT: f64 = 1e-3;

/// What a program told about its runs.
#[derive(Debug)]
struct Told {
    /// Nanoseconds to load.
    load: f64,
    /// Nanoseconds of each run.
    runs: Vec<f64>,
    answer: Vec<f64>,
    /// Nanoseconds of a run by kind of layer, where that is known.
    kinds: BTreeMap<String, f64>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let place = workspace::root().join("target/bench/infer");
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    let model = match &arguments.model {
        Some(model) => std::path::absolute(model)?,
        None => shipped()?,
    };
    let mut inputs = Vec::new();
    for side in &arguments.side {
        let file = place.join(format!("{side}.f32"));
        fs::write(&file, noise(3 * side * side))
            .with_context(|| format!("cannot write {}", file.display()))?;
        inputs.push((*side, file));
    }
    if arguments.board {
        return board::run(&arguments.cpu, &model, &inputs);
    }
    program::build()?;
    let peers = Peers::find(&place)?;
    for (side, input) in &inputs {
        let prepared = peers.as_ref().map(|peers| peers.prepare(&model, *side));
        let products = prepared.transpose()?;
        let mut names = vec!["ours", "tract"];
        names.extend(
            peers
                .iter()
                .flat_map(|peers| &peers.names)
                .map(String::as_str),
        );
        let mut rows: Vec<(&str, Vec<Told>)> = names.iter().map(|n| (*n, vec![])).collect();
        for round in 0..arguments.rounds {
            say::line(
                "round",
                &format!("{} of {}, {side} pixels", round + 1, arguments.rounds),
            );
            for (name, rows) in &mut rows {
                let told = match (*name, &peers) {
                    ("ours" | "tract", _) => ours(&model, *side, input, arguments.runs, name),
                    (_, Some(peers)) => peers.run(name, *side, input, arguments.runs),
                    (_, None) => continue,
                };
                match told {
                    Ok(told) => rows.push(told),
                    Err(error) => say::line(name, &format!("left out: {error:#}")),
                }
            }
        }
        if rows[0].1.is_empty() {
            bail!("our own program did not run");
        }
        println!("\n{}", table(*side, &rows, products));
    }
    Ok(())
}

fn shipped() -> Result<PathBuf> {
    let artifacts = workspace::root().join("models/artifacts");
    let folders =
        fs::read_dir(&artifacts).with_context(|| format!("cannot read {}", artifacts.display()))?;
    let mut models = folders
        .filter_map(|entry| Some(entry.ok()?.path().join("model.onnx")))
        .filter(|path| path.is_file());
    models
        .next()
        .with_context(|| format!("no model in {}", artifacts.display()))
}

/// Numbers from -1 to 1 as little-endian floats, the same each time.
fn noise(count: u32) -> Vec<u8> {
    let mut state = 1u32;
    let mut one = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).flat_map(|_| one().to_le_bytes()).collect()
}

fn ours(model: &Path, side: u32, input: &Path, runs: u32, which: &str) -> Result<Told> {
    let program = workspace::target().join("release/examples/infer");
    let told = Tool::new(program)
        .arg(model)
        .arg(side.to_string())
        .arg(input)
        .arg(runs.to_string())
        .arg(which)
        .read()?;
    parse(&told)
}

/// The last line that a program printed, as numbers.
fn parse(told: &str) -> Result<Told> {
    let last = told.lines().last().unwrap_or_default();
    let json: Value = serde_json::from_str(last).with_context(|| format!("no numbers: {told}"))?;
    let list = |name: &str| -> Vec<f64> {
        let numbers = json[name].as_array().into_iter().flatten();
        numbers.filter_map(Value::as_f64).collect()
    };
    let (runs, answer) = (list("run_ns"), list("answer"));
    match json["load_ns"].as_f64() {
        Some(load) if !runs.is_empty() && !answer.is_empty() => Ok(Told {
            load,
            runs,
            answer,
            kinds: serde_json::from_value(json["kinds"].clone()).unwrap_or_default(),
        }),
        _ => bail!("no numbers: {last}"),
    }
}

/// The largest difference between two answers.
fn gap(one: &Told, other: &Told) -> f64 {
    if one.answer.len() != other.answer.len() {
        return f64::INFINITY;
    }
    let pairs = one.answer.iter().zip(&other.answer);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// By how much a row's answers differ from ours, where it is too much: then it does not do the same
/// work.
fn differs(rows: &[(&str, Vec<Told>)], told: &[Told]) -> Option<f64> {
    let expected = rows.first()?.1.first()?;
    let gaps = told.iter().map(|told| gap(expected, told));
    let worst = gaps.fold(0.0, f64::max);
    (worst > AGREEMENT).then_some(worst)
}

/// Medians and what they are beside ours.
fn table(side: u32, rows: &[(&str, Vec<Told>)], products: Option<u64>) -> String {
    let middle = |told: &[Told]| {
        let runs: Vec<f64> = told.iter().flat_map(|told| told.runs.clone()).collect();
        median(&runs)
    };
    let own = rows.first().and_then(|(_, told)| middle(told));
    let mut text = format!(
        "| {side} x {side} pixels, one thread | median ms | ours / this | fastest ms | load ms |\n\
         |---|---|---|---|---|"
    );
    for (name, told) in rows {
        let loads: Vec<f64> = told.iter().map(|told| told.load).collect();
        if let Some(difference) = differs(rows, told) {
            text += &format!("\n| {name} | answers differently, by {difference:.4} | - | - | - |");
            continue;
        }
        // On a machine with other work the median says more of that work than of the program.
        let runs = told.iter().flat_map(|told| &told.runs).copied();
        let fastest = runs.fold(f64::INFINITY, f64::min) / 1e6;
        if let (Some(own), Some(run), Some(load)) = (own, middle(told), median(&loads)) {
            let (ratio, run, load) = (own / run, run / 1e6, load / 1e6);
            text += &format!("\n| {name} | {run:.3} | {ratio:.2} | {fastest:.3} | {load:.1} |");
        }
    }
    if let (Some(products), Some(own)) = (products, own) {
        let rate = products as f64 / own;
        let millions = products as f64 / 1e6;
        text += &format!("\n\n{millions:.1} million multiply-adds; ours: {rate:.1} a nanosecond");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(runs: &[f64], answer: f64) -> Told {
        Told {
            load: 5e6,
            runs: runs.to_vec(),
            answer: vec![answer],
            kinds: BTreeMap::new(),
        }
    }

    #[test]
    fn medians_are_over_all_rounds() {
        let rows = [
            ("ours", vec![told(&[1e6, 9e6], 0.0), told(&[1e6], 0.0)]),
            ("other", vec![told(&[2e6], 0.0)]),
            ("absent", vec![]),
        ];
        let text = table(64, &rows, Some(50_000_000));
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| ours | 1.000 | 1.00 | 1.000 | 5.0 |",
                "| other | 2.000 | 0.50 | 2.000 | 5.0 |",
                "",
                "50.0 million multiply-adds; ours: 50.0 a nanosecond"
            ]
        );
    }

    #[test]
    fn another_answer_is_no_comparison() {
        let row = |other| {
            let rows = [
                ("ours", vec![told(&[1e6], 0.5)]),
                ("x", vec![told(&[1e6], other)]),
            ];
            table(64, &rows, None).lines().last().map(str::to_string)
        };
        assert_eq!(row(0.5005).unwrap(), "| x | 1.000 | 1.00 | 1.000 | 5.0 |");
        let told = row(0.6).unwrap();
        assert_eq!(told, "| x | answers differently, by 0.1000 | - | - | - |");
    }

    #[test]
    fn the_last_line_has_the_numbers() {
        let told = parse(
            "hello\n{\"load_ns\":1,\"run_ns\":[2,3],\"answer\":[0.5],\"kinds\":{\"mean\":2}}\n",
        );
        let told = told.unwrap();
        assert_eq!(told.kinds["mean"], 2.0);
        assert_eq!((told.load, told.runs), (1.0, vec![2.0, 3.0]));
        assert!(parse("{\"load_ns\":1,\"run_ns\":[],\"answer\":[]}").is_err());
        assert!(parse("").is_err());
    }
}
