//! Forward passes over many pictures without training: logits, embeddings, validation.

use tch::{Device, TchError, Tensor};

use super::batch;
use super::events::TrainError;
use super::resident;
use crate::loader::{Batch, Input};
use crate::metrics::Confusion;
use crate::net::{self, Net};

/// Pictures of one pass.
const CHUNK: usize = 64;

/// Preprocessed pictures with their classes.
pub type Inputs = [Input];

/// Logits of each input, in order.
pub fn logits(net: &Net, inputs: &Inputs, side: [u32; 2]) -> Result<Vec<Vec<f32>>, TrainError> {
    in_chunks(net, inputs, side, |input| net.forward(input, false))
}

/// What the last layer sees of each input, in order.
pub fn embeddings(net: &Net, inputs: &Inputs, side: [u32; 2]) -> Result<Vec<Vec<f32>>, TrainError> {
    in_chunks(net, inputs, side, |input| net.embed(input))
}

fn in_chunks(
    net: &Net,
    inputs: &Inputs,
    side: [u32; 2],
    pass: impl Fn(&Tensor) -> Result<Tensor, TchError>,
) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut rows = Vec::new();
    for chunk in inputs.chunks(CHUNK) {
        let input = moved(chunk, side, net.device())?;
        rows.extend(net::rows(&tch::no_grad(|| pass(&input))?));
    }
    Ok(rows)
}

fn moved(inputs: &Inputs, side: [u32; 2], device: Device) -> Result<Tensor, TchError> {
    let mut batch = Batch {
        inputs: Vec::with_capacity(inputs.iter().map(|(input, _)| input.len()).sum()),
        classes: inputs.iter().map(|(_, class)| *class as i64).collect(),
    };
    for (input, _) in inputs {
        batch.inputs.extend_from_slice(input);
    }
    Ok(batch::on_device(&batch, side, device)?.input)
}

/// Validation pictures. They stay on a GPU if they fit there, and wait in memory otherwise.
pub(super) struct Validation<'a> {
    inputs: &'a Inputs,
    side: [u32; 2],
    resident: Option<Vec<Tensor>>,
}

impl<'a> Validation<'a> {
    /// Pictures of `side` (height, width) for networks on `device`.
    pub(super) fn new(inputs: &'a Inputs, side: [u32; 2], device: Device) -> Self {
        let numbers: usize = inputs.iter().map(|(input, _)| input.len()).sum();
        let fits = device.is_cuda() && numbers * size_of::<f32>() <= resident::LARGEST;
        // What finds no room there after all waits in memory too.
        let chunks = || -> Result<Vec<Tensor>, TchError> {
            let chunks = inputs.chunks(CHUNK);
            chunks.map(|chunk| moved(chunk, side, device)).collect()
        };
        Self {
            inputs,
            side,
            resident: fits.then(chunks).and_then(Result::ok),
        }
    }

    /// Answers and mean cross entropy of `net`.
    pub(super) fn validate(
        &self,
        net: &Net,
        classes: &[String],
    ) -> Result<(Confusion, f64), TrainError> {
        let rows = match &self.resident {
            Some(chunks) => {
                let answers: Vec<Tensor> = tch::no_grad(|| {
                    let answer = |chunk| net.forward(chunk, false);
                    chunks.iter().map(answer).collect::<Result<_, _>>()
                })?;
                answers.iter().flat_map(net::rows).collect()
            }
            None => logits(net, self.inputs, self.side)?,
        };
        let mut confusion = Confusion::new(classes);
        let mut loss = 0.0;
        for ((_, truth), row) in self.inputs.iter().zip(&rows) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let answer = row.iter().position(|v| *v == top).unwrap_or(0);
            confusion.add(*truth, answer);
            let sum: f64 = row.iter().map(|v| f64::from(v - top).exp()).sum();
            loss += sum.ln() - f64::from(row[*truth] - top);
        }
        Ok((confusion, loss / self.inputs.len().max(1) as f64))
    }
}
