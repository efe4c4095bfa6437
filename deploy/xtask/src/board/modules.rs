//! Kernel modules of the guest with what they depend on, in the order in which they load. Reads
//! the dependencies from the modules themselves, so that no tool of the kernel's is needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::Tool;

/// One module.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// Its name, with underscores.
    pub name: String,
    /// The file, perhaps compressed by xz.
    pub path: PathBuf,
}

impl Module {
    /// A module by its file.
    pub fn new(path: PathBuf) -> Option<Self> {
        let file = path.file_name()?.to_str()?;
        let stem = file.strip_suffix(".xz").unwrap_or(file);
        let name = stem.strip_suffix(".ko")?.replace('-', "_");
        Some(Self { name, path })
    }

    /// Writes it uncompressed as `NAME.ko` into a folder.
    pub fn unpack(&self, folder: &Path) -> Result<()> {
        let to = folder.join(format!("{}.ko", self.name));
        fs::write(&to, self.bytes()?).with_context(|| format!("cannot write {}", to.display()))
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        if self.path.extension().is_some_and(|ending| ending == "xz") {
            return Tool::new("xz").arg("-dc").arg(&self.path).read_bytes();
        }
        fs::read(&self.path).with_context(|| format!("cannot read {}", self.path.display()))
    }
}

/// These modules below a folder, each after those that it needs. What is not there is taken to be
/// a part of the kernel.
pub fn with_needs(folder: &Path, names: &[&str]) -> Result<Vec<Module>> {
    let mut there = BTreeMap::new();
    collect(folder, &mut there)?;
    let mut ordered = Vec::new();
    for name in names {
        let module = there.get(*name);
        let module = module.with_context(|| format!("no module {name} in {}", folder.display()))?;
        add(module, &there, &mut ordered)?;
    }
    Ok(ordered)
}

fn collect(folder: &Path, there: &mut BTreeMap<String, Module>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            collect(&path, there)?;
        } else if let Some(module) = Module::new(path) {
            there.insert(module.name.clone(), module);
        }
    }
    Ok(())
}

fn add(module: &Module, there: &BTreeMap<String, Module>, ordered: &mut Vec<Module>) -> Result<()> {
    if ordered.contains(module) {
        return Ok(());
    }
    for need in needs(&module.bytes()?) {
        // A soft dependency such as crypto-crc32c names what it wants done, not who does it.
        let done = need.strip_prefix("crypto_").unwrap_or(&need);
        let generic = format!("{done}_generic");
        if let Some(need) = there.get(&need).or_else(|| there.get(&generic)) {
            add(need, there, ordered)?;
        }
    }
    ordered.push(module.clone());
    Ok(())
}

/// The names in a module's `depends=a,b` and its soft dependencies that come before it.
fn needs(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in bytes.split(|byte| *byte == 0) {
        let entry = String::from_utf8_lossy(entry);
        if let Some(names) = entry.strip_prefix("depends=") {
            found.extend(names.split(',').map(String::from));
        } else if let Some(names) = entry.strip_prefix("softdep=pre: ") {
            let names = names.split_whitespace();
            found.extend(names.take_while(|name| *name != "post:").map(String::from));
        }
    }
    found.retain(|name| !name.is_empty());
    found.iter().map(|name| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp::Temp;

    #[test]
    fn what_a_module_needs_comes_before_it() {
        let folder = Temp::new()
            .file("media/v4l-core/videodev.ko", "x\0depends=mc,i2c-core\0y")
            .file("media/mc.ko", "depends=\0")
            .file(
                "fs/ext4.ko",
                "depends=jbd2,crc16\0softdep=pre: crypto-crc32c post: x\0",
            )
            .file("fs/jbd2.ko", "")
            .file("lib/crc32c_generic.ko", "")
            .file("readme.txt", "");
        let found = with_needs(folder.path(), &["videodev", "ext4"]).unwrap();
        let names: Vec<&str> = found.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["mc", "videodev", "jbd2", "crc32c_generic", "ext4"]);
        let error = with_needs(folder.path(), &["uvcvideo"]).unwrap_err();
        assert!(error.to_string().contains("no module uvcvideo in"));
    }
}
