//! Which folders are parts and which are classes, and every file below them. Opens no picture,
//! judges nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use models::PictureError;
use models::picture;

use crate::dataset::DatasetError;

/// One picture file, by its name; nobody has looked into it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As it was found: below the folder that was given.
    pub path: PathBuf,
    /// Index of its part.
    pub part: usize,
    /// Index of its class.
    pub class: usize,
}

/// What lies in the given folders.
#[derive(Debug, Default)]
pub struct Layout {
    /// Names of the parts, in order of the folders given and then by name.
    pub parts: Vec<String>,
    /// The folder of each part.
    pub folders: Vec<PathBuf>,
    /// Class names over all parts, sorted.
    pub classes: Vec<String>,
    /// Every picture file, by part, class and path.
    pub files: Vec<File>,
    /// Class folders without a picture.
    pub empty: Vec<PathBuf>,
    /// Files inside class folders that are no pictures by name: how many of each extension.
    pub not_pictures: BTreeMap<String, usize>,
    /// Pictures that lie in no class folder.
    pub stray: Vec<PathBuf>,
}

/// Why folders are no dataset.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The folder is no dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Class folders lie beside folders of class folders.
    #[error(
        "{} holds class folders such as {class} beside {part}, which itself holds a folder {inner}; \
         put all class folders of a part into a folder of its own (train/, val/)",
        root.display()
    )]
    Mixed {
        /// The folder.
        root: PathBuf,
        /// A folder of pictures in it.
        class: String,
        /// A folder of class folders in it.
        part: String,
        /// A class folder in that.
        inner: String,
    },
}

impl From<PictureError> for LayoutError {
    fn from(error: PictureError) -> Self {
        Self::Dataset(error.into())
    }
}

impl Layout {
    /// Lists `roots`: each is a folder of class folders, or a folder that holds several such.
    /// At least two classes must be found in all.
    pub fn scan(roots: &[PathBuf]) -> Result<Self, LayoutError> {
        let mut layout = Self::default();
        let mut found = Vec::new();
        for root in roots {
            for part in parts(root)? {
                if !layout.folders.contains(&part) {
                    layout.folders.push(part);
                }
            }
            if !layout.folders.contains(root) {
                layout.stray.extend(pictures_in(root)?);
            }
        }
        layout.parts = names(&layout.folders);
        for (part, folder) in layout.folders.iter().enumerate() {
            layout.stray.extend(pictures_in(folder)?);
            for class in folders_in(folder)? {
                let path = folder.join(&class);
                let pictures = picture::list(&path)?;
                count_others(&path, &mut layout.not_pictures)?;
                if pictures.is_empty() {
                    layout.empty.push(path);
                }
                found.push((part, class, pictures));
            }
        }
        let classes: BTreeSet<&String> = found.iter().map(|(_, class, _)| class).collect();
        layout.classes = classes.into_iter().cloned().collect();
        if let ([class], Some(root)) = (layout.classes.as_slice(), roots.first()) {
            let (root, class) = (root.clone(), class.clone());
            return Err(DatasetError::OneClass { root, class }.into());
        }
        for (part, class, pictures) in found {
            let class = layout.classes.binary_search(&class).unwrap_or(0);
            let files = pictures.into_iter().map(|path| File { path, part, class });
            layout.files.extend(files);
        }
        Ok(layout)
    }
}

/// The folders below `root` that hold class folders: several parts, or `root` itself.
///
/// A class folder holds pictures. When no folder in `root` does, but folders in those do, `root`
/// holds parts.
pub fn parts(root: &Path) -> Result<Vec<PathBuf>, LayoutError> {
    if !root.is_dir() {
        return Err(DatasetError::Missing(root.into()).into());
    }
    let inner = folders_in(root)?;
    if inner.is_empty() {
        return Err(DatasetError::NoClasses(root.into()).into());
    }
    let mut classes = Vec::new();
    let mut parts = Vec::new();
    for name in inner {
        let folder = root.join(&name);
        if !pictures_in(&folder)?.is_empty() {
            classes.push(name);
            continue;
        }
        let mut below = Vec::new();
        for deeper in folders_in(&folder)? {
            if !pictures_in(&folder.join(&deeper))?.is_empty() {
                below.push(deeper);
            }
        }
        if !below.is_empty() {
            parts.push((name, below));
        }
    }
    if classes.is_empty() && !parts.is_empty() {
        return Ok(parts.iter().map(|(name, _)| root.join(name)).collect());
    }
    // A class may keep its pictures in folders of its own, but those are not named like classes.
    for (part, below) in parts {
        if let Some(inner) = below.iter().find(|inner| classes.contains(inner)) {
            return Err(LayoutError::Mixed {
                root: root.into(),
                class: classes[0].clone(),
                part,
                inner: inner.clone(),
            });
        }
    }
    Ok(vec![root.into()])
}

/// Names of the folders in a folder, sorted; hidden ones are not datasets' business.
fn folders_in(folder: &Path) -> Result<Vec<String>, PictureError> {
    let mut names = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with('.') && path.is_dir() {
            names.push(name.into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The pictures directly in a folder, sorted.
fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, PictureError> {
    let mut found = entries(folder)?;
    found.retain(|path| picture::is_picture(path) && !path.is_dir());
    found.sort();
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, PictureError> {
    let failed = |source| PictureError::Read {
        path: folder.into(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}

/// Counts files that are no pictures by name, by extension, below a class folder.
fn count_others(folder: &Path, counts: &mut BTreeMap<String, usize>) -> Result<(), PictureError> {
    for path in entries(folder)? {
        if path.is_dir() && !path.is_symlink() {
            count_others(&path, counts)?;
        } else if !path.is_dir() && !picture::is_picture(&path) {
            let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
            *counts.entry(extension.unwrap_or_default()).or_default() += 1;
        }
    }
    Ok(())
}

/// A name for each folder: its own, or its whole path where two have the same.
fn names(folders: &[PathBuf]) -> Vec<String> {
    let short = |folder: &PathBuf| {
        let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        match whole.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => whole.display().to_string(),
        }
    };
    folders
        .iter()
        .map(|folder| {
            let name = short(folder);
            let alone = folders.iter().filter(|other| short(other) == name).count() == 1;
            if alone {
                name
            } else {
                folder.display().to_string()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            if file.ends_with('/') {
                std::fs::create_dir_all(path).unwrap();
                continue;
            }
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        root
    }

    fn scan(root: &tempfile::TempDir, below: &[&str]) -> Layout {
        let roots: Vec<_> = below.iter().map(|name| root.path().join(name)).collect();
        Layout::scan(&roots).unwrap()
    }

    #[test]
    fn a_folder_of_classes_is_one_part() {
        let root = folder(&["set/red/a.jpg", "set/blue/deep/b.png", "set/red/list.TXT"]);
        let layout = scan(&root, &["set"]);
        assert_eq!(layout.parts, ["set"]);
        assert_eq!(layout.classes, ["blue", "red"]);
        assert_eq!(layout.files.len(), 2);
        assert_eq!(layout.not_pictures, BTreeMap::from([("txt".into(), 1)]));
    }

    #[test]
    fn a_folder_of_such_folders_is_several() {
        let root = folder(&[
            "data/train/red/a.jpg",
            "data/train/blue/a.jpg",
            "data/val/red/a.jpg",
            "data/val/green/",
            "data/cover.jpg",
            "data/.cache/x/y.png",
        ]);
        let layout = scan(&root, &["data"]);
        assert_eq!(layout.parts, ["train", "val"]);
        assert_eq!(layout.classes, ["blue", "green", "red"]);
        let found: Vec<_> = layout.files.iter().map(|f| (f.part, f.class)).collect();
        assert_eq!(found, [(0, 0), (0, 2), (1, 2)]);
        assert_eq!(layout.empty, [root.path().join("data/val/green")]);
        assert_eq!(layout.stray, [root.path().join("data/cover.jpg")]);
    }

    #[test]
    fn several_folders_are_told_apart_by_name_or_path() {
        let root = folder(&[
            "a/train/red/1.jpg",
            "a/train/blue/1.jpg",
            "b/train/red/1.jpg",
        ]);
        let layout = scan(&root, &["a/train", "b/train", "a/train"]);
        assert_eq!(layout.parts.len(), 2);
        assert!(layout.parts[0].ends_with("a/train"), "{:?}", layout.parts);
        assert_eq!(layout.files.len(), 3);
    }

    #[test]
    fn says_what_is_no_dataset() {
        let error = |files: &[&str]| {
            let root = folder(files);
            Layout::scan(&[root.path().into()]).unwrap_err().to_string()
        };
        assert!(error(&["a.jpg"]).contains("holds no class folders"));
        assert!(error(&["red/a.jpg"]).contains("has the one class red"));
        let text = error(&["red/a.jpg", "blue/a.jpg", "val/red/a.jpg", "val/blue/a.jpg"]);
        assert!(
            text.contains(
                "class folders such as blue beside val, which itself holds a folder blue"
            ),
            "{text}"
        );
        let text = Layout::scan(&["no/such".into()]).unwrap_err().to_string();
        assert!(text.starts_with("there is no folder no/such;"), "{text}");
    }
}
