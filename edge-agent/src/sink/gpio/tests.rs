//! The thread between loop and lines: what is handed over arrives, and the end is safe.

use std::sync::Mutex;
use std::time::Duration;

use super::fake::Bench;
use super::*;
use crate::pin::Level;

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn keep(line: &str) {
    TOLD.lock().unwrap().push(line.to_string());
}

fn told(holds: &str) -> usize {
    let told = TOLD.lock().unwrap();
    told.iter().filter(|line| line.contains(holds)).count()
}

/// A run with one pin; its name is in everything that is told.
fn pins(bench: &Bench, name: &'static str, dead_man: Option<Duration>) -> Pins {
    let lines = vec![(name.into(), Level::Off, bench.line(name, false))];
    let signs = Arc::new(Signs::default());
    let keeper = Keeper::new(lines, dead_man, Arc::clone(&signs), Box::new(keep));
    Pins::start(keeper, signs, keep).unwrap()
}

fn set(pin: &str) -> Action {
    Action::Set {
        pin: pin.into(),
        level: Level::On,
    }
}

fn wait_for(bench: &Bench, wanted: &str) {
    let mut seen = Vec::new();
    while !seen.iter().any(|line| line == wanted) {
        seen.extend(bench.done());
        std::thread::yield_now();
    }
}

#[test]
fn actions_arrive_and_whoever_drops_the_pins_makes_them_safe() {
    let bench = Bench::default();
    let mut pins = pins(&bench, "a", None);
    assert_eq!(bench.done(), ["a taken low"]);
    pins.act(&set("a"));
    wait_for(&bench, "a high");
    drop(pins);
    assert_eq!(bench.done(), ["a low", "a let go"]);
}

#[test]
fn a_pulse_ends_by_itself() {
    let bench = Bench::default();
    let mut pins = pins(&bench, "b", None);
    pins.act(&Action::Pulse {
        pin: "b".into(),
        hold_ms: 1,
    });
    wait_for(&bench, "b low");
}

#[test]
fn a_panic_makes_the_pins_safe() {
    let bench = Bench::default();
    let mut pins = pins(&bench, "c", None);
    let loop_thread = std::thread::spawn({
        let bench = bench.clone();
        move || {
            pins.act(&set("c"));
            wait_for(&bench, "c high");
            panic!("as the loop of a broken program would");
        }
    });
    assert!(loop_thread.join().is_err());
    assert_eq!(bench.done(), ["c low", "c let go"]);
}

#[test]
fn a_line_that_fails_at_the_end_is_made_safe_all_the_same() {
    let bench = Bench::default();
    let mut pins = pins(&bench, "h", None);
    pins.act(&set("h"));
    wait_for(&bench, "h high");
    bench.fail_next(2, || io::Error::from_raw_os_error(libc::EIO).into());
    pins.end();
    assert_eq!(bench.done(), ["h let go", "h taken low", "h let go"]);
}

#[test]
fn nothing_is_done_while_the_camera_is_lost_nor_after_the_end() {
    let bench = Bench::default();
    let mut pins = pins(&bench, "d", None);
    pins.alive();
    pins.act(&set("d"));
    wait_for(&bench, "d high");
    pins.lost();
    pins.act(&set("d"));
    wait_for(&bench, "d low");
    assert_eq!(told("pin d: set on (not done, the camera is lost)"), 1);
    pins.alive();
    pins.act(&set("d"));
    wait_for(&bench, "d high");
    pins.end();
    assert_eq!(bench.done(), ["d low", "d let go"]);
    pins.alive();
    pins.act(&set("d"));
    assert_eq!(told("pin d: set on (not done, the run ends)"), 1);
    assert_eq!(bench.done(), [""; 0]);
}

#[test]
fn a_loop_that_says_nothing_is_noticed_by_the_thread() {
    let bench = Bench::default();
    let mut pins = pins(&bench, "e", Some(Duration::from_millis(50)));
    pins.alive();
    pins.act(&set("e"));
    // On a slow machine the time may be over before the action arrives.
    let mut seen = Vec::new();
    let count = |seen: &[String], what| seen.iter().filter(|line| *line == what).count();
    while told("no frame was done") == 0 || count(&seen, "e high") != count(&seen, "e low") {
        seen.extend(bench.done());
        std::thread::yield_now();
    }
}

#[test]
fn a_line_that_blocks_does_not_stop_the_loop() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (entered, inside) = std::sync::mpsc::channel();
    let bench = Bench::default();
    let lines = vec![("f".into(), Level::Off, bench.line("f", false))];
    let signs = Arc::new(Signs::default());
    let tell = move |_: &str| {
        // In the line's place: returns once the test lets go of the other end.
        let _ = entered.send(());
        let _ = held.recv();
    };
    let keeper = Keeper::new(
        lines,
        Some(Duration::ZERO),
        Arc::clone(&signs),
        Box::new(tell),
    );
    let mut pins = Pins::start(keeper, signs, keep).unwrap();
    pins.alive();
    pins.lost();
    pins.alive();
    pins.act(&set("f"));
    inside.recv().unwrap();
    for _ in 0..2 * QUEUE {
        pins.act(&set("f"));
    }
    let full = "pin f: set on: not done, a line takes too long; nor are those after it";
    assert_eq!(told(full), 1);
    drop(release);
    pins.end();
    assert_eq!(bench.done().last().map(String::as_str), Some("f let go"));
}

#[test]
fn without_a_driver_everything_is_told_in_every_state() {
    let mut pins = Pins::without_lines(keep);
    pins.act(&set("g"));
    pins.alive();
    pins.lost();
    pins.act(&set("g"));
    pins.end();
    pins.act(&set("g"));
    assert_eq!(told("pin g: set on (gpio.driver is \"none\")"), 3);
}
