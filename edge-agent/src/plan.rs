//! What a run goes by: a config that was read and checked completely, and the bundle that it
//! asks for, proved. Nothing is opened that only one run at a time can have.

use std::path::{Path, PathBuf};

use models::{Bundle, Runner};

use crate::bundles::{self, Active, Counted};
use crate::config::{Config, ConfigError};
use crate::pipeline::{Identity, Pipeline};

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
    pub fn read(file: Option<&Path>, counted: &mut Counted) -> Result<Self, ConfigError> {
        let (config, path) = configured(file)?;
        Self::of(config, path, counted)
    }

    /// A plan for a config that was checked.
    pub fn of(config: Config, path: PathBuf, counted: &mut Counted) -> Result<Self, ConfigError> {
        let opened = bundles::open(&config.bundle, counted);
        let active = opened.map_err(|error| refused(&path, format!("bundle.path: {error}")))?;
        check_rules(&config, &path, &active.bundle)?;
        Ok(Self {
            path,
            config,
            active,
        })
    }
}

/// The config in `file`, or the built-in one, and what to call it.
pub fn configured(file: Option<&Path>) -> Result<(Config, PathBuf), ConfigError> {
    Ok(match file {
        Some(file) => (Config::read(file)?, file.to_path_buf()),
        None => (Config::default(), PathBuf::from("built-in config")),
    })
}

/// The pipeline that the config read from `path` asks for, to be looked at: no start of a bundle
/// on trial is counted.
pub fn pipeline(config: &Config, path: &Path) -> anyhow::Result<Pipeline<Runner>> {
    let found = bundles::look(&config.bundle);
    let bundle = found
        .map_err(|error| refused(path, format!("bundle.path: {error}")))?
        .bundle;
    check_rules(config, path, &bundle)?;
    let runner = Runner::new(&bundle)?;
    Ok(Pipeline::new(identity(config, &bundle), config, runner))
}

/// Whose events a run with this bundle gives.
pub fn identity(config: &Config, bundle: &Bundle) -> Identity {
    Identity {
        camera: config.camera.clone(),
        bundle: bundle.id().to_string(),
        reject_below: bundle.manifest().decision.reject_below,
    }
}

fn check_rules(config: &Config, path: &Path, bundle: &Bundle) -> Result<(), ConfigError> {
    let checked = config.check_rules(Some(&bundle.manifest().labels));
    checked.map_err(|bad| refused(path, bad.to_string()))
}

fn refused(path: &Path, problem: String) -> ConfigError {
    ConfigError::Value {
        path: path.to_path_buf(),
        problem,
    }
}
