//! What the test measured beside what it checked: a table in Markdown, for README.md.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Seconds of the board's clock: [`super::kit`] says what a second is.
pub fn emulated(seconds: f64) -> String {
    format!("{seconds:.1} emulated s")
}

/// Rows of the table, in the order in which they were found.
#[derive(Default)]
pub struct Report(Vec<(&'static str, String)>);

impl Report {
    /// Adds what was found.
    pub fn add(&mut self, what: &'static str, found: String) {
        self.0.push((what, found));
    }

    /// Prints the table, and writes it to a file if one is named; nothing where nothing was
    /// measured.
    pub fn tell(&self, out: Option<&Path>) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let table = self.markdown();
        println!("\n{table}");
        match out {
            Some(out) => {
                fs::write(out, table).with_context(|| format!("cannot write {}", out.display()))
            }
            None => Ok(()),
        }
    }

    fn markdown(&self) -> String {
        let rows = self.0.iter();
        let rows = rows.map(|(what, found)| format!("| {what} | {found} |\n"));
        format!("| Arm64 | |\n| --- | --- |\n{}", rows.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_becomes_a_table() {
        let mut report = Report::default();
        report.add("package", "8.1 MB".into());
        assert_eq!(
            report.markdown(),
            "| Arm64 | |\n| --- | --- |\n| package | 8.1 MB |\n"
        );
    }
}
