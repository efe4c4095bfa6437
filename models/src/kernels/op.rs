//! The whole network as one operator of tract's. Recognises nothing, computes nothing itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tract_core::internal::*;
use tract_onnx::pb::ModelProto;

use super::layers::Layers;
use super::map::Arena;
use super::network::Network;
use super::number::Number;
use super::onnx::{Unrecognised, unrecognised};
use super::plan;
#[cfg(target_arch = "aarch64")]
use super::simd::NativeHalf;
use super::simd::{EmulatedHalf, Processor, Single};
use super::stem::Planes;
use crate::manifest::Arithmetic;

/// A tract model, and how precisely it computes; the outer error says what there is no kernel for.
pub(crate) type Made = Result<TractResult<(TypedModel, Arithmetic)>, Unrecognised>;

/// A tract model of one operator that computes what the ONNX model does, for a picture of `[1,
/// 3, height, width]`.
pub(crate) fn model(onnx: &ModelProto, height: usize, width: usize) -> Made {
    let layers = layers(onnx, height, width)?;
    Ok(wired(Network::new(&layers, Single::detect())))
}

/// The same in half precision where this processor computes so.
pub(crate) fn model_in_half(onnx: &ModelProto, height: usize, width: usize) -> Made {
    #[cfg(target_arch = "aarch64")]
    if let Some(processor) = NativeHalf::detect() {
        let layers = layers(onnx, height, width)?;
        return Ok(wired(Network::new(&layers, processor)));
    }
    model(onnx, height, width)
}

/// The same as a processor that computes in half precision would answer, on any machine.
pub(crate) fn model_emulating_half(onnx: &ModelProto, height: usize, width: usize) -> Made {
    let layers = layers(onnx, height, width)?;
    Ok(wired(Network::new(&layers, EmulatedHalf)))
}

/// The kind of each layer in order, and how long it took in each of `runs` runs on a picture (CHW):
/// in half precision where that is asked for and this processor computes so.
pub(crate) fn layer_times(
    onnx: &ModelProto,
    (height, width): (usize, usize),
    picture: &[f32],
    (runs, half): (usize, bool),
) -> Result<Vec<(&'static str, Vec<Duration>)>, Unrecognised> {
    let layers = layers(onnx, height, width)?;
    #[cfg(target_arch = "aarch64")]
    if let Some(processor) = NativeHalf::detect().filter(|_| half) {
        return Ok(times(&Network::new(&layers, processor), picture, runs));
    }
    let _ = half;
    Ok(times(
        &Network::new(&layers, Single::detect()),
        picture,
        runs,
    ))
}

fn times<P: Processor>(
    network: &Network<P>,
    picture: &[f32],
    runs: usize,
) -> Vec<(&'static str, Vec<Duration>)> {
    let mut arena = network.arena();
    let mut answer = vec![0.0; network.outputs()];
    let mut times: Vec<(&'static str, Vec<Duration>)> = Vec::new();
    for run in 0..runs {
        let (mut layer, mut before) = (0, Instant::now());
        network.run_telling(picture, &mut arena, &mut answer, |kind| {
            let took = before.elapsed();
            match times.get_mut(layer) {
                Some((_, times)) => times.push(took),
                None if run == 0 => times.push((kind, vec![took])),
                None => {}
            }
            (layer, before) = (layer + 1, Instant::now());
        });
    }
    times
}

fn layers(onnx: &ModelProto, height: usize, width: usize) -> Result<Layers, Unrecognised> {
    let Some(graph) = &onnx.graph else {
        return unrecognised("no graph");
    };
    let planes = Planes {
        count: 3,
        height,
        width,
    };
    plan::recognise(graph, planes)
}

fn wired<P: Processor>(network: Network<P>) -> TractResult<(TypedModel, Arithmetic)> {
    let [planes, height, width] = network.input();
    let mut model = TypedModel::default();
    let picture = model.add_source("picture", f32::fact([1, planes, height, width]))?;
    let op = Whole(Arc::new(network));
    let logits = model.wire_node("network", op, &[picture])?;
    model.select_output_outlets(&logits)?;
    Ok((model, P::Number::ARITHMETIC))
}

/// The operator.
#[derive(Debug)]
struct Whole<P: Processor>(Arc<Network<P>>);

impl<P: Processor> Clone for Whole<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: Processor> PartialEq for Whole<P> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<P: Processor> Eq for Whole<P> {}

impl<P: Processor> Op for Whole<P> {
    fn name(&self) -> StaticName {
        "WholeNetwork".into()
    }

    op_as_typed_op!();
}

impl<P: Processor> EvalOp for Whole<P> {
    not_out_of_plan!();

    fn state(&self, _ctx: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::new(State {
            network: self.0.clone(),
            arena: self.0.arena(),
            answer: Arc::new(Tensor::zero::<f32>(&[1, self.0.outputs()])?),
        })))
    }
}

impl<P: Processor> TypedOp for Whole<P> {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact([1, self.0.outputs()])))
    }

    as_op!();
}

/// The network and the memory that it runs in, time after time.
#[derive(Clone, Debug)]
struct State<P: Processor> {
    network: Arc<Network<P>>,
    arena: Arena<P::Number>,
    answer: Arc<Tensor>,
}

impl<P: Processor> OpState for State<P> {
    fn eval(
        &mut self,
        _ctx: &EvalContext,
        _op: &dyn Op,
        inputs: TVec<TValue>,
    ) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let picture = input.try_as_plain_ram()?.as_slice::<f32>()?;
        // Copied only where the last answer is still in use.
        let answer = Arc::make_mut(&mut self.answer);
        let mut numbers = answer.try_as_plain_ram_mut()?;
        let numbers = numbers.as_slice_mut::<f32>()?;
        self.network.run(picture, &mut self.arena, numbers);
        Ok(tvec!(self.answer.clone().into_tvalue()))
    }

    fn reset_lanes(&mut self, _lanes: &[LaneId]) -> TractResult<()> {
        // Nothing of one picture is kept for the next.
        Ok(())
    }
}
