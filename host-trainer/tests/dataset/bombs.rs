//! Small files that announce pictures of gigabytes: refused with a reason, in no time and
//! without the memory, by checking and by training alike.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use models::{RgbFrame, picture};

use crate::common::{command, draw, host_trainer, success};
use crate::fixtures::png_bomb;

/// Bombs of every format that is read, by file name, and what is said of each.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let frame = RgbFrame::filled(16, 16, [0; 3]).unwrap();
    let mut jpeg = picture::jpeg(frame.view(), 80).unwrap();
    // SOF0: marker FF C0, length, precision, then height and width as big-endian words.
    let sof = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[sof + 5..sof + 7].copy_from_slice(&20_000u16.to_be_bytes());
    jpeg[sof + 7..sof + 9].copy_from_slice(&50_000u16.to_be_bytes());
    let mut bmp = b"BM".to_vec();
    for word in [
        58u32,
        0,
        54,
        40,
        50_000,
        20_000,
        1 | 24 << 16,
        0,
        0,
        0,
        0,
        0,
        0,
    ] {
        bmp.extend(word.to_le_bytes());
    }
    bmp.extend([0; 4]);
    // Lossless WebP: signature 2F, then 14 bits each of width - 1 and height - 1.
    let mut webp = b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f".to_vec();
    webp.extend((16_382u32 | 16_382 << 14).to_le_bytes());
    webp.extend([0; 5]);
    vec![
        ("bomb.png", png_bomb(50_000, 20_000)),
        ("three_gigabytes.png", png_bomb(30_000, 30_000)),
        ("slim.png", png_bomb(1, 67_108_864)),
        ("bomb.jpg", jpeg),
        ("bomb.bmp", bmp),
        ("bomb.webp", webp),
    ]
}

/// Most memory that the program had at once, MiB, and how long it took.
fn measure(folder: &Path, arguments: &[&str]) -> (i64, Duration) {
    let started = Instant::now();
    let mut child = command(folder, arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // VmHWM only rises; the last reading before the end misses next to nothing.
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok());
        peak = peak.max(kib.unwrap_or(0) / 1024);
        std::thread::sleep(Duration::from_millis(2));
    }
    (peak, started.elapsed())
}

#[test]
fn a_check_refuses_bombs_quickly_and_without_the_memory() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("set"), &["blue", "red"], 10);
    let check = ["dataset", "check", "set", "--workers", "2", "--json"];
    let (usual, _) = measure(at, &check);
    for (name, bytes) in bombs() {
        assert!(bytes.len() < 1000, "{name}");
        fs::write(at.join("set/red").join(name), bytes).unwrap();
    }
    let (memory, time) = measure(at, &check);
    eprintln!("{usual} MiB without bombs, {memory} MiB with them, {time:?}");
    assert!(
        memory < usual + 40,
        "{memory} MiB with bombs, {usual} without"
    );
    assert!(time < Duration::from_secs(30), "{time:?}");

    let output = host_trainer(at, &check);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let unreadable = report["unreadable"].as_array().unwrap();
    for (name, _) in bombs() {
        let path = format!("set/red/{name}");
        let found = unreadable.iter().find(|file| file["path"] == path).unwrap();
        let reason = found["reason"].as_str().unwrap();
        let expected = match name {
            "slim.png" => "pixels have a side longer than the 65535 that are decoded",
            _ => "pixels are more than the 67108864 that are decoded",
        };
        assert!(reason.ends_with(expected), "{name}: {reason}");
    }
}

#[test]
fn training_passes_over_bombs_with_one_message_each() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("set"), &["blue", "red"], 10);
    for (name, bytes) in bombs() {
        fs::write(at.join("set/red").join(name), bytes).unwrap();
    }
    let options = "train --data-train set --pretrained none --epochs 1 --input-size 32 --batch-size 4 --device cpu";
    let output = host_trainer(at, &options.split(' ').collect::<Vec<_>>());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), bombs().len(), "{text}");
    assert!(
        text.contains(
            "skipped: cannot read set/red/three_gigabytes.png: 30000x30000 pixels are more than \
             the 67108864 that are decoded\n"
        ),
        "{text}"
    );
    assert!(success(output).contains("pictures     16 train"));
}
