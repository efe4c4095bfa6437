//! The pipeline on drawn scenes, with a classifier that only looks at the mean colour: what is
//! tested is that each vehicle gives one event.

use road_sim::{Light, Scenario, SceneSpec};

use super::*;
use crate::config::Mode;
use crate::event::Direction;
use crate::score::compare::{Passage, Score, compare};
use crate::source::{self, SourceConfig};
use crate::testing::{NearestColour, Scene};

mod early;
mod sway;

fn identity() -> Identity {
    Identity {
        camera: "test".into(),
        bundle: "plain".into(),
        reject_below: 0.0,
    }
}

/// All events of a scene, and how they compare with its truth.
fn watch(spec: SceneSpec) -> (Vec<Event>, Score) {
    let truth: Vec<Passage> = road_sim::Road::new(spec.clone())
        .unwrap()
        .passages()
        .iter()
        .map(|passage| serde_json::from_value(serde_json::to_value(passage).unwrap()).unwrap())
        .collect();
    let events = events(spec, &Config::default());
    let score = compare(&events, &truth);
    (events, score)
}

/// All events of a scene.
fn events(spec: SceneSpec, config: &Config) -> Vec<Event> {
    let mut source = source::open(&SourceConfig::Sim(spec)).unwrap();
    let mut pipeline = Pipeline::new(identity(), config, NearestColour);
    let mut events = Vec::new();
    while let Some(frame) = source.next().unwrap() {
        events.extend(pipeline.push(&frame).unwrap());
    }
    events.extend(pipeline.finish());
    events
}

#[test]
fn each_vehicle_gives_one_event() {
    let (mut vehicles, mut found, mut surplus) = (0, 0, 0);
    for light in [Light::Sun, Light::Overcast] {
        for seed in 1..=4 {
            let spec = SceneSpec {
                seed,
                light,
                duration_ms: 45_000,
                ..SceneSpec::default()
            };
            let (_, score) = watch(spec);
            println!("{light:?}, seed {seed}:\n{score}");
            vehicles += score.vehicles;
            found += score.found;
            surplus += score.false_events + score.duplicates;
        }
    }
    assert!(vehicles >= 60, "{vehicles} vehicles are too few to tell");
    assert!(found * 100 >= vehicles * 95, "found {found} of {vehicles}");
    assert!(
        surplus * 100 <= vehicles * 2,
        "{surplus} false or duplicate of {vehicles}"
    );
}

#[test]
fn an_empty_road_gives_none() {
    for (light, noise) in [(Light::Sun, 2.0), (Light::Overcast, 8.0)] {
        let spec = SceneSpec {
            vehicles_per_minute: 0.0,
            light,
            noise,
            ..SceneSpec::default()
        };
        assert_eq!(watch(spec).0, []);
    }
}

#[test]
fn the_same_frames_give_the_same_bytes_by_day_by_night_and_in_the_wind() {
    for scene in [Scenario::Street, Scenario::Night, Scenario::Shake] {
        let spec = SceneSpec {
            scene,
            duration_ms: 12_000,
            vehicles_per_minute: 40.0,
            ..SceneSpec::default()
        };
        let lines = || {
            let events = events(spec.clone(), &Config::default());
            assert!(events.len() >= 2, "{scene:?}: {events:?}");
            serde_json::to_string(&events).unwrap()
        };
        assert_eq!(lines(), lines(), "{scene:?}");
    }
}

#[test]
fn each_vehicle_is_told_with_its_lane() {
    let spec = SceneSpec {
        duration_ms: 45_000,
        ..SceneSpec::default()
    };
    let road = road_sim::Road::new(spec.clone()).unwrap();
    // The two lanes of the drawn road, parted halfway between their vehicles' feet.
    let (mut near, mut far) = (u32::MAX, 0);
    for frame in 0..road.frame_count() {
        for seen in road.visible(frame) {
            let foot = seen.rect.bottom();
            match seen.lane {
                0 => near = near.min(foot),
                _ => far = far.max(foot),
            }
        }
    }
    let border = (near + far) as f32 / 2.0;
    let direction = |lane: u8| {
        let of = |p: &&road_sim::Passage| p.lane == lane;
        let passage = road.passages().iter().find(of).unwrap();
        serde_json::from_value::<Direction>(serde_json::to_value(passage.direction).unwrap())
            .unwrap()
    };
    let lane = |number, name: &str, top, bottom, direction| LaneConfig {
        number,
        name: Some(name.into()),
        polygon_px: vec![[0.0, top], [640.0, top], [640.0, bottom], [0.0, bottom]],
        direction: Some(direction),
    };
    let config = Config {
        lanes: vec![
            lane(1, "near", border, 360.0, direction(0)),
            // Driven the wrong way by everyone.
            lane(2, "far", 0.0, border, direction(1).opposite()),
        ],
        ..Config::default()
    };
    let events = events(spec, &config);
    let count = |number| events.iter().filter(|e| e.lane == Some(number)).count();
    assert!(count(1) >= 3 && count(2) >= 3, "{events:#?}");
    for event in &events {
        let (number, name) = match event.direction == direction(0) {
            true => (1, "near"),
            false => (2, "far"),
        };
        assert_eq!(event.lane, Some(number), "{event:?}");
        assert_eq!(event.lane_name.as_deref(), Some(name));
        assert_eq!(event.wrong_way, Some(number == 2));
    }
}

#[test]
fn at_a_barrier_each_car_that_stood_there_is_one_event() {
    let place = models::Rect {
        x: 60,
        y: 60,
        width: 200,
        height: 120,
    };
    let car = models::Rect {
        x: 70,
        y: 85,
        width: 150,
        height: 70,
    };
    let mut config = Config {
        mode: Mode::Roi,
        ..Config::default()
    };
    config.roi.rect_px = Some(place);
    for early in [false, true] {
        config.vote.early = early;
        config.vote.early_score = 0.5;
        let mut pipeline = Pipeline::new(identity(), &config, NearestColour);
        let mut events = Vec::new();
        // Empty, a red car for four seconds, empty, a blue one until the end.
        for index in 0..130u64 {
            let scene = Scene::new(index + 1);
            let scene = match index {
                20..60 => scene.car(car, [180, 25, 25]),
                90.. => scene.car(car, [30, 60, 170]),
                _ => scene,
            };
            let frame = Frame {
                image: scene.draw(),
                index,
                t_ms: index * 100,
            };
            events.extend(pipeline.push(&frame).unwrap());
        }
        events.extend(pipeline.finish());
        let told: Vec<_> = events
            .iter()
            .map(|e| (e.colour.as_str(), e.first_frame, e.early, e.direction))
            .collect();
        assert_eq!(
            told,
            [
                ("red", 20, early, Direction::None),
                ("blue", 90, early, Direction::None)
            ]
        );
        assert!(events[0].bounds.overlap(&car) > 0.8, "{:?}", events[0]);
        assert_eq!(events[0].last_frame == 59, !early);
    }
}

/// A network that runs only for the first so many views.
struct Failing(u32);

impl Classify for Failing {
    fn classify(&mut self, view: models::RgbView<'_>) -> Result<models::Scores, RunnerError> {
        self.0 = self
            .0
            .checked_sub(1)
            .ok_or_else(|| RunnerError::Run("no memory".into()))?;
        NearestColour.classify(view)
    }
}

#[test]
fn a_network_that_fails_costs_colours_and_no_vehicle_until_it_fails_too_often() {
    let spec = SceneSpec {
        duration_ms: 60_000,
        vehicles_per_minute: 30.0,
        ..SceneSpec::default()
    };
    let expected = events(spec.clone(), &Config::default());
    let mut source = source::open(&SourceConfig::Sim(spec)).unwrap();
    let config = Config::default();
    let mut pipeline = Pipeline::new(identity(), &config, Failing(7)).after(100);
    let mut told = Vec::new();
    let mut refusals = 0;
    while let Some(frame) = source.next().unwrap() {
        match pipeline.push(&frame) {
            Ok(events) => told.extend(events),
            Err(error) => {
                refusals += 1;
                assert!(error.to_string().contains("no memory"), "{error}");
                // The frame was not looked at.
                told.extend(pipeline.push(&frame).unwrap());
            }
        }
    }
    told.extend(pipeline.finish());
    // The same vehicles, the later ones without a colour.
    let ids = |events: &[Event]| -> Vec<String> { events.iter().map(|e| e.id.clone()).collect() };
    assert_eq!(ids(&told), ids(&expected));
    let numbers: Vec<u64> = told.iter().map(|event| event.sequence).collect();
    assert!(numbers.into_iter().eq(101..101 + expected.len() as u64));
    let failed = |event: &&Event| event.reason == Some(crate::event::Reason::Failed);
    let count = told.iter().filter(failed).count();
    assert!(count >= 10 && count < told.len(), "{count}");
    assert!(
        refusals >= 1 && refusals <= count / 5,
        "{refusals}, {count}"
    );
    for event in told.iter().filter(failed) {
        assert_eq!((event.colour.as_str(), event.score), ("unknown", 0.0));
        assert!(event.top3.is_empty() && event.bounds.width > 0);
    }
    assert!(pipeline.failure().is_some());
}

#[test]
fn a_barrier_on_a_road_sees_cars_of_the_road_s_own_grey() {
    let mut config = Config {
        mode: Mode::Roi,
        ..Config::default()
    };
    // A part of the near lane, which only its vehicles cross.
    config.roi.rect_px = Some(models::Rect {
        x: 200,
        y: 244,
        width: 220,
        height: 72,
    });
    // They drive through without a stop.
    config.roi.min_present_ms = 300;
    for light in [Light::Sun, Light::Overcast] {
        let spec = SceneSpec {
            colours: vec!["grey".into()],
            vehicles_per_minute: 10.0,
            duration_ms: 60_000,
            light,
            ..SceneSpec::default()
        };
        let near = road_sim::Road::new(spec.clone()).unwrap();
        let near = near.passages().iter().filter(|passage| passage.lane == 0);
        let vehicles = near.count();
        let told = events(spec, &config);
        assert!(vehicles >= 3, "{vehicles} are too few to tell");
        assert_eq!(told.len(), vehicles, "{light:?}: {told:?}");
    }
}
