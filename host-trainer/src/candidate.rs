//! A run's best weights as a float network of the contract: what reports, the web page and the
//! evaluation of a run answer with, the same code as a bundle. Writes nothing.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use models::{PreprocessSpec, Runner};

use crate::commands::usage;
use crate::dataset::Dataset;
use crate::run::{Run, RunRecord};
use crate::split::Part;
use crate::weights::{self, Weights};
use crate::{onnx, quantise};

/// The best weights of a run, ready to answer.
#[derive(Debug)]
pub struct Candidate {
    /// What the run says of itself.
    pub record: RunRecord,
    /// The best epoch's weights.
    pub weights: Weights,
    model: Vec<u8>,
    labels: Arc<[String]>,
}

impl Candidate {
    /// Reads `run.json` and the best weights. Errors say what is missing.
    pub fn of(run: &Run) -> anyhow::Result<Self> {
        let (record, weights) = best(run)?;
        Ok(Self::with(record, weights))
    }

    /// The mean of the weights of `run` and of `others`: often more accurate than each (Wortsman
    /// et al. 2022, "Model soups"), where all began at the same trained weights. Errors when they
    /// did not, or differ in network, classes, input or in the pictures that they held out.
    pub fn mean_of(run: &Run, others: &[Run]) -> anyhow::Result<Self> {
        let (mut record, mut sum) = best(run)?;
        for other in others {
            let place = other.folder().display();
            let (its, weights) = best(other)?;
            let differ = [
                (its.arch() != record.arch(), "network"),
                (its.classes != record.classes, "classes"),
                (its.input != record.input, "input"),
                (its.pretrained != record.pretrained, "weights to start from"),
                (its.data_val != record.data_val, "validation folder"),
                (other.split()? != run.split()?, "held out pictures"),
            ];
            if let Some((_, what)) = differ.iter().find(|(differ, _)| *differ) {
                return Err(usage(format!(
                    "{place} cannot be averaged with {}: it has other {what}; give runs that went \
                     on from the same run's best weights, with its split",
                    run.folder().display()
                )));
            }
            weights::add(&mut sum, &weights);
        }
        let runs = others.len() + 1;
        if runs > 1 {
            weights::divide(&mut sum, runs as f32);
            record.pretrained += &format!(" (the mean of {runs} runs from there)");
        }
        Ok(Self::with(record, sum))
    }

    fn with(record: RunRecord, weights: Weights) -> Self {
        let arch = record.arch();
        let spec = &record.input;
        let folded = quantise::float(quantise::fold(&arch, &weights));
        Self {
            model: onnx::write(&arch, &folded, spec.height, spec.width),
            labels: record.classes.clone().into(),
            record,
            weights,
        }
    }

    /// Class names in the order of the outputs.
    pub fn labels(&self) -> &Arc<[String]> {
        &self.labels
    }

    /// The float network as ONNX.
    pub fn model(&self) -> &[u8] {
        &self.model
    }

    /// How pictures become inputs.
    pub fn spec(&self) -> &PreprocessSpec {
        &self.record.input
    }

    /// A runner whose logits are divided by `temperature`.
    pub fn runner(&self, temperature: f32) -> anyhow::Result<Runner> {
        let labels = self.labels.clone();
        Ok(Runner::unproved(
            &self.model,
            self.spec(),
            labels,
            temperature,
        )?)
    }
}

/// What a run says of itself, and its best weights.
fn best(run: &Run) -> anyhow::Result<(RunRecord, Weights)> {
    let record = run.record()?;
    let file = run.weights_file("best");
    let weights = weights::read(&file).context("the run has no best weights yet")?;
    let arch = record.arch();
    let architecture = record.model.architecture();
    let origin = file.display().to_string();
    weights::check(&weights, &arch.tensors(), architecture, &origin)?;
    Ok((record, weights))
}

/// The pictures of one part of a run, where they are now: below `moved`, or where they were.
/// None when the run has no such part. Errors when the part's pictures are gone.
pub fn part(
    run: &Run,
    record: &RunRecord,
    part: Part,
    moved: Option<&Path>,
) -> anyhow::Result<Option<Dataset>> {
    let find = |folder: &Path| {
        let folder = moved.unwrap_or(folder);
        Dataset::scan_within(folder, &record.classes).map_err(usage)
    };
    let dataset = match (&record.data_val, run.split()?, part) {
        (Some(folder), _, Part::Validation) => find(folder)?,
        // With a validation folder, `data_train` may still be divided into training and test.
        (_, Some(split), part) => {
            let Some(paths) = split.parts.get(&part) else {
                return Ok(None);
            };
            if paths.is_empty() {
                return Ok(None);
            }
            split.select(&find(&record.data_train)?, part)
        }
        (Some(_), None, Part::Train) => {
            Dataset::scan_within(&record.data_train, &record.classes).map_err(usage)?
        }
        (Some(_), None, Part::Test) => return Ok(None),
        (None, None, _) => bail!(
            "{} has neither a validation folder nor a split.json",
            run.folder().display()
        ),
    };
    if dataset.items.is_empty() {
        return Err(usage(format!(
            "none of the run's {} pictures is where it was; say where with --data",
            part.name()
        )));
    }
    Ok(Some(dataset))
}
