//! What was checked and what was seen: one line each as it happens, and a count at the end.

use std::time::Instant;

use anyhow::Result;

use crate::say;

/// The checks so far.
pub struct Checks {
    passed: usize,
    failed: usize,
    start: Instant,
}

impl Checks {
    /// None yet.
    pub fn new() -> Self {
        Self {
            passed: 0,
            failed: 0,
            start: Instant::now(),
        }
    }

    /// Runs one and says what it saw. Whether it passed.
    pub fn check(&mut self, what: &str, run: impl FnOnce() -> Result<String>) -> bool {
        let start = Instant::now();
        let seen = run();
        let time = say::duration(start.elapsed());
        match seen {
            Ok(seen) => {
                self.passed += 1;
                println!("✓ {what}: {seen} [{time}]");
                true
            }
            Err(error) => {
                self.failed += 1;
                println!("✗ {what}: {error:#} [{time}]");
                false
            }
        }
    }

    /// Says how many passed; whether all did.
    pub fn conclude(&self) -> bool {
        let time = say::duration(self.start.elapsed());
        println!("{} passed, {} failed, {time}", self.passed, self.failed);
        self.failed == 0 && self.passed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn one_failure_fails_all_and_none_is_no_success() {
        let mut checks = Checks::new();
        assert!(!checks.conclude());
        assert!(checks.check("a", || Ok("seen".into())));
        assert!(checks.conclude());
        assert!(!checks.check("b", || bail!("not seen")));
        assert!(!checks.conclude());
    }
}
