//! The loop as a whole, on a few drawn pictures.

use std::sync::atomic::{AtomicBool, Ordering};

use models::{PreprocessSpec, Preprocessor};
use tch::Device;

use super::*;
use crate::arch::{Arch, Variant};
use crate::weights::Weights;

static NEVER: AtomicBool = AtomicBool::new(false);

fn small_recipe() -> Recipe {
    Recipe {
        epochs: 4,
        batch_size: 4,
        mixup: 0.3,
        ..Preset::Default.recipe()
    }
}

/// Drawn pictures of two classes, to train and to validate on.
struct Few {
    pictures: Pictures,
    preprocessor: Preprocessor,
    classes: [String; 2],
    valid: Vec<crate::loader::Input>,
}

impl Few {
    fn drawn() -> Self {
        let pictures = Pictures::drawn(&["blue", "red"], 7);
        let preprocessor = Preprocessor::new(&PreprocessSpec::imagenet(32)).unwrap();
        Self {
            valid: pictures.inputs(&preprocessor),
            pictures,
            preprocessor,
            classes: ["blue".into(), "red".into()],
        }
    }

    fn job<'a>(&'a self, recipe: &'a Recipe, interrupted: &'a AtomicBool) -> Job<'a> {
        Job {
            pictures: &self.pictures,
            valid: &self.valid,
            classes: &self.classes,
            preprocessor: &self.preprocessor,
            recipe,
            teachers: None,
            workers: 2,
            resident: false,
            interrupted,
        }
    }
}

fn network(variant: Variant) -> Net {
    Net::new(&Arch::new(variant, 2), Device::Cpu)
}

/// A run: every epoch's state, and the weights it began with.
fn run(recipe: &Recipe) -> (Vec<TrainState>, Weights) {
    let few = Few::drawn();
    let mut net = network(Variant::Small);
    let start = net.weights();
    let mut states = Vec::new();
    let mut listener = |event: TrainEvent<'_>| {
        if let TrainEvent::Epoch { state, .. } = event {
            states.push(state.clone());
        }
        Ok(())
    };
    train(&mut net, &few.job(recipe, &NEVER), None, &mut listener).unwrap();
    (states, start)
}

/// That a resumed run ends where an uncut one does is tested with whole processes: libtorch's
/// generator, which dropout draws from, is shared by all tests of this one.
#[test]
fn a_restored_state_is_the_state_that_was_taken() {
    for optimiser in [Optimiser::Sgd, Optimiser::Adam, Optimiser::AdamW] {
        let recipe = Recipe {
            optimiser,
            epochs: 3,
            thaw_epochs: 2,
            sampling: crate::loader::Sampling::Balanced,
            ..small_recipe()
        };
        let (states, _) = run(&recipe);
        let few = Few::drawn();
        let job = few.job(&recipe, &NEVER);
        let mut net = network(Variant::Small);
        let mut trainer = Trainer::new(&mut net, &job).unwrap();
        trainer.restore(&states[1]).unwrap();
        let average = trainer.average.as_ref();
        let position = trainer.position.clone();
        assert!(state::take(trainer.net, average, &trainer.memories, position) == states[1]);
    }
}

#[test]
fn another_networks_checkpoint_is_refused() {
    let (states, _) = run(&small_recipe());
    let other = Recipe {
        optimiser: Optimiser::Sgd,
        thaw_epochs: 3,
        ..small_recipe()
    };
    let mut net = network(Variant::Large);
    let few = Few::drawn();
    let job = few.job(&other, &NEVER);
    let error = train(&mut net, &job, Some(&states[0]), &mut |_| Ok(())).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("it was made with another network"), "{text}");
}

#[test]
fn frozen_and_thawing_features_keep_their_weights_till_then() {
    let moved = |before: &Weights, state: &TrainState, name: &str| {
        state.arrays[&format!("model.{name}")] != before[name]
    };
    let (states, before) = run(&Recipe {
        freeze_layers: true,
        ..small_recipe()
    });
    for name in before.keys() {
        let is_feature = crate::arch::feature_module(name).is_some();
        assert_eq!(moved(&before, &states[3], name), !is_feature, "{name}");
    }
    let (states, before) = run(&Recipe {
        thaw_epochs: 2,
        ..small_recipe()
    });
    let (first, last) = ("features.0.0.weight", "features.12.0.weight");
    let statistic = "features.12.1.running_mean";
    assert!(!moved(&before, &states[0], last) && !moved(&before, &states[0], statistic));
    assert!(moved(&before, &states[0], "classifier.3.weight"));
    assert!(moved(&before, &states[1], last) && !moved(&before, &states[1], first));
    assert!(moved(&before, &states[1], statistic) && moved(&before, &states[2], first));
}

#[test]
fn patience_ends_a_run_that_gets_no_better() {
    let recipe = Recipe {
        epochs: 40,
        patience: 2,
        lr: 1e-9,
        mixup: 0.0,
        ema_decay: 0.0,
        // The accuracy of untrained weights, which do not move, stays what it is; only a higher
        // one counts, so the first epoch stays the highest.
        ..small_recipe()
    };
    let (states, _) = run(&recipe);
    assert!(states.len() < 40, "{}", states.len());
    let position = &states.last().unwrap().position;
    assert_eq!(states.len() as u32, position.highest() + 2);
}

#[test]
fn bfloat16_computes_about_the_same_and_trains() {
    let preprocessor = Preprocessor::new(&PreprocessSpec::imagenet(32)).unwrap();
    let inputs = Pictures::drawn(&["blue", "red"], 4).inputs(&preprocessor);
    let mut net = network(Variant::Small);
    let full = embeddings(&net, &inputs, [32, 32]).unwrap().concat();
    net.set_precision(Precision::Bfloat16);
    let half = embeddings(&net, &inputs, [32, 32]).unwrap().concat();
    let length = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>().sqrt();
    let apart: Vec<f32> = full.iter().zip(&half).map(|(a, b)| a - b).collect();
    let share = length(&apart) / length(&full);
    assert!(share > 0.0 && share < 0.1, "{share}");
    let (states, _) = run(&Recipe {
        precision: Precision::Bfloat16,
        ..small_recipe()
    });
    let records = &states[3].position.records;
    assert!(records.iter().all(|record| record.train_loss.is_finite()));
}

#[test]
fn an_epoch_whose_last_step_breaks_the_weights_is_not_written() {
    let few = Few::drawn();
    let recipe = Recipe {
        batch_size: 14,
        lr: 1e30,
        warm_up_epochs: 0.0,
        ema_decay: 0.0,
        mixup: 0.0,
        optimiser: Optimiser::Sgd,
        ..small_recipe()
    };
    let mut epochs = 0;
    let error = train(
        &mut network(Variant::Small),
        &few.job(&recipe, &NEVER),
        None,
        &mut |event| {
            epochs += usize::from(matches!(event, TrainEvent::Epoch { .. }));
            Ok(())
        },
    );
    let text = error.err().unwrap().to_string();
    assert!(
        text.ends_with(
            "at step 1 of epoch 1; no epoch ended before, so no weights are kept; try a lower --lr"
        ),
        "{text}"
    );
    assert_eq!(epochs, 0);
}

#[test]
fn pictures_that_find_no_room_on_a_device_are_left_to_the_processor() {
    let few = Few::drawn();
    let spec = few.preprocessor.spec();
    // There is no such device, so nothing fits into its memory.
    let nowhere = Device::Cuda(1000);
    let resident = Resident::new(&few.pictures, spec, nowhere, 2).unwrap();
    assert!(resident.is_none());
    let validation = Validation::new(&few.valid, [32, 32], nowhere);
    let (confusion, _) = validation
        .validate(&network(Variant::Small), &few.classes)
        .unwrap();
    assert_eq!(confusion.pictures(), 14);
}

#[test]
fn an_interrupted_run_stops_at_the_next_step() {
    let few = Few::drawn();
    let flag = AtomicBool::new(false);
    let recipe = small_recipe();
    let job = few.job(&recipe, &flag);
    let mut net = network(Variant::Small);
    let mut steps = 0;
    let error = train(&mut net, &job, None, &mut |_| {
        steps += 1;
        flag.store(true, Ordering::Relaxed);
        Ok(())
    });
    assert!(matches!(error, Err(TrainError::Interrupted { epoch: 1 })));
    assert_eq!(steps, 1);
}

#[test]
fn the_learning_rate_trial_climbs_until_the_loss_bursts() {
    let few = Few::drawn();
    let recipe = Recipe {
        optimiser: Optimiser::Sgd,
        mixup: 0.0,
        ..small_recipe()
    };
    let job = few.job(&recipe, &NEVER);
    let mut net = network(Variant::Small);
    let mut heard = 0;
    let trial = find_lr(&mut net, &job, 30, &mut || heard += 1).unwrap();
    assert!(heard >= trial.losses.len() && trial.losses.len() > 5);
    assert_eq!(trial.losses[0].0, 1e-6);
    assert!(trial.losses.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(trial.suggestion >= 1e-7 && trial.suggestion <= 0.1);
}

#[test]
fn modules_thaw_from_the_last_to_the_first() {
    let epochs: Vec<u32> = (0..4).map(|module| thaw_epoch(module, 4, 2)).collect();
    assert_eq!(epochs, [2, 2, 1, 1]);
    assert!((0..4).all(|module| thaw_epoch(module, 4, 0) == 0));
}

#[test]
fn rare_classes_weigh_more_and_the_mean_is_one() {
    let weights = class_weights(&[100, 400], 0.5);
    assert!((weights[0] / weights[1] - 2.0).abs() < 1e-6);
    assert!((weights[0] * 100.0 + weights[1] * 400.0 - 500.0).abs() < 1e-3);
    assert_eq!(class_weights(&[3, 9], 0.0), [1.0, 1.0]);
}
