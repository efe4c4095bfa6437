//! A bundle: a folder with `manifest.json`, the model and golden pictures, verified bit by bit
//! when opened and proved to work before it is put in place. Not the network's execution.
//!
//! `manifest.json` holds the hash of every other file; `manifest.sha256` holds the manifest's,
//! in the form that `sha256sum --check` reads.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::hash::sha256_hex;
use crate::manifest::{Arithmetic, FileEntry, Manifest, ManifestError};
use crate::runner::{Runner, RunnerError};

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
/// The file that holds the manifest's hash.
pub const MANIFEST_SHA256: &str = "manifest.sha256";
/// The network's file name.
pub const MODEL: &str = "model.onnx";

/// Largest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// Largest other file, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most files besides the manifest.
pub const MAX_FILES: usize = 64;

/// Why a folder is no usable bundle. Every text names the bundle and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file could not be read.
    #[error(
        "bundle {bundle}: cannot read {file}: {source}; give the folder that `host-trainer export` made"
    )]
    Read {
        /// The bundle's folder.
        bundle: String,
        /// The file inside it.
        file: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is not what the manifest says.
    #[error("bundle {bundle}: {file} is damaged ({what}); copy or export the bundle again")]
    Damaged {
        /// The bundle's folder.
        bundle: String,
        /// The file inside it.
        file: String,
        /// What does not fit.
        what: String,
    },
    /// The manifest is unusable.
    #[error("bundle {bundle}: {source}")]
    Manifest {
        /// The bundle's folder.
        bundle: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// The network does not load, run, or answer as it did at export.
    #[error("bundle {bundle}: {source}")]
    Runner {
        /// The bundle's folder.
        bundle: String,
        /// What went wrong.
        source: RunnerError,
    },
    /// The place to write to is taken.
    #[error("{} exists already; remove it or choose another folder", .0.display())]
    Exists(PathBuf),
    /// The bundle could not be written.
    #[error("cannot write the bundle {}: {source}; nothing was left there", path.display())]
    Write {
        /// The bundle's folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A verified bundle in memory: every byte is the one its manifest vouches for.
#[derive(Clone, Debug)]
pub struct Bundle {
    origin: String,
    id: String,
    manifest: Manifest,
    manifest_text: Cow<'static, [u8]>,
    files: BTreeMap<String, Cow<'static, [u8]>>,
}

impl Bundle {
    /// Reads and verifies the bundle in `folder`: sizes, hashes, format, labels, input. The
    /// network is proved by [`Runner::new`].
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let origin = folder.display().to_string();
        Self::verify(origin, |name, limit| {
            read_limited(&folder.join(name), limit).map(Cow::Owned)
        })
    }

    /// A bundle whose files are compiled in, as `(path, bytes)`.
    pub(crate) fn embedded(
        origin: &str,
        files: &[(&str, &'static [u8])],
    ) -> Result<Self, BundleError> {
        Self::verify(origin.to_string(), |name, _| {
            let found = files.iter().find(|(path, _)| *path == name);
            found
                .map(|(_, bytes)| Cow::Borrowed(*bytes))
                .ok_or(io::ErrorKind::NotFound.into())
        })
    }

    /// Builds the bundle folder `out` from a model, golden pictures (as PNG bytes) and texts
    /// (such as `CARD.md`): written beside `out`, read back, its golden pictures replayed, and
    /// only then renamed into place. `manifest.files` and `manifest.golden` are filled in here.
    ///
    /// Errors when `out` exists, when a check fails or when writing fails; then `out` is absent.
    pub fn write(
        out: &Path,
        mut manifest: Manifest,
        model: Vec<u8>,
        golden: Vec<Vec<u8>>,
        texts: Vec<(String, String)>,
    ) -> Result<Self, BundleError> {
        if out.exists() {
            return Err(BundleError::Exists(out.to_path_buf()));
        }
        let origin = out.display().to_string();
        let mut files = BTreeMap::from([(MODEL.to_string(), model)]);
        let labels = manifest.labels.clone().into();
        let temperature = manifest.decision.temperature;
        let runner_failed = |source| BundleError::Runner {
            bundle: origin.clone(),
            source,
        };
        let mut runner = Runner::unproved(&files[MODEL], &manifest.input, labels, temperature)
            .map_err(runner_failed)?;
        manifest.golden.clear();
        for (index, png) in golden.into_iter().enumerate() {
            let file = format!("golden/{index}.png");
            let frame = crate::picture::decode(&png).map_err(|error| {
                runner_failed(RunnerError::GoldenPicture {
                    file: file.clone(),
                    reason: error.to_string(),
                })
            })?;
            manifest
                .golden
                .push(runner.golden(&file, frame.view()).map_err(runner_failed)?);
            files.insert(file, png);
        }
        files.extend(
            texts
                .into_iter()
                .map(|(name, text)| (name, text.into_bytes())),
        );
        manifest.files = files
            .iter()
            .map(|(name, bytes)| {
                let entry = FileEntry {
                    bytes: bytes.len() as u64,
                    sha256: sha256_hex(bytes),
                };
                (name.clone(), entry)
            })
            .collect();
        let manifest_failed = |source| BundleError::Manifest {
            bundle: origin.clone(),
            source,
        };
        let text = manifest.to_json().map_err(manifest_failed)?;
        let line = format!("{}  {MANIFEST}\n", sha256_hex(text.as_bytes()));
        files.insert(MANIFEST.into(), text.into_bytes());
        files.insert(MANIFEST_SHA256.into(), line.into_bytes());

        let write_failed = |source| BundleError::Write {
            path: out.to_path_buf(),
            source,
        };
        let parent = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(write_failed)?;
        let draft = tempfile::Builder::new()
            .prefix(".bundle-")
            .tempdir_in(parent)
            .map_err(write_failed)?;
        let place = draft.path().join("bundle");
        write_durably(&place, &files).map_err(write_failed)?;
        let opened = Self::open(&place)?;
        Runner::new(&opened).map_err(runner_failed)?;
        // What other machines will do.
        if opened.manifest.arithmetic == Arithmetic::Half {
            Runner::emulating(&opened).map_err(runner_failed)?;
        }
        fs::rename(&place, out)
            .and_then(|()| File::open(parent)?.sync_all())
            .map_err(write_failed)?;
        Ok(Self { origin, ..opened })
    }

    /// Where it came from, for messages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Twelve hexadecimal digits that differ between any two bundles.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The network, as the bytes of an ONNX file.
    pub fn model(&self) -> &[u8] {
        self.file(MODEL).unwrap_or_default()
    }

    /// A file's bytes by its path inside the bundle; the manifest and its hash are not among
    /// them.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|bytes| bytes.as_ref())
    }

    /// The bytes of [`MANIFEST`] and the text of [`MANIFEST_SHA256`].
    pub(crate) fn manifest_files(&self) -> (&[u8], String) {
        let digest = sha256_hex(&self.manifest_text);
        (&self.manifest_text, format!("{digest}  {MANIFEST}\n"))
    }

    /// Writes all files into the new folder `folder` and makes them durable.
    pub fn copy_to(&self, folder: &Path) -> io::Result<()> {
        let (manifest, digest) = self.manifest_files();
        let mut files: BTreeMap<&str, &[u8]> = self
            .files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_ref()))
            .collect();
        files.insert(MANIFEST, manifest);
        files.insert(MANIFEST_SHA256, digest.as_bytes());
        fs::create_dir(folder)?;
        write_durably(folder, &files)
    }

    pub(crate) fn verify(
        bundle: String,
        read: impl Fn(&str, u64) -> io::Result<Cow<'static, [u8]>>,
    ) -> Result<Self, BundleError> {
        let get = |name: &str, limit| {
            read(name, limit).map_err(|source| BundleError::Read {
                bundle: bundle.clone(),
                file: name.into(),
                source,
            })
        };
        let damaged = |file: &str, what: String| BundleError::Damaged {
            bundle: bundle.clone(),
            file: file.into(),
            what,
        };
        let text = get(MANIFEST, MAX_MANIFEST_BYTES)?;
        let digest = sha256_hex(&text);
        if *get(MANIFEST_SHA256, 256)? != *format!("{digest}  {MANIFEST}\n").as_bytes() {
            let what = format!("its SHA-256 is not the one in {MANIFEST_SHA256}");
            return Err(damaged(MANIFEST, what));
        }
        let manifest = Manifest::parse(&text).map_err(|source| BundleError::Manifest {
            bundle: bundle.clone(),
            source,
        })?;
        if manifest.files.len() > MAX_FILES {
            let what = format!("{} files; {MAX_FILES} can be", manifest.files.len());
            return Err(damaged(MANIFEST, what));
        }
        if !manifest.files.contains_key(MODEL) {
            return Err(damaged(MANIFEST, format!("it does not list {MODEL}")));
        }
        let mut files = BTreeMap::new();
        for (name, entry) in &manifest.files {
            let bytes = get(name, MAX_FILE_BYTES)?;
            if bytes.len() as u64 != entry.bytes {
                let what = format!("{} bytes instead of {}", bytes.len(), entry.bytes);
                return Err(damaged(name, what));
            }
            if sha256_hex(&bytes) != entry.sha256 {
                return Err(damaged(name, "its SHA-256 is not the manifest's".into()));
            }
            files.insert(name.clone(), bytes);
        }
        Ok(Self {
            origin: bundle,
            id: digest[..12].to_string(),
            manifest,
            manifest_text: text,
            files,
        })
    }
}

/// Reads a whole file of at most `limit` bytes.
fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let text = format!("it is larger than the {limit} bytes that are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

fn write_durably<N: AsRef<str>, B: AsRef<[u8]>>(
    folder: &Path,
    files: &BTreeMap<N, B>,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut folders = BTreeSet::from([folder.to_path_buf()]);
    for (name, bytes) in files {
        let path = folder.join(name.as_ref());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
            folders.insert(parent.to_path_buf());
        }
        let mut file = File::create(path)?;
        file.write_all(bytes.as_ref())?;
        file.sync_all()?;
    }
    folders
        .iter()
        .try_for_each(|folder| File::open(folder)?.sync_all())
}
