//! What libFuzzer says while it runs, read line by line: how much it tried and reached, and
//! which input failed.

/// The sum of it.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    /// Inputs tried.
    pub tried: u64,
    /// Places in the code that were reached.
    pub reached: u64,
    /// Inputs that reached new ones.
    pub new: u64,
    /// The input that failed, as a path.
    pub failed: Option<String>,
}

impl Told {
    /// Takes a line.
    pub fn hear(&mut self, line: &str) {
        let number = |word: &str| word.trim().parse().ok();
        if let Some((before, after)) = line.split_once(" cov: ") {
            let count = after.split(' ').next().and_then(number);
            self.reached = count.unwrap_or(self.reached);
            let tried = before.trim_start_matches('#').split(['\t', ' ']).next();
            self.tried = tried.and_then(number).unwrap_or(self.tried);
            self.new += u64::from(before.contains("NEW"));
        } else if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            self.tried = number(count).unwrap_or(self.tried);
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.failed = Some(path.trim().into());
        }
    }

    /// One line of it.
    pub fn row(&self, name: &str) -> String {
        let Self {
            tried,
            reached,
            new,
            failed,
        } = self;
        let outcome = if failed.is_some() { "FAILED" } else { "holds" };
        format!(
            "{name:<10} {outcome:<6} {tried:>10} inputs tried, {reached} places reached, {new} \
             new inputs"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_lines_are_understood() {
        let mut told = Told::default();
        for line in [
            "INFO: Seed: 3134163211",
            "#163\tINITED cov: 1520 ft: 4302 corp: 120/18Kb exec/s: 0 rss: 88Mb",
            "#180\tNEW    cov: 1522 ft: 4310 corp: 121/18Kb lim: 4096 exec/s: 90 rss: 90Mb L: 9/9",
            "#65536\tpulse  cov: 1522 ft: 4310 corp: 121/18Kb lim: 4096 exec/s: 90 rss: 90Mb",
        ] {
            told.hear(line);
        }
        let row = told.row("spool");
        assert_eq!(
            row,
            "spool      holds       65536 inputs tried, 1522 places reached, 1 new inputs"
        );
        told.hear("artifact_prefix='/x/'; Test unit written to /x/crash-0a");
        told.hear("stat::number_of_executed_units: 65540");
        let expected = Told {
            tried: 65_540,
            reached: 1522,
            new: 1,
            failed: Some("/x/crash-0a".into()),
        };
        assert_eq!(told, expected);
        assert!(
            told.row("spool")
                .starts_with("spool      FAILED      65540")
        );
    }
}
