//! What this machine is, as the system tells: processor, memory, disk, NVIDIA's driver and cards.
//! Asks the system only; libtorch's view stands in `device`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

/// The processor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Processor {
    /// As it names itself; empty where it does not.
    pub model: String,
    /// Threads this program may use.
    pub threads: usize,
    /// Of the instruction sets that matter here, those it has.
    pub features: Vec<&'static str>,
    /// Threads that wanted to run over the last minute, on average; none where it is not told.
    pub load: Option<f64>,
}

/// Main memory, in bytes; a container's limit where that is less.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// All of it.
    pub total_bytes: u64,
    /// What programs can still have.
    pub available_bytes: u64,
}

/// Where run folders are made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disk {
    /// The folder that was asked for, or the nearest above it that is there.
    pub folder: PathBuf,
    /// Bytes left to this user.
    pub free_bytes: u64,
    /// Whether files can be made there.
    pub writable: bool,
}

/// NVIDIA's side of a CUDA device.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Nvidia {
    /// The kernel driver's version; none where none is loaded.
    pub driver: Option<String>,
    /// The cards that `nvidia-smi` lists.
    pub cards: Vec<Card>,
}

/// An NVIDIA card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Its name.
    pub name: String,
    /// All its memory, in MiB.
    pub memory_mib: u64,
    /// What of it is free, in MiB.
    pub free_mib: u64,
}

/// The processor, from /proc/cpuinfo and its own word.
pub fn processor() -> Processor {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    Processor {
        model: field(&text, "model name").unwrap_or_default().into(),
        threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
        features: features(),
        load: fs::read_to_string("/proc/loadavg")
            .ok()
            .and_then(|text| text.split(' ').next()?.parse().ok()),
    }
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    use std::arch::is_x86_feature_detected as has;
    let all = [
        ("sse4.2", has!("sse4.2")),
        ("avx2", has!("avx2")),
        ("fma", has!("fma")),
        ("avx512f", has!("avx512f")),
        ("avx512_vnni", has!("avx512vnni")),
        ("avx512_bf16", has!("avx512bf16")),
    ];
    all.into_iter()
        .filter(|(_, has)| *has)
        .map(|(n, _)| n)
        .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

/// Memory, from /proc/meminfo and the control group; none where neither tells.
pub fn memory() -> Option<Memory> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let group = |name: &str| {
        let text = fs::read_to_string(Path::new("/sys/fs/cgroup").join(name)).ok()?;
        text.trim().parse().ok()
    };
    limited(
        memory_of(&text)?,
        group("memory.max"),
        group("memory.current"),
    )
}

fn memory_of(text: &str) -> Option<Memory> {
    let bytes = |name| {
        let kib: u64 = field(text, name)?.strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    };
    Some(Memory {
        total_bytes: bytes("MemTotal")?,
        available_bytes: bytes("MemAvailable")?,
    })
}

fn limited(memory: Memory, limit: Option<u64>, used: Option<u64>) -> Option<Memory> {
    let Some(limit) = limit.filter(|limit| *limit < memory.total_bytes) else {
        return Some(memory);
    };
    let left = limit.saturating_sub(used.unwrap_or(0));
    Some(Memory {
        total_bytes: limit,
        available_bytes: left.min(memory.available_bytes),
    })
}

/// The disk that `folder` lies on, or would.
pub fn disk(folder: &Path) -> Option<Disk> {
    let folder = std::path::absolute(folder).ok()?;
    let folder = folder.ancestors().find(|path| path.exists())?;
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(Disk {
        folder: folder.to_path_buf(),
        free_bytes: stat.f_bavail * stat.f_frsize,
        writable: tempfile::tempfile_in(folder).is_ok(),
    })
}

/// NVIDIA's driver and cards, from /proc and `nvidia-smi`.
pub fn nvidia() -> Nvidia {
    let text = fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
    let query = "--query-gpu=name,memory.total,memory.free,driver_version";
    let listed = Command::new("nvidia-smi")
        .args([query, "--format=csv,noheader,nounits"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let listed = listed.ok().filter(|output| output.status.success());
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    nvidia_of(&text, &listed.unwrap_or_default())
}

fn nvidia_of(version: &str, listed: &str) -> Nvidia {
    let rows: Vec<Vec<&str>> = listed
        .lines()
        .map(|line| line.split(',').map(str::trim).collect())
        .collect();
    let cards = rows.iter().filter_map(|row| {
        Some(Card {
            name: row.first()?.to_string(),
            memory_mib: row.get(1)?.parse().ok()?,
            free_mib: row.get(2)?.parse().ok()?,
        })
    });
    // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Release Build …"
    let is_version =
        |word: &&str| word.contains('.') && !word.contains(|c: char| c.is_alphabetic());
    let loaded = version
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().find(is_version));
    let told = rows.first().and_then(|row| row.get(3)).copied();
    Nvidia {
        driver: loaded.or(told).map(String::from),
        cards: cards.collect(),
    }
}

/// The value on the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_a_container_may_have() {
        let text = "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\n";
        let all = memory_of(text).unwrap();
        assert_eq!((all.total_bytes, all.available_bytes), (16 << 20, 8 << 20));
        assert_eq!(limited(all, None, Some(1)), Some(all));
        assert_eq!(limited(all, Some(u64::MAX), Some(1)), Some(all));
        let some = limited(all, Some(4 << 20), Some(1 << 20)).unwrap();
        assert_eq!((some.total_bytes, some.available_bytes), (4 << 20, 3 << 20));
        assert_eq!(memory_of(""), None);
    }

    #[test]
    fn cards_are_what_nvidia_smi_lists() {
        let version = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Wed Aug 20\n\
                       GCC version:  gcc version 12.2.0\n";
        let listed =
            "NVIDIA H100 80GB HBM3, 81559, 81079, 580.65.06\nTesla T4, 15360, 12, 580.65.06\n";
        let found = nvidia_of(version, listed);
        assert_eq!(found.driver.as_deref(), Some("580.65.06"));
        let names: Vec<_> = found
            .cards
            .iter()
            .map(|card| (&*card.name, card.free_mib))
            .collect();
        assert_eq!(names, [("NVIDIA H100 80GB HBM3", 81079), ("Tesla T4", 12)]);
        // The open kernel module says it in other words; in a container /proc may lack it.
        let open =
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.57.08  Release Build";
        assert_eq!(nvidia_of(open, "").driver.as_deref(), Some("575.57.08"));
        assert_eq!(nvidia_of("", listed).driver.as_deref(), Some("580.65.06"));
        assert_eq!(nvidia_of("", ""), Nvidia::default());
        assert!(nvidia_of("", "No devices were found\n").cards.is_empty());
    }

    #[test]
    fn this_machine_has_a_processor_memory_and_a_disk() {
        assert!(processor().threads > 0);
        let memory = memory().unwrap();
        assert!(memory.total_bytes >= memory.available_bytes);
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(&folder.path().join("not/there")).unwrap();
        assert_eq!(disk.folder, folder.path());
        assert!(disk.free_bytes > 0 && disk.writable);
    }
}
