//! Which device computes, and what libtorch says of devices and of itself. Opens none.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
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

/// Every device that libtorch can use; the processor first.
pub fn all() -> Vec<Device> {
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    let cards = (0..count).map(Device::Cuda);
    std::iter::once(Device::Cpu).chain(cards).collect()
}

/// The libtorch that is linked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Libtorch {
    /// Its version, as its folder says it; none where it does not.
    pub version: Option<String>,
    /// The folder it was loaded from.
    pub folder: Option<PathBuf>,
    /// Threads it computes with on the processor.
    pub threads: i32,
    /// Whether it was loaded with its CUDA part.
    pub cuda: bool,
    /// CUDA devices it can use.
    pub cuda_devices: i64,
    /// cuDNN's version, such as 91900; none where it has none.
    pub cudnn: Option<i64>,
}

/// What libtorch says of itself.
pub fn libtorch() -> Libtorch {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let folder = loaded_from(&maps, "libtorch_cpu.so");
    let cuda = tch::utils::has_cuda();
    Libtorch {
        version: folder.as_deref().and_then(version),
        folder,
        threads: tch::get_num_threads(),
        cuda,
        cuda_devices: Cuda::device_count(),
        cudnn: (cuda && Cuda::cudnn_is_available()).then(tch::utils::version_cudnn),
    }
}

/// The folder of a library that this process has loaded.
fn loaded_from(maps: &str, library: &str) -> Option<PathBuf> {
    let paths = maps
        .lines()
        .filter_map(|line| Some(&line[line.find('/')?..]));
    let mut paths = paths.map(Path::new);
    let path = paths.find(|path| path.file_name().is_some_and(|name| name == library));
    Some(path?.parent()?.to_path_buf())
}

/// libtorch's own folder has a file `build-version` above its libraries; a Python wheel's has
/// `version.py`.
fn version(folder: &Path) -> Option<String> {
    let above = folder.parent()?;
    if let Ok(text) = fs::read_to_string(above.join("build-version")) {
        return Some(text.trim().into());
    }
    let text = fs::read_to_string(above.join("version.py")).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("__version__ = "));
    Some(line?.trim_matches(['\'', '"']).into())
}

/// Makes a GPU give the same numbers every time. Of CUDA's libraries cuDNN has kernels that add
/// in any order, so it is left out; cuBLAS needs a fixed workspace (NVIDIA, "cuBLAS: results
/// reproducibility"). To be called before any GPU work.
pub fn be_deterministic() {
    tch::Cuda::set_user_enabled_cudnn(false);
    // SAFETY: no other thread runs yet that could read the environment at the same time.
    unsafe { std::env::set_var("CUBLAS_WORKSPACE_CONFIG", ":4096:8") };
}

/// Threads that libtorch computes with on the processor.
pub fn threads() -> i32 {
    tch::get_num_threads()
}

/// Sets [`threads`]; at least 1.
pub fn set_threads(threads: i32) {
    tch::set_num_threads(threads.max(1));
}

/// The device in words.
pub fn name(device: Device) -> String {
    match device {
        Device::Cpu => format!("cpu, {} threads", tch::get_num_threads()),
        other => short_name(other),
    }
}

/// The device in a word, as PyTorch writes it.
pub fn short_name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".into(),
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

    #[test]
    fn the_linked_libtorch_is_found() {
        let libtorch = libtorch();
        let folder = libtorch.folder.unwrap();
        assert!(folder.join("libtorch_cpu.so").is_file());
        assert!(libtorch.threads > 0);
        assert_eq!(all().len() as i64, 1 + libtorch.cuda_devices);
    }

    #[test]
    fn a_version_is_read_beside_the_libraries() {
        let place = tempfile::tempdir().unwrap();
        let lib = place.path().join("lib");
        assert_eq!(version(&lib), None);
        let python = "from typing import Optional\n__version__ = '2.11.0+cu130'\ndebug = False\n";
        fs::write(place.path().join("version.py"), python).unwrap();
        assert_eq!(version(&lib).as_deref(), Some("2.11.0+cu130"));
        fs::write(place.path().join("build-version"), "2.11.0\n").unwrap();
        assert_eq!(version(&lib).as_deref(), Some("2.11.0"));
    }
}
