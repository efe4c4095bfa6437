//! Tables: what is done and seen, and when the lines of a recorded fake change for it.

use std::io;
use std::sync::Mutex;

use super::*;
use crate::clock::SimulatedClock;
use crate::sink::gpio::fake::Bench;
use crate::sink::gpio::line::LineError;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn eio() -> LineError {
    LineError::from(io::Error::from_raw_os_error(libc::EIO))
}

enum Step {
    Alive,
    Lost,
    Act(Action),
    Fail(Option<fn() -> LineError>),
    FailNext(u32),
}
use Step::*;

fn pulse(hold_ms: u32) -> Step {
    let pin = "barrier".into();
    Act(Action::Pulse { pin, hold_ms })
}

fn hold(hold_ms: u32) -> Step {
    let pin = "lamp".into();
    Act(Action::Hold { pin, hold_ms })
}

fn set(level: Level) -> Step {
    let pin = "lamp".into();
    Act(Action::Set { pin, level })
}

/// Plays the steps at their times with turns exactly when the keeper asks for them, as the
/// thread does; then 20 s more. What was done to the lines and told, each with its time.
fn play(dead_man: Option<u64>, steps: &[(u64, Step)]) -> Vec<String> {
    let bench = Bench::default();
    let lines = vec![
        ("barrier".into(), Level::Off, bench.line("barrier", false)),
        ("lamp".into(), Level::On, bench.line("lamp", true)),
    ];
    let signs = Arc::new(Signs::default());
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let tell: Tell = Box::new(move |line| log.lock().unwrap().push(line.to_string()));
    let mut keeper = Keeper::new(lines, dead_man.map(ms), Arc::clone(&signs), tell);
    let mut seen = Vec::new();
    let mut note = |t: Duration| {
        let done = bench.done().into_iter();
        let done = done.chain(std::mem::take(&mut *told.lock().unwrap()));
        seen.extend(done.map(|line| format!("{}: {line}", t.as_millis())));
    };
    let mut due = keeper.turn(ms(0), None);
    note(ms(0));
    let end = steps.last().map_or(0, |(t, _)| *t) + 20_000;
    for (t, step) in steps
        .iter()
        .map(|(t, step)| (*t, Some(step)))
        .chain([(end, None)])
    {
        while let Some(now) = due.filter(|due| *due < ms(t)) {
            due = keeper.turn(now, None);
            note(now);
        }
        let now = ms(t);
        let losses = signs.losses();
        let order = match step {
            Some(Act(action)) => {
                let action = action.clone();
                Some(Order { action, losses })
            }
            Some(Alive) => {
                // No turn: a frame wakes nobody.
                signs.alive(now);
                continue;
            }
            Some(Lost) => {
                signs.lost();
                None
            }
            Some(Fail(fails)) => {
                bench.fail(*fails, *fails);
                continue;
            }
            Some(FailNext(times)) => {
                bench.fail_next(*times, eio);
                continue;
            }
            None => break,
        };
        due = keeper.turn(now, order.as_ref());
        note(now);
    }
    let clock = SimulatedClock::default();
    clock.sleep(ms(end));
    keeper.end(&clock);
    note(clock.now());
    seen
}

/// What every run begins with.
const START: [&str; 2] = ["0: barrier taken low", "0: lamp taken low"];

#[test]
fn from_the_start_to_the_end() {
    for (what, dead_man, steps, expected) in [
        (
            "nothing happens",
            None,
            vec![],
            vec!["20000: barrier let go", "20000: lamp let go"],
        ),
        (
            "two pulses that overlap are one, and the end comes by itself",
            None,
            vec![(100, pulse(500)), (400, pulse(500)), (700, pulse(500))],
            vec![
                "100: barrier high",
                "600: barrier low",
                "700: barrier high",
                "1200: barrier low",
                "20700: barrier let go",
                "20700: lamp let go",
            ],
        ),
        (
            "a pin that was set is safe at the end",
            None,
            vec![(100, set(Level::Off)), (200, hold(300)), (300, hold(300))],
            vec![
                "100: lamp high",
                "200: lamp low",
                "600: lamp high",
                "20300: lamp low",
                "20300: barrier let go",
                "20300: lamp let go",
            ],
        ),
        (
            "the camera is lost within a pulse: safe at once, and the rest of it never comes",
            Some(5000),
            vec![
                (100, Alive),
                (110, set(Level::Off)),
                (120, pulse(60_000)),
                (500, Lost),
                (9000, Alive),
                (9010, pulse(10)),
                (9020, Lost),
            ],
            vec![
                "110: lamp high",
                "120: barrier high",
                "500: barrier low",
                "500: lamp low",
                "9010: barrier high",
                "9020: barrier low",
                "29020: barrier let go",
                "29020: lamp let go",
            ],
        ),
        (
            "the loop is stuck: safe after the dead man's time, until a frame comes",
            Some(5000),
            vec![
                (100, Alive),
                (120, pulse(60_000)),
                (7000, Alive),
                (7020, pulse(100)),
                (7300, Lost),
            ],
            vec![
                "120: barrier high",
                "5101: barrier low",
                "5101: pins are safe: no frame was done for 5001 ms; they follow the rules again with the next one",
                "7020: barrier high",
                "7020: pins follow the rules again, after 6.9 s",
                "7120: barrier low",
                "27300: barrier let go",
                "27300: lamp let go",
            ],
        ),
        (
            "a source that is not live may take its time",
            None,
            vec![(100, Alive), (120, pulse(15_000))],
            vec![
                "120: barrier high",
                "15120: barrier low",
                "20120: barrier let go",
                "20120: lamp let go",
            ],
        ),
        (
            "a camera that is away for an hour is not stuck",
            Some(500),
            vec![
                (100, Alive),
                (200, Lost),
                (3_600_000, Alive),
                (3_600_100, Lost),
            ],
            vec!["3620100: barrier let go", "3620100: lamp let go"],
        ),
    ] {
        let expected: Vec<&str> = START.into_iter().chain(expected).collect();
        // Both lines are let go of in any order, after both are safe.
        assert_eq!(play(dead_man, &steps), expected, "{what}");
    }
}

#[test]
fn an_order_from_before_the_loss_is_void() {
    let bench = Bench::default();
    let lines = vec![("barrier".into(), Level::Off, bench.line("barrier", false))];
    let signs = Arc::new(Signs::default());
    let mut keeper = Keeper::new(lines, None, Arc::clone(&signs), Box::new(|_| {}));
    let Act(action) = pulse(500) else { return };
    let stale = Order {
        action: action.clone(),
        losses: signs.losses(),
    };
    signs.lost();
    signs.alive(ms(10));
    keeper.turn(ms(10), Some(&stale));
    assert_eq!(bench.done(), ["barrier taken low"]);
    let fresh = Order {
        action,
        losses: signs.losses(),
    };
    assert_eq!(keeper.turn(ms(20), Some(&fresh)), Some(ms(520)));
    assert_eq!(bench.done(), ["barrier high"]);
}

#[test]
fn what_is_ordered_while_the_loop_is_stuck_is_told() {
    // Whoever orders has shown that it lives, unless that is long ago.
    let seen = play(Some(500), &[(0, Alive), (2000, pulse(10)), (2010, Lost)]);
    assert!(
        seen.contains(&"2000: pin barrier: pulse 10 ms: not done, the pins are safe".to_string()),
        "{seen:#?}"
    );
    assert!(!seen.iter().any(|line| line.ends_with("barrier high")));
}

#[test]
fn a_line_that_fails_ends_neither_the_others_nor_the_run() {
    let steps = [
        (100, pulse(1000)),
        (200, Fail(Some(eio))),
        (2000, Fail(None)),
        (2100, hold(50)),
    ];
    let expected: Vec<&str> = START
        .into_iter()
        .chain([
            "100: barrier high",
            // The end of the pulse fails; the line is taken again at the level that is due.
            "1100: barrier let go",
            "1100: pin barrier: Input/output error (os error 5); trying again until it works",
            "2850: barrier taken low",
            "2850: pin barrier: works again, after 1.8 s",
            "22100: barrier let go",
            "22100: lamp let go",
        ])
        .collect();
    assert_eq!(play(None, &steps), expected);
}

#[test]
fn a_line_that_fails_at_the_end_is_tried_until_it_is_safe() {
    let steps = [(100, pulse(60_000)), (200, FailNext(2))];
    let expected: Vec<&str> = START
        .into_iter()
        .chain([
            "100: barrier high",
            "20300: barrier let go",
            "20300: barrier taken low",
            "20300: barrier let go",
            "20300: lamp let go",
            "20300: pin barrier: Input/output error (os error 5); trying again until it works",
            "20300: pin barrier: works again, after 0.1 s",
        ])
        .collect();
    assert_eq!(play(None, &steps), expected);
}

#[test]
fn a_line_that_cannot_be_made_safe_at_the_end_is_told() {
    let steps = [(100, pulse(60_000)), (200, Fail(Some(eio)))];
    let expected: Vec<&str> = START
        .into_iter()
        .chain([
            "100: barrier high",
            "21200: barrier let go",
            "21200: lamp let go",
            "21200: pin barrier: Input/output error (os error 5); trying again until it works",
            "21200: pin barrier: cannot be made safe; it is left as it is",
        ])
        .collect();
    assert_eq!(play(None, &steps), expected);
}

#[test]
fn a_pin_that_nobody_has_is_left_alone() {
    let action = Action::Set {
        pin: "bell".into(),
        level: Level::On,
    };
    assert_eq!(play(None, &[(5, Act(action))]).len(), START.len() + 2);
}
