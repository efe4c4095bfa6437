//! Each kernel against plain loops, on random shapes.

use super::{Random, arena, assert_near, fill, on_every, read};
use crate::kernels::activation::Activation;
use crate::kernels::depthwise::{self, Depthwise};
use crate::kernels::layers::Weights;
use crate::kernels::map::Map;
use crate::kernels::mean::{self, Mean};
use crate::kernels::number::Number;
use crate::kernels::pointwise::{self, Pointwise};
use crate::kernels::scale::{self, Scale};
use crate::kernels::simd::Processor;
use crate::kernels::stem::{self, Planes, Stem};

/// Random shapes of each kernel. Miri, which sees every access to memory, runs the plain kernels a
/// thousand times slower: `cargo +nightly miri test -p models --lib -- kernels::tests::layers`.
const ROUNDS: usize = if cfg!(miri) { 4 } else { 60 };

const ACTIVATIONS: [Activation; 5] = [
    Activation::None,
    Activation::Relu,
    Activation::Relu6,
    Activation::HardSwish,
    Activation::HardSigmoid,
];

fn activated(activation: Activation, x: f32) -> f32 {
    let sigmoid = (x / 6.0 + 0.5).clamp(0.0, 1.0);
    match activation {
        Activation::None => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HardSwish => x * sigmoid,
        Activation::HardSigmoid => sigmoid,
    }
}

/// The definition of a convolution with half a kernel of zeros around, in CHW.
fn convolved(
    input: &[f32],
    (channels, height, width): (usize, usize, usize),
    (kernel, stride, groups): (usize, usize, usize),
    weights: &Weights,
) -> Vec<f32> {
    let (outputs, each) = (weights.bias.len(), channels / groups);
    let mut answer = Vec::new();
    for output in 0..outputs {
        let first = output / (outputs / groups) * each;
        for y in (0..height).step_by(stride) {
            for x in (0..width).step_by(stride) {
                let mut sum = weights.bias[output];
                for (channel, ky, kx) in product(each, kernel) {
                    let (row, column) = (y + ky, x + kx);
                    let half = kernel / 2;
                    if (half..height + half).contains(&row)
                        && (half..width + half).contains(&column)
                    {
                        let at = ((first + channel) * height + row - half) * width + column - half;
                        let weight = ((output * each + channel) * kernel + ky) * kernel + kx;
                        sum += input[at] * weights.kernels[weight];
                    }
                }
                answer.push(activated(weights.activation, sum));
            }
        }
    }
    answer
}

fn product(channels: usize, kernel: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..channels * kernel * kernel)
        .map(move |n| (n / kernel / kernel, n / kernel % kernel, n % kernel))
}

fn weights(random: &mut Random, inputs: usize, outputs: usize) -> Weights {
    let mut kernels = random.floats(inputs * outputs);
    // Sums stay near 1, whatever their number of terms.
    kernels
        .iter_mut()
        .for_each(|weight| *weight /= (inputs as f32).sqrt());
    Weights {
        kernels,
        bias: random.floats(outputs),
        activation: ACTIVATIONS[random.below(4)],
    }
}

fn map(height: usize, width: usize, channels: usize, border: usize) -> Map {
    Map {
        height,
        width,
        channels,
        border,
    }
}

#[test]
fn depthwise_is_a_convolution_of_each_channel() {
    let mut random = Random::new(1);
    for round in 0..ROUNDS {
        let (kernel, stride) = ([3, 5][round % 2], 1 + round / 2 % 2);
        let (height, width) = (1 + random.below(12), 1 + random.below(12));
        let channels = 1 + random.below(150);
        let weights = weights(&mut random, kernel * kernel, channels);
        let input = random.floats(channels * height * width);
        let shape = (channels, height, width);
        let expected = convolved(&input, shape, (kernel, stride, channels), &weights);
        let from = map(height, width, channels, kernel / 2 + random.below(2));
        let to = map(
            height.div_ceil(stride),
            width.div_ceil(stride),
            channels,
            random.below(3),
        );
        on_every!(processor => {
            let (places, mut arena) = arena(processor, &[from, to]);
            fill(&mut arena, &places[0], &input);
            let layer = Depthwise::new((places[0], places[1]), (kernel, stride), &weights);
            processor.run(depthwise::Run(&layer, &mut arena));
            let what = format!("kernel {kernel}, stride {stride}, {shape:?}");
            assert_near(processor, &read(&arena, &places[1]), &expected, &what);
        });
    }
}

#[test]
fn pointwise_is_a_convolution_of_single_pixels() {
    let mut random = Random::new(2);
    for round in 0..ROUNDS {
        let (height, width) = (1 + random.below(6), 1 + random.below(6));
        let (inputs, outputs) = (1 + random.below(70), 1 + random.below(90));
        let weights = weights(&mut random, inputs, outputs);
        let input = random.floats(inputs * height * width);
        let added = random.floats(outputs * height * width);
        let shape = (inputs, height, width);
        let mut expected = convolved(&input, shape, (1, 1, 1), &weights);
        let plus = round % 2 == 0;
        if plus {
            expected
                .iter_mut()
                .zip(&added)
                .for_each(|(sum, added)| *sum += added);
        }
        let to = map(height, width, outputs, random.below(3));
        let from = map(height, width, inputs, random.below(3));
        on_every!(processor => {
            let (places, mut arena) = arena(processor, &[from, to, map(height, width, outputs, 1)]);
            fill(&mut arena, &places[0], &input);
            fill(&mut arena, &places[2], &added);
            let added = plus.then_some(places[2]);
            let layer = Pointwise::new((places[0], places[1]), added, &weights);
            processor.run(pointwise::Run(&layer, &mut arena));
            let what = format!("{shape:?} to {outputs}");
            assert_near(processor, &read(&arena, &places[1]), &expected, &what);
        });
    }
}

#[test]
fn the_stem_is_a_convolution_of_planes() {
    let mut random = Random::new(3);
    for _ in 0..ROUNDS {
        let planes = Planes {
            count: 1 + random.below(4),
            height: 1 + random.below(20),
            width: 1 + random.below(20),
        };
        let outputs = 1 + random.below(40);
        let weights = weights(&mut random, planes.count * 9, outputs);
        let input = random.floats(planes.count * planes.height * planes.width);
        let shape = (planes.count, planes.height, planes.width);
        let expected = convolved(&input, shape, (3, 2, 1), &weights);
        let to = map(
            planes.height.div_ceil(2),
            planes.width.div_ceil(2),
            outputs,
            random.below(2),
        );
        on_every!(processor => {
            let (places, mut arena) = arena(processor, &[to]);
            arena.input = vec![Number::ZERO; planes.len()];
            planes.fill(&input, &mut arena.input);
            let layer = Stem::new(planes, places[0], &weights);
            processor.run(stem::Run(&layer, &mut arena));
            let what = format!("{shape:?} to {outputs}");
            assert_near(processor, &read(&arena, &places[0]), &expected, &what);
        });
    }
}

#[test]
fn the_mean_and_the_product_of_channels() {
    let mut random = Random::new(4);
    for _ in 0..ROUNDS {
        let (height, width) = (1 + random.below(9), 1 + random.below(9));
        let (channels, pixels) = (1 + random.below(90), height * width);
        let input = random.floats(channels * pixels);
        let means: Vec<f32> = input
            .chunks_exact(pixels)
            .map(|plane| plane.iter().sum::<f32>() / pixels as f32)
            .collect();
        let scaled: Vec<f32> = input
            .iter()
            .enumerate()
            .map(|(at, number)| number * means[at / pixels])
            .collect();
        let maps = [
            map(height, width, channels, random.below(3)),
            map(1, 1, channels, 0),
        ];
        on_every!(processor => {
            let (places, mut arena) = arena(processor, &maps);
            let (whole, one) = (places[0], places[1]);
            fill(&mut arena, &whole, &input);
            processor.run(mean::Run(
                &Mean {
                    from: whole,
                    to: one,
                },
                &mut arena,
            ));
            assert_near(processor, &read(&arena, &one), &means, "mean");
            let scale = Scale {
                map: whole,
                factor: one,
            };
            processor.run(scale::Run(&scale, &mut arena));
            assert_near(processor, &read(&arena, &whole), &scaled, "product");
        });
    }
}
