//! What a run goes by: a config that was read and checked completely, and the bundle that it
//! asks for, proved. Nothing is opened that only one run at a time can have.

use std::path::{Path, PathBuf};

use crate::bundles::{self, Active};
use crate::config::{Config, ConfigError};
use crate::pipeline::Identity;

/// A config with its bundle.
pub struct Plan {
    /// The config file, or what stands for it in messages.
    pub path: PathBuf,
    /// The config.
    pub config: Config,
    /// The bundle.
    pub active: Active,
}

impl Plan {
    /// Reads the config file; without one the defaults.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let (path, config) = match file {
            Some(path) => (path.to_path_buf(), Config::read(path)?),
            None => (PathBuf::from("built-in config"), Config::default()),
        };
        Self::of(path, config)
    }

    /// A plan for a config that was checked.
    pub fn of(path: PathBuf, config: Config) -> Result<Self, ConfigError> {
        match bundles::open(&config.bundle) {
            Ok(active) => Ok(Self {
                path,
                config,
                active,
            }),
            Err(error) => Err(ConfigError::Value {
                path,
                problem: format!("bundle.path: {error}"),
            }),
        }
    }
}

/// Whose events a run with this bundle gives.
pub fn identity(config: &Config, bundle: &models::Bundle) -> Identity {
    Identity {
        camera: config.camera.clone(),
        bundle: bundle.id().to_string(),
        reject_below: bundle.manifest().decision.reject_below,
    }
}
