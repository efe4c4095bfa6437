//! One network of the comparison, from the run that all begin with to its bundle.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell::Tool;
use crate::workspace;

/// How wide, and how large its input is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    width: Width,
    /// Side of the input, pixels.
    pub(super) side: u32,
}

/// Where a network's channels come from.
#[derive(Clone, Debug, PartialEq)]
enum Width {
    /// This share of the base's.
    Share(f64),
    /// As many as the weights in this file.
    File(PathBuf),
}

/// The run that all begin with.
pub(super) struct Base {
    folder: PathBuf,
    /// Its pictures.
    pub(super) data: PathBuf,
    extra: Vec<PathBuf>,
    /// Which of them are held out.
    pub(super) split: PathBuf,
}

impl Base {
    /// Reads what the run says of itself.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("run.json");
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let json: Value = serde_json::from_str(&text)
            .with_context(|| format!("{} is no JSON", file.display()))?;
        let path = |value: &Value| value.as_str().map(PathBuf::from);
        let extra = json["data_extra"].as_array().into_iter().flatten();
        Ok(Self {
            folder: folder.to_path_buf(),
            data: path(&json["data_train"]).context("the run names no pictures")?,
            extra: extra.filter_map(path).collect(),
            split: folder.join("split.json"),
        })
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text} is neither such as 0.5x160 nor such as narrow.safetensors@160");
        let (width, side) = match text.rsplit_once('@') {
            Some((file, side)) => (Width::File(file.into()), side),
            None => {
                let (share, side) = text.split_once('x').ok_or_else(wrong)?;
                let share = share
                    .parse::<f64>()
                    .ok()
                    .filter(|s| (0.05..=1.0).contains(s));
                (Width::Share(share.ok_or_else(wrong)?), side)
            }
        };
        let side = side.parse::<u32>().map_err(|_| wrong())?;
        Ok(Self { width, side })
    }
}

impl Point {
    /// How the table calls it.
    pub(super) fn name(&self) -> String {
        format!("{} at {}", self.width_name(), self.side)
    }

    /// The chart's line that it is on.
    pub(super) fn line(&self) -> String {
        match &self.width {
            Width::Share(share) => format!("width {share}"),
            Width::File(_) => "layer by layer".into(),
        }
    }

    fn width_name(&self) -> String {
        match &self.width {
            Width::Share(share) => share.to_string(),
            Width::File(file) => file
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
        }
    }

    /// Its bundle in `out`, made if it is not there. The network as it is trains on for six epochs;
    /// a narrower one has more to learn again: ten, at a higher rate.
    pub(super) fn bundle(&self, base: &Base, out: &Path) -> Result<PathBuf> {
        let place = out.join(format!("{}-{}", self.width_name(), self.side));
        let bundle = place.join("bundle");
        if bundle.exists() {
            return Ok(bundle);
        }
        let program = workspace::program("host-trainer")?;
        let tool = || Tool::new(&program);
        let weights = match &self.width {
            Width::Share(1.0) => base.folder.join("weights/best.safetensors"),
            Width::File(file) => std::path::absolute(file)?,
            Width::Share(share) => {
                let file = out.join(format!("{share}.safetensors"));
                if !file.exists() {
                    let shrink = tool().arg("shrink").arg(&base.folder);
                    let shrink = shrink.arg("--width").arg(share.to_string());
                    shrink.arg("--out").arg(&file).run()?;
                }
                file
            }
        };
        let run = place.join("runs/1");
        let begun = run.join("weights/checkpoint.safetensors").exists();
        if !run.join("report.html").exists() {
            if begun {
                tool().args(["train", "--resume"]).arg(&run).run()?;
            } else {
                let _ = fs::remove_dir_all(&place);
                self.train(tool(), base, &weights, &place).run()?;
            }
        }
        let export = tool().arg("export").arg(&run);
        // Forced: what 8-bit weights lose is part of what is compared.
        export
            .args(["--quantise", "weights", "--force", "--out"])
            .arg(&bundle)
            .run()?;
        Ok(bundle)
    }

    fn train(&self, tool: Tool, base: &Base, weights: &Path, place: &Path) -> Tool {
        let (epochs, rate) = match self.width {
            Width::Share(1.0) => ("6", "0.0007"),
            _ => ("10", "0.001"),
        };
        let side = self.side.to_string();
        let mut train = tool.args(["train", "--input-size", &side, "--augment", "pole"]);
        train = train.args([
            "--ema", "0.997", "--seed", "31", "--epochs", epochs, "--lr", rate,
        ]);
        for (name, path) in [
            ("--data-train", base.data.as_path()),
            ("--split", &base.split),
            ("--pretrained", weights),
            ("--save-ret", &place.join("runs")),
        ] {
            train = train.arg(name).arg(path);
        }
        for extra in &base.extra {
            train = train.arg("--data-extra").arg(extra);
        }
        train
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_or_a_file() {
        let point: Point = "0.5x160".parse().unwrap();
        assert_eq!(
            (point.name(), point.line()),
            ("0.5 at 160".into(), "width 0.5".into())
        );
        let point: Point = "a/slim.safetensors@96".parse().unwrap();
        assert_eq!(
            (point.name(), point.line()),
            ("slim at 96".into(), "layer by layer".into())
        );
        for wrong in ["0.5", "2x96", "0.5x", "xx", "@"] {
            let told = wrong.parse::<Point>().unwrap_err();
            assert!(
                told.starts_with(&format!("{wrong} is neither such as 0.5x160")),
                "{told}"
            );
        }
    }
}
