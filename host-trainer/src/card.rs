//! The model card of a bundle (Mitchell et al. 2019, "Model Cards for Model Reporting"): what
//! its manifest says, for a person. Measures nothing.

use std::fmt::Write as _;

use models::manifest::{Manifest, Quantisation};

use crate::metrics::Confusion;

/// The text of `CARD.md`.
pub fn text(manifest: &Manifest, confusion: &Confusion) -> String {
    let Manifest {
        name,
        version,
        architecture,
        input,
        decision,
        training,
        ..
    } = manifest;
    let weights = match manifest.quantisation {
        Quantisation::None => "32-bit floats",
        Quantisation::WeightsInt8 => "8-bit integers, one scale for each output channel",
    };
    let mut text = format!(
        "# {name} {version}\n\n\
         Names the colour of the one vehicle that fills most of a picture: {}.\n\n\
         - Network: {architecture}, input {} x {} pixels, weights as {weights}.\n\
         - Trained for {} epochs on {} pictures; started from: {}.\n\
         - Probabilities are calibrated with the temperature {:.3}; below {} the answer is \
         \"unknown\".\n\n",
        manifest.labels.join(", "),
        input.width,
        input.height,
        training.epochs,
        training.pictures.values().sum::<u32>(),
        training.pretrained,
        decision.temperature,
        decision.reject_below,
    );
    for measured in &manifest.metrics {
        let _ = writeln!(
            text,
            "## Measured\n\nOn {} {} pictures, near-duplicates of training pictures excluded when \
             the split is the trainer's own, through the agent's code: accuracy {:.4}, macro F1 \
             {:.4}.\n\n```text\n{}```\n",
            measured.pictures,
            measured.split,
            measured.top1,
            measured.macro_f1,
            confusion.table()
        );
    }
    text.push_str(
        "## Not for\n\n\
         Pictures without a vehicle, two-coloured vehicles, coloured light and night scenes were \
         not measured. Accuracy on another camera's pictures is lower than on pictures like the \
         training pictures: grey, silver and white in particular.\n",
    );
    text
}
