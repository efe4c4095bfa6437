//! Batches and what is kept in memory, of a few drawn pictures.

use super::*;
use crate::augment::Augment;

fn pictures(count: usize) -> Pictures {
    let mut pictures = Pictures::drawn(&["red", "green", "blue"], 4);
    pictures.kept.truncate(count);
    pictures
}

fn epoch(pictures: &Pictures, workers: usize, epoch: u64) -> Vec<Batch> {
    let preprocessor = Preprocessor::new(&PreprocessSpec::imagenet(16)).unwrap();
    let augment = Augment::road();
    let plan = EpochPlan {
        augment: &augment,
        preprocessor: &preprocessor,
        batch_size: 4,
        sampling: Sampling::Shuffled,
        workers,
        seed: 3,
        epoch,
    };
    let mut batches = Vec::new();
    pictures
        .for_each_batch(&plan, |_, batch| {
            batches.push(batch);
            Ok::<(), ()>(())
        })
        .unwrap();
    batches
}

#[test]
fn batches_do_not_depend_on_the_number_of_threads() {
    let pictures = pictures(10);
    let one = epoch(&pictures, 1, 0);
    assert_eq!(one, epoch(&pictures, 3, 0));
    assert_ne!(one, epoch(&pictures, 1, 1));
    assert_eq!(
        one.iter().map(|b| b.classes.len()).collect::<Vec<_>>(),
        [4, 4, 2]
    );
    assert_eq!(one[0].inputs.len(), 4 * 16 * 16 * 3);
}

#[test]
fn only_as_many_pictures_are_kept_as_there_is_room_for() {
    let root = tempfile::tempdir().unwrap();
    for class in ["blue", "red"] {
        std::fs::create_dir(root.path().join(class)).unwrap();
        for seed in 0..4 {
            let car = road_sim::portrait(class, seed, 60, 45).unwrap();
            let file = root.path().join(format!("{class}/{seed}.png"));
            std::fs::write(file, picture::png(car.view()).unwrap()).unwrap();
        }
    }
    let dataset = Dataset::scan(root.path()).unwrap();
    // Three and a half pictures; what is left of it is nobody's.
    let mut room = 60 * 45 * 3 * 7 / 2;
    let loaded = load(&dataset, 2, &mut room, &|| ());
    let kept = loaded.pictures.kept.iter().map(|kept| kept.frame.is_some());
    assert_eq!(
        kept.collect::<Vec<_>>(),
        [true, true, true, false, false, false, false, false]
    );
    assert_eq!((room, loaded.fingerprints.len()), (0, 8));
    // Those that are read again train alike.
    let all = load(&dataset, 2, &mut KEPT_BYTES.clone(), &|| ());
    assert_eq!(epoch(&loaded.pictures, 2, 0), epoch(&all.pictures, 2, 0));
}

#[test]
fn a_lone_last_picture_is_left_out() {
    for (count, batches) in [(9, 2), (1, 1), (8, 2), (10, 3)] {
        let pictures = pictures(count);
        assert_eq!(epoch(&pictures, 2, 0).len(), batches);
        assert_eq!(pictures.steps(4), batches);
    }
}

#[test]
fn a_failing_step_stops_the_workers() {
    let preprocessor = Preprocessor::new(&PreprocessSpec::imagenet(16)).unwrap();
    let augment = Augment::road();
    let plan = EpochPlan {
        augment: &augment,
        preprocessor: &preprocessor,
        batch_size: 2,
        sampling: Sampling::Shuffled,
        workers: 2,
        seed: 3,
        epoch: 0,
    };
    let result = Pictures::drawn(&["red"], 40).for_each_batch(&plan, |number, _| {
        if number == 3 { Err("stop") } else { Ok(()) }
    });
    assert_eq!(result, Err("stop"));
}

#[test]
fn large_pictures_are_kept_small() {
    let frame = RgbFrame::filled(1000, 500, [1, 2, 3]).unwrap();
    let kept = shrunk(frame);
    assert_eq!((kept.width(), kept.height()), (256, 128));
}
