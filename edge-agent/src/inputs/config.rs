//! A config file of any text: refused in one line, or accepted; then it can be written out and
//! read again, and a pipeline made of it works.

use std::path::Path;
use std::sync::Arc;

use models::{RgbFrame, RgbView, RunnerError, Scores};

use crate::config::{Config, ConfigError};
use crate::decide::{self, Now, Rules};
use crate::pipeline::{Identity, Pipeline};
use crate::source::Frame;
use crate::vote::Classify;

/// See the head of this file.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let path = Path::new("agent.toml");
    let config = match Config::parse(text, path) {
        Ok(config) => config,
        Err(error) => {
            let told = error.to_string();
            assert!(told.starts_with("agent.toml:"), "{told}");
            if let ConfigError::Line { line, .. } = error {
                assert!(line <= text.matches('\n').count() + 1, "{told}");
            }
            return;
        }
    };
    let written = toml::to_string(&config);
    let again = written.map(|written| Config::parse(&written, path).ok());
    assert_eq!(again, Ok(Some(config.clone())));
    watch(&config);
}

/// Three small pictures, two of them alike, go through what the config describes.
fn watch(config: &Config) {
    let identity = Identity {
        camera: config.camera.clone(),
        bundle: "none".into(),
        reject_below: 0.5,
    };
    let mut pipeline = Pipeline::new(identity, config, Plain);
    let zone = decide::zone(config.time_zone.as_deref());
    let mut rules = zone.ok().map(|zone| Rules::new(&config.rules, zone));
    let mut events = Vec::new();
    for (index, rgb) in [[90; 3], [90; 3], [200, 40, 30]].into_iter().enumerate() {
        let Ok(image) = RgbFrame::filled(64, 48, rgb) else {
            return;
        };
        let index = index as u64;
        let t_ms = index * 40;
        let frame = Frame { image, index, t_ms };
        events.extend(pipeline.push(&frame).into_iter().flatten());
    }
    events.extend(pipeline.finish());
    for event in &events {
        let t_ms = event.last_t_ms;
        if let Some(rules) = &mut rules {
            rules.decide(event, &Now { t_ms, wall: None });
        }
    }
}

/// Sees red everywhere.
struct Plain;

impl Classify for Plain {
    fn classify(&mut self, _: RgbView<'_>) -> Result<Scores, RunnerError> {
        let labels: Arc<[String]> = ["red", "blue"].map(String::from).into();
        Ok(Scores::from_logits(labels, vec![2.0, 0.0], 1.0))
    }
}
