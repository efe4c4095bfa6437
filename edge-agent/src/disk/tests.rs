//! Appends under every failure, the lock, the counts.

use super::*;

#[test]
fn an_append_happens_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let disk = Disk::default();
    let mut file = disk.append_to(&path).unwrap();
    file.append(b"one\n").unwrap();
    disk.faults().one_after(0, io::ErrorKind::StorageFull);
    assert!(file.append(b"lost\n").is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
    // Cutting the torn end off fails as well at first.
    disk.faults().all(io::ErrorKind::StorageFull);
    assert!(file.append(b"torn\n").is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"one\nto");
    assert!(file.append(b"still\n").is_err());
    disk.faults().mend();
    file.append(b"two\n").unwrap();
    file.sync().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
    assert_eq!(file.len(), 8);
    assert_eq!((disk.wear().bytes(), disk.wear().syncs()), (8, 1));
}

#[test]
fn a_lock_is_held_once_and_freed_when_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let held = Lock::take(&path).unwrap();
    assert!(held.is_some());
    assert!(Lock::take(&path).unwrap().is_none());
    drop(held);
    assert!(Lock::take(&path).unwrap().is_some());
}

#[test]
fn a_full_disk_may_pass_and_a_missing_folder_does_not() {
    for (error, passes) in [
        (io::Error::from(io::ErrorKind::StorageFull), true),
        (io::Error::from_raw_os_error(libc::EIO), true),
        (io::Error::from_raw_os_error(libc::EROFS), true),
        (io::Error::from(io::ErrorKind::NotFound), false),
        (io::Error::from(io::ErrorKind::PermissionDenied), false),
    ] {
        assert_eq!(may_pass(&error), passes, "{error}");
        assert!(!remedy(&error).is_empty());
    }
}
