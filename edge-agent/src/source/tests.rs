//! The sample config's other sources, and the texts of what cannot be opened or goes missing.

use std::path::Path;

use super::*;
use crate::config::Config;
use crate::decode::segments;

/// The `# [source]` blocks of the sample file, each as a config of its own. Lines that are no
/// settings explain them.
fn samples() -> Vec<String> {
    let text = include_str!("../../agent.example.toml");
    let mut blocks = Vec::new();
    for start in text.match_indices("# [source]\n") {
        let lines = text[start.0..]
            .lines()
            .take_while(|line| line.starts_with("# "));
        let settings = lines
            .map(|line| line.trim_start_matches("# "))
            .filter(|line| line.starts_with('[') || line.split(' ').nth(1) == Some("="));
        blocks.push(settings.collect::<Vec<_>>().join("\n"));
    }
    blocks
}

#[test]
fn the_sample_file_shows_every_source_with_every_key() {
    let mut seen = Vec::new();
    for sample in samples() {
        let config = Config::parse(&sample, Path::new("sample")).unwrap();
        // Keys that are left out when they have no value are stated too.
        let keys: &[&str] = match &config.source {
            SourceConfig::V4l2(camera) => {
                assert_eq!(camera.width_px, CameraConfig::new("x").width_px);
                assert_eq!(camera.height_px, CameraConfig::new("x").height_px);
                assert_eq!(camera.fps, CameraConfig::new("x").fps);
                assert_eq!(camera.lost_after_ms, CameraConfig::new("x").lost_after_ms);
                let optional = ["format", "max_width_px", "exposure_us", "gain"];
                assert!(optional.iter().all(|key| sample.contains(key)), "{sample}");
                &[
                    "white_balance_k",
                    "focus",
                    "controls",
                    "lost_after_ms",
                    "fps",
                ]
            }
            SourceConfig::Replay(replay) if replay.folder.is_some() => {
                &["folder", "fps", "max_width_px", "repeat"]
            }
            SourceConfig::Replay(_) => &["file", "width_px", "height_px", "fps", "repeat"],
            SourceConfig::Sim(_) => &[],
        };
        for key in keys {
            assert!(sample.contains(&format!("\n{key} = ")), "{key} in {sample}");
        }
        seen.push(config.source.is_live());
    }
    assert_eq!(seen, [true, false, false]);
}

#[test]
fn values_out_of_range_are_refused_with_their_key() {
    let refusal = |rest: &str| {
        let text = format!("[source]\nkind = \"v4l2\"\ndevice = \"/dev/video0\"\n{rest}");
        let error = Config::parse(&text, Path::new("a.toml")).unwrap_err();
        error.to_string()
    };
    for (rest, starts) in [
        (
            "width_px = 8",
            "a.toml: source.width_px = 8 is out of range; allowed: 16 to 8192",
        ),
        (
            "height_px = 9000",
            "a.toml: source.height_px = 9000 is out of range",
        ),
        (
            "fps = 0",
            "a.toml: source.fps = 0 is out of range; allowed: 0.1 to 1000",
        ),
        (
            "lost_after_ms = 1",
            "a.toml: source.lost_after_ms = 1 is out of range; allowed: 200 to 60000",
        ),
        (
            "max_width_px = 1",
            "a.toml: source.max_width_px = 1 is out of range",
        ),
        (
            "exposure_us = 0",
            "a.toml: source.exposure_us = 0 is out of range; allowed: 1 to 10000000",
        ),
        (
            "white_balance_k = -1",
            "a.toml: source.white_balance_k = -1 is out of range",
        ),
        ("device = \"\"", "a.toml:4: source.device: "),
        (
            "format = \"h264\"",
            "a.toml:4: source.format: unknown value h264; allowed: mjpeg, yuyv, nv12",
        ),
        (
            "exposure = 5",
            "a.toml:4: source.exposure: unknown key; allowed: device, format",
        ),
        (
            "gain = \"on\"",
            "a.toml:4: source.gain: invalid value: string \"on\", expected \"auto\" or a whole number",
        ),
    ] {
        let told = refusal(rest);
        assert!(told.starts_with(starts), "{rest:?} gave {told:?}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    let told = Config::parse("[source]\nkind = \"v4l2\"\n", Path::new("a.toml"));
    assert_eq!(
        told.unwrap_err().to_string(),
        "a.toml:1: source: missing field device"
    );
}

#[test]
fn what_went_missing_is_told_in_one_line() {
    let torn = || Flaw::Decode(DecodeError::Torn(segments::Flaw::Doubled));
    for (error, told) in [
        (
            SourceError::Flawed {
                index: 7,
                flaw: torn(),
            },
            "frame 7 dropped: another JPEG begins inside this one",
        ),
        (
            SourceError::Flawed {
                index: 8,
                flaw: Flaw::Marked,
            },
            "frame 8 dropped: the camera marked it as damaged",
        ),
        (
            SourceError::Lost(Loss::Silent { ms: 1600 }),
            "no frame for 1600 ms",
        ),
        (
            SourceError::Lost(Loss::Flawed {
                ms: 1600,
                flaw: torn(),
            }),
            "no whole frame for 1600 ms, lastly because another JPEG begins inside this one",
        ),
    ] {
        assert_eq!(error.to_string(), told);
    }
}
