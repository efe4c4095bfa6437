//! Recognises the layers in an ONNX graph. One operator it does not know, or one used in a way
//! that no kernel covers, and the whole graph is left to tract. Packs no weights, runs nothing.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto};

use super::activation::Activation;
use super::depthwise;
use super::layers::{Kind, Layer, Layers, Weights};
use super::map::Map;
use super::onnx::{Array, Attributes, Graph, Unrecognised, is_dequantise, unrecognised};
use super::stem::{self, Planes};

/// The layers of a graph whose one input is a picture of these planes and whose one output is a
/// vector.
pub fn recognise(graph: &GraphProto, input: Planes) -> Result<Layers, Unrecognised> {
    let reader = Graph::new(graph);
    let mut inputs = graph.input.iter().filter(|i| !reader.is_constant(&i.name));
    let (Some(picture), None, [answer]) = (inputs.next(), inputs.next(), graph.output.as_slice())
    else {
        return unrecognised("not one input and one output");
    };
    let mut plan = Plan {
        graph: reader,
        picture: &picture.name,
        input,
        maps: Vec::new(),
        layers: Vec::new(),
        values: HashMap::new(),
        left: HashMap::new(),
    };
    for node in &graph.node {
        if !is_dequantise(node) {
            plan.node(node)?;
        }
    }
    let output = plan.map(&answer.name)?;
    if (plan.maps[output].height, plan.maps[output].width) != (1, 1) {
        return unrecognised("the answer is no vector");
    }
    Ok(Layers {
        input,
        maps: plan.maps,
        layers: plan.layers,
        output,
    })
}

struct Plan<'a> {
    graph: Graph<'a>,
    picture: &'a str,
    input: Planes,
    maps: Vec<Map>,
    layers: Vec<Layer>,
    /// The map that holds a value.
    values: HashMap<&'a str, usize>,
    /// How many uses of a value are still to come.
    left: HashMap<&'a str, usize>,
}

impl<'a> Plan<'a> {
    fn node(&mut self, node: &'a NodeProto) -> Result<(), Unrecognised> {
        let [output] = node.output.as_slice() else {
            return unrecognised(format!("{} has not one output", node.name));
        };
        for input in &node.input {
            if let Some(left) = self.left.get_mut(input.as_str()) {
                *left -= 1;
            }
        }
        let map = match (node.op_type.as_str(), node.input.as_slice()) {
            ("Conv", [from, w, b]) => self.convolution(node, from, [w, b])?,
            ("Gemm", [from, w, b]) => self.product(node, from, [w, b])?,
            ("Relu", [from]) => self.activation(from, Activation::Relu)?,
            ("Clip", [from, low, high]) if self.is(low, 0.0) && self.is(high, 6.0) => {
                self.activation(from, Activation::Relu6)?
            }
            ("HardSwish", [from]) => self.activation(from, Activation::HardSwish)?,
            ("HardSigmoid", [from]) if is_sixth(node) => {
                self.activation(from, Activation::HardSigmoid)?
            }
            ("GlobalAveragePool", [from]) => self.mean(from)?,
            ("Flatten", [from]) if node.int("axis", 1)? == 1 => self.vector(from)?,
            ("Add", [a, b]) => self.sum(a, b)?,
            ("Mul", [a, b]) => self.product_of_channels(a, b)?,
            (kind, inputs) => {
                let inputs = inputs.len();
                return unrecognised(format!("{} is {kind} of {inputs} inputs", node.name));
            }
        };
        self.values.insert(output, map);
        self.left.insert(output, self.graph.uses(output));
        Ok(())
    }

    fn map(&self, value: &str) -> Result<usize, Unrecognised> {
        match self.values.get(value) {
            Some(map) => Ok(*map),
            None => unrecognised(format!("{value} is no feature map")),
        }
    }

    /// Whether the constant is this one number.
    fn is(&self, constant: &str, number: f32) -> bool {
        let array = self.graph.array(constant);
        array.is_ok_and(|array| array.numbers == [number])
    }

    fn push(&mut self, kind: Kind, from: Option<usize>, map: Map) -> usize {
        let to = self.maps.len();
        self.maps.push(map);
        self.layers.push(Layer { kind, from, to });
        to
    }

    /// Weights without an activation yet, and the kernels' shape.
    fn weights(&self, names: [&str; 2]) -> Result<(Weights, Vec<usize>), Unrecognised> {
        let Array { numbers, shape } = self.graph.array(names[0])?;
        let bias = self.graph.array(names[1])?;
        if numbers.is_empty() || shape.get(..1) != Some(&bias.shape[..]) {
            return unrecognised(format!("{} and {} do not fit", names[0], names[1]));
        }
        let weights = Weights {
            kernels: numbers,
            bias: bias.numbers,
            activation: Activation::None,
        };
        Ok((weights, shape))
    }

    fn convolution(
        &mut self,
        node: &NodeProto,
        from: &str,
        names: [&str; 2],
    ) -> Result<usize, Unrecognised> {
        let (weights, shape) = self.weights(names)?;
        let [outputs, inputs, kernel, columns] = shape[..] else {
            return unrecognised(format!("{} has kernels of {} axes", node.name, shape.len()));
        };
        let stride = node.same("strides", 1)?;
        let groups = node.int("group", 1)?;
        let plain = kernel == columns
            && node.same("pads", 0)? == kernel / 2
            && node.same("dilations", 1)? == 1
            && node
                .attribute("auto_pad")
                .is_none_or(|auto| auto.s == b"NOTSET");
        let shrunk = |side: usize| (side - 1) / stride.max(1) + 1;
        if plain && from == self.picture {
            let Planes {
                count,
                height,
                width,
            } = self.input;
            if (inputs, groups, kernel, stride) == (count, 1, stem::KERNEL, stem::STRIDE) {
                let map = map(shrunk(height), shrunk(width), outputs);
                return Ok(self.push(Kind::Stem(weights), None, map));
            }
        } else if plain {
            let from = self.map(from)?;
            let Map {
                height,
                width,
                channels,
                ..
            } = self.maps[from];
            if (inputs, groups, kernel, stride) == (channels, 1, 1, 1) {
                let plus = None;
                let map = map(height, width, outputs);
                return Ok(self.push(Kind::Pointwise { weights, plus }, Some(from), map));
            }
            if (inputs, groups, outputs) == (1, channels, channels)
                && depthwise::can(kernel, stride)
            {
                let border = &mut self.maps[from].border;
                *border = (*border).max(kernel / 2);
                let kind = Kind::Depthwise {
                    kernel,
                    stride,
                    weights,
                };
                let map = map(shrunk(height), shrunk(width), outputs);
                return Ok(self.push(kind, Some(from), map));
            }
        }
        unrecognised(format!(
            "{} convolves {kernel}x{columns}, stride {stride}, {groups} groups",
            node.name
        ))
    }

    /// A fully connected layer: a pointwise one of a single pixel.
    fn product(
        &mut self,
        node: &NodeProto,
        from: &str,
        names: [&str; 2],
    ) -> Result<usize, Unrecognised> {
        let from = self.map(from)?;
        let (weights, shape) = self.weights(names)?;
        let plain = (node.int("transA", 0)?, node.int("transB", 0)?) == (0, 1)
            && (node.float("alpha", 1.0), node.float("beta", 1.0)) == (1.0, 1.0);
        let [outputs, inputs] = shape[..] else {
            return unrecognised(format!("{} has weights of {} axes", node.name, shape.len()));
        };
        if !plain || !self.is_vector(from) || inputs != self.maps[from].channels {
            return unrecognised(format!("{} is no plain fully connected layer", node.name));
        }
        let plus = None;
        Ok(self.push(
            Kind::Pointwise { weights, plus },
            Some(from),
            map(1, 1, outputs),
        ))
    }

    /// Becomes part of the layer before.
    fn activation(&mut self, from: &str, activation: Activation) -> Result<usize, Unrecognised> {
        let map = self.map(from)?;
        let alone = self.graph.uses(from) == 1;
        let writer = self.writer(map);
        let layer = writer.and_then(|writer| self.layers.get_mut(writer));
        let sums = layer.filter(|layer| {
            // What is added comes after the activation.
            !matches!(layer.kind, Kind::Pointwise { plus: Some(_), .. })
        });
        match sums.and_then(Layer::weights) {
            Some(weights) if alone && weights.activation == Activation::None => {
                weights.activation = activation;
                Ok(map)
            }
            _ => unrecognised(format!("an activation of {from}, which is no convolution")),
        }
    }

    fn mean(&mut self, from: &str) -> Result<usize, Unrecognised> {
        let from = self.map(from)?;
        let map = map(1, 1, self.maps[from].channels);
        Ok(self.push(Kind::Mean, Some(from), map))
    }

    /// The same numbers under another name.
    fn vector(&mut self, from: &str) -> Result<usize, Unrecognised> {
        let map = self.map(from)?;
        match self.is_vector(map) && self.graph.uses(from) == 1 {
            true => Ok(map),
            false => unrecognised(format!("{from} is flattened and no vector")),
        }
    }

    /// Becomes part of the pointwise layer that computes one of the two, when it comes after the
    /// other.
    fn sum(&mut self, a: &str, b: &str) -> Result<usize, Unrecognised> {
        for (sum, other) in [(a, b), (b, a)] {
            let (to, from) = (self.map(sum)?, self.map(other)?);
            let same = |map: Map| (map.height, map.width, map.channels);
            let fits = same(self.maps[to]) == same(self.maps[from]) && self.graph.uses(sum) == 1;
            let (Some(writer), Some(before)) = (self.writer(to), self.writer(from)) else {
                continue;
            };
            if let Kind::Pointwise { plus, .. } = &mut self.layers[writer].kind
                && plus.is_none()
                && fits
                && before < writer
            {
                *plus = Some(from);
                return Ok(to);
            }
        }
        unrecognised(format!("{a} + {b}"))
    }

    /// In place, so nothing may read the unscaled map later.
    fn product_of_channels(&mut self, a: &str, b: &str) -> Result<usize, Unrecognised> {
        for (whole, factor) in [(a, b), (b, a)] {
            let (map, factor) = (self.map(whole)?, self.map(factor)?);
            let channels = self.maps[map].channels;
            let last = self.left.get(whole) == Some(&0);
            if last
                && map != factor
                && self.is_vector(factor)
                && channels == self.maps[factor].channels
            {
                let kind = Kind::Scale { factor };
                let from = Some(map);
                self.layers.push(Layer {
                    kind,
                    from,
                    to: map,
                });
                return Ok(map);
            }
        }
        unrecognised(format!("{a} * {b}"))
    }

    fn is_vector(&self, map: usize) -> bool {
        (self.maps[map].height, self.maps[map].width) == (1, 1)
    }

    /// The layer that wrote the map last.
    fn writer(&self, map: usize) -> Option<usize> {
        self.layers.iter().rposition(|layer| layer.to == map)
    }
}

/// A map that no depthwise convolution reads yet.
fn map(height: usize, width: usize, channels: usize) -> Map {
    Map {
        height,
        width,
        channels,
        border: 0,
    }
}

/// Whether a hard sigmoid is the one that belongs to the hard swish.
fn is_sixth(node: &NodeProto) -> bool {
    // ONNX's own default slope is 0.2.
    (node.float("alpha", 0.2) - 1.0 / 6.0).abs() < 1e-6 && node.float("beta", 0.5) == 0.5
}
