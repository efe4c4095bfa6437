//! Arrays with a text beside them in one safetensors file, so that both are replaced at once: a
//! run's checkpoint. What the text says is its reader's matter.

use std::collections::HashMap;
use std::path::Path;

use ::safetensors::tensor::SafeTensors;

use super::{Weights, WeightsError};

/// The text's key in the file's metadata.
const KEY: &str = "position";

/// Writes both beside `path` and renames them into place.
pub fn write(path: &Path, arrays: &Weights, text: &str) -> Result<(), WeightsError> {
    let metadata = HashMap::from([(KEY.to_string(), text.to_string())]);
    super::safetensors::write_with(path, arrays, Some(metadata))
}

/// Reads both. Errors when either is missing or damaged.
pub fn read(path: &Path) -> Result<(Weights, String), WeightsError> {
    let arrays = super::read(path)?;
    let bytes = std::fs::read(path).map_err(|source| WeightsError::File {
        path: path.to_path_buf(),
        source,
    })?;
    let metadata = SafeTensors::read_metadata(&bytes).ok();
    let text = metadata.and_then(|(_, metadata)| metadata.metadata().as_ref()?.get(KEY).cloned());
    let text = text.ok_or_else(|| WeightsError::Format {
        path: path.to_path_buf(),
        reason: "it is no checkpoint".into(),
    })?;
    Ok((arrays, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Array;

    #[test]
    fn both_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        let array = Array {
            shape: vec![2],
            values: vec![0.1, -3.0],
        };
        let arrays = Weights::from([("a".into(), array)]);
        write(&path, &arrays, "{\"x\": 0.1}").unwrap();
        assert_eq!(
            read(&path).unwrap(),
            (arrays.clone(), "{\"x\": 0.1}".into())
        );
        super::super::write(&path, &arrays).unwrap();
        let text = read(&path).unwrap_err().to_string();
        assert!(text.contains("it is no checkpoint"), "{text}");
    }
}
