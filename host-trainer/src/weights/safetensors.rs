//! Safetensors files: numbers by name in Hugging Face's format, and the one that is written.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::number::{self, Element};
use super::{Array, Weights, WeightsError};

/// Whether a file that starts like this may be one: a header's length, then JSON.
pub(super) fn is(start: &[u8]) -> bool {
    start.get(8) == Some(&b'{')
}

/// Reads every array; 64-bit integers (step counters) are left out.
pub(super) fn read(bytes: &[u8]) -> Result<Weights, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut weights = Weights::new();
    for (name, view) in file.iter() {
        let element = match view.dtype() {
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::I64 => continue,
            other => return Err(format!("{name} is {other:?}; floats are read")),
        };
        let values = number::floats(element, view.data()).map_err(|e| format!("{name} {e}"))?;
        let shape = view.shape().to_vec();
        weights.insert(name.to_string(), Array { shape, values });
    }
    Ok(weights)
}

/// Writes a safetensors file beside `path` and renames it into place, so that the file is
/// always whole: the old one or the new one.
pub fn write(path: &Path, weights: &Weights) -> Result<(), WeightsError> {
    write_with(path, weights, None)
}

/// The same with texts in the file's metadata.
pub(super) fn write_with(
    path: &Path,
    weights: &Weights,
    metadata: Option<HashMap<String, String>>,
) -> Result<(), WeightsError> {
    let bytes: Vec<(&String, &Array, Vec<u8>)> = weights
        .iter()
        .map(|(name, array)| {
            let bytes = array.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            (name, array, bytes)
        })
        .collect();
    let format = |reason: String| WeightsError::Format {
        path: path.to_path_buf(),
        reason,
    };
    let mut views = Vec::new();
    for (name, array, bytes) in &bytes {
        let view = TensorView::new(Dtype::F32, array.shape.clone(), bytes)
            .map_err(|error| format(error.to_string()))?;
        views.push((name.as_str(), view));
    }
    let whole =
        safetensors::serialize(views, metadata).map_err(|error| format(error.to_string()))?;
    crate::files::replace(path, &whole).map_err(|source| WeightsError::File {
        path: path.to_path_buf(),
        source,
    })
}
