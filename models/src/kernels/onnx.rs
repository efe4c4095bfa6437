//! Reads an ONNX graph's attributes and tensors. Knows nothing of layers.

use std::collections::HashMap;

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

/// Why a graph is left to tract: one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Unrecognised(pub String);

/// Shorthand for the error.
pub fn unrecognised<T>(reason: impl Into<String>) -> Result<T, Unrecognised> {
    Err(Unrecognised(reason.into()))
}

/// Numbers and their shape.
#[derive(Debug)]
pub struct Array {
    /// Lengths of the axes, outermost first.
    pub shape: Vec<usize>,
    /// Row by row.
    pub numbers: Vec<f32>,
}

/// A graph with its tensors found by name.
pub struct Graph<'a> {
    tensors: HashMap<&'a str, &'a TensorProto>,
    /// Nodes that turn stored integers into numbers, by their output.
    dequantised: HashMap<&'a str, &'a NodeProto>,
    uses: HashMap<&'a str, usize>,
}

impl<'a> Graph<'a> {
    /// Looks at every name once.
    pub fn new(graph: &'a GraphProto) -> Self {
        let mut uses = HashMap::new();
        let outputs = graph.output.iter().map(|output| &output.name);
        for name in graph
            .node
            .iter()
            .flat_map(|node| &node.input)
            .chain(outputs)
        {
            *uses.entry(name.as_str()).or_insert(0) += 1;
        }
        let dequantised = graph.node.iter().filter(|node| is_dequantise(node));
        Self {
            tensors: graph
                .initializer
                .iter()
                .map(|t| (t.name.as_str(), t))
                .collect(),
            dequantised: dequantised
                .filter_map(|node| Some((node.output.first()?.as_str(), node)))
                .collect(),
            uses,
        }
    }

    /// How many inputs and graph outputs name this value.
    pub fn uses(&self, name: &str) -> usize {
        self.uses.get(name).copied().unwrap_or(0)
    }

    /// Whether the name stands for weights.
    pub fn is_constant(&self, name: &str) -> bool {
        self.tensors.contains_key(name) || self.dequantised.contains_key(name)
    }

    /// The constant with this name, whether stored as numbers or as integers with their scales.
    pub fn array(&self, name: &str) -> Result<Array, Unrecognised> {
        if let Some(tensor) = self.tensors.get(name) {
            return floats(tensor);
        }
        let Some(node) = self.dequantised.get(name) else {
            return unrecognised(format!("{name} is no constant"));
        };
        let [integers, scales] = node.input.as_slice() else {
            return unrecognised(format!("{name} has a zero point"));
        };
        let (Some(integers), Some(scales)) = (
            self.tensors.get(integers.as_str()),
            self.tensors.get(scales.as_str()),
        ) else {
            return unrecognised(format!("{name} is computed"));
        };
        let (shape, scales) = (shape(integers)?, floats(scales)?.numbers);
        let stored = &integers.raw_data;
        let length = numbers_in(&shape);
        if integers.data_type != DataType::Int8 as i32 || Some(stored.len()) != length {
            return unrecognised(format!("{name} is not stored as 8-bit integers"));
        }
        // One scale for all, or one for each entry of the first axis.
        let axis = node.int("axis", 1)?;
        let fits = scales.len() == 1 || (axis == 0 && shape.first() == Some(&scales.len()));
        if !fits || stored.is_empty() {
            return unrecognised(format!("{name} has scales along axis {axis}"));
        }
        let rows = stored.chunks_exact(stored.len() / scales.len());
        let mut numbers = Vec::with_capacity(stored.len());
        for (row, scale) in rows.zip(scales) {
            numbers.extend(row.iter().map(|byte| f32::from(byte.cast_signed()) * scale));
        }
        Ok(Array { shape, numbers })
    }
}

/// Whether the node turns stored integers into numbers.
pub fn is_dequantise(node: &NodeProto) -> bool {
    node.op_type == "DequantizeLinear"
}

fn shape(tensor: &TensorProto) -> Result<Vec<usize>, Unrecognised> {
    let dims = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok());
    match dims.collect() {
        Some(shape) => Ok(shape),
        None => unrecognised(format!("{} has a negative length", tensor.name)),
    }
}

/// How many numbers a shape holds; none if no machine could count them.
fn numbers_in(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1, |all: usize, axis| all.checked_mul(*axis))
}

fn floats(tensor: &TensorProto) -> Result<Array, Unrecognised> {
    let shape = shape(tensor)?;
    let stored = tensor.raw_data.as_chunks::<4>().0.iter();
    let numbers: Vec<f32> = match tensor.raw_data.is_empty() {
        true => tensor.float_data.clone(),
        false => stored.map(|bytes| f32::from_le_bytes(*bytes)).collect(),
    };
    let fits = Some(numbers.len()) == numbers_in(&shape);
    if tensor.data_type != DataType::Float as i32 || !fits {
        return unrecognised(format!("{} is not stored as 32-bit floats", tensor.name));
    }
    Ok(Array { shape, numbers })
}

/// Attributes with ONNX's own defaults.
pub trait Attributes {
    /// The attribute of that name, if it is written.
    fn attribute(&self, name: &str) -> Option<&AttributeProto>;
    /// A list of integers that all are the same: that integer.
    fn same(&self, name: &str, default: usize) -> Result<usize, Unrecognised>;
    /// An integer, not negative.
    fn int(&self, name: &str, default: usize) -> Result<usize, Unrecognised>;
    /// A number.
    fn float(&self, name: &str, default: f32) -> f32;
}

impl Attributes for NodeProto {
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute
            .iter()
            .find(|attribute| attribute.name == name)
    }

    fn same(&self, name: &str, default: usize) -> Result<usize, Unrecognised> {
        let Some(attribute) = self.attribute(name) else {
            return Ok(default);
        };
        let first = attribute.ints.first().copied();
        match first.and_then(|first| usize::try_from(first).ok()) {
            Some(value) if attribute.ints.iter().all(|i| Some(*i) == first) => Ok(value),
            _ => unrecognised(format!("{} has {name} {:?}", self.name, attribute.ints)),
        }
    }

    fn int(&self, name: &str, default: usize) -> Result<usize, Unrecognised> {
        match self.attribute(name).map(|attribute| attribute.i) {
            None => Ok(default),
            Some(i) => usize::try_from(i)
                .or_else(|_| unrecognised(format!("{} has {name} {i}", self.name))),
        }
    }

    fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name)
            .map_or(default, |attribute| attribute.f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_numbers_than_can_be_counted_are_none() {
        let tensor = |dims| TensorProto {
            name: "x".into(),
            data_type: DataType::Float as i32,
            dims,
            raw_data: vec![0; 8],
            ..TensorProto::default()
        };
        for (dims, held) in [
            (vec![2, 1], true),
            (vec![i64::MAX, 4], false),
            (vec![1 << 32, 1 << 32], false),
        ] {
            let graph = GraphProto {
                initializer: vec![tensor(dims)],
                ..GraphProto::default()
            };
            assert_eq!(Graph::new(&graph).array("x").is_ok(), held);
        }
    }
}
