//! A packed bundle: one plain tar archive (POSIX ustar) of a bundle's files, for the way to a
//! device. Reads and writes regular files and nothing else: no links, no extensions, no path
//! that leaves the folder. Who made an archive is not known here; that is a signature's matter.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::bundle::{Bundle, BundleError, MANIFEST, MANIFEST_SHA256, MAX_FILE_BYTES, MAX_FILES};
use crate::manifest::check_file_name;

/// Largest archive, in bytes. A device holds it in memory while it is verified.
pub const MAX_ARCHIVE_BYTES: u64 = 96 << 20;

const BLOCK: usize = 512;
/// Bundle files, manifest, its hash, and the folders that some programs add.
const MAX_ENTRIES: usize = 2 * (MAX_FILES + 2);

/// Why bytes are no packed bundle.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is larger than any bundle.
    #[error("it has {0} bytes; {MAX_ARCHIVE_BYTES} at most can be")]
    Large(u64),
    /// It is not a tar archive, or cut off.
    #[error("it is no whole tar archive ({0}); pack or copy it again")]
    Torn(&'static str),
    /// An entry that a bundle cannot have.
    #[error("its entry {name:?} {problem}; pack it with `edge-agent bundle pack`")]
    Entry {
        /// The entry's name as it stands there.
        name: String,
        /// What is not allowed.
        problem: String,
    },
}

/// The files of a packed bundle by their path inside the bundle. Nothing vouches for them yet.
#[derive(Debug)]
pub struct Archive<'a> {
    files: BTreeMap<String, &'a [u8]>,
}

impl<'a> Archive<'a> {
    /// Finds the files in the bytes of an archive. A folder in front of all names is left away.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ArchiveError> {
        if bytes.len() as u64 > MAX_ARCHIVE_BYTES {
            return Err(ArchiveError::Large(bytes.len() as u64));
        }
        let entries = entries(bytes)?;
        let home = entries
            .iter()
            .filter_map(|(name, _)| name.strip_suffix(MANIFEST))
            .find(|home| home.is_empty() || home.ends_with('/'))
            .ok_or(ArchiveError::Torn("it has no manifest.json"))?
            .to_string();
        let mut files = BTreeMap::new();
        for (name, bytes) in entries {
            let refused = |problem: &str| ArchiveError::Entry {
                name: name.clone(),
                problem: problem.into(),
            };
            let inside = name
                .strip_prefix(&home)
                .filter(|inside| check_file_name(inside).is_ok())
                .ok_or_else(|| refused("has a path that no bundle has"))?;
            if files.insert(inside.to_string(), bytes).is_some() {
                return Err(refused("is there twice"));
            }
        }
        Ok(Self { files })
    }

    /// The file of this path.
    pub fn file(&self, name: &str) -> Option<&'a [u8]> {
        self.files.get(name).copied()
    }

    /// All paths.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

/// The archive of the bundle in `folder`, which is verified first. The same files give the same
/// bytes.
pub fn pack(folder: &Path) -> Result<Vec<u8>, BundleError> {
    let bundle = Bundle::open(folder)?;
    let (manifest, digest) = bundle.manifest_files();
    let own = [(MANIFEST, manifest), (MANIFEST_SHA256, digest.as_bytes())];
    let names = bundle.manifest().files.keys();
    let others = names.map(|name| (name.as_str(), bundle.file(name).unwrap_or_default()));
    Ok(join(own.into_iter().chain(others)))
}

/// An archive of these files: names as bundles have them (at most 100 letters), and contents.
pub fn join<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        append(&mut out, name, bytes);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

fn append(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    let mut header = [0u8; BLOCK];
    let mut put = |at: usize, text: &str| {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    // Names of bundle files have at most 100 letters, the field's length.
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", bytes.len()));
    put(136, "00000000000\0");
    put(156, "0");
    put(257, "ustar\0");
    put(263, "00");
    let sum = checksum(&header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// Regular files with their names, `./` in front left away; everything else is refused.
fn entries(bytes: &[u8]) -> Result<Vec<(String, &[u8])>, ArchiveError> {
    let mut found = Vec::new();
    let mut rest = bytes;
    for _ in 0..MAX_ENTRIES {
        let (header, after) = rest
            .split_first_chunk::<BLOCK>()
            .ok_or(ArchiveError::Torn("its end is missing"))?;
        if header.iter().all(|byte| *byte == 0) {
            return match after.iter().all(|byte| *byte == 0) {
                true => Ok(found),
                false => Err(ArchiveError::Torn("something follows its end")),
            };
        }
        let field = text(&header[..100]);
        let name = String::from_utf8_lossy(field).into_owned();
        let refused = |problem: String| ArchiveError::Entry {
            name: name.clone(),
            problem,
        };
        if octal(&header[148..156]) != Some(checksum(header)) {
            return Err(ArchiveError::Torn("a header's checksum is wrong"));
        }
        if &header[257..262] != b"ustar" {
            return Err(ArchiveError::Torn("a header is of another format"));
        }
        let size = octal(&header[124..136]).ok_or_else(|| refused("has no size".into()))?;
        // Only the POSIX form has a second part of the name there.
        if header[262] == 0 && header[345] != 0 {
            return Err(refused("has too long a name".into()));
        }
        match header[156] {
            b'0' | 0 if size <= MAX_FILE_BYTES => {
                let length = size as usize;
                let padded = length.next_multiple_of(BLOCK);
                if after.len() < padded {
                    return Err(ArchiveError::Torn("a file is cut off"));
                }
                let plain = name.strip_prefix("./").unwrap_or(&name).to_string();
                found.push((plain, &after[..length]));
                rest = &after[padded..];
            }
            b'0' | 0 => return Err(refused(format!("has {size} bytes"))),
            b'5' if size == 0 => rest = after,
            kind => {
                let what = match kind {
                    b'1' | b'2' => "is a link",
                    b'3' | b'4' | b'6' => "is a device",
                    b'5' => "is a folder with a size",
                    _ => "is an extension of the format",
                };
                return Err(refused(what.into()));
            }
        }
    }
    Err(ArchiveError::Torn("it has too many entries"))
}

/// A field up to its NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number, ended by NUL or a space.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text(field)).ok()?.trim();
    // Without this a sign would be accepted.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    u64::from_str_radix(digits, 8).ok()
}

/// The sum of a header's bytes with its checksum field taken as spaces.
fn checksum(header: &[u8; BLOCK]) -> u64 {
    header
        .iter()
        .enumerate()
        .map(|(at, byte)| match at {
            148..156 => u64::from(b' '),
            _ => u64::from(*byte),
        })
        .sum()
}

impl Bundle {
    /// Verifies the bundle in an archive, as [`Bundle::open`] does with a folder. Files that the
    /// manifest does not vouch for are refused. `origin` is the archive's name in messages.
    pub fn from_archive(origin: &str, archive: &Archive<'_>) -> Result<Self, BundleError> {
        let bundle = Self::verify(origin.to_string(), |name, limit| {
            let bytes = archive.file(name).ok_or(io::ErrorKind::NotFound)?;
            match bytes.len() as u64 > limit {
                true => Err(io::ErrorKind::FileTooLarge.into()),
                false => Ok(bytes.to_vec().into()),
            }
        })?;
        let stray = archive.names().find(|name| {
            *name != MANIFEST && *name != MANIFEST_SHA256 && bundle.file(name).is_none()
        });
        match stray {
            Some(name) => Err(BundleError::Damaged {
                bundle: origin.to_string(),
                file: name.to_string(),
                what: "its manifest does not list it".into(),
            }),
            None => Ok(bundle),
        }
    }
}

#[cfg(test)]
mod tests;
