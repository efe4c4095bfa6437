//! What a pickle can hold, as inert data, and the list of names that it may use. Reads no bytes.

use super::tensor::{Element, Storage, View};

/// Axes that a tensor may have; a convolution's has four.
const MOST_AXES: usize = 8;

/// Where an object lies in [`Objects`].
pub(super) type Id = usize;

/// What a pickle can hold. Objects refer to each other by place, so that neither cycles nor
/// depth cost more than memory of the file's own order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Boolean(bool),
    Integer(i64),
    Text(String),
    /// A tuple or a list.
    Sequence(Vec<Id>),
    Dictionary(Vec<(Id, Id)>),
    Storage(Storage),
    Tensor(View),
    Callable(Callable),
    /// Something whose value nothing here asks for.
    Other,
}

/// The names that may be called; calling means making one of the objects above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Callable {
    OrderedDictionary,
    Tensor,
    Parameter,
    Storage(Element),
    /// Makes [`Object::Other`] whatever the arguments.
    Inert,
}

impl Callable {
    pub(super) fn named(module: &str, name: &str) -> Result<Self, String> {
        let element = |name| Ok(Self::Storage(name));
        match (module, name) {
            ("collections", "OrderedDict") => Ok(Self::OrderedDictionary),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Ok(Self::Tensor),
            ("torch._utils", "_rebuild_parameter") | ("torch.nn.parameter", "Parameter") => {
                Ok(Self::Parameter)
            }
            ("torch", "FloatStorage") => element(Element::F32),
            ("torch", "DoubleStorage") => element(Element::F64),
            ("torch", "HalfStorage") => element(Element::F16),
            ("torch", "BFloat16Storage") => element(Element::Bf16),
            ("torch", "LongStorage") => element(Element::I64),
            ("torch", "IntStorage") => element(Element::Other("32-bit integers", 4)),
            ("torch", "ShortStorage") => element(Element::Other("16-bit integers", 2)),
            ("torch", "CharStorage" | "ByteStorage") => {
                element(Element::Other("8-bit integers", 1))
            }
            ("torch", "BoolStorage") => element(Element::Other("booleans", 1)),
            // What training scripts keep beside the weights: torchvision's own keeps its options.
            ("argparse", "Namespace") | ("torch", "Size" | "device") => Ok(Self::Inert),
            _ => Err(format!(
                "it holds Python objects ({module}.{name}), not numbers alone; save them with \
                 torch.save(model.state_dict(), FILE)"
            )),
        }
    }
}

/// Everything one pickle made.
#[derive(Debug, Default)]
pub(super) struct Objects {
    all: Vec<Object>,
}

impl Objects {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn add(&mut self, object: Object) -> Id {
        self.all.push(object);
        self.all.len() - 1
    }

    /// Every storage, as often as it was referred to.
    pub(super) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.all.iter().filter_map(|object| match object {
            Object::Storage(storage) => Some(storage),
            _ => None,
        })
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Object> {
        self.all.get_mut(id)
    }

    pub(super) fn get(&self, id: Id) -> &Object {
        self.all.get(id).unwrap_or(&Object::Other)
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Object::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn length(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Object::Integer(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A shape or its strides.
    pub(super) fn lengths(&self, id: Id) -> Option<Vec<usize>> {
        let items = self.sequence(id)?;
        let few = items.len() <= MOST_AXES;
        let lengths = || items.iter().map(|item| self.length(*item)).collect();
        few.then(lengths)?
    }

    /// The entry of a dictionary under a text.
    pub(super) fn entry(&self, id: Id, key: &str) -> Option<Id> {
        let Object::Dictionary(entries) = self.get(id) else {
            return None;
        };
        let found = entries.iter().find(|(k, _)| self.text(*k) == Some(key));
        found.map(|(_, value)| *value)
    }

    /// A dictionary's entries whose keys are texts.
    pub(super) fn entries(&self, id: Id) -> Option<impl Iterator<Item = (&str, Id)>> {
        let Object::Dictionary(entries) = self.get(id) else {
            return None;
        };
        Some(
            entries
                .iter()
                .filter_map(|(k, v)| Some((self.text(*k)?, *v))),
        )
    }

    /// A sequence's texts; none when it holds anything else.
    pub(super) fn texts(&self, id: Id) -> Option<Vec<&str>> {
        let items = self.sequence(id)?;
        items.iter().map(|item| self.text(*item)).collect()
    }
}
