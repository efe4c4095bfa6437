//! A network's tensors laid end to end in a few buffers, so that one operation moves hundreds of
//! them. Knows nothing of what moves them.

use std::collections::BTreeMap;

use tch::{TchError, Tensor};

use crate::arch::feature_module;
use crate::net::Net;

/// What a tensor is to an optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Convolution and matrix kernels: weight decay applies.
    Kernel,
    /// Biases and normalisation: none.
    Vector,
    /// Running statistics: no gradient.
    Statistic,
}

/// Tensors of one role that begin to be trained together, in one buffer.
#[derive(Debug)]
pub(super) struct Flat {
    pub(super) role: Role,
    /// The epoch, counted from 0, from which they are trained.
    pub(super) from_epoch: u32,
    /// All numbers, one after another; the network's tensors are views of it.
    pub(super) buffer: Tensor,
    pub(super) tensors: Vec<Tensor>,
}

impl Flat {
    /// A name for checkpoints.
    pub(super) fn name(&self) -> String {
        format!("{:?}.{}", self.role, self.from_epoch).to_lowercase()
    }
}

/// Numbers in 16 bytes.
const ALIGNED: usize = 4;

/// Lays the network's tensors into buffers by role and by `from_epoch` of their feature module
/// (none for the classifier). Tensors for which it says none are left alone.
pub(super) fn flatten(
    net: &Net,
    from_epoch: impl Fn(Option<usize>) -> Option<u32>,
) -> Result<Vec<Flat>, TchError> {
    let mut groups: BTreeMap<(Role, u32), Vec<Tensor>> = BTreeMap::new();
    let variables: BTreeMap<String, Tensor> = net.store().variables().into_iter().collect();
    for (name, tensor) in variables {
        let Some(epoch) = from_epoch(feature_module(&name)) else {
            continue;
        };
        let role = match tensor.dim() {
            _ if name.contains(".running_") => Role::Statistic,
            1 => Role::Vector,
            _ => Role::Kernel,
        };
        groups.entry((role, epoch)).or_default().push(tensor);
    }
    let mut flats = Vec::new();
    for ((role, from_epoch), mut tensors) in groups {
        // GPU kernels read 16 bytes at a time: what would shift the others off that comes last.
        tensors.sort_by_key(|tensor| tensor.numel() % ALIGNED != 0);
        let parts: Vec<Tensor> = tensors
            .iter()
            .map(|t| t.f_detach()?.f_reshape([-1]))
            .collect::<Result<_, _>>()?;
        let buffer = Tensor::f_cat(&parts, 0)?;
        let mut start = 0;
        for tensor in &mut tensors {
            let length = tensor.numel() as i64;
            let view = buffer
                .f_narrow(0, start, length)?
                .f_view(tensor.size().as_slice())?;
            tensor.set_data(&view);
            start += length;
        }
        flats.push(Flat {
            role,
            from_epoch,
            buffer,
            tensors,
        });
    }
    Ok(flats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Arch, Variant};

    #[test]
    fn the_networks_tensors_are_views_of_the_buffers() {
        let net = Net::new(&Arch::new(Variant::Small, 4), tch::Device::Cpu);
        let before = net.weights();
        let flats = flatten(&net, |_| Some(0)).unwrap();
        assert_eq!(net.weights(), before);
        assert_eq!(flats.len(), 3);
        let numbers: usize = flats.iter().map(|flat| flat.buffer.numel()).sum();
        assert_eq!(
            numbers,
            before.values().map(|a| a.values.len()).sum::<usize>()
        );
        tch::no_grad(|| {
            for flat in &flats {
                let _ = flat.buffer.shallow_clone().fill_(0.5);
            }
        });
        let all = net.weights();
        assert!(all.values().flat_map(|a| &a.values).all(|v| *v == 0.5));
    }

    #[test]
    fn every_tensor_begins_at_sixteen_bytes() {
        for classes in 1..=12 {
            let net = Net::new(&Arch::new(Variant::Small, classes), tch::Device::Cpu);
            for flat in flatten(&net, |_| Some(0)).unwrap() {
                let start = flat.buffer.data_ptr() as usize;
                for tensor in &flat.tensors {
                    let offset = tensor.data_ptr() as usize - start;
                    assert_eq!(offset % 16, 0, "{classes} classes, {:?}", tensor.size());
                }
            }
        }
    }

    #[test]
    fn groups_follow_the_epoch_of_their_module() {
        let net = Net::new(&Arch::new(Variant::Small, 4), tch::Device::Cpu);
        let flats = flatten(&net, |module| match module {
            None => Some(0),
            Some(module) if module > 6 => Some(1),
            Some(_) => None,
        });
        let names: Vec<String> = flats.unwrap().iter().map(Flat::name).collect();
        assert_eq!(
            names,
            [
                "kernel.0",
                "kernel.1",
                "vector.0",
                "vector.1",
                "statistic.1"
            ]
        );
    }
}
