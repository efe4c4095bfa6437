//! What is answered on pictures that show no vehicle: nothing, as often as possible.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::bail;
use models::{Runner, picture};
use serde::Serialize;

use crate::commands::{default_workers, report_unreadable, usage};
use crate::loader::in_parallel;

/// Thresholds that are shown beside the one in force.
const THRESHOLDS: [f32; 8] = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/// What `--json` prints.
#[derive(Debug, PartialEq, Serialize)]
struct Report {
    pictures: usize,
    unreadable: usize,
    reject_below: f32,
    /// Share of the pictures that are "unknown" with each threshold, the one in force last.
    unknown: Vec<Share>,
    /// How often each colour is told with the threshold in force.
    told: BTreeMap<String, usize>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Share {
    reject_below: f32,
    unknown: f64,
}

/// Measures every picture below `folder` and prints it.
pub fn run(
    folder: &Path,
    runner: &(dyn Fn() -> anyhow::Result<Runner> + Sync),
    reject_below: f32,
    json: bool,
) -> anyhow::Result<()> {
    let paths = picture::list(folder).map_err(usage)?;
    if paths.is_empty() {
        let folder = folder.display();
        return Err(usage(format!(
            "{folder} holds no pictures; give a folder of pictures without vehicles"
        )));
    }
    let workers = default_workers();
    let chunks: Vec<_> = paths.chunks(paths.len().div_ceil(workers)).collect();
    let parts = in_parallel(chunks.len(), workers, |index| {
        let mut runner = runner()?;
        let mut answers = Vec::new();
        for path in chunks[index] {
            answers.push(match picture::read(path) {
                Ok(frame) => Ok(runner.classify(frame.view())?.top(1).remove(0)),
                Err(error) => Err(error),
            });
        }
        anyhow::Ok(answers)
    });
    let (mut best, mut unreadable) = (Vec::new(), Vec::new());
    for part in parts {
        for answer in part? {
            match answer {
                Ok(ranked) => best.push((ranked.colour, ranked.score)),
                Err(error) => unreadable.push(error),
            }
        }
    }
    report_unreadable(&unreadable);
    let report = report(&best, unreadable.len(), reject_below);
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("pictures     {} without a vehicle", report.pictures);
        println!("unknown      share with each threshold:");
        for Share {
            reject_below,
            unknown,
        } in &report.unknown
        {
            println!("  {reject_below:5.2}  {:5.1} %", 100.0 * unknown);
        }
        let told: Vec<String> = report
            .told
            .iter()
            .map(|(c, n)| format!("{c} {n}"))
            .collect();
        println!("told         at {reject_below}: {}", told.join(", "));
    }
    if !unreadable.is_empty() {
        bail!(
            "{} pictures could not be read; the others were evaluated",
            unreadable.len()
        );
    }
    Ok(())
}

fn report(best: &[(String, f32)], unreadable: usize, reject_below: f32) -> Report {
    let share = |threshold: f32| {
        let unknown = best.iter().filter(|(_, score)| *score < threshold).count();
        Share {
            reject_below: threshold,
            unknown: unknown as f64 / best.len().max(1) as f64,
        }
    };
    let mut told = BTreeMap::new();
    for (colour, _) in best.iter().filter(|(_, score)| *score >= reject_below) {
        *told.entry(colour.clone()).or_default() += 1;
    }
    Report {
        pictures: best.len(),
        unreadable,
        reject_below,
        unknown: THRESHOLDS
            .into_iter()
            .chain([reject_below])
            .map(share)
            .collect(),
        told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_rise_with_the_threshold_and_what_is_told_is_counted() {
        let best = [
            ("grey", 0.35),
            ("grey", 0.55),
            ("black", 0.97),
            ("grey", 0.5),
        ];
        let best: Vec<(String, f32)> = best.map(|(c, s)| (c.to_string(), s)).into();
        let report = report(&best, 0, 0.5);
        let shares: Vec<f64> = report.unknown.iter().map(|share| share.unknown).collect();
        assert_eq!(
            shares,
            [0.0, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75, 0.75, 0.25]
        );
        assert_eq!(
            report.told,
            BTreeMap::from([("black".into(), 1), ("grey".into(), 2)])
        );
    }
}
