//! The store: a folder with bundles by id and one state file. Locks, reads, writes and prunes;
//! which bundle is to be used is `state`'s matter.
//!
//! ```text
//! bundles/<id>/     a bundle as it was exported
//! bundles/.draft-*  what an install had in hand when it was interrupted
//! state.json        replaced whole at each change
//! state.lock        held for a change of state.json
//! install.lock      held for a whole install
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::state::{State, is_id};
use super::{durable, fault};
use crate::disk::Lock;

/// How the names of unfinished folders begin.
const DRAFT: &str = ".draft-";

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refuses.
    #[error("bundle store {}: {what}: {source}; it must be a folder that the agent's user can write", root.display())]
    Io {
        /// The store.
        root: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The state file does not say what is in use.
    #[error("bundle store {}: state.json is damaged ({reason}); install a bundle again to replace it", root.display())]
    State {
        /// The store.
        root: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing was ever installed there.
    #[error("bundle store {}: there is none; give the folder that the agent uses, in full, or install a bundle first", .0.display())]
    Absent(PathBuf),
    /// Two installs at the same time.
    #[error("bundle store {}: another install is at work; wait for its end", .0.display())]
    Busy(PathBuf),
}

/// A store.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in the folder `root`, which may not be there.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The store in the folder `root`, which is made if need be.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let store = Self::at(root);
        let make = || {
            fs::create_dir_all(root)?;
            let bundles = store.bundles();
            if !bundles.is_dir() {
                fs::create_dir_all(&bundles)?;
                durable::adopt(&bundles, root)?;
                durable::settle(root)?;
            }
            Ok(())
        };
        make().map_err(|source| store.failed("cannot make it", source))?;
        Ok(store)
    }

    /// The store in the folder `root`, which must be there.
    pub fn find(root: &Path) -> Result<Self, StoreError> {
        let store = Self::at(root);
        match fs::metadata(store.bundles()) {
            Ok(_) => Ok(store),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let whole = std::path::absolute(root);
                Err(StoreError::Absent(whole.unwrap_or(store.root)))
            }
            Err(error) => Err(store.failed("cannot look into it", error)),
        }
    }

    /// Where all bundles lie.
    pub fn bundles(&self) -> PathBuf {
        self.root.join("bundles")
    }

    /// Where the bundle `id` lies.
    pub fn folder(&self, id: &str) -> PathBuf {
        self.bundles().join(id)
    }

    /// A place in the store for what is not finished.
    pub fn draft(&self) -> PathBuf {
        self.bundles()
            .join(format!("{DRAFT}{}", std::process::id()))
    }

    /// The state; that of a new store when there is none yet.
    pub fn state(&self) -> Result<State, StoreError> {
        match fs::read(self.root.join("state.json")) {
            Ok(text) => State::parse(&text).map_err(|reason| StoreError::State {
                root: self.root.clone(),
                reason,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(self.failed("cannot read state.json", error)),
        }
    }

    /// Changes the state, alone and durably. Writes nothing when nothing changes.
    pub fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        let path = self.root.join("state.lock");
        let lock = Lock::wait_for(&path).and_then(|lock| self.adopted(lock, &path));
        let _lock = lock.map_err(|source| self.failed("cannot lock state.lock", source))?;
        let before = self.state()?;
        let mut state = before.clone();
        let told = change(&mut state);
        if state != before {
            self.write(&state)?;
        }
        Ok(told)
    }

    /// Puts a new store's state in the place of one that is damaged.
    pub fn reset_damaged_state(&self) -> Result<bool, StoreError> {
        let damaged = matches!(self.state(), Err(StoreError::State { .. }));
        if damaged {
            self.write(&State::default())?;
        }
        Ok(damaged)
    }

    fn write(&self, state: &State) -> Result<(), StoreError> {
        let written = || {
            let text = state.to_json()?;
            durable::replace(&self.root.join("state.json"), text.as_bytes())
        };
        written().map_err(|source| self.failed("cannot write state.json", source))
    }

    /// Keeps other installs out until it is dropped.
    pub fn lock_for_install(&self) -> Result<Lock, StoreError> {
        let path = self.root.join("install.lock");
        let lock = Lock::take(&path).and_then(|lock| self.adopted(lock, &path));
        lock.map_err(|source| self.failed("cannot lock install.lock", source))?
            .ok_or_else(|| StoreError::Busy(self.root.clone()))
    }

    /// The lock, whose file is the store's owner's.
    fn adopted<T>(&self, lock: T, path: &Path) -> io::Result<T> {
        durable::adopt(path, &self.root)?;
        Ok(lock)
    }

    /// Ids of the bundles there, the last installed first.
    pub fn installed(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.bundles())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_id(&name) {
                let since = entry
                    .metadata()?
                    .modified()
                    .unwrap_or(SystemTime::UNIX_EPOCH);
                found.push((since, name));
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().rev().map(|(_, name)| name).collect())
    }

    /// Puts the finished folder `draft` in its place as the bundle `id`.
    pub fn put_in_place(&self, draft: &Path, id: &str) -> io::Result<()> {
        let place = self.folder(id);
        if place.exists() {
            self.remove(&place)?;
        }
        fault::point();
        fs::rename(draft, &place)?;
        fault::point();
        durable::settle(&self.bundles())
    }

    /// Removes what interrupted installs left, and old bundles beyond `keep`. The one in use and
    /// the one that may come back always stay. For the holder of the install lock.
    pub fn prune(&self, keep: usize) -> Result<(), StoreError> {
        let state = self.state()?;
        let needed =
            |id: &String| Some(id) == state.current.as_ref() || Some(id) == state.previous.as_ref();
        let prune = || {
            self.sweep()?;
            let installed = self.installed()?;
            let mut room = keep.saturating_sub(installed.iter().filter(|id| needed(id)).count());
            for id in installed.iter().filter(|id| !needed(id)) {
                if room > 0 {
                    room -= 1;
                    continue;
                }
                self.remove(&self.folder(id))?;
            }
            Ok(())
        };
        prune().map_err(|source| self.failed("cannot remove an old bundle", source))
    }

    /// Removes what interrupted installs left. For the holder of the install lock.
    pub fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.bundles())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(DRAFT) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Takes a folder out of sight at once, then removes it.
    fn remove(&self, folder: &Path) -> io::Result<()> {
        let away = self.draft().with_extension("old");
        let _ = fs::remove_dir_all(&away);
        fs::rename(folder, &away)?;
        fault::point();
        fs::remove_dir_all(&away)?;
        fault::point();
        Ok(())
    }

    /// An error of this store.
    pub fn failed(&self, what: &'static str, source: io::Error) -> StoreError {
        StoreError::Io {
            root: self.root.clone(),
            what,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> String {
        format!("{number:012x}")
    }

    #[test]
    fn old_bundles_go_but_never_those_that_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for number in 0..6 {
            let place = store.folder(&id(number));
            fs::create_dir_all(place.join("golden")).unwrap();
            let since = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number);
            fs::File::open(&place).unwrap().set_modified(since).unwrap();
        }
        fs::create_dir_all(store.draft().join("golden")).unwrap();
        store
            .update(|state| {
                state.switch(&id(0), 3);
                state.prove(&id(0));
                state.switch(&id(1), 3);
            })
            .unwrap();
        store.prune(3).unwrap();
        assert_eq!(store.installed().unwrap(), [id(5), id(1), id(0)]);
        assert_eq!(fs::read_dir(store.bundles()).unwrap().count(), 3);
    }

    #[test]
    fn one_install_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let held = store.lock_for_install().unwrap();
        let told = store.lock_for_install().unwrap_err().to_string();
        assert!(told.ends_with("another install is at work; wait for its end"));
        drop(held);
        store.lock_for_install().unwrap();
    }

    #[test]
    fn a_damaged_state_is_told_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(!store.reset_damaged_state().unwrap());
        fs::write(folder.path().join("state.json"), "{\"format\":").unwrap();
        let told = store.update(State::start).unwrap_err().to_string();
        assert!(told.contains("state.json is damaged (EOF"), "{told}");
        assert!(told.ends_with("install a bundle again to replace it"));
        assert!(store.reset_damaged_state().unwrap());
        assert_eq!(store.state().unwrap(), State::default());
    }

    #[test]
    fn a_store_that_cannot_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let told = Store::open(&file).unwrap_err().to_string();
        assert!(told.contains("/file: cannot make it: "), "{told}");
        assert_eq!(told.lines().count(), 1);
    }
}
