//! Files below one folder and nothing else: names from requests are resolved, links and all,
//! and must end up inside. Reads; never writes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// A folder out of which no name leads.
#[derive(Clone, Debug)]
pub struct Confined {
    root: PathBuf,
}

impl Confined {
    /// Files below `folder`. Errors when it cannot be resolved.
    pub fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            root: folder.canonicalize()?,
        })
    }

    /// The folder, resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where `name`, a relative path, truly is; none when it does not exist or is not inside.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let name = Path::new(name);
        let plain = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || name.as_os_str().is_empty() {
            return None;
        }
        let found = self.root.join(name).canonicalize().ok()?;
        (found.starts_with(&self.root) && found != self.root).then_some(found)
    }

    /// A folder inside, by one name without `/`.
    pub fn folder(&self, name: &str) -> Option<Self> {
        if Path::new(name).components().count() != 1 {
            return None;
        }
        let root = self.find(name).filter(|found| found.is_dir())?;
        Some(Self { root })
    }

    /// The bytes of a regular file inside; none when there is none. Errors when it cannot be
    /// read or is longer than `limit`.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        // A pipe or device would be waited for without end.
        let Some(path) = self.find(name).filter(|found| found.is_file()) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            let text = format!("it is larger than the {} MiB that are read", limit >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_name_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let at = place.path();
        fs::create_dir_all(at.join("in/red")).unwrap();
        fs::write(at.join("in/red/1.jpg"), "inside").unwrap();
        fs::write(at.join("secret"), "outside").unwrap();
        symlink(at.join("secret"), at.join("in/red/link.jpg")).unwrap();
        symlink(at, at.join("in/up")).unwrap();
        symlink(at.join("in/red"), at.join("in/also")).unwrap();
        let confined = Confined::new(&at.join("in")).unwrap();
        let read = |name: &str| confined.read(name, 100).unwrap();
        assert_eq!(read("red/1.jpg").unwrap(), b"inside");
        assert_eq!(read("also/1.jpg").unwrap(), b"inside");
        let outside = at.join("secret");
        for name in [
            "../secret",
            "red/../../secret",
            "red/link.jpg",
            "up/secret",
            outside.to_str().unwrap(),
            "red",
            "red/none.jpg",
            "",
            ".",
            "./red/1.jpg",
            "red/1.jpg\0",
        ] {
            assert!(read(name).is_none(), "{name:?}");
        }
        assert!(confined.folder("red").is_some());
        for name in ["up", "..", "red/1.jpg", "", "/"] {
            assert!(confined.folder(name).is_none(), "{name:?}");
        }
        assert!(confined.read("red/1.jpg", 5).is_err());
    }
}
