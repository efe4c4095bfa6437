//! A shell on the emulated board, asked from outside: one command after the other over the serial
//! line, each with what it printed and its exit code. The guest's end is [`SCRIPT`].

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::machine::Serial;

/// The guest's end: runs each line that comes and marks what it prints.
pub const SCRIPT: &str = "\
dmesg -n 1
stty -echo
echo '@@! ready'
while IFS= read -r line; do
  sh -c \"$line\" </dev/null >/tmp/told 2>&1
  code=$?
  sed 's/^/@@ /' /tmp/told
  echo \"@@= $code\"
done";

/// What a command printed, both streams, and its exit code.
#[derive(Debug, PartialEq)]
pub struct Told {
    /// Lines, without a line break at the end.
    pub text: String,
    /// Exit code.
    pub code: i32,
}

/// What a marked line of the guest means.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    Ready,
    Printed(&'a str),
    Ended(i32),
}

/// Waits until the guest listens.
pub fn wait_ready(serial: &Serial, patience: Duration) -> Result<()> {
    let end = Instant::now() + patience;
    while let Some(line) = next(serial, end)? {
        if meaning(&line) == Some(Line::Ready) {
            return Ok(());
        }
    }
    bail!(
        "the emulated board did not start within {} s; its serial line is in {}",
        patience.as_secs(),
        serial.log.display()
    )
}

/// Runs a command on the board, whatever its exit code.
pub fn ask(serial: &mut Serial, command: &str, patience: Duration) -> Result<Told> {
    serial.send(command)?;
    let end = Instant::now() + patience;
    let mut printed = Vec::new();
    while let Some(line) = next(serial, end)? {
        match meaning(&line) {
            Some(Line::Printed(text)) => printed.push(text.to_string()),
            Some(Line::Ended(code)) => {
                let text = printed.join("\n");
                return Ok(Told { text, code });
            }
            Some(Line::Ready) => bail!("the emulated board started again"),
            None => {}
        }
    }
    bail!(
        "`{command}` did not end on the emulated board within {} s; its serial line is in {}",
        patience.as_secs(),
        serial.log.display()
    )
}

/// Runs a command that must end with 0; what it printed.
pub fn run(serial: &mut Serial, command: &str, patience: Duration) -> Result<String> {
    let told = ask(serial, command, patience)?;
    if told.code != 0 {
        bail!(
            "`{command}` ended with {} on the board: {}",
            told.code,
            told.text
        );
    }
    Ok(told.text)
}

/// Asks a command again and again until its output is as wanted; that output.
pub fn wait_for(
    serial: &mut Serial,
    command: &str,
    patience: Duration,
    wanted: impl Fn(&Told) -> bool,
) -> Result<String> {
    let end = Instant::now() + patience;
    loop {
        let told = ask(serial, command, patience).context("while waiting")?;
        if wanted(&told) {
            return Ok(told.text);
        }
        if Instant::now() > end {
            let seconds = patience.as_secs();
            bail!(
                "in {seconds} s `{command}` came to no more than: {}",
                told.text
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn next(serial: &Serial, until: Instant) -> Result<Option<String>> {
    let line = serial.line(until)?;
    if line
        .as_ref()
        .is_some_and(|line| line.contains("Kernel panic"))
    {
        bail!(
            "the board's kernel stopped; its serial line is in {}",
            serial.log.display()
        );
    }
    Ok(line)
}

fn meaning(line: &str) -> Option<Line<'_>> {
    // The kernel may have begun the line.
    let (_, marked) = line.split_once("@@")?;
    if let Some(text) = marked.strip_prefix(' ') {
        return Some(Line::Printed(text));
    }
    if let Some(code) = marked.strip_prefix("= ") {
        return code.parse().ok().map(Line::Ended);
    }
    (marked == "! ready").then_some(Line::Ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_lines_are_told_from_the_kernels() {
        assert_eq!(meaning("@@! ready"), Some(Line::Ready));
        assert_eq!(meaning("@@ a @@ b"), Some(Line::Printed("a @@ b")));
        assert_eq!(meaning("@@ "), Some(Line::Printed("")));
        assert_eq!(meaning("[ 1.2] x@@= 78"), Some(Line::Ended(78)));
        assert_eq!(meaning("[ 1.2] usb 1-1: new device"), None);
    }
}
