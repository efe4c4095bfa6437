//! A network's numbers by name, as they travel between rooms and lie in files (safetensors,
//! torchvision's names). No tensors of any framework.

pub mod checkpoint;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Numbers with a shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Length along each axis.
    pub shape: Vec<usize>,
    /// As many as the shape's product.
    pub values: Vec<f32>,
}

/// Arrays by parameter name.
pub type Weights = BTreeMap<String, Array>;

/// Why a weights file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// It cannot be read or written.
    #[error("cannot access the weights file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is no safetensors file.
    #[error("{} is not a usable safetensors file ({reason}); give one with torchvision's parameter names", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A parameter is missing.
    #[error(
        "{origin} has no parameter {name}; it must hold a {architecture} with torchvision's parameter names"
    )]
    Missing {
        /// Where the weights came from.
        origin: String,
        /// The parameter.
        name: String,
        /// The network it was meant for.
        architecture: &'static str,
    },
    /// A parameter has another shape.
    #[error("{origin}: {name} has shape {found:?} where a {architecture} has {expected:?}")]
    Shape {
        /// Where the weights came from.
        origin: String,
        /// The parameter.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The network's.
        expected: Vec<usize>,
        /// The network it was meant for.
        architecture: &'static str,
    },
}

/// Whether `weights` has every one of the `expected` parameters in its shape. Errors name
/// `origin`, the first parameter that differs, and the `architecture` that was meant.
pub fn check(
    weights: &Weights,
    expected: &[(String, Vec<usize>)],
    architecture: &'static str,
    origin: &str,
) -> Result<(), WeightsError> {
    for (name, shape) in expected {
        let array = weights.get(name).ok_or_else(|| WeightsError::Missing {
            origin: origin.into(),
            name: name.clone(),
            architecture,
        })?;
        if array.shape != *shape {
            return Err(WeightsError::Shape {
                origin: origin.into(),
                name: name.clone(),
                found: array.shape.clone(),
                expected: shape.clone(),
                architecture,
            });
        }
    }
    Ok(())
}

/// Reads every array of a safetensors file; 64-bit integers (step counters) are left out.
pub fn read(path: &Path) -> Result<Weights, WeightsError> {
    let bytes = std::fs::read(path).map_err(|source| WeightsError::File {
        path: path.to_path_buf(),
        source,
    })?;
    let failed = |reason: String| WeightsError::Format {
        path: path.to_path_buf(),
        reason,
    };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| failed(error.to_string()))?;
    let mut weights = Weights::new();
    for (name, view) in file.iter() {
        match view.dtype() {
            Dtype::F32 => {
                let (words, _) = view.data().as_chunks::<4>();
                let values = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
                weights.insert(
                    name.to_string(),
                    Array {
                        shape: view.shape().to_vec(),
                        values,
                    },
                );
            }
            Dtype::I64 => {}
            other => {
                return Err(failed(format!(
                    "{name} is {other:?}; 32-bit floats are read"
                )));
            }
        }
    }
    Ok(weights)
}

/// Writes a safetensors file beside `path` and renames it into place, so that the file is
/// always whole: the old one or the new one.
pub fn write(path: &Path, weights: &Weights) -> Result<(), WeightsError> {
    write_with(path, weights, None)
}

fn write_with(
    path: &Path,
    weights: &Weights,
    metadata: Option<HashMap<String, String>>,
) -> Result<(), WeightsError> {
    let bytes: Vec<(&String, &Array, Vec<u8>)> = weights
        .iter()
        .map(|(name, array)| {
            (
                name,
                array,
                array.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            )
        })
        .collect();
    let failed = |source| WeightsError::File {
        path: path.to_path_buf(),
        source,
    };
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
    crate::files::replace(path, &whole).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn come_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let array = Array {
            shape: vec![2, 1],
            values: vec![f32::MIN_POSITIVE, -0.1],
        };
        let weights = Weights::from([("a.weight".into(), array)]);
        write(&path, &weights).unwrap();
        assert_eq!(read(&path).unwrap(), weights);
    }

    #[test]
    fn another_file_is_named_with_its_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, "not weights").unwrap();
        let text = read(&path).unwrap_err().to_string();
        assert!(
            text.contains("w.safetensors is not a usable safetensors file ("),
            "{text}"
        );
        assert!(
            read(&folder.path().join("none"))
                .unwrap_err()
                .to_string()
                .contains("none")
        );
    }
}
