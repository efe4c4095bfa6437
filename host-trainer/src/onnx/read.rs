//! An exported network's numbers, out of the ONNX file that `onnx::write` made. Foreign files are
//! refused.

use std::collections::BTreeMap;

use prost::Message;
use tract_onnx::pb::{ModelProto, TensorProto, tensor_proto::DataType};

use crate::weights::{Array, Weights};

/// The parameters in `bytes` as floats: normalisations folded, 8-bit integers times their scales.
pub fn read(bytes: &[u8]) -> Result<Weights, String> {
    let model = ModelProto::decode(bytes).map_err(|error| error.to_string())?;
    let graph = model.graph.ok_or("it has no graph")?;
    let tensors: BTreeMap<&str, &TensorProto> = graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let mut weights = Weights::new();
    for (name, tensor) in &tensors {
        let (name, values) = if let Some(name) = name.strip_suffix(".int8") {
            let scales = tensors.get(format!("{name}.scale").as_str());
            let scales = scales.ok_or_else(|| format!("{name} has no scales"))?;
            (name, scaled(name, tensor, &floats(scales)?)?)
        } else if name.ends_with(".scale") {
            continue;
        } else {
            (*name, floats(tensor)?)
        };
        let shape: Vec<usize> = tensor.dims.iter().map(|n| *n as usize).collect();
        if shape.iter().product::<usize>() != values.len() {
            return Err(format!("{name} has {} numbers", values.len()));
        }
        weights.insert(name.into(), Array { shape, values });
    }
    Ok(weights)
}

fn floats(tensor: &TensorProto) -> Result<Vec<f32>, String> {
    let (fours, rest) = tensor.raw_data.as_chunks::<4>();
    if tensor.data_type != DataType::Float as i32 || !rest.is_empty() {
        return Err(format!("{} holds no 32-bit floats", tensor.name));
    }
    Ok(fours.iter().map(|four| f32::from_le_bytes(*four)).collect())
}

fn scaled(name: &str, tensor: &TensorProto, scales: &[f32]) -> Result<Vec<f32>, String> {
    let integers = &tensor.raw_data;
    let fits =
        !scales.is_empty() && !integers.is_empty() && integers.len().is_multiple_of(scales.len());
    if tensor.data_type != DataType::Int8 as i32 || !fits {
        return Err(format!("{name} holds no scaled 8-bit integers"));
    }
    let rows = integers.chunks_exact(integers.len() / scales.len());
    let row = |(row, scale): (&[u8], &f32)| {
        let scale = *scale;
        row.iter()
            .map(|v| f32::from(v.cast_signed()) * scale)
            .collect::<Vec<f32>>()
    };
    Ok(rows.zip(scales).flat_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Arch, Variant};
    use crate::net::Net;
    use crate::{onnx, quantise};

    #[test]
    fn what_was_written_comes_back() {
        let arch = Arch::new(Variant::Small, 4);
        let folded = quantise::fold(&arch, &Net::on_processor(&arch).weights());
        let written = |parameters| read(&onnx::write(&arch, &parameters, 32, 32)).unwrap();
        assert_eq!(written(quantise::float(folded.clone())), folded);
        let back = written(quantise::weights_int8(folded.clone()));
        assert_eq!(
            back.keys().collect::<Vec<_>>(),
            folded.keys().collect::<Vec<_>>()
        );
        for (name, array) in &folded {
            let most = array.values.iter().fold(0f32, |most, v| most.max(v.abs()));
            for (a, b) in array.values.iter().zip(&back[name].values) {
                assert!((a - b).abs() <= most / 127.0, "{name}: {a} {b}");
            }
        }
        // Written anew, the same integers: adapting what was not changed loses nothing.
        let again = written(quantise::weights_int8(back.clone()));
        for (name, array) in &back {
            for (a, b) in array.values.iter().zip(&again[name].values) {
                assert!((a - b).abs() <= a.abs() * 1e-5, "{name}: {a} {b}");
            }
        }
    }

    #[test]
    fn other_files_are_refused() {
        assert!(read(b"no model").is_err());
        let arch = Arch::new(Variant::Small, 4);
        let folded = quantise::fold(&arch, &Net::on_processor(&arch).weights());
        let bytes = onnx::write(&arch, &quantise::weights_int8(folded), 32, 32);
        let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
        let tensors = &mut model.graph.as_mut().unwrap().initializer;
        tensors.retain(|tensor| tensor.name != "classifier.0.weight.scale");
        let text = read(&model.encode_to_vec()).unwrap_err();
        assert_eq!(text, "classifier.0.weight has no scales");
    }
}
