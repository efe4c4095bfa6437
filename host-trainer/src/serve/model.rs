//! What answers on the page: a bundle, or a run's best weights through the same `Runner`.
//! No HTTP, no threads.

use models::{Bundle, PreprocessSpec, Runner};
use serde::Serialize;

use crate::answers::Answers;
use crate::candidate::{self, Candidate};
use crate::metrics::fit_temperature;
use crate::run::Run;
use crate::split::Part;

/// Threshold of a run, which has none of its own; what `export` writes unless told otherwise.
const REJECT_BELOW: f32 = 0.5;

/// A network that can be asked, and what is known of it.
#[derive(Debug)]
pub struct Model {
    source: Source,
    facts: Facts,
}

#[derive(Debug)]
enum Source {
    Bundle(Box<Bundle>),
    Run(Box<Candidate>),
}

/// What the page says of the network.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// `bundle` or `run`.
    pub source: &'static str,
    /// Its name: a bundle's name and version, or the run's folder.
    pub title: String,
    /// Where it came from.
    pub origin: String,
    /// A bundle's identifier.
    pub id: Option<String>,
    /// The network, such as `mobilenet_v3_small`.
    pub architecture: String,
    /// Classes in the order of the outputs.
    pub labels: Vec<String>,
    /// How pictures become inputs.
    pub input: PreprocessSpec,
    /// Divides the logits before the softmax.
    pub temperature: f32,
    /// Where the temperature comes from, in words.
    pub calibration: String,
    /// Probability under which the answer is "unknown", 0 to 1.
    pub reject_below: f32,
    /// Where that threshold comes from, in words.
    pub reject_below_origin: &'static str,
    /// Measured accuracy in words, when known.
    pub accuracy: Option<String>,
}

impl Model {
    /// A verified bundle.
    pub fn of_bundle(bundle: Bundle) -> Self {
        let manifest = bundle.manifest();
        let accuracy = manifest.metrics.first().map(|m| {
            format!(
                "{:.4} on {} held-out {} pictures",
                m.top1, m.pictures, m.split
            )
        });
        let facts = Facts {
            source: "bundle",
            title: format!("{} {}", manifest.name, manifest.version),
            origin: bundle.origin().into(),
            id: Some(bundle.id().into()),
            architecture: manifest.architecture.clone(),
            labels: manifest.labels.clone(),
            input: manifest.input.clone(),
            temperature: manifest.decision.temperature,
            calibration: "the bundle's own".into(),
            reject_below: manifest.decision.reject_below,
            reject_below_origin: "the bundle's own",
            accuracy,
        };
        Self {
            source: Source::Bundle(Box::new(bundle)),
            facts,
        }
    }

    /// A run's best weights, calibrated like an export: on the run's validation pictures. When
    /// they are gone the temperature is 1, and the facts say so.
    pub fn of_run(run: &Run) -> anyhow::Result<Self> {
        let candidate = Candidate::of(run)?;
        let (temperature, calibration, accuracy) = match calibrate(run, &candidate) {
            Ok((temperature, answers)) => {
                let pictures = answers.items.len();
                let accuracy = answers.confusion(candidate.labels()).accuracy();
                (
                    temperature,
                    format!("fitted on the run's {pictures} validation pictures"),
                    Some(format!("{accuracy:.4} on {pictures} validation pictures")),
                )
            }
            Err(error) => (1.0, format!("not calibrated: {error:#}"), None),
        };
        let record = &candidate.record;
        let folder = run.folder();
        let name = folder.canonicalize().unwrap_or_else(|_| folder.into());
        let name = name.file_name().unwrap_or(folder.as_os_str());
        let facts = Facts {
            source: "run",
            title: format!("run {}", name.to_string_lossy()),
            origin: folder.display().to_string(),
            id: None,
            architecture: record.model.architecture().into(),
            labels: record.classes.clone(),
            input: record.input.clone(),
            temperature,
            calibration,
            reject_below: REJECT_BELOW,
            reject_below_origin: "what export uses unless told otherwise",
            accuracy,
        };
        Ok(Self {
            source: Source::Run(Box::new(candidate)),
            facts,
        })
    }

    /// The same with another threshold, if one is given.
    pub fn reject_below(mut self, probability: Option<f32>) -> Self {
        if let Some(probability) = probability {
            self.facts.reject_below = probability;
            self.facts.reject_below_origin = "given with --reject-below";
        }
        self
    }

    /// What is known of it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// A runner, one for each thread.
    pub fn runner(&self) -> anyhow::Result<Runner> {
        match &self.source {
            Source::Bundle(bundle) => Ok(Runner::new(bundle)?),
            Source::Run(candidate) => candidate.runner(self.facts.temperature),
        }
    }
}

/// The temperature that fits the run's validation pictures, and the answers on them at 1.
fn calibrate(run: &Run, candidate: &Candidate) -> anyhow::Result<(f32, Answers)> {
    let pictures = candidate::part(run, &candidate.record, Part::Validation, None)?;
    let pictures = pictures.ok_or_else(|| anyhow::anyhow!("the run has no validation pictures"))?;
    let answers = Answers::of(&pictures, &|| candidate.runner(1.0), "calibrating")?;
    anyhow::ensure!(
        !answers.items.is_empty(),
        "none of the validation pictures can be read"
    );
    let rows: Vec<Vec<f32>> = answers.scores.iter().map(|s| s.logits().to_vec()).collect();
    let truths: Vec<usize> = answers.items.iter().map(|item| item.class).collect();
    Ok((fit_temperature(&rows, &truths), answers))
}
