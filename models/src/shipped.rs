//! The bundle compiled into the programs, so that an agent without configuration shows
//! something true. Which files it has is stated here; what they say is in `artifacts/`.

use crate::bundle::{Bundle, BundleError};

impl Bundle {
    /// The bundle that ships with this version, verified like any other.
    pub fn shipped() -> Result<Self, BundleError> {
        Self::embedded("shipped with this program", FILES)
    }
}

const FILES: &[(&str, &[u8])] = &[];
