//! Forward passes over many pictures without training: logits, embeddings, validation.

use tch::{TchError, Tensor};

use super::batch;
use crate::loader::Batch;
use crate::metrics::Confusion;
use crate::net::{self, Net};

/// Pictures of one pass.
const CHUNK: usize = 64;

/// Preprocessed pictures: `[height, width, 3]` inputs with their class.
pub type Inputs = [(Vec<f32>, usize)];

/// Logits of each input, in order.
pub fn logits(net: &Net, inputs: &Inputs, side: [u32; 2]) -> Result<Vec<Vec<f32>>, TchError> {
    in_chunks(net, inputs, side, |input| net.forward(input, false))
}

/// What the last layer sees of each input, in order.
pub fn embeddings(net: &Net, inputs: &Inputs, side: [u32; 2]) -> Result<Vec<Vec<f32>>, TchError> {
    in_chunks(net, inputs, side, |input| net.embed(input))
}

fn in_chunks(
    net: &Net,
    inputs: &Inputs,
    side: [u32; 2],
    pass: impl Fn(&Tensor) -> Result<Tensor, TchError>,
) -> Result<Vec<Vec<f32>>, TchError> {
    let mut rows = Vec::new();
    for chunk in inputs.chunks(CHUNK) {
        let batch = Batch {
            inputs: chunk.iter().flat_map(|(input, _)| input).copied().collect(),
            classes: chunk.iter().map(|(_, class)| *class as i64).collect(),
        };
        let batch = batch::on_device(&batch, side, net.device())?;
        rows.extend(net::rows(&tch::no_grad(|| pass(&batch.input))?));
    }
    Ok(rows)
}

/// Answers and mean cross entropy.
pub(super) fn validate(
    net: &Net,
    inputs: &Inputs,
    classes: &[String],
    side: [u32; 2],
) -> Result<(Confusion, f64), TchError> {
    let mut confusion = Confusion::new(classes);
    let mut loss = 0.0;
    for ((_, truth), row) in inputs.iter().zip(logits(net, inputs, side)?) {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let answer = row.iter().position(|v| *v == top).unwrap_or(0);
        confusion.add(*truth, answer);
        let sum: f64 = row.iter().map(|v| f64::from(v - top).exp()).sum();
        loss += sum.ln() - f64::from(row[*truth] - top);
    }
    Ok((confusion, loss / inputs.len().max(1) as f64))
}
