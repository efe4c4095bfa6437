//! The whole network as one operator of tract's. Recognises nothing, computes nothing itself.

use std::sync::Arc;

use tract_core::internal::*;
use tract_onnx::pb::ModelProto;

use super::map::Arena;
use super::network::Network;
use super::onnx::{Unrecognised, unrecognised};
use super::plan;
use super::simd::Isa;
use super::stem::Planes;

/// A tract model of one operator that computes what the ONNX model does, for a picture of `[1,
/// 3, height, width]`; the error says what there is no kernel for.
pub(crate) fn model(
    onnx: &ModelProto,
    height: usize,
    width: usize,
) -> Result<TractResult<TypedModel>, Unrecognised> {
    let Some(graph) = &onnx.graph else {
        return unrecognised("no graph");
    };
    let planes = Planes {
        count: 3,
        height,
        width,
    };
    let layers = plan::recognise(graph, planes)?;
    Ok(wired(Network::new(&layers, Isa::detect())))
}

fn wired(network: Network) -> TractResult<TypedModel> {
    let [planes, height, width] = network.input();
    let mut model = TypedModel::default();
    let picture = model.add_source("picture", f32::fact([1, planes, height, width]))?;
    let op = Whole(Arc::new(network));
    let logits = model.wire_node("network", op, &[picture])?;
    model.select_output_outlets(&logits)?;
    Ok(model)
}

/// The operator.
#[derive(Clone, Debug)]
struct Whole(Arc<Network>);

impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Whole {}

impl Op for Whole {
    fn name(&self) -> StaticName {
        "WholeNetwork".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Whole {
    not_out_of_plan!();

    fn state(&self, _ctx: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::new(State {
            network: self.0.clone(),
            arena: self.0.arena(),
            answer: Arc::new(Tensor::zero::<f32>(&[1, self.0.outputs()])?),
        })))
    }
}

impl TypedOp for Whole {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact([1, self.0.outputs()])))
    }

    as_op!();
}

/// The network and the memory that it runs in, time after time.
#[derive(Clone, Debug)]
struct State {
    network: Arc<Network>,
    arena: Arena,
    answer: Arc<Tensor>,
}

impl OpState for State {
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
