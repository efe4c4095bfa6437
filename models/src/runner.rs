//! Runs a bundle's network on a picture. The only room that knows tract. Opening a runner
//! replays the bundle's golden pictures: a runner that exists gives the answers its exporter
//! saw. No files, no thresholds.

use std::sync::Arc;
use std::time::Duration;

use tract_core::internal::TypedSimpleState;
use tract_core::prelude::*;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{Framework, InferenceModelExt, onnx};

use crate::bundle::Bundle;
use crate::frame::RgbView;
use crate::hash::sha256_of_f32;
use crate::kernels::{self, Made, Unrecognised};
use crate::manifest::{Arithmetic, Golden};
use crate::picture;
use crate::preprocess::{PreprocessSpec, Preprocessor};
use crate::scores::Scores;

impl Arithmetic {
    /// Largest difference between a golden logit and its replay. In single precision the same model
    /// on another instruction set sums in another order, which moves logits by about 1e-5. In half
    /// precision the largest move of a logit was 0.012 at the median of 623 photographs and 0.066 at
    /// most (MobileNetV3-small; 0.063 with the shipped network): this is nearly four times as much.
    pub fn golden_tolerance(self) -> f32 {
        match self {
            Self::Single => 1e-3,
            Self::Half => 0.25,
        }
    }
}

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
        "the golden picture {file} gets logits that differ by {difference} from those at export (at most {tolerance} may be); do not trust this program on this machine"
    )]
    Answer {
        /// The picture's path in the bundle.
        file: String,
        /// Largest difference of a logit.
        difference: f32,
        /// The largest that may be.
        tolerance: f32,
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
    state: TypedSimpleState,
    input: Arc<Tensor>,
    answer: Vec<f32>,
    left_to_tract: Option<String>,
    arithmetic: Arithmetic,
}

/// What makes a runner of a model file, its input, its labels and the temperature.
type Load = fn(&[u8], &PreprocessSpec, Arc<[String]>, f32) -> Result<Runner, RunnerError>;

impl Runner {
    /// Loads the bundle's network and replays its golden pictures.
    pub fn new(bundle: &Bundle) -> Result<Self, RunnerError> {
        Self::proved(bundle, Self::in_half)
    }

    /// The same, but a bundle that may run in half precision does so on any machine, see
    /// [`Runner::emulating_half`].
    pub fn emulating(bundle: &Bundle) -> Result<Self, RunnerError> {
        Self::proved(bundle, Self::emulating_half)
    }

    fn proved(bundle: &Bundle, in_half: Load) -> Result<Self, RunnerError> {
        let manifest = bundle.manifest();
        let load = match manifest.arithmetic {
            Arithmetic::Single => Self::unproved,
            Arithmetic::Half => in_half,
        };
        let mut runner = load(
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
        Self::load(onnx_bytes, spec, labels, temperature, kernels::model)
    }

    /// The same in half precision where this processor computes so, else in single.
    pub fn in_half(
        onnx_bytes: &[u8],
        spec: &PreprocessSpec,
        labels: Arc<[String]>,
        temperature: f32,
    ) -> Result<Self, RunnerError> {
        let by_kernels = kernels::model_in_half;
        Self::load(onnx_bytes, spec, labels, temperature, by_kernels)
    }

    /// The same with the answers of a processor that computes in half precision, bit for bit, on
    /// any machine: for measuring what that loses. Some hundred times slower than such a processor.
    pub fn emulating_half(
        onnx_bytes: &[u8],
        spec: &PreprocessSpec,
        labels: Arc<[String]>,
        temperature: f32,
    ) -> Result<Self, RunnerError> {
        let by_kernels = kernels::model_emulating_half;
        Self::load(onnx_bytes, spec, labels, temperature, by_kernels)
    }

    /// The same by tract's own operators alone: what the kernels are compared with.
    pub fn reference(
        onnx_bytes: &[u8],
        spec: &PreprocessSpec,
        labels: Arc<[String]>,
    ) -> Result<Self, RunnerError> {
        let none = |_: &_, _, _| Err(Unrecognised("the reference uses no kernels".into()));
        Self::load(onnx_bytes, spec, labels, 1.0, none)
    }

    /// The kind of each layer of a model file in order, and how long it took in each of `runs` runs
    /// on a preprocessed input, CHW: in half precision where that is asked for and this processor
    /// computes so. Errors when the kernels do not cover the model.
    pub fn layer_times(
        onnx_bytes: &[u8],
        spec: &PreprocessSpec,
        input: &[f32],
        (runs, half): (usize, bool),
    ) -> Result<Vec<(&'static str, Vec<Duration>)>, RunnerError> {
        if input.len() != spec.len() {
            return Err(RunnerError::Run("the input has another length".into()));
        }
        let proto = onnx().proto_model_for_read(&mut &*onnx_bytes);
        let proto = proto.map_err(|error| RunnerError::Load(one_line(&error)))?;
        let size = (spec.height as usize, spec.width as usize);
        kernels::layer_times(&proto, size, input, (runs, half))
            .map_err(|Unrecognised(reason)| RunnerError::Load(reason))
    }

    fn load(
        onnx_bytes: &[u8],
        spec: &PreprocessSpec,
        labels: Arc<[String]>,
        temperature: f32,
        by_kernels: impl FnOnce(&ModelProto, usize, usize) -> Made,
    ) -> Result<Self, RunnerError> {
        let preprocessor = Preprocessor::new(spec).map_err(RunnerError::Load)?;
        let failed = |error: TractError| RunnerError::Load(one_line(&error));
        let (height, width) = (spec.height as usize, spec.width as usize);
        let input = Tensor::zero::<f32>(&[1, 3, height, width]).map_err(failed)?;
        let onnx = onnx();
        let mut left_to_tract = None;
        let (state, arithmetic) = onnx
            .proto_model_for_read(&mut &*onnx_bytes)
            .and_then(|proto| match by_kernels(&proto, height, width) {
                Ok(made) => made,
                Err(Unrecognised(reason)) => {
                    left_to_tract = Some(reason);
                    let model = onnx
                        .model_for_proto_model(&proto)?
                        .with_input_fact(0, f32::fact(input.shape()).into())?;
                    Ok((model.into_optimized()?, Arithmetic::Single))
                }
            })
            .and_then(|(model, arithmetic)| Ok((model.into_runnable()?.spawn()?, arithmetic)))
            .map_err(failed)?;
        Ok(Self {
            answer: Vec::with_capacity(labels.len()),
            labels,
            temperature,
            preprocessor,
            state,
            input: Arc::new(input),
            left_to_tract,
            arithmetic,
        })
    }

    /// Why the network runs by tract's own operators, several times slower; none when it runs by
    /// the kernels.
    pub fn left_to_tract(&self) -> Option<&str> {
        self.left_to_tract.as_deref()
    }

    /// How precisely the network is computed here.
    pub fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// The labels, in the order of the scores.
    pub fn labels(&self) -> &Arc<[String]> {
        &self.labels
    }

    /// Scores of the picture, whatever its size.
    pub fn classify(&mut self, view: RgbView<'_>) -> Result<Scores, RunnerError> {
        self.write(|preprocessor, input| preprocessor.input(view, input))?;
        let logits = self.run()?.to_vec();
        let labels = self.labels.clone();
        Ok(Scores::from_logits(labels, logits, self.temperature))
    }

    /// The network's outputs for a preprocessed input, CHW. With the kernels it asks for no memory.
    pub fn logits(&mut self, input: &[f32]) -> Result<&[f32], RunnerError> {
        let wanted = self.preprocessor.spec().len();
        if input.len() != wanted {
            let found = input.len();
            return Err(RunnerError::Run(format!(
                "its input has {wanted} numbers, not {found}"
            )));
        }
        self.write(|_, own| own.copy_from_slice(input))?;
        self.run()
    }

    /// Writes the input. Nothing else holds it between runs, so nothing is copied.
    fn write(
        &mut self,
        write: impl FnOnce(&mut Preprocessor, &mut [f32]),
    ) -> Result<(), RunnerError> {
        let failed = |error: TractError| RunnerError::Run(one_line(&error));
        let input = Arc::make_mut(&mut self.input);
        let mut view = input.try_as_plain_ram_mut().map_err(failed)?;
        let numbers = view.as_slice_mut::<f32>().map_err(failed)?;
        write(&mut self.preprocessor, numbers);
        Ok(())
    }

    fn run(&mut self) -> Result<&[f32], RunnerError> {
        let failed = |error: TractError| RunnerError::Run(one_line(&error));
        let input = self.input.clone().into_tvalue();
        let outputs = self.state.run(tvec!(input)).map_err(failed)?;
        let found = outputs.first().map_or(0, |output| output.len());
        if found != self.labels.len() {
            return Err(RunnerError::Outputs {
                found,
                labels: self.labels.len(),
            });
        }
        let view = outputs[0].try_as_plain_ram().map_err(failed)?;
        self.answer.clear();
        self.answer
            .extend_from_slice(view.as_slice::<f32>().map_err(failed)?);
        Ok(&self.answer)
    }

    /// What the picture becomes and gets here, in the manifest's form.
    pub fn golden(&mut self, file: &str, view: RgbView<'_>) -> Result<Golden, RunnerError> {
        let mut input_sha256 = String::new();
        self.write(|preprocessor, input| {
            preprocessor.input(view, input);
            input_sha256 = sha256_of_f32(input);
        })?;
        Ok(Golden {
            file: file.to_string(),
            input_sha256,
            logits: self.run()?.to_vec(),
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
        let tolerance = self.arithmetic.golden_tolerance();
        if difference.is_nan() || difference > tolerance {
            return Err(RunnerError::Answer {
                file: expected.file.clone(),
                difference,
                tolerance,
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
