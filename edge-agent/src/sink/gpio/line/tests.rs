//! A line that fails: let go of, told once, taken again with growing pauses.

use std::io;

use super::*;
use crate::sink::gpio::fake::Bench;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn eio() -> LineError {
    io::Error::from_raw_os_error(libc::EIO).into()
}

fn held() -> LineError {
    LineError::Held {
        holder: "\"pigpio\"".into(),
    }
}

#[test]
fn active_low_is_the_other_voltage() {
    let bench = Bench::default();
    let mut line = bench.line("lamp", true);
    for level in [Level::Off, Level::Off, Level::On, Level::On, Level::Off] {
        line.drive(level, ms(0), &mut |told| panic!("{told}"));
    }
    drop(line);
    let done = ["lamp taken high", "lamp low", "lamp high", "lamp let go"];
    assert_eq!(bench.done(), done);
}

#[test]
fn a_line_that_fails_is_let_go_of_and_taken_again_at_the_level_that_is_due() {
    let bench = Bench::default();
    let mut line = bench.line("barrier", false);
    let mut told = Vec::new();
    let mut drive = |line: &mut Line, level, t| {
        line.drive(level, ms(t), &mut |text| told.push(text.to_string()));
    };
    drive(&mut line, Level::Off, 0);
    drive(&mut line, Level::On, 1000);
    bench.fail(Some(eio), Some(eio));
    // Not to be had at the end of the pulse: the worst moment.
    drive(&mut line, Level::Off, 2000);
    assert_eq!(line.due(), Some(ms(2250)));
    assert_eq!(
        bench.done(),
        ["barrier taken low", "barrier high", "barrier let go"]
    );
    for (t, due) in [(2100, 2250), (2250, 2750), (2750, 3750), (3750, 5750)] {
        drive(&mut line, Level::Off, t);
        assert_eq!(line.due(), Some(ms(due)), "at {t}");
    }
    bench.fail(Some(held), None);
    drive(&mut line, Level::Off, 5750);
    let mut due = line.due().unwrap();
    let pauses: Vec<u128> = (0..5)
        .map(|_| {
            line.drive(Level::Off, due, &mut |text| panic!("told again: {text}"));
            let pause = line.due().unwrap() - due;
            due += pause;
            pause.as_millis()
        })
        .collect();
    assert_eq!(pauses, [8000, 10_000, 10_000, 10_000, 10_000]);
    bench.fail(None, None);
    line.drive(Level::Off, due, &mut |text| told.push(text.to_string()));
    assert_eq!(bench.done(), ["barrier taken low"]);
    assert_eq!(line.due(), None);
    assert_eq!(
        told,
        [
            "pin barrier: Input/output error (os error 5); trying again until it works",
            "pin barrier: held by \"pigpio\"; end that program, or take another line; trying again until it works",
            "pin barrier: works again, after 55.8 s",
        ]
    );
}

#[test]
fn refusals_say_what_to_do() {
    let denied = LineError::Denied {
        what: "/dev/gpiochip0".into(),
    };
    assert_eq!(
        denied.to_string(),
        "permission denied for /dev/gpiochip0; add this user to the group gpio \
         (`sudo usermod -aG gpio USER`) and log in again"
    );
}
