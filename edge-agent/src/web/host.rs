//! What the machine says of itself: memory, descriptors, temperatures, throttling, free disk.
//! Only reads; what the kernel does not tell is left out.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Most thermal zones that are told.
const ZONES: usize = 16;

/// What the bits of a Raspberry Pi's `get_throttled` mean; so many higher: since the start.
const THROTTLED: [&str; 4] = [
    "under_voltage",
    "frequency_capped",
    "throttled",
    "soft_limit",
];
const SINCE_START: usize = 16;

/// The machine at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Host {
    /// Resident memory of this process.
    pub resident_bytes: Option<u64>,
    /// Its open descriptors.
    pub descriptors: Option<u64>,
    /// Zone, its type, degrees Celsius.
    pub temperatures: Vec<(String, String, f64)>,
    /// What a Raspberry Pi complains about: name, whether now, whether since its start.
    pub throttled: Vec<(&'static str, bool, bool)>,
    /// Folder, free bytes, all bytes.
    pub disks: Vec<(String, u64, u64)>,
}

impl Host {
    /// Asks the system below `root`; `folders` are those whose disks matter.
    pub fn read(root: &Path, folders: &[PathBuf]) -> Self {
        Self {
            resident_bytes: resident(&root.join("proc/self/status")),
            descriptors: fs::read_dir(root.join("proc/self/fd"))
                .ok()
                // One of them is the reading itself.
                .map(|entries| (entries.count() as u64).saturating_sub(1)),
            temperatures: temperatures(&root.join("sys/class/thermal")),
            throttled: throttled(&root.join("sys/devices/platform/soc")),
            disks: folders.iter().filter_map(|folder| disk(folder)).collect(),
        }
    }
}

/// What the machine is called in its network; `root` as in [`Host::read`].
pub fn name(root: &Path) -> Option<String> {
    let name = fs::read_to_string(root.join("proc/sys/kernel/hostname")).ok()?;
    Some(name.trim().to_string())
}

fn resident(status: &Path) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn temperatures(folder: &Path) -> Vec<(String, String, f64)> {
    let zones = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = zones
        .filter_map(|zone| {
            let name = zone.file_name().into_string().ok()?;
            let text = |file: &str| fs::read_to_string(zone.path().join(file)).ok();
            let milli: f64 = text("temp")?.trim().parse().ok()?;
            let kind = text("type").unwrap_or_default().trim().to_string();
            name.starts_with("thermal_zone")
                .then_some((name, kind, milli / 1000.0))
        })
        .collect();
    found.sort_by(|a, b| (a.0.len(), &a.0).cmp(&(b.0.len(), &b.0)));
    found.truncate(ZONES);
    found
}

/// The firmware's flags, in whatever device below the folder has them.
fn throttled(folder: &Path) -> Vec<(&'static str, bool, bool)> {
    let devices = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files = devices.map(|device| device.path().join("get_throttled"));
    let text = files.find_map(|file| fs::read_to_string(file).ok());
    let bits = text.and_then(|text| {
        let digits = text.trim().trim_start_matches("0x").to_string();
        u32::from_str_radix(&digits, 16).ok()
    });
    let Some(bits) = bits else {
        return Vec::new();
    };
    let set = |bit: usize| bits >> bit & 1 == 1;
    let flags = THROTTLED.iter().enumerate();
    flags
        .map(|(bit, name)| (*name, set(bit), set(bit + SINCE_START)))
        .collect()
}

fn disk(folder: &Path) -> Option<(String, u64, u64)> {
    let told = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    let name = folder.display().to_string();
    Some((name, bytes(told.f_bavail), bytes(told.f_blocks)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pi_tells_its_heat_and_its_bad_supply() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("sys/class/thermal/thermal_zone0/temp", "48312\n");
        put("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
        put("sys/class/thermal/thermal_zone1/type", "broken");
        put("sys/class/thermal/cooling_device0/type", "fan");
        put(
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "50005\n",
        );
        put("proc/self/status", "Name:\tx\nVmRSS:\t    2048 kB\n");
        put("proc/sys/kernel/hostname", "raspberrypi\n");
        assert_eq!(name(root.path()).as_deref(), Some("raspberrypi"));
        let host = Host::read(root.path(), &[root.path().to_path_buf(), "/no/such".into()]);
        assert_eq!(host.resident_bytes, Some(2 << 20));
        assert_eq!(host.descriptors, None);
        assert_eq!(
            host.temperatures,
            [("thermal_zone0".into(), "cpu-thermal".into(), 48.312)]
        );
        assert_eq!(
            host.throttled,
            [
                ("under_voltage", true, true),
                ("frequency_capped", false, false),
                ("throttled", true, true),
                ("soft_limit", false, false),
            ]
        );
        assert_eq!(host.disks.len(), 1);
        assert!(host.disks[0].2 >= host.disks[0].1);
    }

    #[test]
    fn this_machine_tells_something() {
        let host = Host::read(Path::new("/"), &[]);
        assert!(name(Path::new("/")).is_some());
        assert!(host.resident_bytes > Some(100_000) && host.descriptors > Some(1));
    }
}
