//! torch's format before 1.6, and since with `_use_new_zipfile_serialization=False`: five pickles
//! (a magic number, a version, the machine, the objects, the storages' names), then the storages
//! one after the other, each with its length. What the objects mean stands in `state_dict`.

use std::collections::HashMap;
use std::ops::Range;

use super::objects::{Id, Object, Objects};
use super::pickle;
use super::tensor::Storage;

/// The pickle of torch's magic number, with which these files start.
pub(super) const MAGIC: &[u8] = &[
    0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.',
];

/// A file that was read.
#[derive(Debug)]
pub(super) struct Legacy {
    bytes: Vec<u8>,
    pub(super) objects: Objects,
    pub(super) root: Id,
    storages: HashMap<String, Range<usize>>,
}

impl Legacy {
    /// Reads the pickles of a file that starts with [`MAGIC`] and finds its storages.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        let mut rest = Rest {
            bytes: &bytes,
            at: MAGIC.len(),
        };
        let (version, id) = rest.pickle()?;
        if *version.get(id) != Object::Integer(1001) {
            return Err("it is of no known version of torch's old format".into());
        }
        let (machine, id) = rest.pickle()?;
        let little = machine.entry(id, "little_endian");
        if little.map(|id| machine.get(id)) != Some(&Object::Boolean(true)) {
            return Err("its numbers are big-endian; save it on a little-endian machine".into());
        }
        let (objects, root) = rest.pickle()?;
        let (keys, id) = rest.pickle()?;
        let keys = keys.texts(id).ok_or("it does not list its storages")?;
        let known: HashMap<&str, &Storage> = objects
            .storages()
            .map(|storage| (storage.key.as_str(), storage))
            .collect();
        let mut storages = HashMap::new();
        for key in keys {
            let storage = known.get(key).ok_or("it lists a storage it never uses")?;
            let range = rest.storage(storage)?;
            storages.insert(key.to_string(), range);
        }
        Ok(Self {
            bytes,
            objects,
            root,
            storages,
        })
    }

    /// The bytes of a storage.
    pub(super) fn storage(&self, storage: &Storage) -> Result<Vec<u8>, String> {
        let range = self.storages.get(&storage.key);
        let bytes = range.and_then(|range| self.bytes.get(range.clone()));
        bytes
            .map(<[u8]>::to_vec)
            .ok_or_else(|| format!("it lacks the storage {}", storage.key))
    }
}

struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    fn pickle(&mut self) -> Result<(Objects, Id), String> {
        let (objects, root, length) = pickle::read(&self.bytes[self.at..])?;
        self.at += length;
        Ok((objects, root))
    }

    /// Where the next storage's numbers are: a count of 8 bytes goes before them.
    fn storage(&mut self, storage: &Storage) -> Result<Range<usize>, String> {
        let count = self.bytes[self.at..].first_chunk::<8>();
        let count = u64::from_le_bytes(*count.ok_or_else(cut_off)?);
        if count != storage.elements as u64 {
            return Err(format!(
                "its storage {} has {count} numbers where {} are to be",
                storage.key, storage.elements
            ));
        }
        let start = self.at + 8;
        let end = storage.bytes().and_then(|bytes| start.checked_add(bytes));
        self.at = end
            .filter(|end| *end <= self.bytes.len())
            .ok_or_else(cut_off)?;
        Ok(start..self.at)
    }
}

fn cut_off() -> String {
    "it is cut off before its end".into()
}
