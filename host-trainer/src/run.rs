//! The folder of one training run: `runs/<n>/` with `run.json`, `split.json`,
//! `class_indices.json`, `log.jsonl`, `train_log.json`, `weights/{best,last}.safetensors` and
//! `weights/checkpoint.safetensors`, from which training goes on. Reading and writing it; no
//! training.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use models::PreprocessSpec;
use serde::{Deserialize, Serialize};

use crate::arch::{Arch, Variant, Widths};
use crate::card;
use crate::commands::usage;
use crate::files;
use crate::metrics::Confusion;
use crate::split::Split;
use crate::train::{EpochRecord, Preset, Recipe, TrainState};
use crate::weights::{self, Weights, checkpoint};

/// Everything that is needed to export a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The program that trained.
    pub generator: String,
    /// Which network.
    pub model: Variant,
    /// Its channels, where they are not the published ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widths: Option<Widths>,
    /// Class names in the order of the outputs.
    pub classes: Vec<String>,
    /// How pictures become inputs.
    pub input: PreprocessSpec,
    /// How it is trained.
    pub recipe: Recipe,
    /// The named recipe it began from.
    pub preset: Preset,
    /// Where the weights started.
    pub pretrained: String,
    /// Whom it learns from beside the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teaching: Option<Teaching>,
    /// Whether pictures were changed on the device.
    pub resident: bool,
    /// Whether a GPU was kept to kernels that always give the same.
    pub deterministic: bool,
    /// Threads that libtorch computed with on the processor: sums depend on them in the last bit.
    pub threads: i32,
    /// The folder of training pictures, absolute.
    pub data_train: PathBuf,
    /// The folder of validation pictures, absolute; none when they are a part of the former.
    pub data_val: Option<PathBuf>,
    /// Folders of pictures that only training saw.
    pub data_extra: Vec<PathBuf>,
    /// Training pictures of each class.
    pub pictures: BTreeMap<String, u32>,
    /// SHA-256 over the training pictures' paths and lengths.
    pub dataset_sha256: String,
    /// The same over validation and extra pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others_sha256: Option<String>,
    /// The epoch of the best weights; 0 before the first ended.
    pub best_epoch: u32,
}

/// Finished runs that a run learns from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teaching {
    /// Share of the loss that is about their answer, above 0 to 1.
    pub share: f64,
    /// Their folders, absolute, with the SHA-256 of their best weights.
    pub runs: BTreeMap<PathBuf, String>,
}

impl RunRecord {
    /// The network that it trains.
    pub fn arch(&self) -> Arch {
        match &self.widths {
            Some(widths) => Arch::with(self.model, self.classes.len(), widths),
            None => Arch::new(self.model, self.classes.len()),
        }
    }

    /// How the network differs from the published one, when it has fewer channels.
    pub fn narrower(&self) -> Option<String> {
        self.widths.as_ref()?;
        let whole = Arch::new(self.model, self.classes.len());
        Some(card::narrower(&self.arch(), &whole))
    }
}

/// An opened run folder.
#[derive(Clone, Debug)]
pub struct Run {
    folder: PathBuf,
}

impl Run {
    /// Makes `parent/<n>` with the first free number after all that are there.
    pub fn create(parent: &Path) -> anyhow::Result<Self> {
        let made = || -> std::io::Result<PathBuf> {
            fs::create_dir_all(parent)?;
            let numbers = fs::read_dir(parent)?
                .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
            let mut number = numbers.max().unwrap_or(0) + 1;
            // Another run may take the number at the same moment.
            loop {
                let folder = parent.join(number.to_string());
                match fs::create_dir(&folder) {
                    Ok(()) => return Ok(folder),
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                    Err(error) => return Err(error),
                }
            }
        };
        let folder =
            made().with_context(|| format!("cannot make a run folder in {}", parent.display()))?;
        fs::create_dir(folder.join("weights"))?;
        Ok(Self { folder })
    }

    /// Opens a run folder. Errors when it is none.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        if !folder.join("run.json").is_file() {
            bail!(
                "{} is not a run folder (it has no run.json); give one that `host-trainer train` \
                 made, such as runs/1",
                folder.display()
            );
        }
        Ok(Self {
            folder: folder.to_path_buf(),
        })
    }

    /// Opens several.
    pub fn open_all(folders: &[PathBuf]) -> anyhow::Result<Vec<Self>> {
        folders
            .iter()
            .map(|folder| Self::open(folder).map_err(usage))
            .collect()
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads `run.json`.
    pub fn record(&self) -> anyhow::Result<RunRecord> {
        let path = self.folder.join("run.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is not this version's run.json", path.display()))
    }

    /// Writes `run.json` and `class_indices.json`.
    pub fn write_record(&self, record: &RunRecord) -> anyhow::Result<()> {
        let indices: BTreeMap<usize, &String> = record.classes.iter().enumerate().collect();
        self.write_json("class_indices.json", &indices)?;
        self.write_json("run.json", record)
    }

    /// Writes `split.json`.
    pub fn write_split(&self, split: &Split) -> anyhow::Result<()> {
        self.write_json("split.json", split)
    }

    /// Reads `split.json`; none when the parts were given as folders.
    pub fn split(&self) -> anyhow::Result<Option<Split>> {
        let path = self.folder.join("split.json");
        if !path.exists() {
            return Ok(None);
        }
        Split::read(&path).map(Some).map_err(anyhow::Error::msg)
    }

    /// Writes `train_log.json`.
    pub fn write_train_log(
        &self,
        log: &serde_json::Map<String, serde_json::Value>,
    ) -> anyhow::Result<()> {
        self.write_json("train_log.json", log)
    }

    /// Appends an epoch to `log.jsonl`, with the counts `valid_confusion[truth][answer]`.
    pub fn log(&self, record: &EpochRecord, valid: &Confusion) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Line<'a> {
            #[serde(flatten)]
            record: &'a EpochRecord,
            valid_confusion: &'a [Vec<u32>],
        }
        let path = self.folder.join("log.jsonl");
        let line = Line {
            record,
            valid_confusion: &valid.counts,
        };
        let line = serde_json::to_string(&line)? + "\n";
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes the last weights and, when `best`, the best too.
    pub fn write_weights(&self, weights: &Weights, best: bool) -> anyhow::Result<()> {
        weights::write(&self.weights_file("last"), weights)?;
        if best {
            weights::write(&self.weights_file("best"), weights)?;
        }
        Ok(())
    }

    /// Writes the checkpoint. It comes after everything else of an epoch: what a run that was cut
    /// before it wrote is written again, the same.
    pub fn write_checkpoint(&self, state: &TrainState) -> anyhow::Result<()> {
        let position = serde_json::to_string(&state.position)?;
        checkpoint::write(&self.weights_file("checkpoint"), &state.arrays, &position)?;
        Ok(())
    }

    /// Reads the checkpoint and clears away what later epochs left; none before the first epoch
    /// ended.
    pub fn resume(&self) -> anyhow::Result<Option<TrainState>> {
        let path = self.weights_file("checkpoint");
        if !path.exists() {
            return Ok(None);
        }
        let (arrays, position) = checkpoint::read(&path)?;
        let position = serde_json::from_str(&position)
            .with_context(|| format!("{} is not this version's checkpoint", path.display()))?;
        files::remove_abandoned(&self.folder)?;
        files::remove_abandoned(&self.folder.join("weights"))?;
        Ok(Some(TrainState { arrays, position }))
    }

    /// Shortens `log.jsonl` to its first `epochs` lines.
    pub fn trim_log(&self, epochs: usize) -> anyhow::Result<()> {
        let path = self.folder.join("log.jsonl");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let kept: String = text.split_inclusive('\n').take(epochs).collect();
        if kept.len() < text.len() {
            files::replace(&path, kept.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// Reads `train_log.json` without the epochs after `epochs`.
    pub fn train_log(
        &self,
        epochs: u32,
    ) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
        let path = self.folder.join("train_log.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut log: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged", path.display()))?;
        log.retain(|key, _| {
            let epoch = key.strip_prefix("epoch_").map(str::parse::<u32>);
            !matches!(epoch, Some(Ok(epoch)) if epoch > epochs)
        });
        Ok(log)
    }

    /// `best`, `last` or `checkpoint` weights' file.
    pub fn weights_file(&self, which: &str) -> PathBuf {
        self.folder
            .join("weights")
            .join(format!("{which}.safetensors"))
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        let text = serde_json::to_string_pretty(value)? + "\n";
        files::replace(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_after_the_largest() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("7")).unwrap();
        fs::create_dir(parent.path().join("notes")).unwrap();
        let run = Run::create(parent.path()).unwrap();
        assert_eq!(run.folder(), parent.path().join("8"));
    }

    #[test]
    fn another_folder_is_no_run() {
        let text = Run::open(Path::new("nowhere")).unwrap_err().to_string();
        assert!(text.starts_with("nowhere is not a run folder"), "{text}");
    }
}
