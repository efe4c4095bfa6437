//! A command's output folder: made anew each time, recognised by a marker file, so that no
//! folder of the user's is ever removed.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// The command whose folder it is, by its name.
pub struct Maker(pub &'static str);

impl Maker {
    fn marker(&self) -> String {
        format!(".made-by-{}", self.0)
    }

    /// Fails when the folder exists and this command did not make it.
    pub fn check(&self, out: &Path) -> Result<()> {
        if out.is_symlink() || (out.exists() && !out.is_dir()) {
            bail!("{} is not a folder; give another --out", out.display());
        }
        let empty = || fs::read_dir(out).is_ok_and(|mut list| list.next().is_none());
        if out.exists() && !out.join(self.marker()).is_file() && !empty() {
            bail!(
                "{} was not made by the {} and is not empty; give another --out, or remove it",
                out.display(),
                self.0
            );
        }
        Ok(())
    }

    /// Removes what this command made there earlier and makes the folder anew.
    pub fn make(&self, out: &Path) -> Result<()> {
        self.check(out)?;
        let marker = out.join(self.marker());
        let names = match fs::read_dir(out) {
            Ok(list) => list.flatten().map(|entry| entry.path()).collect(),
            Err(_) => Vec::new(),
        };
        // The marker stays: an interrupted removal leaves a folder that is still known as ours.
        for path in names.iter().filter(|path| **path != marker) {
            let removed = match path.is_dir() && !path.is_symlink() {
                true => fs::remove_dir_all(path),
                false => fs::remove_file(path),
            };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
        fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        let text = format!(
            "`cargo xtask {}` removes everything in this folder before it starts.\n",
            self.0
        );
        fs::write(&marker, text).with_context(|| format!("cannot write into {}", out.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp::Temp;

    const DEMO: Maker = Maker("demo");

    #[test]
    fn a_new_an_empty_and_an_own_folder_are_taken() {
        let temp = Temp::new();
        let out = temp.path().join("a/demo");
        DEMO.make(&out).unwrap();
        fs::write(out.join("old"), "").unwrap();
        fs::create_dir_all(out.join("runs/1")).unwrap();
        DEMO.make(&out).unwrap();
        let left: Vec<_> = fs::read_dir(&out).unwrap().flatten().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].file_name(), ".made-by-demo");
        DEMO.make(Temp::new().path()).unwrap();
    }

    #[test]
    fn a_folder_of_the_users_is_refused_and_kept() {
        let temp = Temp::new().file("mine.txt", "kept");
        let error = DEMO.make(temp.path()).unwrap_err().to_string();
        assert!(error.contains("was not made by the demo"), "{error}");
        assert!(temp.path().join("mine.txt").is_file());
        let file = temp.path().join("mine.txt");
        let error = DEMO.make(&file).unwrap_err().to_string();
        assert!(error.contains("is not a folder"), "{error}");
    }

    #[test]
    fn a_link_is_refused() {
        let temp = Temp::new()
            .file("made/.made-by-demo", "")
            .file("made/x", "");
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(temp.path().join("made"), &link).unwrap();
        assert!(DEMO.make(&link).is_err());
        assert!(temp.path().join("made/x").is_file());
    }
}
