//! The model card of a bundle (Mitchell et al. 2019, "Model Cards for Model Reporting"): what
//! its manifest says, for a person. Measures nothing.

use std::fmt::Write as _;

use models::manifest::{Arithmetic, Manifest, Quantisation, Training};

use crate::adapt::trial::Trial;
use crate::arch::Arch;
use crate::metrics::Confusion;

/// What no number of a bundle or a report speaks of.
pub const NOT_FOR: &str = "Two-coloured vehicles, coloured light and night scenes were not measured, \
     nor pictures without a vehicle unless that is said above. Accuracy on another camera's \
     pictures is lower than on pictures like the training pictures: grey, silver and white in \
     particular.";

/// What the exporter says in words of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// How the network differs from the published one.
    pub narrower: Option<&'a str>,
    /// Where the pictures come from and what may be done with them.
    pub about: Option<&'a str>,
    /// What it is known to answer wrongly.
    pub failures: Option<&'a str>,
}

/// The text of `CARD.md`. `confusions` has one for each of the manifest's measurements: the first
/// of pictures that the run held out, others of pictures from elsewhere.
pub fn text(manifest: &Manifest, confusions: &[Confusion], words: Words<'_>) -> String {
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
    let computed = match manifest.arithmetic {
        Arithmetic::Single => "",
        Arithmetic::Half => ", computed with in 16-bit floats by processors that can",
    };
    let narrower = words
        .narrower
        .map(|how| format!(", {how}"))
        .unwrap_or_default();
    let mut text = format!(
        "# {name} {version}\n\n\
         Names the colour of the one vehicle that fills most of a picture: {}.\n\n\
         - Network: {architecture}{narrower}, input {} x {} pixels, weights as {weights}{computed}.\n\
         - {}; started from: {}.\n\
         - Probabilities are calibrated with the temperature {:.3}; below {} the answer is \
         \"unknown\".\n\n",
        manifest.labels.join(", "),
        input.width,
        input.height,
        learned(training),
        training.pretrained,
        decision.temperature,
        decision.reject_below,
    );
    if let Some(about) = words.about {
        let _ = writeln!(text, "## Pictures\n\n{}\n", about.trim());
    }
    for (number, (measured, confusion)) in manifest.metrics.iter().zip(confusions).enumerate() {
        let (title, which) = match number {
            0 => (
                "Measured".to_string(),
                ", near-duplicates of training pictures excluded unless the parts were given or drawn \
                 at random",
            ),
            _ => (
                format!("Measured elsewhere: {}", measured.split),
                ", given as from elsewhere",
            ),
        };
        let _ = writeln!(
            text,
            "## {title}\n\nOn {} {} pictures{which}, through the agent's code: accuracy {:.4}, \
             macro F1 {:.4}.\n\n```text\n{}```\n",
            measured.pictures,
            measured.split,
            measured.top1,
            measured.macro_f1,
            confusion.table()
        );
    }
    if let Some(failures) = words.failures {
        let _ = writeln!(text, "## Known failures\n\n{}\n", failures.trim());
    }
    let _ = writeln!(text, "## Not for\n\n{NOT_FOR}");
    text
}

/// In words how many parameters of the `whole` network are left.
pub fn narrower(arch: &Arch, whole: &Arch) -> String {
    let [left, all] = [arch, whole].map(|arch| arch.parameter_count(false));
    format!("narrowed to {left} of {all} parameters")
}

/// What the network learned from. No epochs: a site's pictures were drawn from, not gone through.
fn learned(training: &Training) -> String {
    let pictures: u32 = training.pictures.values().sum();
    match training.epochs {
        0 if pictures == 0 => "Adapted to one site without labels".into(),
        0 => format!("Adapted to one site with labels of {pictures} pictures"),
        epochs => format!("Trained for {epochs} epochs on {pictures} pictures"),
    }
}

/// The section of a bundle that was exported although something loses too much: a sentence for each,
/// without its end. Nothing for none.
pub fn forced(losses: &[String]) -> String {
    match losses {
        [] => String::new(),
        some => format!("\n## Exported with --force\n\n{}.\n", some.join(". ")),
    }
}

/// The section of a bundle that may be computed in half precision: what that costs on the same
/// pictures.
pub fn half(split: &str, single: &Confusion, half: &Confusion) -> String {
    format!(
        "\n## Half precision\n\nProcessors that compute with 16-bit floats run this network in them, \
         others in 32-bit floats, which is what the numbers above are of. On the {} {split} pictures: \
         accuracy {:.4} in 32-bit floats, {:.4} in 16-bit ones; macro F1 {:.4} and {:.4}.\n",
        single.pictures(),
        single.accuracy(),
        half.accuracy(),
        single.macro_f1(),
        half.macro_f1(),
    )
}

/// The section of a bundle that was adapted to a site: which bundle it was made from, which `share`
/// of the way its weights went from that bundle's to those that were learned, and what that
/// brought, if there were labels to measure by.
pub fn adapted(from: &str, share: f32, tried: Option<&Trial>) -> String {
    let mut text = format!(
        "\n## Adapted to one site\n\nThe last layers of bundle {from} learned from pictures of one \
         camera. Elsewhere expect no more than of that bundle.\n"
    );
    if share < 1.0 {
        let _ = writeln!(
            text,
            "\nIts weights go {:.0} % of the way from that bundle's to those that were learned: \
             farther on it forgot too much.",
            100.0 * share
        );
    }
    match tried {
        Some(Trial {
            asked,
            before,
            after,
            ..
        }) => {
            let _ = writeln!(
                text,
                "\nOn {} labelled pictures of {asked}, with 32-bit \
                 weights: accuracy {:.4} before, {:.4} after. After:\n\n```text\n{}```",
                after.pictures(),
                before.accuracy(),
                after.accuracy(),
                after.table()
            );
        }
        None => text += "\nThere were no labels to measure by.\n",
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use models::PreprocessSpec;
    use models::manifest::{Decision, Measurement, Training};

    use super::*;

    #[test]
    fn says_what_was_measured_and_in_whose_words_the_pictures_are_described() {
        let labels = vec!["black".to_string(), "red".to_string()];
        let mut confusion = Confusion::new(&labels);
        confusion.add(1, 1);
        let measured = Measurement {
            split: "test".into(),
            pictures: 1,
            top1: 1.0,
            macro_f1: 1.0,
            recall: BTreeMap::from([("red".into(), 1.0)]),
        };
        let elsewhere = Measurement {
            split: "my street".into(),
            top1: 0.25,
            ..measured.clone()
        };
        let manifest = Manifest {
            format: 1,
            name: "cars".into(),
            version: "2.0.0".into(),
            created: "2026-01-01T00:00:00Z".into(),
            generator: "test".into(),
            architecture: "mobilenet_v3_small".into(),
            labels,
            input: PreprocessSpec::imagenet(96),
            decision: Decision {
                temperature: 1.0,
                reject_below: 0.5,
            },
            quantisation: Quantisation::WeightsInt8,
            arithmetic: Default::default(),
            training: Training {
                pictures: BTreeMap::from([("black".into(), 7), ("red".into(), 5)]),
                epochs: 3,
                pretrained: "none".into(),
                dataset_sha256: "0".repeat(64),
            },
            metrics: vec![measured.clone(), elsewhere],
            golden: vec![],
            files: BTreeMap::new(),
        };
        let card = text(
            &manifest,
            &[confusion.clone(), confusion],
            Words {
                narrower: Some("narrowed to 1 of 2 parameters"),
                about: Some("Photographs of our own yard.\n"),
                failures: Some("Dark red in shadow becomes brown."),
            },
        );
        for part in [
            "# cars 2.0.0\n",
            "- Network: mobilenet_v3_small, narrowed to 1 of 2 parameters, input",
            "Trained for 3 epochs on 12 pictures; started from: none.",
            "## Pictures\n\nPhotographs of our own yard.\n",
            "On 1 test pictures",
            "accuracy 1.0000",
            "## Measured elsewhere: my street\n\nOn 1 my street pictures, given as from elsewhere,",
            "accuracy 0.2500",
            "## Known failures\n\nDark red in shadow becomes brown.\n",
            "black      ·      ·",
        ] {
            assert!(card.contains(part), "{part:?} is missing in\n{card}");
        }
    }
}
