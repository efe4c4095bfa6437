//! A network's numbers by name, as they travel between rooms and lie in files (safetensors or
//! torch's own, torchvision's names). No tensors of any framework.

pub mod checkpoint;
mod efficientnet;
mod number;
pub mod pretrained;
mod pth;
mod safetensors;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

pub use safetensors::write;

/// Longest safetensors file that is read, in bytes; it is read as a whole.
const LONGEST: u64 = 1 << 30;

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
    /// It is no file of weights.
    #[error("{} is not a usable weights file: {reason}. A safetensors or torch.save file with torchvision's parameter names is", path.display())]
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

/// Adds the arrays of `other` to those of the same names, which have the same shapes.
pub fn add(sum: &mut Weights, other: &Weights) {
    for (name, array) in sum {
        let other = other.get(name).map_or(&[] as &[f32], |other| &other.values);
        for (sum, value) in array.values.iter_mut().zip(other) {
            *sum += value;
        }
    }
}

/// Moves each number that `other` has too towards its number there, by `share` of the way.
pub fn move_towards(weights: &mut Weights, other: &Weights, share: f32) {
    for (name, array) in weights {
        let other = other.get(name).map_or(&[] as &[f32], |other| &other.values);
        for (value, there) in array.values.iter_mut().zip(other) {
            *value += share * (there - *value);
        }
    }
}

/// Divides every number.
pub fn divide(weights: &mut Weights, by: f32) {
    let numbers = weights.values_mut().flat_map(|array| &mut array.values);
    numbers.for_each(|value| *value /= by);
}

/// Reads every array of a safetensors or torch.save file, whatever its name; 64-bit integers
/// (step counters) are left out.
pub fn read(path: &Path) -> Result<Weights, WeightsError> {
    let failed = |source| WeightsError::File {
        path: path.to_path_buf(),
        source,
    };
    let format = |reason: String| WeightsError::Format {
        path: path.to_path_buf(),
        reason,
    };
    let mut file = File::open(path).map_err(failed)?;
    let mut start = Vec::new();
    file.by_ref()
        .take(16)
        .read_to_end(&mut start)
        .map_err(failed)?;
    file.rewind().map_err(failed)?;
    if let Some(kind) = pth::Format::of(&start) {
        return pth::read(kind, BufReader::new(file)).map_err(format);
    }
    if !safetensors::is(&start) {
        return Err(format("it starts like none".into()));
    }
    if file.metadata().map_err(failed)?.len() > LONGEST {
        return Err(format(format!("it is longer than {LONGEST} bytes")));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    safetensors::read(&bytes).map_err(format)
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
    fn a_quarter_of_the_way_is_that_and_all_of_it_is_there() {
        let one = |name: &str, value: f32| {
            let array = Array {
                shape: vec![1],
                values: vec![value],
            };
            (name.to_string(), array)
        };
        let there = Weights::from([one("a", 3.0), one("c", 7.0)]);
        for (share, at) in [(0.0, -1.0), (0.25, 0.0), (1.0, 3.0)] {
            let mut weights = Weights::from([one("a", -1.0), one("b", 5.0)]);
            move_towards(&mut weights, &there, share);
            assert_eq!(weights, Weights::from([one("a", at), one("b", 5.0)]));
        }
    }

    #[test]
    fn another_file_is_named_with_its_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, "not weights").unwrap();
        let text = read(&path).unwrap_err().to_string();
        assert!(
            text.contains("w.safetensors is not a usable weights file: it starts like none."),
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
