//! torch's format since 1.6: a zip archive of `data.pkl` and the storages as `data/<key>`, all of
//! them stored uncompressed. What the pickle means stands in `state_dict`.

use std::io::{Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::objects::{Id, Objects};
use super::pickle;
use super::tensor::Storage;

/// Longest `data.pkl`, in bytes: a large network's checkpoint has some hundred thousand.
const LONGEST_PICKLE: usize = 8 << 20;

/// An opened archive.
#[derive(Debug)]
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    /// The one folder that everything lies in, with its slash.
    folder: String,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the archive's list of contents.
    pub(super) fn open(reader: R) -> Result<Self, String> {
        let zip = ZipArchive::new(reader).map_err(damaged)?;
        let folder = zip
            .file_names()
            .filter_map(|name| Some(name.ok()?.strip_suffix("data.pkl")?.to_string()))
            .find(|folder| folder.ends_with('/') && folder.matches('/').count() == 1)
            .ok_or("it is a zip archive without torch's data.pkl")?;
        if zip
            .index_for_name(&format!("{folder}constants.pkl"))
            .is_some()
        {
            return Err("it is a TorchScript program; save its numbers with \
                        torch.save(torch.jit.load(FILE).state_dict(), NEW)"
                .into());
        }
        Ok(Self { zip, folder })
    }

    /// Reads the pickle.
    pub(super) fn objects(&mut self) -> Result<(Objects, Id), String> {
        // Files of older versions do not say; they are little-endian.
        let order = format!("{}byteorder", self.folder);
        if self.zip.index_for_name(&order).is_some() && self.member("byteorder", 16)? != b"little" {
            return Err("its numbers are big-endian; save it on a little-endian machine".into());
        }
        let bytes = self.member("data.pkl", LONGEST_PICKLE)?;
        let (objects, root, _) = pickle::read(&bytes)?;
        Ok((objects, root))
    }

    /// The bytes of a storage.
    pub(super) fn storage(&mut self, storage: &Storage) -> Result<Vec<u8>, String> {
        let longest = storage.bytes().unwrap_or(usize::MAX);
        self.member(&format!("data/{}", storage.key), longest)
    }

    fn member(&mut self, name: &str, longest: usize) -> Result<Vec<u8>, String> {
        let path = format!("{}{name}", self.folder);
        let member = self.zip.by_name(&path).map_err(|error| match error {
            ZipError::FileNotFound => format!("its zip archive lacks {path}"),
            ZipError::UnsupportedArchive(_) => {
                format!("{path} is compressed or encrypted in it; torch.save stores it as it is")
            }
            error => damaged(error),
        })?;
        if member.size() > longest as u64 {
            return Err(format!(
                "{path} has {} bytes where at most {longest} are to be",
                member.size()
            ));
        }
        let mut bytes = Vec::new();
        member
            .take(longest as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("{path} is damaged in it ({error})"))?;
        Ok(bytes)
    }
}

fn damaged(error: ZipError) -> String {
    format!("its zip archive is damaged or cut off ({error}); fetch or save it again")
}
