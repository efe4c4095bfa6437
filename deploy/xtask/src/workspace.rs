//! Where things lie: the workspace root, the cache folder, the built programs.
//! Looks only; creates nothing.

use anyhow::{Context, Result};
use std::env;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folder of the workspace's Cargo.toml.
pub fn root() -> PathBuf {
    // Cargo's run-time value first: it stays right when the checkout was moved.
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .unwrap_or(here)
}

/// `car-colour` in the user's cache folder.
pub fn cache() -> Result<PathBuf> {
    cache_from(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
        .context("neither XDG_CACHE_HOME nor HOME is set; set one, downloads are kept there")
}

fn cache_from(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // The XDG specification says that a relative value is to be ignored.
    let xdg = xdg.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home.filter(|value| !value.is_empty()).map(PathBuf::from);
    Some(
        xdg.or_else(|| Some(home?.join(".cache")))?
            .join("car-colour"),
    )
}

/// The folder that cargo builds into, wherever the user's settings have it.
pub fn target() -> PathBuf {
    let here = env::current_exe().unwrap_or_default();
    target_of(&here).unwrap_or_else(|| root().join("target"))
}

/// A program lies in its profile's folder there, a test in `deps` in that.
fn target_of(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    let profile = match folder.ends_with("deps") {
        true => folder.parent()?,
        false => folder,
    };
    profile.parent().map(Path::to_path_buf)
}

/// A program of this workspace built in the same profile as this one.
pub fn program(name: &str) -> Result<PathBuf> {
    let here = env::current_exe().context("the path of the running program is unknown")?;
    Ok(here.with_file_name(name))
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    // The owner of a process's own folder is its effective user.
    std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

/// The first of these programs that PATH has.
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_follows_xdg_then_home() {
        let case = |xdg: Option<&str>, home: Option<&str>| {
            cache_from(xdg.map(OsString::from), home.map(OsString::from))
        };
        assert_eq!(case(Some("/x"), Some("/h")), Some("/x/car-colour".into()));
        assert_eq!(case(None, Some("/h")), Some("/h/.cache/car-colour".into()));
        assert_eq!(
            case(Some("relative"), Some("/h")),
            Some("/h/.cache/car-colour".into())
        );
        assert_eq!(case(None, Some("")), None);
    }

    #[test]
    fn the_target_folder_holds_the_profiles() {
        let case = |program: &str| target_of(Path::new(program));
        assert_eq!(case("/x/debug/xtask"), Some("/x".into()));
        assert_eq!(case("/x/release/deps/xtask-1a"), Some("/x".into()));
        assert_eq!(case(""), None);
        let here = env::current_exe().unwrap();
        assert!(here.starts_with(target()), "{}", target().display());
    }

    #[test]
    fn the_root_has_the_workspace_manifest() {
        let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(text.contains("[workspace]"));
    }
}
