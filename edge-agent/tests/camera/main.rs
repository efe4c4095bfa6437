//! The true program with cameras that are not there: a preloaded library answers in the
//! kernel's place, written against the kernel's own header, and notes every broken rule.

#[path = "../common/mod.rs"]
mod common;
mod rig;

use models::{Rect, RgbFrame};
use rig::Rig;

const SIZE: (u32, u32) = (320, 200);
const WEBCAM: &str = "driver = uvcvideo\ncard = HD Test Cam\nfps = 50\n";

/// A road with a car whose left edge is at `x`.
fn road(x: Option<i32>, seed: u32) -> RgbFrame {
    let mut frame = RgbFrame::filled(SIZE.0, SIZE.1, [110, 112, 115]).unwrap();
    let mut noise = seed.wrapping_mul(0x9e37_79b9) | 1;
    for (index, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
        let (px, py) = (index as i32 % SIZE.0 as i32, index as i32 / SIZE.0 as i32);
        let inside = |x: i32| px >= x && px < x + 90 && (90..140).contains(&py);
        if x.is_some_and(inside) {
            pixel.copy_from_slice(&[190, 20, 25]);
        }
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        let step = (noise >> 20) as u8 % 5;
        pixel.iter_mut().for_each(|value| *value += step);
    }
    frame
}

/// A second of empty road and more, then a car that comes as far as the middle.
fn half_a_passage() -> Vec<RgbFrame> {
    let empty = (0..80).map(|seed| road(None, seed));
    let car = (0..40).map(|step| road(Some(step * 5), 1000 + step as u32));
    empty.chain(car).collect()
}

/// BT.601, limited range.
fn luma_chroma([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(f32::from);
    let y = 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0;
    let cb = 128.0 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255.0;
    let cr = 128.0 + (112.0 * r - 93.786 * g - 18.214 * b) / 255.0;
    [y as u8, cb as u8, cr as u8]
}

fn yuyv(frame: &RgbFrame) -> Vec<u8> {
    let pairs = frame.data().chunks_exact(6).map(|pair| {
        let first = luma_chroma([pair[0], pair[1], pair[2]]);
        let second = luma_chroma([pair[3], pair[4], pair[5]]);
        [first[0], first[1], second[0], first[2]]
    });
    pairs.flatten().collect()
}

fn nv12(frame: &RgbFrame) -> Vec<u8> {
    let pixel = |x: u32, y: u32| luma_chroma(frame.view().pixel(x, y));
    let places = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
    let mut bytes: Vec<u8> = places.map(|(x, y)| pixel(x, y)[0]).collect();
    for y in (0..SIZE.1).step_by(2) {
        for x in (0..SIZE.0).step_by(2) {
            bytes.extend(&pixel(x, y)[1..]);
        }
    }
    bytes
}

/// As webcams send it: without Huffman tables.
fn mjpeg(frame: &RgbFrame) -> Vec<u8> {
    let mut bytes = models::picture::jpeg(frame.view(), 90).unwrap();
    while let Some(at) = bytes.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(bytes[at + 2]) << 8 | usize::from(bytes[at + 3]);
        bytes.drain(at..at + 2 + length);
    }
    bytes
}

fn config(rest: &str) -> String {
    format!(
        "[source]\nkind = \"v4l2\"\ndevice = \"/dev/video0\"\nwidth_px = {}\nheight_px = {}\nfps = 50\n{rest}",
        SIZE.0, SIZE.1
    )
}

fn bytes_of(frames: &[RgbFrame], format: fn(&RgbFrame) -> Vec<u8>) -> Vec<Vec<u8>> {
    frames.iter().map(format).collect()
}

/// The car, wherever in the middle of its way it was last seen.
fn is_the_car(event: &serde_json::Value) {
    let bounds: Rect = serde_json::from_value(event["box"].clone()).unwrap();
    let wanted = Rect {
        x: bounds.x,
        y: 90,
        width: 90,
        height: 50,
    };
    assert!(bounds.overlap(&wanted) > 0.5, "{event}");
    assert_eq!(event["direction"], "right", "{event}");
}

#[test]
fn every_way_of_losing_a_camera_ends_in_frames_again() {
    let rig = Rig::new();
    let passage = half_a_passage();
    let silent = rig.frames("yuyv", &bytes_of(&passage, yuyv));
    let silent = format!("{WEBCAM}formats = YUYV\nsizes = 320x200\nsilent_after = 120\n{silent}");
    rig.plug("video0", &silent);
    let mut agent = rig.start(&config(""));
    // It goes silent in the middle of a passage, and is opened again.
    let line = agent.line("camera lost: no frame for ");
    let ms: u64 = line.split(' ').nth(5).unwrap().parse().unwrap();
    assert!(ms >= 1500, "{line}");
    let first = agent.event();
    is_the_car(&first);
    agent.line("camera gives frames, after ");
    // Silent again: its numbers and times went on.
    agent.line("camera lost: no frame for ");
    let second = agent.event();
    is_the_car(&second);
    assert!(first["last_frame"].as_u64() < second["first_frame"].as_u64());
    assert!(first["last_t_ms"].as_u64() < second["first_t_ms"].as_u64());
    // Unplugged while it streams.
    agent.line("camera gives frames, after ");
    rig.unplug("video0");
    assert_eq!(
        agent.line("camera lost: "),
        "camera lost: No such device (os error 19); opening it again until it is back"
    );
    assert_eq!(
        agent.line("camera still away: "),
        "camera still away: source.device: /dev/video0 is not there; plug the camera in, or take a name that `edge-agent devices` lists"
    );
    // Back with another format, and a driver that answers with nonsense after a while.
    let frames = rig.frames("nv12", &bytes_of(&passage, nv12));
    let lines = format!("{WEBCAM}formats = NV12\nsizes = 320x200\n{frames}");
    rig.plug(
        "video0",
        &format!("{lines}dqbuf_errno = 22\ndqbuf_errno_after = 110\n"),
    );
    agent.line("camera gives frames, after ");
    assert_eq!(
        agent.line("camera lost: "),
        "camera lost: Invalid argument (os error 22); opening it again until it is back"
    );
    // Another camera in its place; JPEG this time.
    let frames = rig.frames("mjpeg", &bytes_of(&passage, mjpeg));
    rig.plug(
        "video0",
        &format!("{WEBCAM}formats = MJPG\nsizes = 320x200\n{frames}"),
    );
    agent.line("camera gives frames, after ");
    let last = agent.stop();
    assert!(
        last.contains(" frames") && last.contains(", camera lost "),
        "{last}"
    );
    assert_eq!(rig.faults(), "");
}

#[test]
fn thirty_unplugs_leak_no_descriptor() {
    let rig = Rig::new();
    let frames = rig.frames("yuyv", &bytes_of(&half_a_passage()[..4], yuyv));
    let lines = format!("{WEBCAM}formats = YUYV\nsizes = 320x200\ninterval_ms = 5\n{frames}");
    let mut agent = rig.start(&config(""));
    assert_eq!(
        agent.line("; waiting for it"),
        "source.device: /dev/video0 is not there; plug the camera in, or take a name that `edge-agent devices` lists; waiting for it"
    );
    let mut descriptors = 0;
    for cycle in 0..30 {
        rig.plug("video0", &lines);
        agent.line("camera gives frames, after ");
        if cycle == 0 {
            descriptors = agent.descriptors();
        }
        assert_eq!(agent.descriptors(), descriptors, "in cycle {cycle}");
        rig.unplug("video0");
        agent.line("camera lost: No such device");
    }
    let last = agent.stop();
    assert!(last.ends_with(", camera lost 30 times"), "{last}");
    assert_eq!(rig.faults(), "");
}

#[test]
fn damaged_frames_are_dropped_and_counted() {
    let rig = Rig::new();
    for (format, bytes, short) in [
        (
            "MJPG",
            mjpeg as fn(&RgbFrame) -> Vec<u8>,
            "the JPEG is cut off before its end",
        ),
        ("YUYV", yuyv, "it has 64000 of 128000 bytes"),
    ] {
        let frames = rig.frames(format, &bytes_of(&half_a_passage()[..8], bytes));
        let faults = "flagged_every = 5\nshort_every = 7\nleap_every = 10\nsilent_after = 35\nopenings = 1\n";
        let lines = format!("{WEBCAM}formats = {format}\nsizes = 320x200\n{faults}{frames}");
        rig.plug("video0", &lines);
        let mut agent = rig.start(&config(""));
        for ends in ["the camera marked it as damaged", short] {
            let line = agent.line(" dropped: ");
            assert!(line.starts_with("frame ") && line.ends_with(ends), "{line}");
        }
        agent.line("camera lost: no frame for ");
        // Of 35 that came every fifth was flagged and every seventh short; nine never came.
        let last = agent.stop();
        assert!(
            last.starts_with("24 frames (20 dropped), 0 vehicles, "),
            "{last}"
        );
        assert_eq!(rig.faults(), "");
        rig.unplug("video0");
    }
    // Nothing else comes: that is a lost camera too.
    let frames = rig.frames("rubbish", &[vec![0x55; 5000]]);
    rig.plug(
        "video0",
        &format!("{WEBCAM}formats = MJPG\nsizes = 320x200\n{frames}"),
    );
    let mut agent = rig.start(&config("lost_after_ms = 300\n"));
    let line = agent.line("camera lost: no whole frame for ");
    assert!(
        line.ends_with(" ms, lastly because it does not begin as a JPEG does; opening it again until it is back"),
        "{line}"
    );
    agent.stop();
}

#[test]
fn what_the_camera_makes_of_the_config_is_told() {
    let rig = Rig::new();
    let frames = rig.frames("yuyv", &bytes_of(&half_a_passage()[..4], yuyv));
    let lines = format!("{WEBCAM}formats = YUYV\nsizes = 320x200 160x120\n{frames}");
    rig.plug("video0", &lines);
    let asked = "
[source]
kind = \"v4l2\"
device = \"/dev/video0\"
format = \"mjpeg\"
width_px = 1280
height_px = 720
fps = 25
max_width_px = 160
exposure_us = 1000000
white_balance_k = 4605
gain = 3
focus = \"auto\"
controls = { sharpness = 2, white_balance_temperature = 5000 }
";
    let mut agent = rig.start(asked);
    agent.line("controls.sharpness");
    let controls =
        "white_balance_automatic, white_balance_temperature, auto_exposure, exposure_time_absolute";
    let expected = [
        "source.format = \"mjpeg\" became yuyv in the camera".to_string(),
        "source.width_px, height_px = 1280, 720 became 320, 200 in the camera".into(),
        "source.fps = 25 became 50 in the camera".into(),
        "source.exposure_us = 1000000 became 204700 in the camera".into(),
        format!("source.gain is left out: the camera has {controls}"),
        "source.white_balance_k = 4605 became 4600 in the camera".into(),
        format!("source.focus is left out: the camera has {controls}"),
        format!("source.controls.sharpness is left out: the camera has {controls}"),
    ];
    assert_eq!(agent.seen, expected);
    // Opened again, it is not told a second time.
    rig.plug("video0", &lines);
    agent.line("camera lost: ");
    agent.line("camera gives frames, after ");
    agent.stop();
    // As it is asked for, there is nothing to tell.
    rig.plug("video0", &format!("{lines}silent_after = 3\n"));
    let exact = "exposure_us = 5000\nwhite_balance_k = 4600\nlost_after_ms = 300\n";
    let mut agent = rig.start(&config(exact));
    agent.line("camera lost: ");
    assert_eq!(agent.seen.len(), 1, "{:?}", agent.seen);
    agent.stop();
    assert_eq!(rig.faults(), "");
}

#[test]
fn what_cannot_be_a_camera_is_refused_with_the_reason() {
    let rig = Rig::new();
    for (lines, starts, holds) in [
        (
            "driver = unicam\ncard = unicam\nformats = pBAA BG10\nsizes = 640x480\n",
            "/dev/video0 is a sensor on the board's camera connector (driver unicam)",
            "libcamera",
        ),
        (
            "driver = rp1-cfe\ncard = rp1-cfe\nformats = YUYV BG10\nsizes = 640x480\ncaps = 0x24000001\n",
            "/dev/video0 is a sensor on the board's camera connector (driver rp1-cfe)",
            "USB camera",
        ),
        (
            "driver = bcm2835-isp\ncard = isp\nformats = YUYV\nsizes = 640x480\ncaps = 0x04000002\n",
            "/dev/video0 is a sensor on the board's camera connector (driver bcm2835-isp)",
            "",
        ),
        (
            "driver = uvcvideo\ncard = HD Test Cam\nformats = UVCH\ncaps = 0x04800000\n",
            "/dev/video0 (HD Test Cam) gives no pictures",
            "`edge-agent devices`",
        ),
        (
            "driver = uvcvideo\ncard = Night Cam\nformats = H264 GREY\nsizes = 640x480\n",
            "/dev/video0 gives only H264, GREY; needed is one of mjpeg, yuyv, nv12",
            "",
        ),
        (
            "driver = uvcvideo\ncard = Odd Cam\nformats = NV12\nsizes = 321x200\n",
            "/dev/video0: 321x200 pixels do not go with nv12; give an even size",
            "",
        ),
        (
            "no camera at all\n",
            "/dev/video0 is no camera",
            "`edge-agent devices`",
        ),
    ] {
        rig.plug("video0", lines);
        let told = rig.refusal(&config(""));
        assert_eq!(told.code, 78, "{lines}{}", told.err);
        let starts = format!("agent.toml: source.device: {starts}");
        assert!(told.err.starts_with(&starts), "{lines}{}", told.err);
        assert!(told.err.contains(holds), "{lines}{}", told.err);
        assert_eq!(told.err.lines().count(), 1, "{}", told.err);
    }
    assert_eq!(rig.faults(), "");
}

#[test]
fn a_camera_that_may_come_is_waited_for() {
    let rig = Rig::new();
    for (fault, told) in [
        (
            "open_errno = 13",
            "permission denied; add this user to the group video",
        ),
        ("streamon_errno = 16", "is in use by another program"),
        (
            "streamon_errno = 28",
            "cannot start the stream: No space left on device",
        ),
    ] {
        rig.plug(
            "video0",
            &format!("{WEBCAM}formats = YUYV\nsizes = 320x200\n{fault}\n"),
        );
        let mut agent = rig.start(&config(""));
        let line = agent.line("; waiting for it");
        assert!(
            line.starts_with("source.device: /dev/video0") && line.contains(told),
            "{line}"
        );
        let last = agent.stop();
        assert!(last.starts_with("0 frames, 0 vehicles, "), "{last}");
    }
    assert_eq!(rig.faults(), "");
}

#[test]
fn devices_lists_what_is_there() {
    let rig = Rig::new();
    let told = rig.run(&["devices"]);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(told.err.starts_with("no camera found: "), "{}", told.err);
    assert_eq!(told.err.lines().count(), 1);
    assert_eq!(rig.run(&["devices", "--json"]).out, "[]\n");

    let sensor = "driver = unicam\ncard = unicam\nformats = pBAA\nsizes = 640x480\n";
    rig.plug("video2", sensor);
    rig.plug("video3", "driver = uvcvideo\nopen_errno = 13\n");
    let told = rig.run(&["devices"]);
    assert_eq!(told.code, 1);
    assert!(
        told.out.starts_with(
            "/dev/video2\n  not usable: /dev/video2 is a sensor on the board's camera connector"
        ),
        "{}",
        told.out
    );
    assert!(told.out.contains("group video"), "{}", told.out);
    assert_eq!(
        told.err,
        "no camera that the agent can use; what is there says why\n"
    );

    let modes = "formats = MJPG YUYV H264\nsizes = 640x480 1280x720\nfps = 30 15\ncontrols = 0\n";
    rig.plug(
        "video0",
        &format!("driver = uvcvideo\ncard = HD Test Cam\n{modes}"),
    );
    rig.plug(
        "video1",
        "driver = uvcvideo\ncard = HD Test Cam\nformats = UVCH\ncaps = 0x04800000\n",
    );
    rig.name("video0", "usb-test-video-index0");
    let told = rig.run(&["devices"]);
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    let expected = "/dev/video0  HD Test Cam (uvcvideo, usb-fake-1)
  /dev/v4l/by-id/usb-test-video-index0
  mjpeg  640x480 at 30/15, 1280x720 at 30/15
  yuyv   640x480 at 30/15, 1280x720 at 30/15
  for the config:
    [source]
    kind = \"v4l2\"
    device = \"/dev/v4l/by-id/usb-test-video-index0\"
    format = \"yuyv\"
    width_px = 1280
    height_px = 720
    fps = 30

/dev/video2
";
    assert!(told.out.starts_with(expected), "{}", told.out);
    assert!(!told.out.contains("video1"), "{}", told.out);

    let told = rig.run(&["devices", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(list[0]["names"][0], "/dev/v4l/by-id/usb-test-video-index0");
    assert_eq!(
        list[0]["camera"]["formats"][1]["modes"][1]["height_px"],
        720
    );
    assert_eq!(list[0]["camera"]["formats"][1]["format"], "yuyv");
    assert_eq!(list[1]["node"], "/dev/video2");
    assert!(list[1]["problem"].as_str().unwrap().contains("libcamera"));
    // The lines are a config that the agent takes, and the camera is opened by its lasting name.
    let frames = rig.frames(
        "yuyv",
        &bytes_of(&half_a_passage()[..2], |_| vec![99; 1280 * 720 * 2]),
    );
    rig.plug(
        "video0",
        &format!("driver = uvcvideo\ncard = HD Test Cam\n{modes}{frames}silent_after = 3\n"),
    );
    let lines = list[0]["camera"]["config"].as_str().unwrap();
    let mut agent = rig.start(lines);
    agent.line("camera lost: no frame for ");
    agent.stop();
    assert_eq!(rig.faults(), "");
}
