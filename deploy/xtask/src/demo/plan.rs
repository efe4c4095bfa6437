//! What the demo calls: programs, arguments, the agent's configuration. Pure data; nothing
//! is run here, and nowhere else are these programs' options written down.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Pictures drawn per colour when the user brings none.
const PER_CLASS: &str = "150";
/// Small batches make more steps of the same pictures.
const BATCH_SIZE: &str = "16";
const HELD_OUT_PER_CLASS: &str = "20";
/// Long enough for a dozen vehicles.
const ROAD_SECONDS: &str = "60";
/// Small pictures keep training within minutes on two cores.
const INPUT_SIZE: &str = "96";

/// One call of a program.
pub struct Call {
    /// Short name of the step.
    pub name: &'static str,
    /// What it does and what for.
    pub why: &'static str,
    /// A program of the workspace.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The demo's files.
pub struct Plan {
    pictures: PathBuf,
    /// Drawn pictures that training never sees; none when the user brings pictures.
    held_out: Option<PathBuf>,
    /// Run folders, one per training.
    pub runs: PathBuf,
    bundle: PathBuf,
    road: PathBuf,
    /// The agent's configuration.
    pub agent_file: PathBuf,
    events: PathBuf,
    pretrained: String,
    epochs: u32,
}

macro_rules! arguments {
    ($($argument:expr),* $(,)?) => { vec![$(OsString::from($argument)),*] };
}

impl Plan {
    /// Everything under `out`, but for the user's own pictures.
    pub fn new(out: &Path, data: Option<&Path>, pretrained: &str, epochs: u32) -> Self {
        Self {
            pictures: data.map_or_else(|| out.join("pictures"), Path::to_path_buf),
            held_out: data.is_none().then(|| out.join("held-out")),
            runs: out.join("runs"),
            bundle: out.join("bundle"),
            road: out.join("road"),
            agent_file: out.join("agent.toml"),
            events: out.join("events.jsonl"),
            pretrained: pretrained.into(),
            epochs,
        }
    }

    /// From nothing to a trained run.
    pub fn train(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        if let Some(held_out) = &self.held_out {
            calls.push(Call {
                name: "pictures",
                why: "draws labelled pictures of cars",
                program: "road-sim",
                arguments: arguments![
                    "pictures",
                    "--out",
                    &self.pictures,
                    "--per-class",
                    PER_CLASS,
                    "--seed",
                    "1",
                ],
            });
            calls.push(Call {
                name: "held-out",
                why: "draws others, to measure on pictures that training has not seen",
                program: "road-sim",
                arguments: arguments![
                    "pictures",
                    "--out",
                    held_out,
                    "--per-class",
                    HELD_OUT_PER_CLASS,
                    "--seed",
                    "2",
                ],
            });
        }
        calls.push(Call {
            name: "train",
            why: "MobileNetV3-small on these pictures",
            program: "host-trainer",
            arguments: arguments![
                "train",
                "--data-train",
                &self.pictures,
                "--save-ret",
                &self.runs,
                "--pretrained",
                &self.pretrained,
                "--epochs",
                self.epochs.to_string(),
                "--input-size",
                INPUT_SIZE,
                "--batch-size",
                BATCH_SIZE,
            ],
        });
        calls
    }

    /// From a trained run to scored events.
    pub fn use_run(&self, run: &Path) -> Vec<Call> {
        let mut evaluate = arguments!["evaluate", "--bundle", &self.bundle, "--data"];
        match &self.held_out {
            Some(held_out) => evaluate.push(held_out.into()),
            None => evaluate.extend(arguments![
                &self.pictures,
                "--split",
                run.join("split.json"),
                "--part",
                "test",
            ]),
        }
        vec![
            Call {
                name: "export",
                why: "makes the bundle: 8-bit weights, checked by running it",
                program: "host-trainer",
                arguments: arguments![
                    "export",
                    run,
                    "--quantise",
                    "weights",
                    "--out",
                    &self.bundle
                ],
            },
            Call {
                name: "evaluate",
                why: "measures the bundle, run as the agent runs it, on pictures held out",
                program: "host-trainer",
                arguments: evaluate,
            },
            Call {
                name: "road",
                why: "draws a road with passing cars, and writes down what passes",
                program: "road-sim",
                arguments: arguments!["frames", "--out", &self.road, "--seconds", ROAD_SECONDS],
            },
            Call {
                name: "agent",
                why: "watches that road with the new bundle; one event per vehicle",
                program: "edge-agent",
                arguments: arguments!["run", "--config", &self.agent_file],
            },
            Call {
                name: "score",
                why: "compares the events with what really passed",
                program: "edge-agent",
                arguments: arguments![
                    "score",
                    "--events",
                    &self.events,
                    "--truth",
                    self.road.join("truth.jsonl"),
                ],
            },
        ]
    }

    /// The agent's configuration file.
    pub fn agent_config(&self) -> String {
        format!(
            "# Written by `cargo xtask demo`.\n\
             camera = \"drawn road\"\n\n\
             [bundle]\npath = {}\n\n\
             [source]\nkind = \"replay\"\nfolder = {}\n\n\
             [jsonl]\npath = {}\n",
            text(&self.bundle),
            text(&self.road),
            text(&self.events),
        )
    }

    /// Where everything lies and what to try next.
    pub fn farewell(&self, run: &Path) -> String {
        let lines = [
            ("pictures", &self.pictures),
            ("run", &run.to_path_buf()),
            ("bundle", &self.bundle),
            ("road", &self.road),
            ("agent", &self.agent_file),
            ("events", &self.events),
        ];
        let mut out = String::new();
        for (name, path) in lines {
            out += &format!("{name:<10} {}\n", path.display());
        }
        out += "\nNext: your own pictures, in one folder per colour:\n\n  \
                cargo xtask demo --data DIR --epochs 20 --out my-demo\n";
        out
    }
}

/// A path as a TOML string.
fn text(path: &Path) -> String {
    toml::Value::String(path.to_string_lossy().into_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(call: &Call) -> String {
        let words = call.arguments.iter().map(|word| word.to_string_lossy());
        format!("{} {}", call.program, words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn own_pictures_take_the_place_of_drawn_ones() {
        let drawn = Plan::new(Path::new("/out"), None, "none", 6).train();
        assert_eq!(drawn.len(), 3);
        assert!(line(&drawn[2]).contains("--data-train /out/pictures"));
        let own = Plan::new(Path::new("/out"), Some(Path::new("/cars")), "none", 20).train();
        assert_eq!(own.len(), 1);
        assert!(
            line(&own[0]).contains("--data-train /cars "),
            "{}",
            line(&own[0])
        );
        assert!(line(&own[0]).contains("--epochs 20"));
    }

    #[test]
    fn the_configuration_is_toml_whatever_the_path() {
        let plan = Plan::new(Path::new("/out \"x\" \\ ü"), None, "none", 6);
        let table: toml::Table = plan.agent_config().parse().unwrap();
        let bundle = table["bundle"]["path"].as_str().unwrap();
        assert_eq!(Path::new(bundle), plan.bundle);
    }

    #[test]
    fn the_farewell_names_every_place() {
        let plan = Plan::new(Path::new("/out"), None, "none", 6);
        let text = plan.farewell(Path::new("/out/runs/1"));
        for path in [
            "/out/pictures",
            "/out/runs/1",
            "/out/bundle",
            "/out/events.jsonl",
        ] {
            assert!(text.contains(path), "{text}");
        }
    }
}
