//! What a network costs: instructions of an inference on the board, as `instructions` reckons them,
//! milliseconds of one on this machine, by running it, or parameters.

mod instructions;

use std::time::Instant;

use models::{PreprocessSpec, Runner};

use crate::arch::Arch;
use crate::net::Net;
use crate::{onnx, quantise};
use instructions::instructions;

/// Runs whose fastest is taken: on a machine with other work the others say more of that work.
const RUNS: usize = 60;

/// What is counted, for inputs of one size.
#[derive(Clone, Debug)]
pub enum Meter {
    /// Million instructions on 64-bit ARM.
    Instructions(PreprocessSpec),
    /// Milliseconds on one thread of this machine.
    Milliseconds(PreprocessSpec),
    /// Million parameters, whatever the input.
    Parameters,
}

impl Meter {
    /// The unit in reports.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Instructions(_) => "million instructions",
            Self::Milliseconds(_) => "milliseconds",
            Self::Parameters => "million parameters",
        }
    }

    /// The unit as a column's head.
    pub fn short_unit(&self) -> &'static str {
        match self {
            Self::Instructions(_) => "Minsn",
            Self::Milliseconds(_) => "ms",
            Self::Parameters => "Mparam",
        }
    }

    /// What the network costs.
    pub fn cost(&self, arch: &Arch) -> Result<f64, String> {
        match self {
            Self::Instructions(spec) => Ok(instructions(arch, spec.height as usize) / 1e6),
            Self::Milliseconds(spec) => milliseconds(arch, spec),
            Self::Parameters => Ok(arch.parameter_count(false) as f64 / 1e6),
        }
    }
}

/// The fastest of some runs on one thread. The numbers in the network do not matter.
fn milliseconds(arch: &Arch, spec: &PreprocessSpec) -> Result<f64, String> {
    let weights = Net::on_processor(arch).weights();
    let parameters = quantise::float(quantise::fold(arch, &weights));
    let model = onnx::write(arch, &parameters, spec.height, spec.width);
    let labels: Vec<String> = (0..arch.classes).map(|class| class.to_string()).collect();
    let text = |error: models::RunnerError| error.to_string();
    let mut runner = Runner::unproved(&model, spec, labels.into(), 1.0).map_err(text)?;
    let input = vec![0.5; spec.len()];
    let mut fastest = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        runner.logits(&input).map_err(text)?;
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(fastest)
}
