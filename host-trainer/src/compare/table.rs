//! A comparison as text for a terminal or a log. Decides nothing.

use std::fmt::Write as _;

use super::{Comparison, Row};

/// The whole text.
pub(super) fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for warning in &comparison.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    if !comparison.warnings.is_empty() {
        text.push('\n');
    }
    let recall = format!("{} recall", comparison.recall_part.name());
    let groups = [
        ("", &comparison.overview),
        ("what differs", &comparison.differences),
        (&*recall, &comparison.recall),
    ];
    let all: Vec<&Row> = groups.iter().flat_map(|(_, rows)| rows.iter()).collect();
    let width = |text: &str| text.chars().count();
    let names = all
        .iter()
        .map(|row| width(&row.name))
        .chain([width(&recall)]);
    let first = names.max().unwrap_or(0);
    let column = |index: usize| {
        let values = all.iter().map(|row| width(&row.values[index]));
        values
            .chain([width(&comparison.names[index])])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..comparison.names.len()).map(column).collect();
    let mut line = |name: &str, values: &[String]| {
        let cells = values
            .iter()
            .zip(&widths)
            .map(|(value, width)| format!("  {value:<width$}"));
        let line = format!("{name:first$}{}", cells.collect::<String>());
        let _ = writeln!(text, "{}", line.trim_end());
    };
    for (heading, rows) in groups {
        if rows.is_empty() {
            continue;
        }
        if heading.is_empty() {
            line("", &comparison.names);
        } else {
            line("", &[]);
            line(heading, &[]);
        }
        for row in rows {
            line(&row.name, &row.values);
        }
    }
    if comparison.differences.is_empty() {
        text.push_str("\nThe recipes and the data are the same.\n");
    }
    if !comparison.verdicts.is_empty() {
        text.push('\n');
    }
    for verdict in &comparison.verdicts {
        let _ = writeln!(text, "{verdict}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Part;

    #[test]
    fn columns_stand_under_their_names() {
        let row = |name: &str, values: [&str; 2]| Row {
            name: name.into(),
            values: values.map(String::from).to_vec(),
        };
        let comparison = Comparison {
            names: vec!["runs/1".into(), "runs/22".into()],
            warnings: vec!["mind the gap.".into()],
            overview: vec![row("network", ["small", "large"])],
            differences: vec![],
            recall: vec![row("red", ["0.900", "–"])],
            recall_part: Part::Test,
            verdicts: vec!["No difference.".into()],
        };
        let expected = "warning: mind the gap.\n\n             runs/1  runs/22\n\
                        network      small   large\n\ntest recall\n\
                        red          0.900   –\n\nThe recipes and the data are the same.\n\n\
                        No difference.\n";
        assert_eq!(text(&comparison), expected);
    }
}
