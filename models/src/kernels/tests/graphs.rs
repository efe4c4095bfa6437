//! Whole networks against tract's own operators, and graphs that are left to tract.

use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, ModelProto};

use super::{Random, assert_near, mobilenet, shipped, singles};
use crate::kernels::network::Network;
use crate::kernels::stem::Planes;
use crate::kernels::{model, plan};
use crate::{Bundle, PreprocessSpec, Runner};

fn spec(height: u32, width: u32) -> PreprocessSpec {
    PreprocessSpec {
        height,
        width,
        ..PreprocessSpec::imagenet(16)
    }
}

fn labels() -> std::sync::Arc<[String]> {
    Bundle::shipped().unwrap().manifest().labels.clone().into()
}

/// A change of one attribute of one node.
fn with_attribute(op: &str, attribute: AttributeProto) -> ModelProto {
    let mut model = mobilenet();
    let nodes = &mut model.graph.as_mut().unwrap().node;
    let node = nodes.iter_mut().find(|node| node.op_type == op).unwrap();
    node.attribute.retain(|old| old.name != attribute.name);
    node.attribute.push(attribute);
    model
}

#[test]
fn networks_compute_what_tract_computes() {
    for (name, onnx) in [("shipped", shipped()), ("small", mobilenet())] {
        let mut random = Random::new(5);
        for (height, width) in [(128, 128), (224, 224), (67, 45), (16, 16)] {
            let planes = Planes {
                count: 3,
                height,
                width,
            };
            let layers = plan::recognise(onnx.graph.as_ref().unwrap(), planes).unwrap();
            let picture = random.floats(3 * height * width);
            let spec = spec(height as u32, width as u32);
            let mut reference = Runner::reference(&onnx.encode_to_vec(), &spec, labels()).unwrap();
            let mut expected = reference.logits(&picture).unwrap().to_vec();
            // Noise takes a network far from what it was trained on.
            let largest = expected.iter().fold(1f32, |most, v| most.max(v.abs()));
            expected.iter_mut().for_each(|v| *v /= largest);
            let shape = format!("{name}, {height}x{width}");
            for processor in singles() {
                let network = Network::new(&layers, processor);
                let mut arena = network.arena();
                // Twice: what the first run left in the arena must not matter.
                for _ in 0..2 {
                    let mut found = vec![0.0; network.outputs()];
                    network.run(&picture, &mut arena, &mut found);
                    found.iter_mut().for_each(|v| *v /= largest);
                    assert_near(processor, &found, &expected, &shape);
                }
            }
        }
    }
}

/// What there is no kernel for runs all the same, by tract.
#[test]
fn other_graphs_are_left_to_tract() {
    let slope = AttributeProto {
        name: "alpha".into(),
        r#type: AttributeType::Float as i32,
        f: 0.2,
        ..Default::default()
    };
    let stride = AttributeProto {
        name: "strides".into(),
        r#type: AttributeType::Ints as i32,
        ints: vec![1, 1],
        ..Default::default()
    };
    let mut renamed = mobilenet();
    for node in &mut renamed.graph.as_mut().unwrap().node {
        if node.op_type == "HardSwish" {
            node.op_type = "Sigmoid".into();
        }
    }
    let cases = [
        (renamed, "is Sigmoid of 1 inputs"),
        (
            with_attribute("HardSigmoid", slope),
            "is HardSigmoid of 1 inputs",
        ),
        (
            with_attribute("Conv", stride),
            "convolves 3x3, stride 1, 1 groups",
        ),
    ];
    for (onnx, reason) in cases {
        let bytes = onnx.encode_to_vec();
        let picture = Random::new(6).floats(3 * 32 * 32);
        let spec = spec(32, 32);
        let mut runner = Runner::unproved(&bytes, &spec, labels(), 1.0).unwrap();
        let left = runner.left_to_tract().unwrap();
        assert!(left.contains(reason), "{left}");
        let mut reference = Runner::reference(&bytes, &spec, labels()).unwrap();
        assert_eq!(
            runner.logits(&picture).unwrap(),
            reference.logits(&picture).unwrap(),
            "{reason}"
        );
    }
}

/// A value that is read again later must not be changed in place.
#[test]
fn a_value_that_is_read_twice_is_left_to_tract() {
    let mut onnx = mobilenet();
    let nodes = &mut onnx.graph.as_mut().unwrap().node;
    let before = nodes
        .iter()
        .find(|node| node.op_type == "Relu")
        .unwrap()
        .input[0]
        .clone();
    let add = nodes.iter_mut().find(|node| node.op_type == "Mul").unwrap();
    let whole = add.input.iter().position(|name| *name != before).unwrap();
    add.input[whole] = before;
    let error = model(&onnx, 32, 32).err().unwrap();
    assert!(error.0.starts_with("an activation of "), "{error:?}");
}

#[test]
fn weights_that_are_one_number_are_left_to_tract() {
    let mut onnx = mobilenet();
    let tensors = &mut onnx.graph.as_mut().unwrap().initializer;
    let bias = tensors
        .iter_mut()
        .find(|tensor| tensor.name == "features.0.0.bias")
        .unwrap();
    bias.dims.clear();
    bias.raw_data = 1f32.to_le_bytes().to_vec();
    bias.float_data.clear();
    let nodes = &mut onnx.graph.as_mut().unwrap().node;
    let conv = nodes.iter_mut().find(|node| node.op_type == "Conv");
    let inputs = &mut conv.unwrap().input;
    inputs[1] = inputs[2].clone();
    let error = model(&onnx, 32, 32).err().unwrap();
    assert_eq!(
        error.0,
        "features.0.0.bias and features.0.0.bias do not fit"
    );
}

#[test]
fn the_shipped_network_runs_by_the_kernels() {
    let runner = Runner::new(&Bundle::shipped().unwrap()).unwrap();
    assert_eq!(runner.left_to_tract(), None);
}

#[test]
fn every_layer_is_timed_in_every_run() {
    let onnx = mobilenet().encode_to_vec();
    let spec = spec(32, 32);
    let picture = vec![0.5; spec.len()];
    let times = Runner::layer_times(&onnx, &spec, &picture, (3, false)).unwrap();
    let kinds: Vec<&str> = times.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds[..2], ["picture", "first convolution"]);
    assert_eq!(kinds.last(), Some(&"fully connected"));
    let count = |kind| kinds.iter().filter(|own| **own == kind).count();
    // Eleven blocks, nine of them with squeeze-and-excite, and a mean before the classifier.
    assert_eq!(
        (
            count("depthwise"),
            count("squeeze-and-excite's product"),
            count("mean")
        ),
        (11, 9, 10)
    );
    assert!(times.iter().all(|(_, times)| times.len() == 3));
    assert!(Runner::layer_times(&onnx, &spec, &picture[1..], (1, false)).is_err());
    assert!(Runner::layer_times(b"", &spec, &picture, (1, false)).is_err());
}
