//! The power goes, the disk is full, or the store is damaged: the next start has the old bundle
//! or the new one.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Told, program};
use crate::device::{Device, version};

const MOST_MOMENTS: u64 = 60;

/// A device with a good bundle and the archive of another, and what the agent says with each.
fn device() -> (Device, String, String) {
    let device = Device::new();
    let a = device.archive("a", version("1.1.0"));
    let b = device.archive("b", version("1.2.0"));
    device.install_as_good("a");
    // Something for an install to remove.
    for number in 0..2 {
        let old = device.path(&format!("store/bundles/{number:012x}"));
        fs::rename(copied(&device, "a"), old).unwrap();
    }
    (device, a, b)
}

fn copied(device: &Device, name: &str) -> std::path::PathBuf {
    let copy = device.path("copy");
    let told = Command::new("cp")
        .arg("-r")
        .args([device.path(name), copy.clone()])
        .status();
    assert!(told.unwrap().success());
    copy
}

/// One of the two is in use, and the other can still be brought in.
fn check(device: &Device, a: &str, b: &str) {
    let told = device.start();
    let old = format!("bundle {a} of the store is used");
    let new = format!("bundle {b} is on trial, 2 starts left");
    assert!(told == old || told == new, "{told}");
    let again = device.agent(&["bundle", "install", "--again", "b.tar"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(device.state()["current"], b);
    assert_eq!(device.state()["previous"], a);
    assert!(!device.stored().iter().any(|name| name.starts_with('.')));
    let back = device.agent(&["bundle", "rollback"]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert_eq!(device.state()["current"], a);
}

#[test]
fn an_install_may_be_cut_off_at_every_step() {
    let (device, a, b) = device();
    for moment in 0..MOST_MOMENTS {
        let told = device.with_fault(&["bundle", "install", "--again", "b.tar"], moment);
        if told.status.success() {
            assert!(moment >= 9, "only {moment} moments");
            return;
        }
        assert_eq!(told.status.signal(), Some(6), "{told:?}");
        check(&device, &a, &b);
        // The next moment finds the store as this one did.
        let _ = fs::remove_dir_all(device.path("store/bundles").join(&b));
        let _ = fs::remove_dir_all(device.path("store/bundles/000000000000"));
        fs::rename(
            copied(&device, "a"),
            device.path("store/bundles/000000000000"),
        )
        .unwrap();
    }
    panic!("it never came to an end");
}

#[test]
fn an_install_may_be_cut_off_at_any_time() {
    let (device, a, b) = device();
    let begun = Instant::now();
    let whole = device.agent(&["bundle", "install", "b.tar"]);
    assert_eq!(whole.code, 0, "{}", whole.err);
    let takes = begun.elapsed();
    device.agent(&["bundle", "rollback"]);
    let mut cut_off = 0;
    for round in 0..24u32 {
        let _ = fs::remove_dir_all(device.path("store/bundles").join(&b));
        let mut command = device.command(&["bundle", "install", "--again", "b.tar"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Spread over the time that a whole one takes, by the golden ratio.
        let share = f64::from(round) * 0.618_033_988_749_895 % 1.0;
        std::thread::sleep(Duration::from_secs_f64(takes.as_secs_f64() * share));
        child.kill().unwrap();
        cut_off += u32::from(child.wait().unwrap().signal() == Some(9));
        check(&device, &a, &b);
    }
    assert!(cut_off > 0);
}

#[test]
fn a_start_may_be_cut_off_at_every_step() {
    let (device, a, b) = device();
    let told = device.agent(&["bundle", "install", "b.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let state = fs::read(device.path("store/state.json")).unwrap();
    for starts_left in [0, 2] {
        let state = String::from_utf8(state.clone()).unwrap();
        let state = state.replace(
            "\"starts_left\": 3",
            &format!("\"starts_left\": {starts_left}"),
        );
        for moment in 0..MOST_MOMENTS {
            fs::write(device.path("store/state.json"), &state).unwrap();
            let told = device.with_fault(&["run"], moment);
            if told.status.success() {
                assert!(moment >= 3, "only {moment} moments");
                break;
            }
            assert_eq!(told.status.signal(), Some(6), "{told:?}");
            let told = device.start();
            let used = [
                format!("bundle {a} of the store is used"),
                format!("bundle {b} is on trial, 0 starts left"),
                format!("bundle {b} is on trial, 1 starts left"),
            ];
            let last = told.lines().last().unwrap();
            assert!(used.iter().any(|line| line == last), "{told}");
        }
    }
}

/// Runs a shell command around the program, in the device's folder.
fn in_shell(device: &Device, before: &str, words: &str) -> Told {
    let program = program().get_program().to_string_lossy().into_owned();
    let script = format!("{before} && exec {program} {words} --config agent.toml");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(device.path(""));
    shell.output().unwrap().into()
}

#[test]
fn a_write_that_fails_leaves_nothing() {
    let (device, a, _) = device();
    let stored = device.stored();
    // Files may have 128 kB at most; the network is larger.
    let told = in_shell(
        &device,
        "trap '' XFSZ && ulimit -f 256",
        "bundle install b.tar",
    );
    assert_eq!(told.code, 1);
    assert!(
        told.err
            .starts_with("cannot write the bundle into store/bundles: File too large"),
        "{}",
        told.err
    );
    assert!(
        told.err.ends_with("; nothing was left there\n"),
        "{}",
        told.err
    );
    assert_eq!(device.stored(), stored);
    assert_eq!(device.start(), format!("bundle {a} of the store is used"));
}

#[test]
fn a_full_disk_is_told_before_anything_is_written() {
    let (device, a, _) = device();
    fs::rename(device.path("store"), device.path("kept")).unwrap();
    fs::create_dir(device.path("store")).unwrap();
    // As much as must stay free beside any bundle.
    let mount = "mount -t tmpfs -o size=4m none store && cp -r kept/bundles kept/state.json store/";
    let program = program().get_program().to_string_lossy().into_owned();
    let script = format!(
        "{mount} && rm -r store/bundles/00* && {program} bundle install b.tar --config agent.toml; \
         echo \"code $?\" && ls -A store/bundles && {program} run --config agent.toml"
    );
    let mut shell = Command::new("unshare");
    shell.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    let told = shell.current_dir(device.path("")).output();
    let Some(told) = told.ok().filter(|told| told.status.success()) else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    let (out, err) = (
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr),
    );
    assert_eq!(out, format!("code 1\n{a}\n"), "{err}");
    assert!(err.starts_with("store/bundles: "), "{err}");
    assert!(err.contains(" kB free; remove something there\n"), "{err}");
    assert!(
        err.contains(&format!("bundle {a} of the store is used")),
        "{err}"
    );
}

#[test]
fn a_damaged_store_still_gives_a_start() {
    let (device, a, b) = device();
    device.install_as_good("b");
    let model = device.path("store/bundles").join(&b).join("model.onnx");
    let whole = fs::read(&model).unwrap();
    fs::write(&model, &whole[..1000]).unwrap();
    let told = device.start();
    assert!(told.contains("model.onnx is damaged"), "{told}");
    let check = device.agent(&["check"]);
    assert_eq!(check.code, 0, "{}", check.out);
    assert!(check.out.contains("warn bundle: "), "{}", check.out);
    assert!(check.out.contains(&format!("({a})")), "{}", check.out);
    // The one before it as well.
    fs::remove_dir_all(device.path("store/bundles").join(&a)).unwrap();
    let told = device.start();
    assert!(told.ends_with("the bundle compiled in is used"), "{told}");
    fs::write(device.path("store/state.json"), [0u8; 40]).unwrap();
    let told = device.start();
    assert!(told.contains("state.json is damaged"), "{told}");
    assert!(told.ends_with("the bundle compiled in is used"), "{told}");
    fs::remove_dir_all(device.path("store")).unwrap();
    fs::write(device.path("store"), "").unwrap();
    let told = device.start();
    assert!(
        told.contains("bundle store store: cannot make it"),
        "{told}"
    );
    // A new install mends what can be mended.
    fs::remove_file(device.path("store")).unwrap();
    fs::create_dir(device.path("store")).unwrap();
    fs::write(device.path("store/state.json"), "{").unwrap();
    let told = device.agent(&["bundle", "install", "b.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(
        device.start(),
        format!("bundle {b} is on trial, 2 starts left")
    );
}
