//! Writing that a power cut cannot halve: a file is replaced whole, a folder's entries are
//! settled. What is written is not known here.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use super::fault;

/// Puts `bytes` in the place of the file `path`: the old bytes or the new ones are there at any
/// moment, and the new ones once this returns. After an error nothing is left beside it.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = (|| {
        let mut file = File::create(&draft)?;
        fault::point();
        file.write_all(bytes)?;
        file.sync_all()?;
        adopt(&draft, folder)?;
        fault::point();
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written?;
    fault::point();
    settle(folder)
}

/// Makes a folder's entries durable.
pub fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Gives `path` and what is below it to the owner of `folder`, so that what root installs
/// remains the service's own.
pub fn adopt(path: &Path, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    give(path, owner.uid(), owner.gid())
}

fn give(path: &Path, user: u32, group: u32) -> io::Result<()> {
    let there = fs::symlink_metadata(path)?;
    if there.uid() != user {
        chown(path, Some(user), Some(group))?;
    }
    if there.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), user, group)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        replace(&path, b"a long first text").unwrap();
        replace(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        // A folder in its place cannot be replaced.
        let taken = folder.path().join("taken.json");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("x"), "").unwrap();
        assert!(replace(&taken, b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
