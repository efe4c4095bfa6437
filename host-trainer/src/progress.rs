//! Shows training on a terminal: a bar while an epoch runs, one line when it ends. In a log
//! file, where there is no terminal, the lines alone.

use indicatif::{ProgressBar, ProgressStyle};

use crate::train::{EpochRecord, TrainEvent};

/// A bar for work of known length. Draws nothing where there is no terminal.
pub fn bar(length: u64, what: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg:20} {wide_bar} {pos}/{len}  {per_sec}  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key(
                "per_sec",
                |state: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
                    let _ = write!(text, "{:.0} images/s", state.per_sec());
                },
            );
    ProgressBar::new(length)
        .with_style(style)
        .with_message(what.to_string())
}

/// A bar for a download of known length. Draws nothing where there is no terminal.
pub fn bytes(length: u64, what: &str) -> ProgressBar {
    let template = "{msg:20} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(length)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what.to_string())
}

/// Follows a training run.
#[derive(Debug)]
pub struct Progress {
    epochs: u32,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For a run of `epochs` epochs.
    pub fn new(epochs: u32) -> Self {
        println!("{HEADER}");
        Self { epochs, bar: None }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &TrainEvent<'_>) {
        match event {
            TrainEvent::Step {
                epoch,
                done,
                total,
                loss,
            } => {
                let epochs = self.epochs;
                let bar = self
                    .bar
                    .get_or_insert_with(|| bar(*total as u64, &format!("epoch {epoch}/{epochs}")));
                bar.set_position(*done as u64);
                bar.set_message(format!("epoch {epoch}/{epochs} loss {loss:.3}"));
            }
            TrainEvent::Stopped { epoch, highest } => {
                println!(
                    "stopped after epoch {epoch}: none had a higher accuracy than epoch {highest}"
                )
            }
            TrainEvent::Epoch { record, best, .. } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                println!("{}", line(record, self.epochs, *best));
            }
        }
    }
}

const HEADER: &str =
    "  epoch   train loss   accuracy   valid loss   accuracy   macro F1  images/s    left";

fn line(record: &EpochRecord, epochs: u32, best: bool) -> String {
    let left = record.seconds * f64::from(epochs - record.epoch);
    format!(
        "{:>3}/{:<3}   {:10.4}   {:8.4}   {:10.4}   {:8.4}   {:8.4}  {:8.0}  {:>6}{}",
        record.epoch,
        epochs,
        record.train_loss,
        record.train_accuracy,
        record.valid_loss,
        record.valid_accuracy,
        record.valid_macro_f1,
        record.images_per_second,
        duration(left),
        if best { "  best" } else { "" }
    )
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_under_its_header() {
        let record = EpochRecord {
            epoch: 3,
            lr: 0.001,
            train_loss: 1.23456,
            train_accuracy: 0.5,
            valid_loss: 0.75,
            valid_accuracy: 0.8125,
            valid_macro_f1: 0.8,
            seconds: 30.0,
            images_per_second: 123.4,
        };
        let text = line(&record, 15, true);
        assert_eq!(text.len() - "  best".len(), HEADER.len());
        assert!(
            text.ends_with("0.8125     0.8000       123   6m00s  best"),
            "{text}"
        );
    }
}
