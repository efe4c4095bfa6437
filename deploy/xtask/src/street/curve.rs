//! `cargo xtask adapt-curve`: what labels of a site bring, measured on a real street: vehicles cut
//! out of its frames by a detector's boxes, with a person's labels, and the trainer's own
//! cross-validation. Also what the bundle says of the street where no vehicle is.

use crate::shell::Tool;
use crate::workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A person's labels of what `dataset cut` cuts out of that street's frames: names of pictures and
/// colours. 58 vehicles have a colour, three cuts show none; 26 were too blurred, too much in
/// shadow or between two colours to say, or seen before under another number.
const LABELS: &str = include_str!("../../street-labels.jsonl");

/// Arguments of `cargo xtask adapt-curve`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the street's frames
    #[arg(long, value_name = "DIR")]
    frames: PathBuf,
    /// The detector's boxes, as for `cargo xtask street`
    #[arg(long, value_name = "FILE")]
    detections: PathBuf,
    /// The bundle's own pictures, if they are at hand
    #[arg(long, value_name = "DIR", requires = "split")]
    data: Option<PathBuf>,
    /// Their split
    #[arg(long, value_name = "FILE", requires = "data")]
    split: Option<PathBuf>,
    /// Folder to make for the pictures
    #[arg(long, value_name = "DIR", default_value = "target/adapt-curve")]
    out: PathBuf,
    /// Numbers of labels
    #[arg(long, default_value = "25,50,100,180")]
    labels: String,
    /// Times that each is measured
    #[arg(long, default_value = "3")]
    repeats: String,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    Tool::cargo().args(["build", "--workspace"]).run()?;
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))
    };
    let out = absolute(&arguments.out)?;
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let (frames, boxes) = (
        absolute(&arguments.frames)?,
        absolute(&arguments.detections)?,
    );
    let (crops, beside) = (out.join("crops"), out.join("beside"));
    let trainer = || Ok::<_, anyhow::Error>(Tool::new(workspace::program("host-trainer")?));
    for (folder, more) in [(&crops, [].as_slice()), (&beside, &["--beside", "400"])] {
        if !folder.exists() {
            let cut = trainer()?.args(["dataset", "cut"]).arg(&frames);
            cut.arg("--boxes")
                .arg(&boxes)
                .arg("--out")
                .arg(folder)
                .args(more)
                .run()?;
        }
    }
    let labels = crops.join("labels.jsonl");
    fs::write(&labels, LABELS).with_context(|| format!("cannot write {}", labels.display()))?;
    let mut curve = trainer()?.args(["adapt", "--curve", &arguments.labels]);
    curve = curve
        .args(["--repeats", &arguments.repeats])
        .arg("--crops")
        .arg(&crops);
    if let (Some(data), Some(split)) = (&arguments.data, &arguments.split) {
        curve = curve
            .arg("--data")
            .arg(absolute(data)?)
            .arg("--split")
            .arg(absolute(split)?);
    }
    curve.run()?;
    trainer()?
        .args(["evaluate", "--negatives"])
        .arg(&beside)
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn each_vehicle_has_one_label() {
        let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in LABELS.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| line[key].as_str().unwrap().to_string();
            let vehicle = text("id").split('-').next().unwrap().to_string();
            labels.entry(vehicle).or_default().insert(text("label"));
        }
        assert!(
            labels.values().all(|colours| colours.len() == 1),
            "{labels:?}"
        );
        let without = labels.values().filter(|one| one.contains("not a vehicle"));
        assert_eq!((labels.len(), without.count()), (61, 3));
    }
}
