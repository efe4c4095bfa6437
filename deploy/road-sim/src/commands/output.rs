//! The folder a command writes: it must be new or empty, and appears whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::Misuse;

/// A folder in the making, beside the place where it will stand. Dropped unfinished, it is
/// removed.
pub struct Output {
    target: PathBuf,
    making: PathBuf,
    finished: bool,
}

impl Output {
    /// Begins the folder `target`. Refuses a file and a folder that holds anything.
    pub fn begin(target: &Path) -> anyhow::Result<Self> {
        if target.exists() {
            let shown = target.display();
            if !target.is_dir() {
                return Err(Misuse(format!("{shown} is not a folder: name a new folder")).into());
            }
            let mut entries =
                fs::read_dir(target).with_context(|| format!("cannot list {shown}"))?;
            if entries.next().is_some() {
                let text = format!("{shown} is not empty: name a new folder, or empty this one");
                return Err(Misuse(text).into());
            }
        }
        let absolute = std::path::absolute(target)
            .with_context(|| format!("cannot find {}", target.display()))?;
        let Some(name) = absolute.file_name() else {
            let text = format!(
                "{} cannot be written as a whole: name a new folder",
                target.display()
            );
            return Err(Misuse(text).into());
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".unfinished-{}", std::process::id()));
        let making = absolute.with_file_name(hidden);
        fs::create_dir_all(&making).with_context(|| format!("cannot make {}", making.display()))?;
        Ok(Self {
            target: absolute,
            making,
            finished: false,
        })
    }

    /// Writes the file `name`, folders in it included.
    pub fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.making.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Puts the folder in its place.
    pub fn finish(mut self) -> anyhow::Result<()> {
        // Renaming replaces an empty folder and fails on one that was filled meanwhile.
        fs::rename(&self.making, &self.target)
            .with_context(|| format!("cannot put {} in its place", self.target.display()))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing is left to tell the caller that the first error did not.
            let _ = fs::remove_dir_all(&self.making);
        }
    }
}

/// A progress bar on a terminal's standard error.
pub fn progress(total: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    if let Ok(style) =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}, {per_sec}, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}
