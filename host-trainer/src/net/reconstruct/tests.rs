//! What a network answers after channels went, beside what it answered before.

use super::*;
use crate::arch::{Variant, Widths};
use crate::loader::Batch;
use crate::net::moments::moments;
use crate::net::{self, Net};
use crate::shrink::slim;

fn net(slim: &Slim) -> Net {
    let mut net = Net::on_processor(&slim.arch);
    net.load_all(&slim.weights, "test").unwrap();
    net
}

fn inputs() -> Tensor {
    net::seed(7);
    // Coarse blotches, so that layers are given something that varies within a picture.
    let coarse = Tensor::randn([12, 3, 8, 8], (Kind::Float, Device::Cpu));
    coarse.upsample_bilinear2d([32, 32], false, None, None)
}

fn seen(net: &Net, input: &Tensor) -> Moments {
    let batch = Batch {
        inputs: net::values(&input.permute([0, 2, 3, 1])),
        classes: vec![0; 12],
    };
    moments(net, &[batch], [32, 32]).unwrap()
}

fn error(one: &Tensor, other: &Tensor) -> f64 {
    let difference = one.f_sub(other).unwrap().f_square().unwrap();
    f64::try_from(difference.sum(Kind::Double)).unwrap()
}

/// Each kind of number of channels: what the network answers moves less than without, mostly
/// by orders of magnitude.
#[test]
fn layers_make_up_for_channels_that_go() {
    let input = inputs();
    for (variant, names) in [
        (
            Variant::Small,
            [
                "features.0 to features.1 expanded",
                "features.4 output to features.6 output",
                "features.7 expanded",
            ],
        ),
        (
            Variant::EfficientNetLite0,
            [
                "features.1 output",
                "features.6 output to features.8 output",
                "features.5 expanded",
            ],
        ),
    ] {
        let whole = slim(variant);
        let whole_net = net(&whole);
        let seen = seen(&whole_net, &input);
        let answer = whole_net.forward(&input, false).unwrap();
        let dimensions = Widths::dimensions(variant);
        let named = dimensions
            .iter()
            .filter(|d| names.contains(&d.name().as_str()));
        assert_eq!(named.clone().count(), 3);
        for dimension in named {
            let keep = whole.arch.widths.get(dimension) / 2;
            let rebuilt = whole.rebuilt(dimension, keep, &seen).unwrap();
            let cut = whole.narrowed(dimension, keep);
            assert_eq!(rebuilt.arch, cut.arch);
            let moved = |slim: &Slim| error(&answer, &net(slim).forward(&input, false).unwrap());
            let (rebuilt, cut) = (moved(&rebuilt), moved(&cut));
            let name = dimension.name();
            assert!(rebuilt < 0.1 * cut, "{variant:?} {name}: {rebuilt} {cut}");
        }
    }
}

/// Channels that are made of the others go without a trace when the others are turned.
#[test]
fn what_others_tell_as_well_goes_without_a_trace() {
    let mut whole = slim(Variant::Small);
    let widths = Widths::dimensions(Variant::Small);
    let dimension = widths
        .iter()
        .find(|d| d.name() == "features.7 output to features.8 output")
        .unwrap();
    // The last sixteen of 48 channels are twice the first, in what each layer adds up.
    for conv in whole.layers(dimension).producers {
        for name in ["weight", "bias", "running_mean", "running_var"]
            .map(|part| format!("{}.{part}", conv.norm))
            .into_iter()
            .chain([format!("{}.weight", conv.name)])
        {
            let array = whole.weights.get_mut(&name).unwrap();
            let each = array.values.len() / 48;
            array.values.copy_within(0..16 * each, 32 * each);
            let scales = ["weight", "bias"].map(|part| format!("{}.{part}", conv.norm));
            if scales.contains(&name) {
                array.values[32 * each..].iter_mut().for_each(|v| *v *= 2.0);
            }
        }
    }
    let input = inputs();
    let whole_net = net(&whole);
    let seen = seen(&whole_net, &input);
    let answer = whole_net.forward(&input, false).unwrap();
    let moved = |slim: &Slim| error(&answer, &net(slim).forward(&input, false).unwrap());
    let rebuilt = moved(&whole.rebuilt(dimension, 32, &seen).unwrap());
    let cut = moved(&whole.narrowed(dimension, 32));
    assert!(rebuilt < 1e-6 * cut, "{rebuilt} {cut}");
}
