//! The network against torchvision 0.26's, whose outputs for the same numbers stand here.
//! Tests only.

use std::path::Path;

use tch::{Device, Tensor};

use super::{Net, values};
use crate::arch::{Arch, Variant};
use crate::weights::{self, Array, Weights};

/// `count` numbers in [0, 1): the upper 24 bits of `2654435761·i + 40503·k` modulo 2^32, exact
/// in 32-bit floats.
fn unit(count: usize, k: u64) -> Vec<f32> {
    let word = |i: u64| (i * 2_654_435_761 + k * 40_503) & 0xffff_ffff;
    (0..count as u64)
        .map(|i| (word(i) >> 8) as f32 / (1 << 24) as f32)
        .collect()
}

/// Weights by formula: the `k`-th tensor in the order of names from `unit(_, k)`, scaled so that
/// values neither vanish nor explode on their way.
fn formula(arch: &Arch) -> Weights {
    let mut tensors = arch.tensors();
    tensors.sort();
    let one = |(k, (name, shape)): (usize, (String, Vec<usize>))| {
        let mut values = unit(shape.iter().product(), k as u64);
        let kernel = ((27.0 / shape[1..].iter().product::<usize>() as f64).sqrt()) as f32;
        for v in &mut values {
            *v = match name.rsplit('.').next() {
                Some("running_mean") => (*v - 0.5) * 0.2,
                Some("running_var") => *v + 0.5,
                _ if shape.len() > 1 => (*v - 0.5) * kernel,
                Some("bias") => *v - 0.5,
                _ => *v + 0.5,
            };
        }
        (name, Array { shape, values })
    };
    tensors.into_iter().enumerate().map(one).collect()
}

fn logits(net: &Net) -> Vec<f32> {
    let pixels: Vec<f32> = unit(3 * 64 * 64, 99)
        .iter()
        .map(|v| v * 4.0 - 2.0)
        .collect();
    let input = Tensor::from_slice(&pixels).view([1, 3, 64, 64]);
    values(&tch::no_grad(|| net.forward(&input, false)).unwrap())
}

fn assert_near(found: &[f32], expected: &[f32]) {
    for (a, b) in found.iter().zip(expected) {
        assert!(
            (a - b).abs() < 1e-5 * b.abs().max(1.0),
            "{found:?}\n{expected:?}"
        );
    }
}

#[test]
fn computes_what_torchvision_computes() {
    let small = [
        0.927_828_55,
        3.587_916,
        -0.314_721_23,
        -2.564_111_2,
        -7.411_447_5,
        -0.737_062_4,
    ];
    let large = [
        10.049_993,
        7.171_318_5,
        -8.694_299,
        -4.532_602,
        0.062_967_78,
        -3.379_995_8,
    ];
    for (variant, expected) in [(Variant::Small, small), (Variant::Large, large)] {
        let arch = Arch::new(variant, 6);
        let mut net = Net::new(&arch, Device::Cpu);
        net.load(&formula(&arch), "formula").unwrap();
        assert_near(&logits(&net), &expected);
    }
}

/// The same with ImageNet-pretrained weights, which are not part of this project: where the file
/// is absent the test says so and checks nothing.
#[test]
fn computes_what_torchvision_computes_from_pretrained_weights() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/weights/mobilenet_v3_small_imagenet.safetensors");
    if !file.exists() {
        eprintln!("skipped: no pretrained weights at {}", file.display());
        return;
    }
    let mut net = Net::new(&Arch::new(Variant::Small, 1000), Device::Cpu);
    assert!(
        !net.load(&weights::read(&file).unwrap(), "pretrained")
            .unwrap()
    );
    let expected = [
        -0.471_785_8,
        0.994_697_6,
        -1.620_233_5,
        -2.415_409_6,
        -1.123_185_4,
        0.268_075_9,
        -0.729_003_97,
        -0.350_533_25,
        -0.317_883_6,
        0.265_274_3,
    ];
    assert_near(&logits(&net)[..10], &expected);
}
