//! One archive becomes the store's current bundle, or nothing changes: read, signature, contents,
//! golden pictures, then files on disk, read back, and last the switch. A power cut between any
//! two steps leaves the old bundle or the new one in use.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use models::archive::MAX_ARCHIVE_BYTES;
use models::{Archive, ArchiveError, Bundle, BundleError, Runner, RunnerError};
use semver::Version;

use super::signed::{self, SignatureError};
use super::store::{Store, StoreError};
use super::{durable, fault};

/// Space that is left free on the store's disk for everything else.
const MARGIN_BYTES: u64 = 4 << 20;

/// What is to be installed, and how.
#[derive(Debug)]
pub struct Request<'a> {
    /// The archive.
    pub file: &'a Path,
    /// Whose signature counts.
    pub public_key: &'a Path,
    /// Whether one that was taken back before is welcome.
    pub again: bool,
    /// Whether a version older than the one in use is welcome.
    pub allow_older: bool,
    /// Starts that it has to prove itself.
    pub starts: u32,
    /// Bundles that are kept.
    pub keep: usize,
}

/// Why an archive was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// It cannot be read.
    #[error("cannot read {}: {source}; give the archive that `edge-agent bundle pack` made", path.display())]
    Read {
        /// The archive.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Nobody vouches for it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is no packed bundle.
    #[error("{}: {source}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        source: ArchiveError,
    },
    /// What it holds is no usable bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its network does not answer here as it did at export.
    #[error("bundle {bundle}: {source}")]
    Runner {
        /// The archive.
        bundle: String,
        /// What went wrong.
        source: RunnerError,
    },
    /// It was tried before.
    #[error("bundle {0} was taken back here before; say --again to try it once more")]
    TakenBack(String),
    /// An old bundle with a good signature can be played back by anybody who has it.
    #[error("bundle {id} is {name} {version}, and {in_use} is in use; {}", advice(*comparable))]
    Older {
        /// Its id.
        id: String,
        /// Its name, which is that of the bundle in use.
        name: String,
        /// Its version.
        version: String,
        /// That of the bundle in use.
        in_use: String,
        /// Whether both are versions like 1.2.3.
        comparable: bool,
    },
    /// There is no room.
    #[error("{}: {needed} kB are needed and {free} kB free; remove something there", store.display())]
    Space {
        /// The store's folder of bundles.
        store: PathBuf,
        /// What the bundle takes, with a margin.
        needed: u64,
        /// What is there.
        free: u64,
    },
    /// Writing failed.
    #[error("cannot write the bundle into {}: {source}; nothing was left there", store.display())]
    Write {
        /// The store's folder of bundles.
        store: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn advice(comparable: bool) -> &'static str {
    if comparable {
        "say --allow-older if an older one is meant"
    } else {
        "which of them is older cannot be told; say --allow-older if this one is meant"
    }
}

/// Removes an unfinished folder whatever happens.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Installs the archive and puts its bundle on trial.
pub fn install(store: &Store, request: &Request<'_>) -> Result<Bundle, InstallError> {
    let bytes = read(request.file).map_err(|source| InstallError::Read {
        path: request.file.to_path_buf(),
        source,
    })?;
    // Before anything else reads the bytes: an archive of a stranger is not even parsed.
    let vouched = signed::verify(request.file, &bytes, request.public_key)?;
    let archive = Archive::parse(&bytes).map_err(|source| InstallError::Archive {
        path: request.file.to_path_buf(),
        source,
    })?;
    let origin = request.file.display().to_string();
    let bundle = Bundle::from_archive(&origin, &archive)?;
    vouched.is_for(bundle.id())?;
    Runner::new(&bundle).map_err(|source| InstallError::Runner {
        bundle: origin,
        source,
    })?;

    let _lock = store.lock_for_install()?;
    store.reset_damaged_state()?;
    if !request.again && store.state()?.refused.iter().any(|id| id == bundle.id()) {
        return Err(InstallError::TakenBack(bundle.id().to_string()));
    }
    if !request.allow_older {
        refuse_older(&bundle, &in_use(store)?)?;
    }
    fault::point();
    put(store, &bundle)?;
    fault::point();
    store.update(|state| state.switch(bundle.id(), request.starts))?;
    fault::point();
    store.prune(request.keep)?;
    Ok(bundle)
}

/// The bundle that a start would use, as far as it opens.
fn in_use(store: &Store) -> Result<Bundle, InstallError> {
    let state = store.state()?;
    let mut named = [state.current, state.previous].into_iter().flatten();
    let found = named.find_map(|id| Bundle::open(&store.folder(&id)).ok());
    Ok(match found {
        Some(bundle) => bundle,
        None => Bundle::shipped()?,
    })
}

/// Refuses an older version of the same name.
fn refuse_older(bundle: &Bundle, in_use: &Bundle) -> Result<(), InstallError> {
    let (new, old) = (bundle.manifest(), in_use.manifest());
    if new.name != old.name || new.version == old.version {
        return Ok(());
    }
    let versions = (Version::parse(&new.version), Version::parse(&old.version));
    let comparable = match versions {
        (Ok(new), Ok(old)) if new >= old => return Ok(()),
        (Ok(_), Ok(_)) => true,
        _ => false,
    };
    Err(InstallError::Older {
        id: bundle.id().to_string(),
        name: new.name.clone(),
        version: new.version.clone(),
        in_use: old.version.clone(),
        comparable,
    })
}

/// Writes the bundle into its place, unless it is there already.
fn put(store: &Store, bundle: &Bundle) -> Result<(), InstallError> {
    if Bundle::open(&store.folder(bundle.id())).is_ok_and(|there| there.id() == bundle.id()) {
        return Ok(());
    }
    let bundles = store.bundles();
    let failed = |source| InstallError::Write {
        store: bundles.clone(),
        source,
    };
    store.sweep().map_err(failed)?;
    room_for(bundle, &bundles)?;
    let draft = Draft(store.draft());
    bundle.copy_to(&draft.0).map_err(failed)?;
    durable::adopt(&draft.0, &bundles).map_err(failed)?;
    fault::point();
    Bundle::open(&draft.0)?;
    fault::point();
    store.put_in_place(&draft.0, bundle.id()).map_err(failed)
}

fn room_for(bundle: &Bundle, folder: &Path) -> Result<(), InstallError> {
    let files = &bundle.manifest().files;
    // Each file takes whole blocks, and the manifest is among them.
    let bytes: u64 = files.values().map(|file| file.bytes + 4096).sum();
    let needed = bytes + MARGIN_BYTES;
    let disk = rustix::fs::statvfs(folder).map_err(|source| InstallError::Write {
        store: folder.to_path_buf(),
        source: source.into(),
    })?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(InstallError::Space {
        store: folder.to_path_buf(),
        needed: needed / 1000,
        free: free / 1000,
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_ARCHIVE_BYTES + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}
