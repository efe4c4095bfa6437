//! Runs a bundle's network on a picture. The only room that knows tract. Opening a runner
//! replays the bundle's golden pictures: a runner that exists gives the answers its exporter
//! saw. No files, no thresholds.

use std::sync::Arc;

use tract_core::prelude::*;
use tract_onnx::prelude::{Framework, InferenceModelExt, onnx};

use crate::bundle::Bundle;
use crate::frame::RgbView;
use crate::hash::sha256_of_f32;
use crate::manifest::Golden;
use crate::picture;
use crate::preprocess::{PreprocessSpec, Preprocessor};
use crate::scores::Scores;

/// Largest difference between a golden logit and its replay. The same model on another
/// instruction set sums in another order, which moves logits by about 1e-5.
pub const GOLDEN_TOLERANCE: f32 = 1e-3;

/// Why a network cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The model file does not load.
    #[error("the model does not load ({0}); export the bundle again")]
    Load(String),
    /// The model is not the one that the manifest describes.
    #[error(
        "the model gives {found} outputs but the manifest has {labels} labels; export the bundle again"
    )]
    Outputs {
        /// Numbers that came out.
        found: usize,
        /// Labels in the manifest.
        labels: usize,
    },
    /// A run failed.
    #[error("the model does not run ({0}); export the bundle again")]
    Run(String),
    /// A golden picture became another input.
    #[error(
        "the golden picture {0} is preprocessed differently here than where the bundle was exported; do not trust this program on this machine"
    )]
    Preprocessing(String),
    /// A golden picture got another answer.
    #[error(
        "the golden picture {file} gets logits that differ by {difference} from those at export (at most {GOLDEN_TOLERANCE} may be); do not trust this program on this machine"
    )]
    Answer {
        /// The picture's path in the bundle.
        file: String,
        /// Largest difference of a logit.
        difference: f32,
    },
    /// A golden picture does not decode.
    #[error("the golden picture {file} does not decode ({reason}); export the bundle again")]
    GoldenPicture {
        /// The picture's path in the bundle.
        file: String,
        /// The decoder's reason.
        reason: String,
    },
}

/// A network ready to run, one picture at a time.
#[derive(Debug)]
pub struct Runner {
    labels: Arc<[String]>,
    temperature: f32,
    preprocessor: Preprocessor,
    plan: Arc<TypedRunnableModel>,
}

impl Runner {
    /// Loads and optimises the bundle's network and replays its golden pictures.
    pub fn new(bundle: &Bundle) -> Result<Self, RunnerError> {
        let manifest = bundle.manifest();
        let mut runner = Self::unproved(
            bundle.model(),
            &manifest.input,
            manifest.labels.clone().into(),
            manifest.decision.temperature,
        )?;
        for golden in &manifest.golden {
            runner.replay(golden, bundle.file(&golden.file).unwrap_or_default())?;
        }
        Ok(runner)
    }

    /// A runner for a model file whose answers nothing vouches for yet: for the exporter.
    /// `onnx` takes one `[1, 3, height, width]` input and gives one logit a label.
    pub fn unproved(
        onnx_bytes: &[u8],
        spec: &PreprocessSpec,
        labels: Arc<[String]>,
        temperature: f32,
    ) -> Result<Self, RunnerError> {
        let preprocessor = Preprocessor::new(spec).map_err(RunnerError::Load)?;
        let shape = [1, 3, spec.height as usize, spec.width as usize];
        let plan = onnx()
            .model_for_read(&mut &*onnx_bytes)
            .and_then(|model| model.with_input_fact(0, f32::fact(shape).into()))
            .and_then(|model| model.into_optimized())
            .and_then(|model| model.into_runnable())
            .map_err(|error| RunnerError::Load(one_line(&error)))?;
        Ok(Self {
            labels,
            temperature,
            preprocessor,
            plan,
        })
    }

    /// The labels, in the order of the scores.
    pub fn labels(&self) -> &Arc<[String]> {
        &self.labels
    }

    /// Scores of the picture, whatever its size.
    pub fn classify(&mut self, view: RgbView<'_>) -> Result<Scores, RunnerError> {
        let mut input = vec![0.0; self.preprocessor.spec().len()];
        self.preprocessor.input(view, &mut input);
        let logits = self.logits(&input)?;
        Ok(Scores::from_logits(
            self.labels.clone(),
            logits,
            self.temperature,
        ))
    }

    /// The network's outputs for a preprocessed input, CHW.
    pub fn logits(&self, input: &[f32]) -> Result<Vec<f32>, RunnerError> {
        let spec = self.preprocessor.spec();
        let shape = [1, 3, spec.height as usize, spec.width as usize];
        let failed = |error: TractError| RunnerError::Run(one_line(&error));
        let tensor = Tensor::from_shape(&shape, input).map_err(failed)?;
        let outputs = self.plan.run(tvec!(tensor.into())).map_err(failed)?;
        let found = outputs.first().map_or(0, |output| output.len());
        if found != self.labels.len() {
            return Err(RunnerError::Outputs {
                found,
                labels: self.labels.len(),
            });
        }
        let view = outputs[0].try_as_plain_ram().map_err(failed)?;
        Ok(view.as_slice::<f32>().map_err(failed)?.to_vec())
    }

    /// What the picture becomes and gets here, in the manifest's form.
    pub fn golden(&mut self, file: &str, view: RgbView<'_>) -> Result<Golden, RunnerError> {
        let mut input = vec![0.0; self.preprocessor.spec().len()];
        self.preprocessor.input(view, &mut input);
        Ok(Golden {
            file: file.to_string(),
            input_sha256: sha256_of_f32(&input),
            logits: self.logits(&input)?,
        })
    }

    fn replay(&mut self, expected: &Golden, png: &[u8]) -> Result<(), RunnerError> {
        let frame = picture::decode(png).map_err(|error| RunnerError::GoldenPicture {
            file: expected.file.clone(),
            reason: error.to_string(),
        })?;
        let found = self.golden(&expected.file, frame.view())?;
        if found.input_sha256 != expected.input_sha256 {
            return Err(RunnerError::Preprocessing(expected.file.clone()));
        }
        let difference = found
            .logits
            .iter()
            .zip(&expected.logits)
            .map(|(a, b)| (a - b).abs())
            // Not `f32::max`, which would let a NaN pass.
            .fold(
                0.0,
                |worst: f32, d| if d > worst || d.is_nan() { d } else { worst },
            );
        if difference.is_nan() || difference > GOLDEN_TOLERANCE {
            return Err(RunnerError::Answer {
                file: expected.file.clone(),
                difference,
            });
        }
        Ok(())
    }
}

/// tract's errors span lines; a message here is one.
fn one_line(error: &TractError) -> String {
    format!("{error:#}")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
