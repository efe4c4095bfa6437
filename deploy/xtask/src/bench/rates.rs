//! Two programs' pictures a second over several rounds, and the table that compares them.

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// What was timed.
    pub name: &'static str,
    /// Ours, a number a round.
    pub ours: Vec<f64>,
    /// Theirs; empty when they could not run.
    pub theirs: Vec<f64>,
}

impl Row {
    /// Ours as a multiple of theirs, by the medians.
    pub fn ratio(&self) -> Option<f64> {
        Some(median(&self.ours)? / median(&self.theirs)?)
    }
}

/// The middle one, or the mean of the middle two.
pub fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some((upper + lower) / 2.0)
}

/// Medians with the spread of the rounds, and ratios.
pub fn table(rows: &[Row], ours: &str, theirs: &str) -> String {
    let mut text = format!(
        "{:<32} {:>20} {:>20} {:>7}\n",
        "pictures a second", ours, theirs, "ratio"
    );
    for row in rows {
        let ratio = row
            .ratio()
            .map_or("-".into(), |ratio| format!("{ratio:.2}"));
        text += &format!(
            "{:<32} {:>20} {:>20} {ratio:>7}\n",
            row.name,
            spread(&row.ours),
            spread(&row.theirs)
        );
    }
    text
}

fn spread(numbers: &[f64]) -> String {
    let Some(middle) = median(numbers) else {
        return "-".into();
    };
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(0.0, f64::max);
    format!("{middle:.0} ({least:.0}-{most:.0})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_counts() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_table_says_who_is_faster() {
        let rows = [
            Row {
                name: "from files",
                ours: vec![150.0, 90.0, 120.0],
                theirs: vec![100.0, 100.0, 101.0],
            },
            Row {
                name: "network only",
                ours: vec![200.0],
                theirs: vec![],
            },
        ];
        let expected = "\
pictures a second                        host-trainer       PyTorch 2.11.0   ratio
from files                               120 (90-150)        100 (100-101)    1.20
network only                            200 (200-200)                    -       -
";
        assert_eq!(table(&rows, "host-trainer", "PyTorch 2.11.0"), expected);
    }
}
