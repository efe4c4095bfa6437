//! The epochs of a run as `log.jsonl` tells them. Reads what is there and asks for no more than
//! the epoch's number: logs of other versions have other fields.

use anyhow::Context;
use serde::Deserialize;

use crate::run::Run;

/// One finished epoch. A number is absent when the log has none, such as a loss that was none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: u32,
    /// Learning rate of its last step.
    pub lr: Option<f64>,
    /// Mean training loss.
    pub train_loss: Option<f64>,
    /// Share of augmented training pictures answered right.
    pub train_accuracy: Option<f64>,
    /// Mean cross entropy on validation pictures.
    pub valid_loss: Option<f64>,
    /// Share of validation pictures answered right.
    pub valid_accuracy: Option<f64>,
    /// Mean F1 over the classes on validation pictures.
    pub valid_macro_f1: Option<f64>,
    /// Wall-clock seconds.
    pub seconds: Option<f64>,
    /// Validation counts, `[truth][answer]`.
    pub valid_confusion: Vec<Vec<u32>>,
}

/// The epochs in order; empty when there is no log. Of an epoch that was logged twice, as after a
/// resumed run, the last counts. A last line that was cut off is left out.
pub fn read(run: &Run) -> anyhow::Result<Vec<Epoch>> {
    let path = run.folder().join("log.jsonl");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a run's log", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<Epoch>> {
    let mut epochs = std::collections::BTreeMap::new();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_str::<Epoch>(line) {
            Ok(epoch) => {
                epochs.insert(epoch.epoch, epoch);
            }
            Err(_) if index + 1 == lines.len() && !text.ends_with('\n') => {}
            Err(error) => return Err(error).with_context(|| format!("line {}", index + 1)),
        }
    }
    Ok(epochs.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_other_versions_and_cut_logs_are_read() {
        let text = "{\"epoch\":1,\"lr\":0.1,\"valid_loss\":null,\"new\":[1]}\n\
                    {\"epoch\":2,\"lr\":0.2}\n{\"epoch\":2,\"lr\":0.3}\n{\"epoch\":3,\"l";
        let epochs = parse(text).unwrap();
        assert_eq!(epochs.iter().map(|e| e.epoch).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((epochs[0].valid_loss, epochs[1].lr), (None, Some(0.3)));
        let error = format!("{:#}", parse("nonsense\n").unwrap_err());
        assert!(error.starts_with("line 1: "), "{error}");
    }
}
