//! Which device computes. Opens none.

use tch::{Cuda, Device};

/// What `--device` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// The first CUDA device when there is one, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// What `--augment-on` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Place {
    /// On a GPU when there is one
    Auto,
    /// By the processor's threads
    Threads,
    /// On the device that trains, whichever it is
    Device,
}

impl Place {
    /// Whether pictures live on `device`.
    pub fn resident(self, device: Device) -> bool {
        match self {
            Place::Auto => device.is_cuda(),
            Place::Threads => false,
            Place::Device => true,
        }
    }
}

/// The device, or what stands in the way of it.
pub fn choose(choice: Choice) -> Result<Device, String> {
    match choice {
        Choice::Cpu => Ok(Device::Cpu),
        Choice::Auto => Ok(Device::cuda_if_available()),
        Choice::Cuda if Cuda::is_available() => Ok(Device::Cuda(0)),
        Choice::Cuda => Err(
            "--device cuda: libtorch finds no CUDA device; check that `nvidia-smi` lists one and \
             that LIBTORCH (or LD_LIBRARY_PATH) points to a CUDA build of libtorch 2.11, or use \
             --device cpu"
                .into(),
        ),
    }
}

/// Makes a GPU give the same numbers every time. Of CUDA's libraries cuDNN has kernels that add
/// in any order, so it is left out; cuBLAS needs a fixed workspace (NVIDIA, "cuBLAS: results
/// reproducibility"). To be called before any GPU work.
pub fn be_deterministic() {
    tch::Cuda::set_user_enabled_cudnn(false);
    // SAFETY: no other thread runs yet that could read the environment at the same time.
    unsafe { std::env::set_var("CUBLAS_WORKSPACE_CONFIG", ":4096:8") };
}

/// The device in words.
pub fn name(device: Device) -> String {
    match device {
        Device::Cpu => format!("cpu, {} threads", tch::get_num_threads()),
        Device::Cuda(index) => format!("cuda:{index}"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuda_is_never_silently_replaced() {
        match choose(Choice::Cuda) {
            Ok(device) => assert!(device.is_cuda()),
            Err(text) => assert!(text.contains("use --device cpu"), "{text}"),
        }
        assert_eq!(choose(Choice::Cpu), Ok(Device::Cpu));
    }
}
