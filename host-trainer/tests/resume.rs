//! A run that is cut and resumed ends where an uncut one does, bit for bit; a killed process
//! leaves the last checkpoint whole; a full disk loses nothing.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{command_line, draw, success};
use models::hash::sha256_hex;

fn succeed(folder: &Path, line: &str) -> String {
    success(command_line(folder, line).output().unwrap())
}

const COLOURS: [&str; 3] = ["black", "red", "white"];

/// Waits until `run` has finished `epochs` epochs, and kills the process without warning.
fn kill_after(mut child: Child, run: &Path, epochs: usize) {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        let log = fs::read_to_string(run.join("log.jsonl")).unwrap_or_default();
        if log.lines().count() >= epochs {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(Instant::now() < deadline, "it takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn hashes(run: &Path) -> [String; 2] {
    ["best", "last"].map(|name| {
        let path = run.join("weights").join(format!("{name}.safetensors"));
        sha256_hex(&fs::read(path).unwrap())
    })
}

const SHORT: &str = "train --data-train data --pretrained none --input-size 32 --batch-size 8 \
                     --device cpu --workers 2";

#[test]
fn killed_in_the_third_of_six_epochs_and_resumed_it_ends_with_the_same_weights() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &COLOURS, 20);
    succeed(at, &format!("{SHORT} --epochs 2 --save-ret teacher"));
    let recipes = [
        "--epochs 6 --teacher teacher/1 --augment pole",
        "--epochs 6 --mixup 0.2 --sampling balanced --thaw-epochs 4",
        "--epochs 6 --augment-on device --optim Adam",
        "--recipe reference --split group --test-share 0.1 --epochs 6 --input-size 32",
    ];
    for recipe in recipes {
        let command = match recipe.contains("reference") {
            true => format!("{} {recipe}", SHORT.replace("--input-size 32", "")),
            false => format!("{SHORT} {recipe}"),
        };
        succeed(at, &format!("{command} --save-ret whole"));
        let child = command_line(at, &format!("{command} --save-ret cut"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (whole, cut) = (at.join("whole/1"), at.join("cut/1"));
        kill_after(child, &cut, 3);
        // What a kill in the midst of writing would have left.
        fs::write(cut.join("weights/.half-written-abc"), "half").unwrap();
        // Another number of threads is set back to the run's own.
        let again = command_line(at, "train --resume cut/1 --device cpu --workers 1")
            .env("OMP_NUM_THREADS", "1")
            .output()
            .unwrap();
        assert!(again.status.success());
        let text = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(text.contains("resumed      after epoch"), "{text}");
        assert_eq!(hashes(&whole), hashes(&cut), "{recipe}");
        let text = |run: &Path, file: &str| fs::read_to_string(run.join(file)).unwrap();
        assert_eq!(text(&cut, "log.jsonl").lines().count(), 6);
        let log = text(&cut, "train_log.json").replace("cut/1", "whole/1");
        assert_eq!(log, text(&whole, "train_log.json"));
        assert_eq!(fs::read_dir(cut.join("weights")).unwrap().count(), 3);

        let output = command_line(at, "train --resume cut/1").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            text.contains("cut/1 is finished: it has all its 6 epochs"),
            "{text}"
        );
        fs::remove_dir_all(at.join("whole")).unwrap();
        fs::remove_dir_all(at.join("cut")).unwrap();
    }
}

#[test]
fn killed_at_any_moment_the_last_checkpoint_is_whole() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &COLOURS, 4);
    // Epochs of a step or two: most of the time goes into writing.
    let command = format!("{SHORT} --epochs 4000 --val-share 0.25 --test-share 0");
    let child = command_line(at, &command)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let run = at.join("runs/1");
    kill_after(child, &run, 3);
    for round in 0..12u64 {
        let mut child = command_line(at, "train --resume runs/1 --device cpu --workers 2")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let done = fs::read_to_string(run.join("log.jsonl"))
            .unwrap()
            .lines()
            .count();
        let deadline = Instant::now() + Duration::from_secs(300);
        // It must get on, from a whole checkpoint, and is then killed at another moment.
        loop {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "round {round} ended: {ended:?}");
            let now = fs::read_to_string(run.join("log.jsonl")).unwrap_or_default();
            if now.lines().count() > done + 1 {
                break;
            }
            assert!(Instant::now() < deadline, "round {round} does not get on");
            std::thread::sleep(Duration::from_millis(3));
        }
        std::thread::sleep(Duration::from_millis(round * 3));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn other_pictures_or_no_checkpoint_are_named() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &COLOURS, 8);
    draw(&at.join("more"), &COLOURS, 3);
    succeed(at, &format!("{SHORT} --epochs 2 --data-extra more"));
    let complaint = |expected: &str| {
        let output = command_line(at, "train --resume runs/1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.contains(expected) && text.lines().count() == 1,
            "{text}"
        );
    };
    // As if two epochs of four had been done.
    let path = at.join("runs/1/run.json");
    let record = fs::read_to_string(&path).unwrap();
    fs::write(&path, record.replace("\"epochs\": 2", "\"epochs\": 4")).unwrap();
    let without = |picture: &str, expected: &str| {
        let kept = fs::read(at.join(picture)).unwrap();
        fs::remove_file(at.join(picture)).unwrap();
        complaint(expected);
        fs::write(at.join(picture), kept).unwrap();
    };
    let split = fs::read_to_string(at.join("runs/1/split.json")).unwrap();
    let split: serde_json::Value = serde_json::from_str(&split).unwrap();
    for part in ["train", "validation"] {
        let picture = split["parts"][part][0].as_str().unwrap();
        let named = match part {
            "train" => "the training pictures in ",
            _ => "the validation or extra pictures are not those that runs/1 was started with",
        };
        without(&format!("data/{picture}"), named);
    }
    without(
        "more/red/0.png",
        "the validation or extra pictures are not those that runs/1 was started with; start a new run",
    );
    let checkpoint = at.join("runs/1/weights/checkpoint.safetensors");
    let whole = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, &whole[..whole.len() / 2]).unwrap();
    complaint("checkpoint.safetensors is not a usable weights file");
    fs::remove_file(&checkpoint).unwrap();
    complaint("runs/1 was stopped before its first epoch ended; start it anew");
}

#[test]
fn ctrl_c_ends_it_with_a_word_on_how_to_go_on() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &COLOURS, 8);
    let child = command_line(at, &format!("{SHORT} --epochs 4000"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = at.join("runs/1/log.jsonl");
    let deadline = Instant::now() + Duration::from_secs(300);
    while fs::read_to_string(&log).unwrap_or_default().lines().count() < 2 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = child.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let (told, complained) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        told.ends_with("next         host-trainer train --resume runs/1\n"),
        "{told}"
    );
    assert!(
        complained.starts_with("host-trainer: stopped in epoch "),
        "{complained}"
    );
}

/// A small file system, gone with it.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// None without the right to mount.
    fn mount(at: &'a Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
            .arg(at);
        let done = mount.stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
            .then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_is_named_and_the_run_goes_on_once_there_is_room() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &COLOURS, 8);
    let small = at.join("small");
    let Some(_disk) = SmallDisk::mount(&small) else {
        println!("skip: mounting a small file system needs root");
        return;
    };
    let child = command_line(at, &format!("{SHORT} --epochs 4000 --save-ret small/runs"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = small.join("runs/1");
    let epochs = || {
        let log = fs::read_to_string(run.join("log.jsonl")).unwrap_or_default();
        log.lines().count()
    };
    let deadline = Instant::now() + Duration::from_secs(300);
    while epochs() < 2 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    let filler = small.join("filler");
    // Fails when the disk is full, as it should.
    let _ = fs::write(&filler, vec![0; 80 << 20]);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), text.lines().count()),
        (Some(1), 1),
        "{text}"
    );
    assert!(text.contains("No space left on device"), "{text}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.ends_with("host-trainer train --resume small/runs/1\n"),
        "{told}"
    );
    fs::remove_file(&filler).unwrap();
    for file in fs::read_dir(run.join("weights")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with('.'), "{name} is left half-written");
    }
    let done = epochs();
    let child = command_line(at, "train --resume small/runs/1 --device cpu --workers 2")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    kill_after(child, &run, done + 2);
}
