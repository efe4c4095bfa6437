//! The network of a bundle, run by kernels of our own: `plan` recognises the layers in an ONNX
//! graph, `network` lays them out in memory that is allocated once, and `op` hands the whole to
//! tract as one operator. What `plan` does not recognise runs by tract's own operators, which
//! are also what the tests compare with. No files, no preprocessing.
//!
//! ```text
//! ONNX graph ─ onnx ─▶ plan ─ layers ─▶ network ─ op ─▶ tract
//!                                          │ for each layer, with the vectors of this processor
//!                          stem | depthwise | pointwise | mean | scale   (simd)
//! ```
//!
//! Feature maps lie pixel by pixel, channels together, in blocks of eight; the last block is
//! filled up with channels whose weights are zero. A map that a depthwise convolution reads has a
//! border of zeros, so that no kernel asks where the picture ends.

mod activation;
mod depthwise;
#[cfg(target_arch = "aarch64")]
mod half;
mod layers;
mod map;
mod mean;
mod network;
mod number;
mod onnx;
mod op;
mod plan;
mod pointwise;
mod scale;
mod simd;
mod stem;
mod tile;
mod unroll;

#[cfg(test)]
mod tests;

pub(crate) use onnx::Unrecognised;
pub(crate) use op::{Made, layer_times, model, model_emulating_half, model_in_half};
