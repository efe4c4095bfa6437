//! The numbers in the text format of Prometheus, version 0.0.4. Only writes what it is given.

use std::fmt::Write as _;

use super::host::Host;
use super::times::{ENDS_US, Histogram};
use super::watchpoint::State;
use crate::laps::Stage;

/// Content type of the format.
pub const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text in the making.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{value}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], times: &Histogram) {
        let (counts, sum) = times.cumulative();
        let ends = ENDS_US.iter().map(|us| (*us as f64 / 1e6).to_string());
        let ends = ends.chain(["+Inf".to_string()]);
        for (end, count) in ends.zip(counts) {
            let labels = [labels, &[("le", end.as_str())]].concat();
            self.sample(&format!("{name}_bucket"), &labels, count as f64);
        }
        self.sample(&format!("{name}_sum"), labels, sum);
        let all = counts.last().copied().unwrap_or(0);
        self.sample(&format!("{name}_count"), labels, all as f64);
    }
}

/// All of them.
pub fn text(state: &State, host: &Host, clock_synced: bool) -> String {
    let mut text = Text::default();
    frames(&mut text, state);
    events(&mut text, state);
    machine(&mut text, host);
    let facts = &state.facts;
    text.family("edge_agent_build_info", "gauge", "What runs here.");
    let labels = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("bundle", &facts.bundle),
        ("camera", &facts.camera),
    ];
    text.sample("edge_agent_build_info", &labels, 1.0);
    for (name, help, value) in [
        (
            "edge_agent_uptime_seconds",
            "Time since the start.",
            state.uptime().as_secs_f64(),
        ),
        (
            "edge_agent_clock_synced",
            "Whether the wall clock follows a time server.",
            f64::from(clock_synced),
        ),
        (
            "edge_agent_watchers",
            "Clients that watch the live picture.",
            state.live.watchers() as f64,
        ),
    ] {
        text.single(name, "gauge", help, value);
    }
    text.0
}

fn frames(text: &mut Text, state: &State) {
    let camera = state.camera();
    for (name, help, value) in [
        (
            "edge_agent_frames_total",
            "Frames that were looked at.",
            camera.frames,
        ),
        (
            "edge_agent_frames_dropped_total",
            "Frames that were damaged or never came.",
            camera.dropped,
        ),
        (
            "edge_agent_camera_losses_total",
            "How often the camera was lost.",
            camera.losses,
        ),
    ] {
        text.single(name, "counter", help, value as f64);
    }
    let up = f64::from(state.health().is_ok());
    let name = "edge_agent_camera_up";
    text.single(name, "gauge", "Whether frames come.", up);
    if let Some(age) = camera.age {
        let name = "edge_agent_frame_age_seconds";
        let help = "Time since the last frame.";
        text.single(name, "gauge", help, age.as_secs_f64());
    }
    let name = "edge_agent_vehicles";
    let help = "Vehicles in the last frame.";
    text.single(name, "gauge", help, camera.tracks as f64);
    let name = "edge_agent_stage_seconds";
    text.family(name, "histogram", "Time of a frame in each stage.");
    for stage in Stage::ALL {
        let labels = [("stage", stage.name())];
        text.histogram(name, &labels, state.times.of(stage));
    }
    let name = "edge_agent_frame_seconds";
    text.family(name, "histogram", "Time of a frame in all stages.");
    text.histogram(name, &[], &state.whole);
}

fn events(text: &mut Text, state: &State) {
    let name = "edge_agent_events_total";
    text.family(name, "counter", "Vehicles told, by colour.");
    let counts = state.ledger().counts().clone();
    for (colour, count) in &counts {
        text.sample(name, &[("colour", colour)], *count as f64);
    }
    let name = "edge_agent_failed_total";
    let help = "Vehicles without a colour because the network could not be run.";
    text.single(name, "counter", help, state.failed() as f64);
    let sinks: Vec<_> = state.facts.sinks.iter().map(|sink| sink.read()).collect();
    type Number = fn(&crate::gauge::Reading) -> Option<u64>;
    let families: [(&str, &str, &str, Number); 5] = [
        (
            "edge_agent_sink_delivered_total",
            "counter",
            "Events that a sink took over.",
            |sink| Some(sink.delivered),
        ),
        (
            "edge_agent_sink_lost_total",
            "counter",
            "Events that a sink lost.",
            |sink| Some(sink.lost),
        ),
        (
            "edge_agent_sink_waiting",
            "gauge",
            "Events that wait for a sink in memory.",
            |sink| Some(sink.waiting),
        ),
        (
            "edge_agent_sink_spooled",
            "gauge",
            "Events that wait for a sink on disk.",
            |sink| sink.spooled,
        ),
        (
            "edge_agent_sink_open",
            "gauge",
            "Whether a sink's reader is there.",
            |sink| Some(u64::from(!sink.closed)),
        ),
    ];
    for (name, kind, help, number) in families {
        let told: Vec<_> = sinks
            .iter()
            .filter_map(|sink| Some((sink.name.as_str(), number(sink)?)))
            .collect();
        if told.is_empty() {
            continue;
        }
        text.family(name, kind, help);
        for (sink, value) in told {
            text.sample(name, &[("sink", sink)], value as f64);
        }
    }
}

fn machine(text: &mut Text, host: &Host) {
    let single = [
        (
            "process_resident_memory_bytes",
            "Resident memory.",
            host.resident_bytes,
        ),
        ("process_open_fds", "Open descriptors.", host.descriptors),
    ];
    for (name, help, value) in single {
        if let Some(value) = value {
            text.single(name, "gauge", help, value as f64);
        }
    }
    if !host.temperatures.is_empty() {
        let name = "edge_agent_temperature_celsius";
        text.family(name, "gauge", "Temperature of a thermal zone.");
        for (zone, kind, celsius) in &host.temperatures {
            text.sample(name, &[("zone", zone), ("type", kind)], *celsius);
        }
    }
    if !host.throttled.is_empty() {
        let name = "edge_agent_throttled";
        let help = "What the firmware complains about, now and since its start.";
        text.family(name, "gauge", help);
        for (what, now, ever) in &host.throttled {
            for (when, is) in [("now", now), ("since_start", ever)] {
                let labels = [("what", *what), ("when", when)];
                text.sample(name, &labels, f64::from(*is));
            }
        }
    }
    type Bytes = fn(&(String, u64, u64)) -> u64;
    let families: [(&str, &str, Bytes); 2] = [
        (
            "edge_agent_disk_free_bytes",
            "Free space where events are written.",
            |disk| disk.1,
        ),
        (
            "edge_agent_disk_size_bytes",
            "Size of that file system.",
            |disk| disk.2,
        ),
    ];
    for (name, help, bytes) in families {
        if !host.disks.is_empty() {
            text.family(name, "gauge", help);
        }
        for disk in &host.disks {
            text.sample(name, &[("path", &disk.0)], bytes(disk) as f64);
        }
    }
}
