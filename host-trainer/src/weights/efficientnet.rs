//! EfficientNet-Lite's published weights under this project's names. They were trained with inputs
//! `(value - 127) / 128`; here every network gets ImageNet's mean and deviation, so the first
//! convolution is moved to those.

use super::{Array, Weights};
use models::PreprocessSpec;

/// What the published weights were trained with: subtracted from `value / 255`, and divided by.
const MEAN: f32 = 127.0 / 255.0;
const DEVIATION: f32 = 128.0 / 255.0;

/// The same weights by the names of `arch`; those that have such names already stay as they are.
pub(super) fn renamed(weights: Weights) -> Weights {
    if !weights.contains_key("_conv_stem.weight") {
        return weights;
    }
    let number = |name: &str| {
        name.strip_prefix("_blocks.")?
            .split('.')
            .next()?
            .parse()
            .ok()
    };
    let blocks = weights.keys().filter_map(|name| number(name)).max();
    let last = blocks.map_or(0, |last: usize| last + 2);
    let expands =
        |block: usize| weights.contains_key(&format!("_blocks.{block}._expand_conv.weight"));
    let rename = |name: &str| {
        let (layer, part) = name.rsplit_once('.')?;
        let layer = match (layer, number(name)) {
            ("_conv_stem", _) => "features.0.0".into(),
            ("_bn0", _) => "features.0.1".into(),
            ("_conv_head", _) => format!("features.{last}.0"),
            ("_bn1", _) => format!("features.{last}.1"),
            ("_fc", _) => "classifier.3".into(),
            (layer, Some(block)) => {
                let depthwise = usize::from(expands(block));
                let (at, kind) = match layer.rsplit_once('.')?.1 {
                    "_expand_conv" => (0, 0),
                    "_bn0" => (0, 1),
                    "_depthwise_conv" => (depthwise, 0),
                    "_bn1" => (depthwise, 1),
                    "_project_conv" => (depthwise + 1, 0),
                    "_bn2" => (depthwise + 1, 1),
                    _ => return None,
                };
                format!("features.{}.block.{at}.{kind}", block + 1)
            }
            _ => return None,
        };
        Some(format!("{layer}.{part}"))
    };
    let mut renamed: Weights = weights
        .iter()
        .filter_map(|(name, array)| Some((rename(name)?, array.clone())))
        .collect();
    normalise(&mut renamed);
    renamed
}

/// Moves the first convolution to inputs with ImageNet's mean and deviation. What the other mean
/// adds to every output goes into the running mean, which is exact but for the outermost pixels.
fn normalise(weights: &mut Weights) {
    let spec = PreprocessSpec::imagenet(16);
    let Some(mut kernel) = weights.remove("features.0.0.weight") else {
        return;
    };
    let [outputs, 3, ..] = kernel.shape[..] else {
        // No first convolution; loading names its shape.
        weights.insert("features.0.0.weight".into(), kernel);
        return;
    };
    let taps = kernel.values.len() / outputs.max(1) / 3;
    if let Some(Array { values: mean, .. }) = weights.get_mut("features.0.1.running_mean") {
        let outputs = kernel.values.chunks_exact_mut((3 * taps).max(1));
        for (mean, output) in mean.iter_mut().zip(outputs) {
            for (channel, taps) in output.chunks_exact_mut(taps).enumerate() {
                let sum: f32 = taps.iter().sum();
                *mean -= sum * (spec.mean[channel] - MEAN) / DEVIATION;
                taps.iter_mut()
                    .for_each(|tap| *tap *= spec.std[channel] / DEVIATION);
            }
        }
    }
    weights.insert("features.0.0.weight".into(), kernel);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Arch, Variant};

    /// Weights of one number each under the published names.
    fn published() -> Weights {
        let mut names = vec!["_conv_stem.weight".to_string(), "_conv_head.weight".into()];
        names.extend(["_fc.weight", "_fc.bias"].map(String::from));
        let norm = |names: &mut Vec<String>, name: &str| {
            let parts = ["weight", "bias", "running_mean", "running_var"];
            names.extend(parts.map(|part| format!("{name}.{part}")));
        };
        norm(&mut names, "_bn0");
        norm(&mut names, "_bn1");
        for block in 0..16 {
            let layers = [
                ("_expand_conv", "_bn0"),
                ("_depthwise_conv", "_bn1"),
                ("_project_conv", "_bn2"),
            ];
            // The first block does not widen its input.
            for (conv, bn) in &layers[usize::from(block == 0)..] {
                names.push(format!("_blocks.{block}.{conv}.weight"));
                norm(&mut names, &format!("_blocks.{block}.{bn}"));
            }
        }
        let array = |name: String| {
            let shape = match name.as_str() {
                "_conv_stem.weight" => vec![1, 3, 1, 1],
                _ => vec![1],
            };
            let values = vec![0.5; shape.iter().product()];
            (name, Array { shape, values })
        };
        names.into_iter().map(array).collect()
    }

    #[test]
    fn every_name_has_its_place() {
        let renamed = renamed(published());
        let mut expected: Vec<String> = Arch::new(Variant::EfficientNetLite0, 1000)
            .tensors()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        expected.sort();
        assert!(renamed.keys().eq(&expected), "{:?}", renamed.keys());
        let own = Weights::from([(
            "features.0.0.weight".to_string(),
            renamed["features.0.0.weight"].clone(),
        )]);
        assert_eq!(super::renamed(own.clone()), own);
    }

    #[test]
    fn a_first_convolution_of_another_shape_stays_as_it_is() {
        for shape in [vec![], vec![2], vec![1, 4, 1, 1]] {
            let array = Array {
                values: vec![0.5; shape.iter().product()],
                shape,
            };
            let odd = Weights::from([("_conv_stem.weight".to_string(), array.clone())]);
            assert_eq!(renamed(odd)["features.0.0.weight"], array);
        }
    }

    /// A grey picture of 0.7 gives the first normalisation what it had with the published inputs.
    #[test]
    fn the_first_convolution_sees_what_it_saw() {
        let spec = PreprocessSpec::imagenet(16);
        let renamed = renamed(published());
        let (kernel, mean) = (
            &renamed["features.0.0.weight"],
            &renamed["features.0.1.running_mean"],
        );
        let own = kernel.values.iter().enumerate();
        let sum: f32 = own
            .map(|(channel, tap)| tap * (0.7 - spec.mean[channel]) / spec.std[channel])
            .sum();
        let expected = 3.0 * 0.5 * (0.7 - MEAN) / DEVIATION - 0.5;
        assert!((sum - mean.values[0] - expected).abs() < 1e-5);
    }
}
