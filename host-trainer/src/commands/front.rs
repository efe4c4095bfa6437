//! `host-trainer front`: measured networks in, a chart of accuracy against cost out.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::Deserialize;

use super::usage;
use crate::files;
use crate::plot::{self, Axis, Line, Lines, Mark, Scale, Unit};

/// Draw networks by accuracy and cost, and tell which of them no other beats in both.
///
/// Measures nothing: `cargo xtask bench pareto` writes the file and calls this.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The measured networks: {"title", "cost", "accuracy", "networks": [{"name", "line", "cost",
    /// "accuracy"}]}, where the first three are what the chart and its axes are called
    file: PathBuf,
    /// Folder for front.svg and front.png
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What was measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    title: String,
    cost: String,
    accuracy: String,
    networks: Vec<Network>,
}

/// One network.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    name: String,
    /// The line that it is on; such as those of the same width.
    line: String,
    cost: f64,
    /// 0 to 1.
    accuracy: f64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let shown = arguments.file.display();
    let text = fs::read(&arguments.file)
        .map_err(|error| usage(format!("cannot read {shown}: {error}")))?;
    let measured: Measured = serde_json::from_slice(&text)
        .map_err(|error| usage(format!("{shown} is no list of measured networks: {error}")))?;
    if measured.networks.is_empty() {
        return Err(usage(format!("{shown} has no network")));
    }
    let front = front(&measured.networks);
    let chart = plot::lines(&chart(&measured, &front));
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make {}", arguments.out.display()))?;
    let png = chart.png().context("cannot draw the chart")?;
    for (name, bytes) in [("front.svg", chart.svg().into_bytes()), ("front.png", png)] {
        let path = arguments.out.join(name);
        files::replace(&path, &bytes)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let names: Vec<&str> = front.iter().map(|network| network.name.as_str()).collect();
    println!("front        {}", names.join(", "));
    println!("chart        {}", arguments.out.join("front.png").display());
    Ok(())
}

/// The networks that no other beats: none costs as little or less and is more accurate, or as
/// accurate and costs less. The cheapest first.
fn front(networks: &[Network]) -> Vec<&Network> {
    let mut order: Vec<&Network> = networks.iter().collect();
    order.sort_by(|a, b| {
        let more_accurate_first = b.accuracy.total_cmp(&a.accuracy);
        a.cost.total_cmp(&b.cost).then(more_accurate_first)
    });
    let mut best = f64::NEG_INFINITY;
    order.retain(|network| {
        let beats = network.accuracy > best;
        best = best.max(network.accuracy);
        beats
    });
    order
}

/// A line for each group, and a faint one along the front.
fn chart(measured: &Measured, front: &[&Network]) -> Lines {
    let mut lines: Vec<Line> = Vec::new();
    let mut marks = Vec::new();
    let mut order: Vec<&Network> = measured.networks.iter().collect();
    order.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    for network in order {
        let point = (network.cost, network.accuracy);
        let known = lines.iter().position(|line| line.name == network.line);
        let line = known.unwrap_or(lines.len());
        if known.is_none() {
            lines.push(Line {
                name: network.line.clone(),
                ..Line::default()
            });
        }
        lines[line].points.push(point);
        let best = front.contains(&network);
        marks.push(Mark::Dot {
            line,
            x: point.0,
            y: point.1,
            label: if best {
                network.name.clone()
            } else {
                String::new()
            },
        });
    }
    lines.push(Line {
        name: "no other is better".into(),
        points: front
            .iter()
            .map(|network| (network.cost, network.accuracy))
            .collect(),
        faint: true,
        pair: None,
    });
    Lines {
        title: measured.title.clone(),
        x: Axis {
            scale: Scale::Log,
            ..Axis::new(&measured.cost, Unit::Number)
        },
        y: Axis::new(&measured.accuracy, Unit::Percent),
        lines,
        marks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(name: &str, cost: f64, accuracy: f64) -> Network {
        Network {
            name: name.into(),
            line: "line".into(),
            cost,
            accuracy,
        }
    }

    #[test]
    fn the_front_is_what_no_other_beats() {
        let networks = [
            network("dear", 9.0, 0.91),
            network("cheap", 1.0, 0.80),
            network("beaten", 5.0, 0.85),
            network("good", 4.0, 0.90),
            network("as good and dearer", 6.0, 0.90),
            network("as cheap and worse", 1.0, 0.70),
        ];
        let names: Vec<&str> = front(&networks).iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, ["cheap", "good", "dear"]);
    }

    #[test]
    fn the_chart_names_the_front_alone() {
        let measured = Measured {
            title: "Accuracy and cost".into(),
            cost: "million".into(),
            accuracy: "right".into(),
            networks: vec![network("cheap", 1.0, 0.8), network("beaten", 2.0, 0.7)],
        };
        let svg = plot::lines(&chart(&measured, &front(&measured.networks))).svg();
        assert!(
            svg.contains(">cheap<") && !svg.contains(">beaten<"),
            "{svg}"
        );
    }
}
