//! The network of a bundle as weights again: normalisations stay folded into the convolutions and
//! only add the biases.

use anyhow::{Context, bail};
use models::Bundle;

use crate::arch::{Arch, Variant};
use crate::weights::{self, Weights};
use crate::{onnx, quantise};

/// The table of the bundle's network and every tensor of it. Errors when another program wrote it.
pub fn network(bundle: &Bundle) -> anyhow::Result<(Arch, Weights)> {
    let manifest = bundle.manifest();
    let known = Variant::ALL;
    let variant = known
        .into_iter()
        .find(|variant| variant.architecture() == manifest.architecture);
    let Some(variant) = variant else {
        bail!(
            "{}: its network is a {}; {} can be trained on",
            bundle.origin(),
            manifest.architecture,
            known.map(Variant::architecture).join(", ")
        );
    };
    let origin = bundle.origin();
    let foreign = || format!("{origin}: model.onnx is not as `host-trainer export` writes it");
    let folded = onnx::read(bundle.model()).map_err(anyhow::Error::msg);
    let folded = folded.with_context(foreign)?;
    let arch = Arch::fitting(variant, manifest.labels.len(), &folded);
    let weights = quantise::unfold(&arch, &folded).context("a convolution has no bias");
    let weights = weights.with_context(foreign)?;
    weights::check(&weights, &arch.tensors(), variant.architecture(), origin)?;
    Ok((arch, weights))
}
