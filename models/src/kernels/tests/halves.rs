//! Whole networks in half precision: near what they answer in single, and the same bits where the
//! processor computes with halves as where that is emulated.

use tract_onnx::pb::ModelProto;

use super::{Random, mobilenet, shipped};
use crate::kernels::network::Network;
use crate::kernels::plan;
use crate::kernels::simd::{EmulatedHalf, Processor, Single};
use crate::kernels::stem::Planes;
use crate::manifest::Arithmetic;
use crate::{Bundle, Runner};

fn answer(
    onnx: &ModelProto,
    processor: impl Processor,
    (height, width): (usize, usize),
) -> Vec<f32> {
    let planes = Planes {
        count: 3,
        height,
        width,
    };
    let layers = plan::recognise(onnx.graph.as_ref().unwrap(), planes).unwrap();
    let network = Network::new(&layers, processor);
    let (mut arena, mut answer) = (network.arena(), vec![0.0; network.outputs()]);
    let picture = Random::new(8).floats(3 * height * width);
    network.run(&picture, &mut arena, &mut answer);
    answer
}

#[test]
fn halves_answer_nearly_what_floats_do() {
    for (name, onnx) in [("shipped", shipped()), ("small", mobilenet())] {
        for size in [(96, 96), (67, 45), (16, 16)] {
            let emulated = answer(&onnx, EmulatedHalf, size);
            let single = answer(&onnx, Single::detect(), size);
            let near = Arithmetic::Half.golden_tolerance();
            for (half, single) in emulated.iter().zip(&single) {
                let apart = (half - single).abs();
                assert!(apart < near, "{name} {size:?}: {half}, {single}");
            }
            assert_ne!(emulated, single, "{name} {size:?}");
            #[cfg(target_arch = "aarch64")]
            if let Some(native) = crate::kernels::simd::NativeHalf::detect() {
                assert_eq!(answer(&onnx, native, size), emulated, "{name} {size:?}");
            }
        }
    }
}

/// The shipped bundle's network in half precision: by the processor where it can, else in single.
#[test]
fn a_runner_says_how_precisely_it_computes() {
    let bundle = Bundle::shipped().unwrap();
    let input = &bundle.manifest().input;
    let labels = || bundle.manifest().labels.clone().into();
    let single = Runner::unproved(bundle.model(), input, labels(), 1.0).unwrap();
    assert_eq!(single.arithmetic(), Arithmetic::Single);
    let emulated = Runner::emulating_half(bundle.model(), input, labels(), 1.0).unwrap();
    assert_eq!(emulated.arithmetic(), Arithmetic::Half);
    let own = Runner::in_half(bundle.model(), input, labels(), 1.0).unwrap();
    #[cfg(target_arch = "aarch64")]
    let native = crate::kernels::simd::NativeHalf::detect().is_some();
    #[cfg(not(target_arch = "aarch64"))]
    let native = false;
    assert_eq!(own.arithmetic() == Arithmetic::Half, native);
    let as_asked = match bundle.manifest().arithmetic {
        Arithmetic::Single => Arithmetic::Single,
        Arithmetic::Half => own.arithmetic(),
    };
    assert_eq!(Runner::new(&bundle).unwrap().arithmetic(), as_asked);
}
