//! Debian packages that are unpacked, not installed: fetched by apt with package lists of its own,
//! for any architecture, without root and without a trace in the machine's own lists.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::Tool;

/// A folder in which packages are fetched.
pub struct Debs {
    place: PathBuf,
    architectures: Vec<String>,
}

impl Debs {
    /// Fetches the lists of these architectures, as Debian names them; the first is the one
    /// meant by a name without one.
    pub fn update(place: &Path, architectures: &[&str]) -> Result<Self> {
        let debs = Self {
            place: place.to_path_buf(),
            architectures: architectures.iter().map(|name| name.to_string()).collect(),
        };
        let partial = debs.lists().join("partial");
        fs::create_dir_all(&partial)
            .with_context(|| format!("cannot create {}", partial.display()))?;
        debs.apt("apt-get").args(["-qq", "update"]).run_quietly()?;
        Ok(debs)
    }

    /// What `apt-cache depends` says of a package.
    pub fn depends(&self, package: &str) -> Result<String> {
        self.apt("apt-cache").args(["depends", package]).read()
    }

    /// Fetches these packages and unpacks them into `root`.
    pub fn unpack(&self, packages: &[&str], root: &Path) -> Result<()> {
        fs::create_dir_all(root).with_context(|| format!("cannot create {}", root.display()))?;
        self.apt("apt-get")
            .args(["-qq", "download"])
            .args(packages)
            .run_quietly()?;
        let found = fs::read_dir(&self.place)
            .with_context(|| format!("cannot read {}", self.place.display()))?;
        for path in found.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_some_and(|ending| ending == "deb") {
                Tool::new("dpkg-deb")
                    .arg("-x")
                    .arg(&path)
                    .arg(root)
                    .run_quietly()?;
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// Fetches packages with everything that they need on a machine that has nothing yet.
    pub fn download_with_needs(&self, packages: &[&str], archives: &Path) -> Result<()> {
        let partial = archives.join("partial");
        fs::create_dir_all(&partial)
            .with_context(|| format!("cannot create {}", partial.display()))?;
        let installed = self.lists().join("installed");
        fs::write(&installed, "")
            .with_context(|| format!("cannot write {}", installed.display()))?;
        self.apt("apt-get")
            .args(["-o", &format!("Dir::State::status={}", installed.display())])
            .args([
                "-o",
                &format!("Dir::Cache::archives={}", archives.display()),
            ])
            .args(["-qq", "-y", "--no-install-recommends", "--download-only"])
            .arg("install")
            .args(packages)
            .run_quietly()
    }

    fn lists(&self) -> PathBuf {
        self.place.join("lists")
    }

    fn apt(&self, program: &str) -> Tool {
        let mut options = vec![
            format!("APT::Architecture={}", self.architectures[0]),
            "Debug::NoLocking=1".into(),
            format!("Dir::State::Lists={}", self.lists().display()),
            format!("Dir::Cache::pkgcache={}", self.place.join("pkgs").display()),
            format!(
                "Dir::Cache::srcpkgcache={}",
                self.place.join("srcs").display()
            ),
        ];
        let each = self.architectures.iter();
        options.extend(each.map(|name| format!("APT::Architectures::={name}")));
        let words = options.into_iter().flat_map(|option| ["-o".into(), option]);
        Tool::new(program).dir(&self.place).args(words)
    }
}

impl Drop for Debs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.lists());
        let _ = fs::remove_file(self.place.join("pkgs"));
        let _ = fs::remove_file(self.place.join("srcs"));
    }
}
