//! Whether a folder is read-only for this program alone: systemd's `ProtectSystem` mounts what a
//! service may not write anew for it, over file systems that others go on writing to.

use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::nearest;

/// What to do about it.
const REMEDY: &str = "choose a place in the service's state folder (/var/lib/edge-agent, of \
                      edge-agent@NAME the folder NAME in it), or add ReadWritePaths= with \
                      `systemctl edit`";

/// Stands in an error for the system's "read-only file system".
#[derive(Debug, thiserror::Error)]
#[error("read-only for this program alone (ProtectSystem= without ReadWritePaths= for it)")]
struct ShutOut;

/// The failure to use `folder`: a disk that takes no writes may take them again, a mount that is
/// read-only for this program alone stays so, and counts as a missing permission.
pub fn judged(error: io::Error, folder: &Path) -> io::Error {
    if error.kind() == io::ErrorKind::ReadOnlyFilesystem && is_shut_out(nearest(folder)) {
        return io::Error::new(io::ErrorKind::PermissionDenied, ShutOut);
    }
    error
}

/// What to do, if it is that.
pub fn remedy(error: &io::Error) -> Option<&'static str> {
    let is_that = error.get_ref().is_some_and(|inner| inner.is::<ShutOut>());
    is_that.then_some(REMEDY)
}

fn is_shut_out(folder: &Path) -> bool {
    // Linux before 5.8 does not tell: the folder counts as any other then.
    let Ok(found) = statx(CWD, folder, AtFlags::empty(), StatxFlags::MNT_ID) else {
        return false;
    };
    if found.stx_mask & StatxFlags::MNT_ID.bits() == 0 {
        return false;
    }
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    is_read_only_alone(&String::from_utf8_lossy(&mounts), found.stx_mnt_id)
}

/// Whether the mount of that number is read-only and its file system is not.
fn is_read_only_alone(mounts: &str, id: u64) -> bool {
    mounts.lines().any(|line| {
        // A space in a path is escaped.
        let Some((mount, system)) = line.split_once(" - ") else {
            return false;
        };
        let first = |options: Option<&str>, wanted: &str| {
            options.and_then(|options| options.split(',').next()) == Some(wanted)
        };
        let number = mount.split(' ').next();
        let number: Option<u64> = number.and_then(|text| text.parse().ok());
        number == Some(id)
            && first(mount.split(' ').nth(5), "ro")
            && first(system.split(' ').nth(2), "rw")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_read_only_mount_of_a_writable_file_system_shuts_out() {
        let mounts = "44 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n\
                      65 44 254:0 /srv /srv ro,relatime master:1 - ext4 /dev/vda rw,discard\n\
                      66 44 0:39 / /a\\040-\\040b ro,relatime - tmpfs none ro\n\
                      67 44 254:1 / /worn rw,relatime - ext4 /dev/vdb ro,errors=remount-ro\n\
                      torn";
        let shut_out = |id| is_read_only_alone(mounts, id);
        let told: Vec<u64> = (0..100).filter(|id| shut_out(*id)).collect();
        assert_eq!(told, [65]);
    }

    #[test]
    fn other_failures_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        for code in [libc::EROFS, libc::EACCES, libc::ENOSPC] {
            let error = io::Error::from_raw_os_error(code);
            let error = judged(error, &folder.path().join("no/such"));
            assert_eq!(error.raw_os_error(), Some(code));
            assert_eq!(remedy(&error), None);
        }
        let error = io::Error::new(io::ErrorKind::PermissionDenied, ShutOut);
        assert!(super::super::remedy(&error).contains("ReadWritePaths="));
        assert!(!super::super::may_pass(&error));
    }
}
