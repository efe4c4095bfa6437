//! Calling the program in a folder, away from the user's own cache. No tests.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `host-trainer` in `folder` with downloads kept in `folder/cache` and nobody to fetch
/// them from.
pub fn host_trainer(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_host-trainer"))
        .current_dir(folder)
        .env("OMP_WAIT_POLICY", "passive")
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("CAR_COLOUR_WEIGHTS_URL", "http://127.0.0.1:9/models/")
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("TORCH_HOME")
        .args(arguments.split_whitespace())
        .output()
        .unwrap()
}
