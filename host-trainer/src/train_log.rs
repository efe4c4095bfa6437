//! `train_log.json` of a run, with the keys that the reference project's log has: parameters,
//! dataset, model, and for each epoch the metrics of both parts. Writes no file.

use serde_json::{Map, Value, json};

use crate::cost::flops;
use crate::metrics::Confusion;
use crate::run::RunRecord;

/// The log before the first epoch. `valid` is the number of validation pictures and `folder`
/// the run's.
pub fn opening(record: &RunRecord, valid: usize, folder: &str) -> Map<String, Value> {
    let arch = record.arch();
    let recipe = &record.recipe;
    let log = json!({
        "train parameters": {
            "model version": record.model.architecture(),
            "pretrained": record.pretrained,
            "freeze layers": recipe.freeze_layers,
            "batch size": recipe.batch_size,
            "epochs": recipe.epochs,
            "optim": recipe.optimiser.name(),
            "lr": recipe.lr,
            "lrf": recipe.lrf,
            "save folder": folder,
        },
        "dataset": {
            "trainset number": record.pictures.values().sum::<u32>(),
            "valset number": valid,
            "number classes": record.classes.len(),
        },
        "model": {
            "total parameters": arch.parameter_count(false),
            "train parameters": arch.parameter_count(recipe.freeze_layers),
            "flops": flops(&arch, record.input.width as usize),
        },
    });
    match log {
        Value::Object(log) => log,
        _ => Map::new(),
    }
}

/// Adds an epoch, counted from 1.
pub fn add_epoch(log: &mut Map<String, Value>, epoch: u32, train: &Confusion, valid: &Confusion) {
    let both = json!({ "train info": info(train), "valid info": info(valid) });
    log.insert(format!("epoch_{epoch}"), both);
}

fn info(confusion: &Confusion) -> Value {
    let classes = confusion.per_class();
    let mean = |of: fn(&crate::metrics::ClassMetrics) -> f64| {
        classes.iter().map(of).sum::<f64>() / classes.len().max(1) as f64
    };
    let mut info = Map::new();
    info.insert("accuracy".into(), json!(confusion.accuracy()));
    for m in &classes {
        let one = json!({
            "Precision": m.precision,
            "Recall": m.recall,
            "Specificity": m.specificity,
            "F1 score": m.f1,
        });
        info.insert(m.class.clone(), one);
    }
    info.insert("mean precision".into(), json!(mean(|m| m.precision)));
    info.insert("mean recall".into(), json!(mean(|m| m.recall)));
    info.insert("mean specificity".into(), json!(mean(|m| m.specificity)));
    info.insert("mean F1 score".into(), json!(mean(|m| m.f1)));
    Value::Object(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_every_class_and_four_means_for_both_parts() {
        let classes = ["blue".to_string(), "red".to_string()];
        let mut train = Confusion::new(&classes);
        train.add(0, 0);
        train.add(1, 0);
        let mut log = Map::new();
        add_epoch(&mut log, 3, &train, &Confusion::new(&classes));
        let info = &log["epoch_3"]["train info"];
        assert_eq!(info["accuracy"], 0.5);
        assert_eq!(
            info["blue"],
            json!({"Precision": 0.5, "Recall": 1.0, "Specificity": 0.0, "F1 score": 2.0 / 3.0})
        );
        assert_eq!(info["mean recall"], 0.5);
        for key in ["mean precision", "mean specificity", "mean F1 score"] {
            assert!(
                info[key].is_number() && log["epoch_3"]["valid info"][key].is_number(),
                "{key}"
            );
        }
    }
}
