//! The true program with GPIO chips that are not there: a preloaded library answers in the
//! kernel's place and writes down every level. From a rule in the config to a line.

#[path = "../common/mod.rs"]
mod common;
#[path = "../camera/rig.rs"]
#[allow(dead_code, reason = "the camera's tests use the rest")]
mod rig;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use models::RgbFrame;
use rig::Rig;

/// A Pi 5 on a kernel that numbers the header's chip fourth, and an expander.
const HEADER: &str = "label = pinctrl-rp1\nlines = 28\nname17 = GPIO17\nname27 = GPIO27\n";
const OTHER: &str = "label = gpio-brcmstb@107d508500\nlines = 32\n";

/// The drawn road, in true time so that there is a run to look at.
const ROAD: &str = "realtime = true\n[source]\nkind = \"sim\"\nvehicles_per_minute = 60.0\n";

const BARRIER: &str = "[[pin]]\nname = \"barrier\"\nline = 17\n";
const LAMP: &str = "[[pin]]\nname = \"lamp\"\nline = \"GPIO27\"\nactive_low = true\n";

fn machine() -> Rig {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let library = BUILT.get_or_init(|| rig::build("tests/pins/fake.c", "fake-gpio.so"));
    let rig = Rig::with(library, "FAKE_GPIO");
    rig.plug("gpiochip0", OTHER);
    rig.plug("gpiochip4", HEADER);
    rig
}

fn rule(then: &str) -> String {
    format!("[[rule]]\nthen = {then}\n")
}

/// What was done to a line of the header until now.
fn levels(rig: &Rig, line: u32) -> Vec<String> {
    let prefix = format!("gpiochip4 {line} ");
    let text = rig.text("levels");
    let lines = text.lines().filter_map(|line| line.strip_prefix(&prefix));
    lines.map(str::to_string).collect()
}

/// Waits until that was done first; only a broken program makes anyone wait so long.
fn wait_for(rig: &Rig, line: u32, wanted: &[&str]) {
    let until = Instant::now() + Duration::from_secs(60);
    while levels(rig, line)
        .iter()
        .zip(wanted)
        .filter(|(a, b)| a == b)
        .count()
        < wanted.len()
    {
        let seen = levels(rig, line);
        assert!(Instant::now() < until, "{seen:?} instead of {wanted:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_rule_becomes_a_level_and_the_end_is_safe() {
    let rig = machine();
    let set = rule("{ set = { pin = \"barrier\", level = \"on\" } }");
    let hold = rule("{ hold = { pin = \"lamp\", hold_ms = 86400000 } }");
    let mut agent = rig.start(&format!("{ROAD}{BARRIER}{LAMP}{set}{hold}"));
    agent.event();
    wait_for(&rig, 17, &["taken low", "high"]);
    wait_for(&rig, 27, &["taken high", "low"]);
    agent.stop();
    assert_eq!(levels(&rig, 17), ["taken low", "high", "low", "released"]);
    assert_eq!(levels(&rig, 27), ["taken high", "low", "high", "released"]);
}

#[test]
fn pulses_end_by_themselves() {
    let rig = machine();
    let pulse = rule("{ pulse = { pin = \"barrier\", hold_ms = 1 } }");
    let mut agent = rig.start(&format!("{ROAD}{BARRIER}{pulse}"));
    agent.event();
    wait_for(&rig, 17, &["taken low", "high", "low"]);
    agent.event();
    wait_for(&rig, 17, &["taken low", "high", "low", "high", "low"]);
    agent.stop();
    let done = levels(&rig, 17);
    let (last, pulses) = done[1..].split_last().unwrap();
    assert_eq!(last, "released");
    assert!(
        pulses.chunks(2).all(|pulse| pulse == ["high", "low"]),
        "{pulses:?}"
    );
}

/// Plugs in a camera before which a car passes, and which is silent then; the config for it.
fn camera(rig: &Rig) -> &'static str {
    let road = |x: Option<i32>, seed: u32| {
        let mut frame = RgbFrame::filled(320, 200, [110, 112, 115]).unwrap();
        let mut noise = seed.wrapping_mul(0x9e37_79b9) | 1;
        for (index, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
            let (px, py) = (index as i32 % 320, index as i32 / 320);
            if x.is_some_and(|x| px >= x && px < x + 90 && (90..140).contains(&py)) {
                pixel.copy_from_slice(&[190, 20, 25]);
            }
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let step = (noise >> 20) as u8 % 5;
            pixel.iter_mut().for_each(|value| *value += step);
        }
        models::picture::jpeg(frame.view(), 90).unwrap()
    };
    let empty = (0..80).map(|seed| road(None, seed));
    let car = (0..84).map(|step| road(Some(step * 5 - 90), 1000 + step as u32));
    let after = (0..80).map(|seed| road(None, 2000 + seed));
    let frames: Vec<Vec<u8>> = empty.chain(car).chain(after).collect();
    let frames = rig.frames("jpeg", &frames);
    let webcam =
        "driver = uvcvideo\ncard = HD Test Cam\nfps = 50\nformats = MJPG\nsizes = 320x200\n";
    rig.plug("video0", &format!("{webcam}{frames}silent_after = 244\n"));
    "[source]\nkind = \"v4l2\"\ndevice = \"/dev/video0\"\nwidth_px = 320\nheight_px = 200\nfps = 50\n"
}

/// On until the next day.
fn long() -> String {
    rule("{ hold = { pin = \"barrier\", hold_ms = 86400000 } }")
}

#[test]
fn a_lost_camera_makes_the_pins_safe() {
    let rig = machine();
    let source = camera(&rig);
    // Whatever this machine is busy with, the dead man is not what is meant here.
    let patient = "[gpio]\ndead_man_ms = 600000\n";
    let mut agent = rig.start(&format!("{source}{patient}{BARRIER}{}", long()));
    agent.event();
    agent.line("camera lost: no frame for ");
    wait_for(&rig, 17, &["taken low", "high", "low"]);
    agent.line("camera gives frames, after ");
    // And again with the next car.
    agent.event();
    wait_for(&rig, 17, &["taken low", "high", "low", "high"]);
    agent.stop();
}

#[test]
fn a_loop_that_hangs_makes_the_pins_safe() {
    let rig = machine();
    let source = camera(&rig);
    // Nobody calls this camera lost, and no frame comes.
    let hangs = "lost_after_ms = 60000\n";
    let mut agent = rig.start(&format!("{source}{hangs}{BARRIER}{}", long()));
    agent.event();
    wait_for(&rig, 17, &["taken low", "high", "low"]);
    agent.line("pins are safe: no frame was done for ");
    assert!(!agent.seen.iter().any(|line| line.contains("camera lost")));
    agent.stop();
}

#[test]
fn a_held_line_is_waited_for_and_a_failing_one_taken_again() {
    let rig = machine();
    rig.plug("gpiochip4", &format!("{HEADER}held17 = pigpio\n"));
    let pulse = rule("{ pulse = { pin = \"barrier\", hold_ms = 1 } }");
    let mut agent = rig.start(&format!("{ROAD}{BARRIER}{pulse}"));
    assert_eq!(
        agent.line("pin barrier"),
        "pin barrier (line 17 (GPIO17) of pinctrl-rp1): held by \"pigpio\"; end that program, or \
         take another line; trying again until it works"
    );
    rig.plug("gpiochip4", &format!("{HEADER}set_errno = 5\n"));
    agent.line("pin barrier (line 17 (GPIO17) of pinctrl-rp1): works again, after ");
    assert_eq!(
        agent.line("pin barrier"),
        "pin barrier (line 17 (GPIO17) of pinctrl-rp1): /dev/gpiochip4: Input/output error (os \
         error 5); trying again until it works"
    );
    rig.plug("gpiochip4", HEADER);
    agent.line("works again, after ");
    agent.event();
    agent.stop();
    assert_eq!(
        levels(&rig, 17).last().map(String::as_str),
        Some("released")
    );
}

#[test]
fn a_chip_that_is_plugged_in_again_is_found_and_no_other_is_switched() {
    const RELAYS: &str = "label = ftdi-cbus\nlines = 4\n";
    let rig = machine();
    rig.plug("gpiochip5", RELAYS);
    let relay = "[[pin]]\nname = \"relay\"\nline = 2\nchip = \"ftdi-cbus\"\n";
    let pulse = rule("{ pulse = { pin = \"relay\", hold_ms = 1 } }");
    let mut agent = rig.start(&format!("{ROAD}{relay}{pulse}"));
    agent.event();
    rig.unplug("gpiochip5");
    assert_eq!(
        agent.line("pin relay"),
        "pin relay (line 2 of ftdi-cbus): /dev/gpiochip5: No such device (os error 19); trying \
         again until it works"
    );
    assert_eq!(
        agent.line("pin relay"),
        "pin relay (line 2 of ftdi-cbus): chip \"ftdi-cbus\" is not there; chips here: \
         gpio-brcmstb@107d508500, pinctrl-rp1; trying again until it works"
    );
    // Another one gets its number.
    rig.plug("gpiochip5", "label = siren\nlines = 4\n");
    agent.line("chips here: gpio-brcmstb@107d508500, pinctrl-rp1, siren; trying again");
    rig.plug("gpiochip6", RELAYS);
    agent.line("pin relay (line 2 of ftdi-cbus): works again, after ");
    agent.stop();
    let levels = rig.text("levels");
    let taken = levels.lines().filter_map(|line| line.split_once(" taken "));
    let taken: Vec<&str> = taken.map(|(line, _)| line).collect();
    assert_eq!(taken, ["gpiochip5 2", "gpiochip6 2"]);
    assert_eq!(levels.lines().last(), Some("gpiochip6 2 released"));
}

#[test]
fn what_is_not_there_ends_the_start() {
    let none = "no GPIO chip here: there is no /dev/gpiochip*; this is no board with pins, or the \
                container was not given --device /dev/gpiochip0";
    let lines =
        "lines here: 0 to 27 (GPIO17, GPIO27) of pinctrl-rp1 (`edge-agent pins` lists them)";
    let denied = "permission denied for /dev/gpiochip4; add this user to the group gpio (`sudo \
                  usermod -aG gpio USER`) and log in again";
    let pin = |rest: &str| format!("[[pin]]\nname = \"a\"\n{rest}\n");
    let rig = machine();
    for (config, expected) in [
        (
            pin("line = 40"),
            format!("pin \"a\": line = 40 is not there; {lines}"),
        ),
        (
            pin("line = \"RELAY\""),
            format!("pin \"a\": line = \"RELAY\" is not there; {lines}"),
        ),
        (
            pin("line = 1\nchip = \"pinctrl-bcm2835\""),
            "pin \"a\": chip = \"pinctrl-bcm2835\" is not there; chips here: \
             gpio-brcmstb@107d508500, pinctrl-rp1"
                .into(),
        ),
        (
            format!("[gpio]\ndriver = \"rppal\"\n{}", pin("line = 1")),
            "gpio.driver = \"rppal\": this is no Raspberry Pi that rppal knows; leave gpio.driver \
             out or give \"gpiocdev\""
                .into(),
        ),
    ] {
        let told = rig.refusal(&config);
        assert_eq!(told.code, 78, "{}", told.err);
        assert_eq!(told.err, format!("agent.toml: {expected}\n"));
    }
    assert_eq!(rig.text("levels"), "");
    rig.plug("gpiochip4", &format!("{HEADER}open_errno = 13\n"));
    let told = rig.refusal(&pin("line = 1\nchip = \"gpiochip4\""));
    assert_eq!(told.err, format!("agent.toml: pin \"a\": {denied}\n"));
    rig.unplug("gpiochip0");
    rig.unplug("gpiochip4");
    let told = rig.refusal(&pin("line = 1"));
    assert_eq!(
        told.err,
        format!(
            "agent.toml: pin \"a\": {none}; gpio.driver = \"none\" tells what would be switched\n"
        )
    );
    assert_eq!(told.code, 78);
    let told = rig.run(&["pins"]);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert_eq!(told.err, format!("{none}\n"));
    let told = rig.run(&["pins", "--json"]);
    assert_eq!((told.code, told.out.as_str()), (1, "[]\n"));
}

#[test]
fn the_list_marks_what_the_config_names() {
    let rig = machine();
    rig.plug("gpiochip4", &format!("{HEADER}held2 = i2c\n"));
    rig.plug("gpiochip9", "open_errno = 13\n");
    rig.plug("agent.toml", &format!("{BARRIER}{LAMP}"));
    let told = rig.run(&["pins", "--config", "dev/agent.toml"]);
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{}", told.out);
    for line in [
        "/dev/gpiochip4  pinctrl-rp1",
        "    17  GPIO17  input     <- pin barrier",
        "    27  GPIO27  input     <- pin lamp",
        "     2          output  i2c",
        "/dev/gpiochip9",
    ] {
        assert!(
            told.out.lines().any(|told| told == line),
            "{line}\n{}",
            told.out
        );
    }
    assert!(
        told.out
            .contains("  not usable: permission denied for /dev/gpiochip9; add ")
    );
    let told = rig.run(&["pins", "--json", "--config", "dev/agent.toml"]);
    let chips: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let line = serde_json::json!({"number": 17, "name": "GPIO17", "consumer": "", "used": false,
        "direction": "input", "pin": "barrier"});
    assert_eq!(chips[1]["lines"][17], line);
    assert_eq!(chips[1]["label"], "pinctrl-rp1");
}

#[test]
fn a_pin_is_tried_unless_the_agent_has_it() {
    let rig = machine();
    let set = rule("{ set = { pin = \"barrier\", level = \"on\" } }");
    let agent = rig.start(&format!("{ROAD}{BARRIER}{LAMP}{set}"));
    wait_for(&rig, 27, &["taken high"]);
    let test = ["pins", "test", "lamp", "--config", "agent.toml"];
    let told = rig.run(&test);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert_eq!(
        told.err,
        "pin lamp (line 27 (GPIO27) of pinctrl-rp1): held by \"edge-agent\", which runs; stop that \
         one first (`systemctl stop edge-agent`), it may be about to switch lamp\n"
    );
    agent.stop();
    let before = levels(&rig, 27).len();
    let told = rig.run(&[&test[..], &["--pulses", "2", "--hold-ms", "1"]].concat());
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    assert!(
        told.out.starts_with(
            "pin lamp (line 27 (GPIO27) of pinctrl-rp1), driven by gpiocdev: off (the voltage is \
             high) now, its safe level\n2 times for 1 ms it is on (the voltage is low): what is \
             wired to it must switch each time\n1 of 2: on\n2 of 2: on\noff again. "
        ),
        "{}",
        told.out
    );
    assert_eq!(
        levels(&rig, 27)[before..],
        ["taken high", "low", "high", "low", "high", "released"]
    );
    let told = rig.run(&["pins", "test", "gate", "--config", "agent.toml"]);
    assert_eq!(told.code, 2);
    assert_eq!(told.err, "no pin \"gate\"; pins here: barrier, lamp\n");
    let told = rig.run(&["pins", "test", "lamp", "--pulses", "0"]);
    assert_eq!(told.code, 2, "{}", told.err);
}
