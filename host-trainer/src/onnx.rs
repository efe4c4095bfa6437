//! The network as an ONNX file: the other interpreter of `arch`'s steps. Writes protobuf; runs
//! nothing.

mod read;

pub use read::read;

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType, tensor_shape_proto, type_proto,
};

use crate::arch::{Activation, Arch, Step};
use crate::quantise::{Parameter, Parameters};

/// Operator set: the first with both HardSwish (14) and per-axis DequantizeLinear (13).
const OPSET: i64 = 14;
/// The file format that came with that operator set (ONNX 1.9).
const IR_VERSION: i64 = 7;

/// The bytes of an ONNX file with one input `picture` of `[1, 3, height, width]` and one output
/// `logits` of `[1, classes]`.
///
/// # Panics
/// When a parameter of `arch` is missing: parameters come from weights of that table.
pub fn write(arch: &Arch, parameters: &Parameters, height: u32, width: u32) -> Vec<u8> {
    let mut graph = Graph {
        parameters,
        nodes: Vec::new(),
        tensors: Vec::new(),
        current: "picture".into(),
    };
    let mut kept = String::new();
    for step in &arch.steps {
        match step {
            Step::Conv(c) => {
                let same = (c.kernel / 2) as i64;
                let attributes = vec![
                    ints("kernel_shape", &[c.kernel as i64; 2]),
                    ints("pads", &[same; 4]),
                    ints("strides", &[c.stride as i64; 2]),
                    int("group", c.groups as i64),
                ];
                let input = graph.current.clone();
                graph.current = graph.weighted("Conv", &c.name, input, attributes);
                match c.activation {
                    Some(Activation::Relu) => graph.apply("Relu", vec![]),
                    Some(Activation::Relu6) => graph.clip(),
                    Some(Activation::HardSwish) => graph.apply("HardSwish", vec![]),
                    None => {}
                }
            }
            Step::SqueezeExcite { name, .. } => {
                let whole = graph.current.clone();
                graph.apply("GlobalAveragePool", vec![]);
                for (layer, activation, attributes) in [
                    ("fc1", "Relu", vec![]),
                    // ONNX's own default slope is 0.2; this network's is a sixth.
                    (
                        "fc2",
                        "HardSigmoid",
                        vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)],
                    ),
                ] {
                    let input = graph.current.clone();
                    let kernel = vec![ints("kernel_shape", &[1, 1])];
                    graph.current =
                        graph.weighted("Conv", &format!("{name}.{layer}"), input, kernel);
                    graph.apply(activation, attributes);
                }
                let factor = graph.current.clone();
                graph.current = graph.node("Mul", vec![whole, factor], vec![]);
            }
            Step::Keep => kept = graph.current.clone(),
            Step::AddKept => {
                let inputs = vec![graph.current.clone(), std::mem::take(&mut kept)];
                graph.current = graph.node("Add", inputs, vec![]);
            }
            Step::MeanPool => {
                graph.apply("GlobalAveragePool", vec![]);
                graph.apply("Flatten", vec![int("axis", 1)]);
            }
            Step::Linear { name, .. } => {
                let input = graph.current.clone();
                graph.current = graph.weighted("Gemm", name, input, vec![int("transB", 1)]);
            }
            Step::HardSwish => graph.apply("HardSwish", vec![]),
            // Training only.
            Step::Dropout { .. } => {}
        }
    }
    if let Some(last) = graph.nodes.last_mut() {
        last.output = vec!["logits".into()];
    }
    let shape = |dims: &[i64]| dims.to_vec();
    let model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        producer_name: env!("CARGO_PKG_NAME").into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(GraphProto {
            name: arch.variant.architecture().into(),
            node: graph.nodes,
            initializer: graph.tensors,
            input: vec![value(
                "picture",
                &shape(&[1, 3, i64::from(height), i64::from(width)]),
            )],
            output: vec![value("logits", &shape(&[1, arch.classes as i64]))],
            ..Default::default()
        }),
        ..Default::default()
    };
    model.encode_to_vec()
}

struct Graph<'a> {
    parameters: &'a Parameters,
    nodes: Vec<NodeProto>,
    tensors: Vec<TensorProto>,
    /// Name of the value that the next step takes.
    current: String,
}

impl Graph<'_> {
    /// Adds a node and gives its output's name.
    fn node(&mut self, op: &str, input: Vec<String>, attribute: Vec<AttributeProto>) -> String {
        let output = format!("v{}", self.nodes.len());
        self.nodes.push(NodeProto {
            name: format!("{}_{}", op, self.nodes.len()),
            op_type: op.into(),
            input,
            output: vec![output.clone()],
            attribute,
            ..Default::default()
        });
        output
    }

    fn apply(&mut self, op: &str, attributes: Vec<AttributeProto>) {
        let input = self.current.clone();
        self.current = self.node(op, vec![input], attributes);
    }

    /// Adds `min(max(x, 0), 6)`, whose bounds are inputs since operator set 11.
    fn clip(&mut self) {
        let bounds = [("zero", 0.0), ("six", 6.0)];
        for (name, bound) in bounds {
            if self.tensors.iter().all(|tensor| tensor.name != name) {
                self.tensors.push(floats(name, &[], &[bound]));
            }
        }
        let [low, high] = bounds.map(|(name, _)| name.to_string());
        let input = self.current.clone();
        self.current = self.node("Clip", vec![input, low, high], vec![]);
    }

    /// Adds an operator with the weight and bias named `name`.
    fn weighted(
        &mut self,
        op: &str,
        name: &str,
        input: String,
        attributes: Vec<AttributeProto>,
    ) -> String {
        let weight = self.parameter(&format!("{name}.weight"));
        let bias = self.parameter(&format!("{name}.bias"));
        self.node(op, vec![input, weight, bias], attributes)
    }

    /// Adds a parameter and gives the name of its floats.
    fn parameter(&mut self, name: &str) -> String {
        match &self.parameters[name] {
            Parameter::Float(array) => {
                self.tensors.push(floats(name, &array.shape, &array.values));
                name.into()
            }
            Parameter::Int8(array) => {
                let (integers, scales) = (format!("{name}.int8"), format!("{name}.scale"));
                self.tensors.push(TensorProto {
                    name: integers.clone(),
                    dims: dims(&array.shape),
                    data_type: DataType::Int8 as i32,
                    raw_data: array.values.iter().map(|v| v.cast_unsigned()).collect(),
                    ..Default::default()
                });
                self.tensors
                    .push(floats(&scales, &[array.scales.len()], &array.scales));
                self.node(
                    "DequantizeLinear",
                    vec![integers, scales],
                    vec![int("axis", 0)],
                )
            }
        }
    }
}

fn floats(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims(shape),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    }
}

fn dims(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|n| *n as i64).collect()
}

fn value(name: &str, shape: &[i64]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let dim = shape
        .iter()
        .map(|n| Dimension {
            value: Some(Value::DimValue(*n)),
            ..Default::default()
        })
        .collect();
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: Some(TensorShapeProto { dim }),
    };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto {
        value,
        ..Default::default()
    });
    ValueInfoProto {
        name: name.into(),
        r#type,
        ..Default::default()
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Int as i32,
        i,
        ..Default::default()
    }
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Float as i32,
        f,
        ..Default::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    let r#type = AttributeType::Ints as i32;
    AttributeProto {
        name: name.into(),
        r#type,
        ints: values.to_vec(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Variant;
    use crate::net::{Net, values};
    use crate::quantise;
    use crate::weights::Weights;
    use models::{PreprocessSpec, Runner};
    use tch::{Device, Kind, Tensor};

    /// A network whose normalisations and biases matter: random ones start as no-ops.
    fn lively(variant: Variant) -> Net {
        tch::manual_seed(5);
        let mut net = Net::new(&Arch::new(variant, 6), Device::Cpu);
        let mut weights = net.weights();
        let mut rng = fastrand::Rng::with_seed(2);
        for (name, array) in weights
            .iter_mut()
            .filter(|(_, array)| array.shape.len() == 1)
        {
            let low = if name.ends_with("var") || name.ends_with("weight") {
                0.6
            } else {
                -0.3
            };
            array
                .values
                .iter_mut()
                .for_each(|v| *v = low + 0.8 * rng.f32());
        }
        net.load(&weights, "test").unwrap();
        net
    }

    fn tract_logits(bytes: &[u8], side: u32, input: &Tensor) -> Vec<f32> {
        let labels: Vec<String> = (0..6).map(|n| n.to_string()).collect();
        let runner = Runner::unproved(bytes, &PreprocessSpec::imagenet(side), labels.into(), 1.0);
        let mut runner = runner.unwrap();
        assert_eq!(runner.left_to_tract(), None);
        runner.logits(&values(input)).unwrap().to_vec()
    }

    /// The two interpreters of the table agree.
    #[test]
    fn tract_and_libtorch_compute_the_same() {
        for (variant, side) in [
            (Variant::Small, 96),
            (Variant::Large, 64),
            (Variant::EfficientNetLite0, 64),
        ] {
            let net = lively(variant);
            let input = Tensor::randn([1, 3, side, side], (Kind::Float, Device::Cpu));
            let expected = values(&tch::no_grad(|| net.forward(&input, false)).unwrap());
            let parameters = quantise::float(quantise::fold(net.arch(), &net.weights()));
            let bytes = write(net.arch(), &parameters, side as u32, side as u32);
            let found = tract_logits(&bytes, side as u32, &input);
            for (a, b) in expected.iter().zip(&found) {
                assert!((a - b).abs() < 1e-3, "{variant:?}: {expected:?} {found:?}");
            }
        }
    }

    /// 8-bit weights in the file compute what their dequantised values compute.
    #[test]
    fn int8_weights_are_dequantised_channel_by_channel() {
        let net = lively(Variant::Small);
        let folded = quantise::fold(net.arch(), &net.weights());
        let int8 = quantise::weights_int8(folded);
        let back: Weights = int8
            .iter()
            .map(|(name, parameter)| {
                let array = match parameter {
                    Parameter::Float(array) => array.clone(),
                    Parameter::Int8(q) => {
                        let each = q.values.len() / q.scales.len();
                        let values = q.values.iter().enumerate();
                        crate::weights::Array {
                            shape: q.shape.clone(),
                            values: values
                                .map(|(n, v)| f32::from(*v) * q.scales[n / each])
                                .collect(),
                        }
                    }
                };
                (name.clone(), array)
            })
            .collect();
        let input = Tensor::randn([1, 3, 64, 64], (Kind::Float, Device::Cpu));
        let small = write(net.arch(), &int8, 64, 64);
        let large = write(net.arch(), &quantise::float(back), 64, 64);
        assert!(
            small.len() * 10 < large.len() * 3,
            "{} {}",
            small.len(),
            large.len()
        );
        let (a, b) = (
            tract_logits(&small, 64, &input),
            tract_logits(&large, 64, &input),
        );
        assert!(
            a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4),
            "{a:?} {b:?}"
        );
    }
}
