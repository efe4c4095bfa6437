//! The agent's log: one line a message on standard error, with a priority that the journal
//! understands where it is the journal that listens. Not the events: those go to sinks.

use std::fmt::{Arguments, Display};
use std::io::{self, Write};
use std::sync::LazyLock;

/// How much a message matters, as syslog(3) numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
}

/// Something does not work.
pub fn error(text: Arguments<'_>) {
    tell(Level::Error, &text);
}

/// Something is not as it should be, and was dealt with.
pub fn warning(text: Arguments<'_>) {
    tell(Level::Warning, &text);
}

/// Something that is seldom and right.
pub fn notice(text: Arguments<'_>) {
    tell(Level::Notice, &text);
}

/// Anything else.
pub fn info(text: Arguments<'_>) {
    tell(Level::Info, &text);
}

fn tell(level: Level, text: &dyn Display) {
    static JOURNAL: LazyLock<bool> = LazyLock::new(|| {
        let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let stderr = rustix::fs::fstat(io::stderr());
        stderr.is_ok_and(|stat| is_stream(&named, stat.st_dev, stat.st_ino))
    });
    // Unlike `eprintln!` it does not panic when that cannot be written, such as a log file on the
    // disk that is full.
    let _ = writeln!(io::stderr(), "{}", line(level, text, *JOURNAL));
}

/// Whether the journal's stream, `DEVICE:INODE`, is this file: a child's redirected standard
/// error is not, though the variable is inherited.
fn is_stream(named: &str, device: u64, inode: u64) -> bool {
    named
        .split_once(':')
        .is_some_and(|(d, i)| d.parse() == Ok(device) && i.parse() == Ok(inode))
}

fn line(level: Level, text: &dyn Display, journal: bool) -> String {
    let text = text.to_string().replace(['\n', '\r'], " ");
    match journal {
        true => format!("<{}>{text}", level as u8),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_journal_is_told_a_priority() {
        assert_eq!(line(Level::Warning, &"a\nb", true), "<4>a b");
        assert_eq!(line(Level::Error, &"a", false), "a");
        assert_eq!(line(Level::Info, &"a", true), "<6>a");
        assert_eq!(line(Level::Notice, &"a", true), "<5>a");
    }

    #[test]
    fn the_journals_stream_is_told_from_another_file() {
        assert!(is_stream("10:20", 10, 20));
        for named in ["", "10", "10:21", "11:20", ":", "10:20:30", "x:y"] {
            assert!(!is_stream(named, 10, 20), "{named}");
        }
    }
}
