//! Instructions that one run of the network takes on emulated ARM processors, and its loading.
//! The emulator's clock counts them, so the numbers repeat.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{AGREEMENT, Told, gap, program};
use crate::bench::rates::median;

/// What is counted: our kernels, the same in half precision where the processor computes so, and
/// tract's own operators; by how much a number of each answer may differ from the first's.
const WAYS: [(&str, f64); 3] = [
    ("ours", 0.0),
    ("half", HALF_AGREEMENT),
    ("tract", AGREEMENT),
];

/// As much as a bundle's golden pictures may.
const HALF_AGREEMENT: f64 = 0.25;

/// Counts for each processor and way.
pub(super) fn run(cpus: &[String], model: &Path, inputs: &[(u32, PathBuf)]) -> Result<()> {
    let program = program::build_for_board()?;
    let mut files = vec![program, model.to_path_buf()];
    files.extend(inputs.iter().map(|(_, file)| file.clone()));
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    let mut script = String::new();
    for (which, _) in WAYS {
        for (side, _) in inputs {
            script += &format!("./infer {name} {side} {side}.f32 3 {which}\n");
        }
    }
    let mut columns = Vec::new();
    for cpu in cpus {
        let lines = program::count(cpu, &files, &script)?;
        let ours = &lines[..inputs.len().min(lines.len())];
        for ((which, limit), told) in WAYS.iter().zip(lines.chunks(inputs.len())) {
            let gaps = ours.iter().zip(told).map(|(ours, told)| gap(ours, told));
            let worst = gaps.fold(0.0, f64::max);
            if worst > *limit {
                bail!("on {cpu} the kernels answer otherwise than {which}, by {worst}");
            }
        }
        columns.push(lines);
    }
    let sides: Vec<u32> = inputs.iter().map(|(side, _)| *side).collect();
    println!("\n{}", table(cpus, &sides, &columns));
    println!("\n{}", kinds(cpus, &sides, &columns));
    Ok(())
}

/// A row for each side and way, a column for each processor.
fn table(cpus: &[String], sides: &[u32], columns: &[Vec<Told>]) -> String {
    let mut text = format!("| Million instructions | {} |\n|---|", cpus.join(" | "));
    text += &"---|".repeat(cpus.len());
    let rows = WAYS
        .iter()
        .flat_map(|(which, _)| sides.iter().map(move |s| (which, s)));
    for (index, (which, side)) in rows.enumerate() {
        let row = |what: &str, number: &dyn Fn(&Told) -> Option<f64>| {
            let cells = columns.iter().map(|column| {
                let number = column.get(index).and_then(number);
                number.map_or("-".into(), |number| format!("{:.2}", number / 1e6))
            });
            let cells: Vec<String> = cells.collect();
            format!(
                "\n| {which}, {side} pixels, {what} | {} |",
                cells.join(" | ")
            )
        };
        text += &row("one run", &|told| median(&told.runs));
        text += &row("loading", &|told| Some(told.load));
    }
    text
}

/// The same divided among kinds of layers.
fn kinds(cpus: &[String], sides: &[u32], columns: &[Vec<Told>]) -> String {
    let mut text = format!("| Million instructions of | {} |\n|---|", cpus.join(" | "));
    text += &"---|".repeat(cpus.len());
    let rows = WAYS
        .iter()
        .flat_map(|(which, _)| sides.iter().map(move |s| (which, s)));
    for (index, (which, side)) in rows.enumerate() {
        let told = || columns.iter().filter_map(|column| column.get(index));
        let names: BTreeSet<&String> = told().flat_map(|told| told.kinds.keys()).collect();
        for name in names {
            let cells = told().map(|told| match told.kinds.get(name) {
                Some(number) => format!("{:.2}", number / 1e6),
                None => "-".into(),
            });
            let cells: Vec<String> = cells.collect();
            text += &format!(
                "\n| {which}, {side} pixels, {name} | {} |",
                cells.join(" | ")
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nanosecond_of_the_board_is_an_instruction() {
        let told = |run| Told {
            load: 30e6,
            runs: vec![run],
            answer: vec![0.0],
            kinds: [("mean".to_string(), run / 4.0)].into(),
        };
        let text = table(
            &["cortex-a72".into()],
            &[128],
            &[vec![told(8e6), told(7e6), told(12e6)]],
        );
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| ours, 128 pixels, one run | 8.00 |",
                "| ours, 128 pixels, loading | 30.00 |",
                "| half, 128 pixels, one run | 7.00 |",
                "| half, 128 pixels, loading | 30.00 |",
                "| tract, 128 pixels, one run | 12.00 |",
                "| tract, 128 pixels, loading | 30.00 |"
            ]
        );
        let text = kinds(&["cortex-a72".into()], &[128], &[vec![told(8e6)]]);
        assert!(
            text.ends_with("| ours, 128 pixels, mean | 2.00 |"),
            "{text}"
        );
    }
}
