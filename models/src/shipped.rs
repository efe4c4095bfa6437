//! The bundle compiled into the programs, so that an agent without configuration shows
//! something true. Which files it has is stated here; what they say is in `artifacts/`.

use crate::bundle::{Bundle, BundleError};

impl Bundle {
    /// The bundle that ships with this version, verified like any other.
    pub fn shipped() -> Result<Self, BundleError> {
        Self::embedded("shipped with this program", FILES)
    }
}

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../artifacts/", $folder, "/", $name)))),+]
    };
}

const FILES: &[(&str, &[u8])] = files!("car-colour-0.5.0":
    "manifest.json",
    "manifest.sha256",
    "model.onnx",
    "CARD.md",
    "golden/0.png",
    "golden/1.png",
    "golden/2.png",
    "golden/3.png",
);
