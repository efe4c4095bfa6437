//! The manifest: what a bundle says of itself, as `manifest.json`. Version 1. Parsing and
//! plausibility only; whether the files match is `bundle`'s question.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::preprocess::PreprocessSpec;

/// Manifest formats that this version reads.
pub const SUPPORTED_FORMATS: [u32; 1] = [1];

/// Most labels a bundle may have.
pub const MAX_LABELS: usize = 1000;

/// All that is known of a bundle besides its files' bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// One of [`SUPPORTED_FORMATS`].
    pub format: u32,
    /// Lower-case letters, digits and hyphens, such as `car-colour-small`.
    pub name: String,
    /// The bundle's own version, such as `1.0.0`.
    pub version: String,
    /// When it was exported, RFC 3339, UTC.
    pub created: String,
    /// The program that exported it, with its version.
    pub generator: String,
    /// The network, such as `mobilenet_v3_small`.
    pub architecture: String,
    /// The classes, in the order of the network's outputs.
    pub labels: Vec<String>,
    /// How a picture becomes the input.
    pub input: PreprocessSpec,
    /// How outputs become an answer.
    pub decision: Decision,
    /// How the weights are stored.
    pub quantisation: Quantisation,
    /// How precisely the network is computed; not written when in single precision.
    #[serde(default, skip_serializing_if = "Arithmetic::is_single")]
    pub arithmetic: Arithmetic,
    /// What it was trained on.
    pub training: Training,
    /// What was measured, each through this crate's `Runner` on this very model file.
    pub metrics: Vec<Measurement>,
    /// Pictures with the answers this model gave when it was exported.
    pub golden: Vec<Golden>,
    /// Every other file of the bundle, by its path inside the folder.
    pub files: BTreeMap<String, FileEntry>,
}

/// How outputs become an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Divides the logits before the softmax; above 0, 1 when not calibrated.
    pub temperature: f32,
    /// Probability under which the answer is "unknown", 0 to 1.
    pub reject_below: f32,
}

/// How precisely a network is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arithmetic {
    /// In 32-bit floats everywhere.
    #[default]
    Single,
    /// In 16-bit floats by processors that compute with them, such as a Cortex-A76; elsewhere in
    /// 32-bit floats.
    Half,
}

impl Arithmetic {
    fn is_single(&self) -> bool {
        *self == Self::Single
    }
}

/// How the weights are stored; not how they are computed with, see [`Arithmetic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantisation {
    /// 32-bit floats.
    None,
    /// 8-bit integers with one scale an output channel, symmetric around 0.
    WeightsInt8,
}

/// What the network was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Training pictures of each label; of a bundle that was adapted to a site, the labelled ones
    /// that it learned from.
    pub pictures: BTreeMap<String, u32>,
    /// Passes over them before the exported weights were taken; 0 for an adapted bundle.
    pub epochs: u32,
    /// Where the weights started, in words: `none`, a file's name and SHA-256, a bundle's id.
    pub pretrained: String,
    /// SHA-256 over the sorted list of training pictures' paths and sizes; an adapted bundle
    /// keeps that of the bundle it was made from.
    pub dataset_sha256: String,
}

/// One accuracy measurement of the exported model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// Which pictures, in words: `test`, `validation`, …
    pub split: String,
    /// How many.
    pub pictures: u32,
    /// Share whose best label is right, 0 to 1.
    pub top1: f64,
    /// Mean of the classes' F1 scores, 0 to 1.
    pub macro_f1: f64,
    /// For each label present, the share of its pictures that were recognised, 0 to 1.
    pub recall: BTreeMap<String, f64>,
}

/// A picture with what it must become and what the model must answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The picture's path inside the bundle, a PNG.
    pub file: String,
    /// SHA-256 of the preprocessed input's bits.
    pub input_sha256: String,
    /// The outputs at export, a label each.
    pub logits: Vec<f32>,
}

/// Size and hash of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

/// Why text is no usable manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or not this JSON.
    #[error("manifest.json does not parse ({0}); export the bundle again")]
    Syntax(#[from] serde_json::Error),
    /// A format from another time.
    #[error(
        "manifest.json has format {found}; this version reads format {}; {}",
        SUPPORTED_FORMATS.map(|f| f.to_string()).join(", "),
        if *found > SUPPORTED_FORMATS[SUPPORTED_FORMATS.len() - 1].into() {
            "update this program, or export the bundle with an older host-trainer"
        } else {
            "export the bundle again with this version's host-trainer"
        }
    )]
    Format {
        /// What the file says.
        found: u64,
    },
    /// A value that cannot be.
    #[error("manifest.json: {0}; export the bundle again")]
    Implausible(String),
}

impl Manifest {
    /// Parses and checks a manifest. The format is looked at before anything else, so that a
    /// manifest of another version is told by its number and not by an unknown field.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct FormatOnly {
            format: u64,
        }
        let FormatOnly { format: found } = serde_json::from_slice(text)?;
        if !SUPPORTED_FORMATS
            .iter()
            .any(|known| u64::from(*known) == found)
        {
            return Err(ManifestError::Format { found });
        }
        let manifest: Self = serde_json::from_slice(text)?;
        manifest.check().map_err(ManifestError::Implausible)?;
        Ok(manifest)
    }

    /// The text of `manifest.json`.
    pub fn to_json(&self) -> Result<String, ManifestError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    fn check(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(format!(
                "the name is {:?}; lower-case letters, digits and hyphens can be",
                self.name
            ));
        }
        self.input.check()?;
        if !(1..=MAX_LABELS).contains(&self.labels.len()) {
            return Err(format!(
                "{} labels; 1 to {MAX_LABELS} can be",
                self.labels.len()
            ));
        }
        for (index, label) in self.labels.iter().enumerate() {
            if label.trim().is_empty() || label.chars().any(char::is_control) {
                return Err(format!("label {index} is {label:?}"));
            }
            if self.labels[..index].contains(label) {
                return Err(format!("the label {label:?} occurs twice"));
            }
        }
        let Decision {
            temperature,
            reject_below,
        } = self.decision;
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(format!(
                "the temperature is {temperature}; it must be above 0"
            ));
        }
        if !(0.0..=1.0).contains(&reject_below) {
            return Err(format!("reject_below is {reject_below}; 0 to 1 can be"));
        }
        if self.golden.is_empty() {
            return Err("it has no golden pictures".into());
        }
        for golden in &self.golden {
            if !self.files.contains_key(&golden.file) {
                return Err(format!(
                    "the golden picture {} is not among the files",
                    golden.file
                ));
            }
            if golden.logits.len() != self.labels.len() {
                return Err(format!(
                    "the golden picture {} has {} outputs for {} labels",
                    golden.file,
                    golden.logits.len(),
                    self.labels.len()
                ));
            }
        }
        self.files.keys().try_for_each(|name| check_file_name(name))
    }
}

/// A file name must stay inside the bundle's folder on any system.
pub(crate) fn check_file_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let part_ok =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
    if name.len() <= 100 && name.split('/').count() <= 2 && name.split('/').all(part_ok) {
        Ok(())
    } else {
        Err(format!("the file name {name:?} is not allowed"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
