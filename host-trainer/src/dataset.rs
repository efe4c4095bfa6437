//! A dataset is a folder with one folder of pictures for each class. This lists it; it decodes
//! nothing and splits nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use models::hash::sha256_hex;
use models::picture::{self, EXTENSIONS, PictureError};

/// One picture of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Its path below the dataset's folder, with `/` between parts.
    pub path: String,
    /// Index of its class.
    pub class: usize,
    /// Length of the file.
    pub bytes: u64,
}

/// A listed dataset.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The folder.
    pub root: PathBuf,
    /// Class names, sorted: the names of the folders.
    pub classes: Vec<String>,
    /// All pictures, by class and path.
    pub items: Vec<Item>,
}

/// Why a folder is no dataset.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// There is no such folder.
    #[error("there is no folder {}; give one that holds a folder of pictures for each class", .0.display())]
    Missing(PathBuf),
    /// There are no class folders.
    #[error("{} holds no class folders; put the pictures of each class into a folder named like it (red, blue, …)", .0.display())]
    NoClasses(PathBuf),
    /// One class alone cannot be told from another.
    #[error("{} has the one class {class}; a classifier needs at least two class folders", root.display())]
    OneClass {
        /// The dataset.
        root: PathBuf,
        /// Its only class.
        class: String,
    },
    /// A class has nothing in it.
    #[error("the class folder {} holds no pictures ({}); add some or remove the folder", .0.display(), EXTENSIONS.join(", "))]
    EmptyClass(PathBuf),
    /// A class that the network does not know.
    #[error("{} has the class {class}, which is not among {known}; remove or rename the folder", root.display())]
    UnknownClass {
        /// The dataset.
        root: PathBuf,
        /// The class.
        class: String,
        /// The classes that can be.
        known: String,
    },
    /// A folder cannot be listed.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

impl Dataset {
    /// Lists the dataset in `root`. Its classes are its folders' names, at least two, each with
    /// a picture.
    pub fn scan(root: &Path) -> Result<Self, DatasetError> {
        let dataset = Self::list(root)?;
        if let [class] = dataset.classes.as_slice() {
            return Err(DatasetError::OneClass {
                root: root.into(),
                class: class.clone(),
            });
        }
        Ok(dataset)
    }

    /// Lists a dataset whose classes must be among `classes`, and gives its items their indices.
    /// A class may be absent.
    pub fn scan_known(root: &Path, classes: &[String]) -> Result<Self, DatasetError> {
        let mut dataset = Self::list(root)?;
        let mut index = Vec::new();
        for class in &dataset.classes {
            let found = classes.iter().position(|known| known == class);
            index.push(found.ok_or_else(|| DatasetError::UnknownClass {
                root: root.into(),
                class: class.clone(),
                known: classes.join(", "),
            })?);
        }
        for item in &mut dataset.items {
            item.class = index[item.class];
        }
        dataset.classes = classes.to_vec();
        sort(&mut dataset.items);
        Ok(dataset)
    }

    /// Like [`Dataset::scan_known`], but other class folders are passed over.
    pub fn scan_within(root: &Path, classes: &[String]) -> Result<Self, DatasetError> {
        let all = Self::list(root)?;
        let within = |item: Item| {
            let name = &all.classes[item.class];
            let class = classes.iter().position(|known| known == name)?;
            Some(Item { class, ..item })
        };
        let mut items: Vec<Item> = all.items.iter().cloned().filter_map(within).collect();
        sort(&mut items);
        Ok(Self {
            root: root.into(),
            classes: classes.to_vec(),
            items,
        })
    }

    fn list(root: &Path) -> Result<Self, DatasetError> {
        if !root.is_dir() {
            return Err(DatasetError::Missing(root.into()));
        }
        let failed = |source| PictureError::Read {
            path: root.into(),
            source,
        };
        let mut classes = Vec::new();
        for entry in std::fs::read_dir(root).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !name.starts_with('.') {
                classes.push(name);
            }
        }
        classes.sort();
        if classes.is_empty() {
            return Err(DatasetError::NoClasses(root.into()));
        }
        let mut items = Vec::new();
        for (class, name) in classes.iter().enumerate() {
            let folder = root.join(name);
            let before = items.len();
            for path in picture::list(&folder)? {
                let bytes = std::fs::metadata(&path).map_or(0, |found| found.len());
                let below = path.strip_prefix(root).unwrap_or(&path);
                let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
                items.push(Item {
                    path: parts.join("/"),
                    class,
                    bytes,
                });
            }
            if items.len() == before {
                return Err(DatasetError::EmptyClass(folder));
            }
        }
        sort(&mut items);
        Ok(Self {
            root: root.into(),
            classes,
            items,
        })
    }

    /// The file of an item.
    pub fn file(&self, item: &Item) -> PathBuf {
        self.root.join(&item.path)
    }

    /// The same dataset with only some of its items.
    pub fn with(&self, items: Vec<Item>) -> Self {
        Self {
            root: self.root.clone(),
            classes: self.classes.clone(),
            items,
        }
    }

    /// Pictures of each class, classes without pictures included.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        let mut counts: BTreeMap<String, u32> = self
            .classes
            .iter()
            .map(|class| (class.clone(), 0))
            .collect();
        for item in &self.items {
            *counts.entry(self.classes[item.class].clone()).or_default() += 1;
        }
        counts
    }

    /// SHA-256 over the items' sorted paths and lengths: tells two datasets apart.
    pub fn fingerprint(&self) -> String {
        let mut items: Vec<&Item> = self.items.iter().collect();
        items.sort();
        let lines: String = items
            .iter()
            .map(|item| format!("{}\t{}\n", item.path, item.bytes))
            .collect();
        sha256_hex(lines.as_bytes())
    }
}

/// The order of [`Dataset::items`], by the bytes of the path: `a-b/1.png` before `a/1.png`, unlike
/// folder by folder.
fn sort(items: &mut [Item]) {
    items.sort_by(|a, b| (a.class, &a.path).cmp(&(b.class, &b.path)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if !file.ends_with('/') {
                std::fs::write(path, "x").unwrap();
            }
        }
        root
    }

    #[test]
    fn classes_are_the_folders() {
        let root = folder(&[
            "red/b.jpg",
            "red/deep/a.PNG",
            "blue/a.jpg",
            "notes.txt",
            ".git/x.png",
        ]);
        let dataset = Dataset::scan(root.path()).unwrap();
        assert_eq!(dataset.classes, ["blue", "red"]);
        let found: Vec<_> = dataset
            .items
            .iter()
            .map(|i| (i.path.as_str(), i.class))
            .collect();
        assert_eq!(
            found,
            [("blue/a.jpg", 0), ("red/b.jpg", 1), ("red/deep/a.PNG", 1)]
        );
        assert_eq!(dataset.counts()["red"], 2);
    }

    #[test]
    fn items_have_one_order_however_they_are_listed() {
        let files = ["a/1.jpg", "a-b/1.jpg", "a b/1.jpg", "a/2.jpg", "a.jpg"];
        let files: Vec<String> = ["red", "blue"]
            .iter()
            .flat_map(|class| files.map(|file| format!("{class}/{file}")))
            .collect();
        let root = folder(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let scanned = Dataset::scan(root.path()).unwrap();
        let paths: Vec<&str> = scanned.items.iter().map(|i| i.path.as_str()).collect();
        assert!(paths.is_sorted() && paths.len() == 10, "{paths:?}");
        let within = Dataset::scan_within(root.path(), &scanned.classes).unwrap();
        assert_eq!(scanned.items, within.items);
        // Their order is that of the classes, whatever those are called.
        let turned = ["red", "blue"].map(String::from);
        let known = Dataset::scan_known(root.path(), &turned).unwrap();
        assert_eq!(known.items[0].path, "red/a b/1.jpg");
        assert_eq!(
            known.items,
            Dataset::scan_within(root.path(), &turned).unwrap().items
        );
    }

    #[test]
    fn known_classes_keep_their_indices() {
        let root = folder(&["red/b.jpg"]);
        let known = ["blue", "green", "red"].map(String::from);
        assert_eq!(
            Dataset::scan_known(root.path(), &known).unwrap().items[0].class,
            2
        );
        let within = Dataset::scan_within(root.path(), &known[..2]).unwrap();
        assert!(within.items.is_empty());
        let text = Dataset::scan_known(root.path(), &known[..2])
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("has the class red, which is not among blue, green"),
            "{text}"
        );
    }

    #[test]
    fn says_what_is_missing() {
        let error = |files: &[&str]| Dataset::scan(folder(files).path()).unwrap_err().to_string();
        assert!(error(&["a.jpg"]).contains("holds no class folders"));
        assert!(error(&["red/a.jpg"]).contains("has the one class red"));
        assert!(error(&["red/a.jpg", "blue/notes.txt"]).contains("holds no pictures (jpg, jpeg,"));
        let text = Dataset::scan(Path::new("no/such")).unwrap_err().to_string();
        assert!(text.starts_with("there is no folder no/such;"), "{text}");
    }

    #[test]
    fn the_fingerprint_changes_with_a_file() {
        let one = Dataset::scan(folder(&["a/1.jpg", "b/1.jpg"]).path()).unwrap();
        let two = Dataset::scan(folder(&["a/1.jpg", "b/2.jpg"]).path()).unwrap();
        assert_ne!(one.fingerprint(), two.fingerprint());
    }
}
