//! The writing of files that must survive a power cut: appends that happen whole or not at
//! all, syncs, renames; every byte and every sync is counted, because flash cards wear out.
//! Knows nothing of what is in the files. In tests it fails on request.

#[cfg(test)]
pub mod faults;
mod shut_out;

use std::fs::{File, OpenOptions, ReadDir, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use shut_out::judged;

/// What was asked of the disk so far.
#[derive(Debug, Default)]
pub struct Wear {
    bytes: AtomicU64,
    syncs: AtomicU64,
}

impl Wear {
    /// Bytes written to files.
    #[cfg(test)]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Syncs of files and folders.
    #[cfg(test)]
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

/// The operations on names; files come from [`Disk::append_to`]. Clones share their count.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    wear: Arc<Wear>,
    #[cfg(test)]
    faults: Arc<faults::Faults>,
}

impl Disk {
    /// What was asked of it so far.
    #[cfg(test)]
    pub fn wear(&self) -> &Wear {
        &self.wear
    }

    /// How it is told to fail.
    #[cfg(test)]
    pub fn faults(&self) -> &faults::Faults {
        &self.faults
    }

    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        self.faults.step()
    }

    #[cfg(test)]
    fn reading_step(&self) -> io::Result<()> {
        self.faults.reading_step()
    }

    #[cfg(not(test))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "tests fail here"
    )]
    fn step(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(not(test))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "tests fail here"
    )]
    fn reading_step(&self) -> io::Result<()> {
        Ok(())
    }

    /// Makes a folder and those it is in, where they are missing.
    pub fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        std::fs::create_dir_all(folder)
    }

    /// Opens a file to read.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        self.reading_step()?;
        File::open(path)
    }

    /// All of a file.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.reading_step()?;
        std::fs::read(path)
    }

    /// What is in a folder.
    pub fn entries(&self, folder: &Path) -> io::Result<ReadDir> {
        self.reading_step()?;
        std::fs::read_dir(folder)
    }

    /// Fills the buffer from a place in a file.
    pub fn read_at(&self, file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.reading_step()?;
        file.read_exact_at(buffer, at)
    }

    /// Opens a file to read and to append to; makes it when it is missing.
    pub fn append_to(&self, path: &Path) -> io::Result<DiskFile> {
        self.step()?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let len = file.metadata()?.len();
        Ok(DiskFile {
            disk: self.clone(),
            file,
            len,
            torn: false,
        })
    }

    /// Writes a small file anew, over what is there. Not atomic: its reader checks it.
    pub fn overwrite(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        file.write_all_at(bytes, 0)?;
        self.count(bytes.len());
        Ok(())
    }

    /// Gives a file another name, over whatever had it.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        std::fs::rename(from, to)
    }

    /// Removes a file.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        std::fs::remove_file(path)
    }

    /// Makes names in a folder survive a power cut.
    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        self.wear.syncs.fetch_add(1, Ordering::Relaxed);
        File::open(folder)?.sync_all()
    }

    fn count(&self, bytes: usize) {
        self.wear.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A file that is appended to.
#[derive(Debug)]
pub struct DiskFile {
    disk: Disk,
    file: File,
    len: u64,
    /// Bytes of a failed append may lie behind `len`.
    torn: bool,
}

impl DiskFile {
    /// Bytes that were appended whole.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Appends everything or nothing: what a failure leaves is cut off at once or, if that
    /// fails too, before the next append.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.mend()?;
        match self.write(bytes) {
            Ok(()) => {
                self.len += bytes.len() as u64;
                self.disk.count(bytes.len());
                Ok(())
            }
            Err(error) => {
                self.torn = true;
                let _ = self.mend();
                Err(error)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Err(error) = self.disk.step() {
            // A real failure leaves some of the bytes behind.
            io::Write::write_all(&mut self.file, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        io::Write::write_all(&mut self.file, bytes)
    }

    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.truncate(self.len)?;
        }
        Ok(())
    }

    /// Cuts the file off.
    pub fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.disk.step()?;
        self.file.set_len(len)?;
        self.len = len;
        self.torn = false;
        Ok(())
    }

    /// Makes what was appended survive a power cut.
    pub fn sync(&self) -> io::Result<()> {
        self.disk.step()?;
        #[cfg(test)]
        self.disk.faults.syncing_step()?;
        self.disk.wear.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync_data()
    }

    /// Fills the buffer from a place in the file.
    pub fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, at)
    }

    /// Whether the path still names this file. Only a disk that says otherwise is believed.
    pub fn is_at(&self, path: &Path) -> bool {
        match (self.file.metadata(), std::fs::metadata(path)) {
            (Ok(own), Ok(there)) => (own.dev(), own.ino()) == (there.dev(), there.ino()),
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
            (Err(_), Ok(_)) => true,
        }
    }

    /// Whether no name leads to this file any more.
    pub fn is_deleted(&self) -> bool {
        self.file.metadata().is_ok_and(|data| data.nlink() == 0)
    }

    /// How long ago the file was made, if the file system knows and the clock agrees.
    pub fn age(&self) -> Option<std::time::Duration> {
        self.file.metadata().ok()?.created().ok()?.elapsed().ok()
    }
}

/// The sole right to write to something, held until dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Not left to the closing: a child that is just being started has the file open too.
        let _ = self.0.unlock();
    }
}

impl Lock {
    /// Takes the lock that is the file `path`; `Ok(None)` when another process has it.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = Self::file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes it when the other process gives it back.
    pub fn wait_for(path: &Path) -> io::Result<Self> {
        let file = Self::file(path)?;
        file.lock()?;
        Ok(Self(file))
    }

    fn file(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path)
    }
}

/// Of folders on one disk the first; without any the root.
pub fn apart(folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut known = Vec::new();
    let mut apart: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let device = std::fs::metadata(&folder).ok().map(|data| data.dev());
        if device.is_none_or(|device| !known.contains(&device)) {
            known.extend(device);
            apart.push(folder);
        }
    }
    if apart.is_empty() {
        apart.push("/".into());
    }
    apart
}

/// The folder a file is in.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The folder itself or, where it is missing, the nearest one that it would be in.
pub fn nearest(folder: &Path) -> &Path {
    let mut parts = folder.ancestors().map(|part| match part.as_os_str().len() {
        0 => Path::new("."),
        _ => part,
    });
    parts.find(|part| part.exists()).unwrap_or(folder)
}

/// Whether the failure comes of the disk's state, which may change while the agent runs, and
/// not of a path that was never usable. A read-only file system is [`judged`] first.
pub fn may_pass(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StaleNetworkFileHandle
    ) || error.raw_os_error() == Some(libc::EIO)
}

/// What to do about a failing disk.
pub fn remedy(error: &io::Error) -> &'static str {
    if let Some(remedy) = shut_out::remedy(error) {
        return remedy;
    }
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space there",
        io::ErrorKind::ReadOnlyFilesystem => "make that file system writable again",
        io::ErrorKind::PermissionDenied => "let the agent's user write there",
        io::ErrorKind::NotFound => "make that folder",
        _ => "look for disk errors in the system's log",
    }
}

#[cfg(test)]
mod tests;
