//! Vehicles that are told before they have passed: the same ones, each once.

use models::Rect;

use super::*;

#[test]
fn told_early_each_vehicle_still_gives_one_event() {
    let spec = SceneSpec {
        duration_ms: 45_000,
        ..SceneSpec::default()
    };
    let mut config = Config::default();
    let late = events(spec.clone(), &config);
    config.vote.early = true;
    config.vote.early_score = 0.5;
    let early = events(spec, &config);
    assert_eq!(early.len(), late.len());
    let told = early.iter().filter(|event| event.early).count();
    assert!(told * 2 > early.len(), "{told} of {}", early.len());
    // The same vehicles in the same lanes of traffic, told sooner. Sorted, as a vehicle may
    // overtake another's event.
    let directions = |events: &[Event]| {
        let mut all: Vec<String> = events
            .iter()
            .map(|e| format!("{:?}", e.direction))
            .collect();
        all.sort();
        all
    };
    assert_eq!(directions(&early), directions(&late));
    let last = |events: &[Event]| events.iter().map(|e| e.last_t_ms).sum::<u64>();
    assert!(last(&early) < last(&late));
    assert!(early.iter().zip(1..).all(|(event, n)| event.sequence == n));
}

#[test]
fn people_are_not_told_early_either() {
    let spec = SceneSpec {
        scene: Scenario::Cyclists,
        vehicles_per_minute: 0.0,
        seed: 17,
        duration_ms: 40_000,
        ..SceneSpec::default()
    };
    let mut config = Config::default();
    config.track.min_vehicle_px = [92, 36];
    config.vote.early_score = 0.5;
    for early in [false, true] {
        config.vote.early = early;
        assert_eq!(events(spec.clone(), &config), [], "early {early}");
    }
}

/// It is not seen for a while and then is farther back than it was expected: it is followed anew.
#[test]
fn a_vehicle_told_early_is_not_told_again_under_another_number() {
    let mut config = Config::default();
    config.vote.early_score = 0.5;
    for early in [false, true] {
        config.vote.early = early;
        let mut pipeline = Pipeline::new(identity(), &config, NearestColour);
        let mut told = Vec::new();
        for index in 0..140u64 {
            let scene = Scene::new(index + 1);
            let left = match index {
                60..89 => Some(6 * (index - 60)),
                100.. => Some(138 + 6 * (index - 100)),
                _ => None,
            };
            let car = left.map(|left| Rect {
                x: left as u32,
                y: 80,
                width: 80,
                height: 40,
            });
            let scene = match car {
                Some(car) => scene.car(car, [180, 25, 25]),
                None => scene,
            };
            let frame = Frame {
                image: scene.draw(),
                index,
                t_ms: index * 40,
            };
            told.extend(pipeline.push(&frame).unwrap());
        }
        told.extend(pipeline.finish());
        let [event] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!((event.colour.as_str(), event.early), ("red", early));
        // Told before it was lost, or all that was seen of it under both numbers.
        assert!(event.first_frame < 65, "{event:?}");
        assert_eq!(event.last_frame < 89, early, "{event:?}");
    }
}
