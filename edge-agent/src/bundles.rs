//! Bundles on the device: signed archives come into a store, a new one is on trial until it has
//! proved itself, and a bad one is taken back without anybody there. What a bundle is and how it
//! runs is `models`' matter.
//!
//! ```text
//! FILE.tar + FILE.minisig ─ signed ─▶ install ─▶ store/bundles/<id>/ ─ boot ─▶ runner
//!                                        └▶ store/state.json ◀─ trial (probation) ┘
//! ```

mod boot;
pub mod command;
mod durable;
mod fault;
mod install;
mod probation;
mod signed;
mod state;
mod store;
mod trial;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};

pub use boot::{Active, Counted, Found, ended_well, look, open};
pub use trial::{Ruling, Trial};

/// The `[bundle]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BundleConfig {
    /// Folder of the bundle; without it the store's, or the one compiled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Folder into which `edge-agent bundle install` puts bundles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    /// Public key of those whose bundles are installed, a file as `minisign -G` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PathBuf>,
    /// How long a new bundle is watched before it counts as good.
    pub probation_minutes: u32,
    /// Starts a new bundle has for that; then the one before it comes back. One that ends because
    /// it was asked to is not counted.
    pub trial_starts: u32,
    /// Of the vehicles in that time, the share that a good bundle may leave without a colour.
    pub max_unknown_share: f32,
    /// Bundles that are kept in the store.
    pub keep: u32,
}

impl Default for BundleConfig {
    fn default() -> Self {
        Self {
            path: None,
            store: None,
            public_key: None,
            probation_minutes: 10,
            trial_starts: 3,
            max_unknown_share: 0.8,
            keep: 3,
        }
    }
}

impl BundleConfig {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        if self.path.is_some() && self.store.is_some() {
            let problem = "and bundle.store are both set; take one of them away";
            return Err(BadValue::new("bundle.path", problem));
        }
        within(
            "bundle.probation_minutes",
            self.probation_minutes,
            0,
            7 * 24 * 60,
        )?;
        within("bundle.trial_starts", self.trial_starts, 1, 1000)?;
        within("bundle.max_unknown_share", self.max_unknown_share, 0.0, 1.0)?;
        within("bundle.keep", self.keep, 2, 100)
    }
}
