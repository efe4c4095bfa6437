//! The architecture as tables. A new room, arrow or exception is one line here.
//! No code: how a table is checked stands in the file that uses it.

/// What the top level may hold, besides names that start with a dot.
pub const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "host-trainer",
    "edge-agent",
    "models",
    "deploy",
    "README.md",
];

/// Crate, its folder, and the workspace crates it may depend on.
pub const ARROWS: &[(&str, &str, &[&str])] = &[
    ("models", "models", &[]),
    ("host-trainer", "host-trainer", &["models", "road-sim"]),
    ("edge-agent", "edge-agent", &["models", "road-sim"]),
    ("road-sim", "deploy/road-sim", &["models"]),
    ("xtask", "deploy/xtask", &[]),
    ("fuzz", "deploy/fuzz", &["edge-agent"]),
    ("fleet-rig", "deploy/fleet/rig", &[]),
    ("board-guest", "deploy/board", &[]),
];

/// Third-party crate (a trailing `*` stands for any ending) and where it may be named.
/// A room is the beginning of a path: `…/net` is net.rs, net/ and net_tests.rs.
pub const ROOMS: &[(&str, &[&str])] = &[
    (
        "tch",
        &[
            "host-trainer/src/net",
            "host-trainer/src/train",
            "host-trainer/src/device",
        ],
    ),
    (
        "tract_*",
        &[
            "models/src/runner",
            "models/src/kernels/",
            "host-trainer/src/onnx",
        ],
    ),
    ("v4l", &["edge-agent/src/source/v4l2"]),
    ("rppal", &["edge-agent/src/sink/gpio"]),
    ("gpiocdev", &["edge-agent/src/sink/gpio"]),
    ("clap_complete", &["edge-agent/src/manual"]),
    ("clap_mangen", &["edge-agent/src/manual"]),
    ("minisign_verify", &["edge-agent/src/bundles/signed"]),
    (
        "ring",
        &[
            "deploy/fleet/rig/src/client",
            "edge-agent/tests/bundles/signer",
            "edge-agent/src/sink/mqtt/transport",
        ],
    ),
    ("sd_notify", &["edge-agent/src/lifecycle/heartbeat"]),
    ("schemars", &["edge-agent/src/", "deploy/road-sim/src/scen"]),
    (
        "rumqttc",
        &["edge-agent/src/sink/mqtt", "deploy/fleet/rig/src/"],
    ),
    ("serde_saphyr", &["deploy/fleet/rig/tests/"]),
    ("zune_jpeg", &["edge-agent/src/decode/mjpeg"]),
    (
        "jiff",
        &[
            "deploy/fleet/rig/",
            "edge-agent/src/stamp",
            "edge-agent/src/decide",
            "host-trainer/src/commands/export",
            "host-trainer/src/report/page",
        ],
    ),
    (
        "rustls",
        &[
            "edge-agent/src/sink/mqtt/transport",
            "edge-agent/src/sink/webhook/tls_tests",
        ],
    ),
    (
        "crc32c",
        &[
            "edge-agent/src/spool/",
            "host-trainer/src/epoch_logs/tensorboard",
        ],
    ),
    ("image", &["models/src/picture"]),
    ("libfuzzer_sys", &["deploy/fuzz/"]),
    ("safetensors", &["host-trainer/src/weights"]),
    ("zip", &["host-trainer/src/weights/pth/"]),
    ("tiny_skia", &["deploy/road-sim/"]),
    ("resvg", &["host-trainer/src/plot/raster"]),
    ("dejavu", &["host-trainer/src/plot/raster"]),
    (
        "base64",
        &[
            "edge-agent/src/web/token",
            "edge-agent/tests/web/browser",
            "host-trainer/src/thumbnail",
            "host-trainer/tests/serving/browser",
        ],
    ),
    ("axum", &["edge-agent/src/web", "host-trainer/src/serve"]),
    ("hyper*", &["edge-agent/src/web", "host-trainer/src/serve"]),
    (
        "tokio",
        &[
            "deploy/fleet/rig/",
            "edge-agent/src/web",
            "host-trainer/src/serve",
            "edge-agent/src/sink/mqtt",
        ],
    ),
    (
        "ureq",
        &[
            "edge-agent/tests/web/browser",
            "host-trainer/src/weights/pretrained/",
            "host-trainer/tests/",
            "edge-agent/src/sink/webhook",
        ],
    ),
];

/// Further places where test code, and only that, may name the crate: there tests compare one
/// room's results with another's.
pub const TEST_ROOMS: &[(&str, &[&str])] = &[(
    "tch",
    &["host-trainer/src/onnx", "host-trainer/src/quantise"],
)];

/// Lines a Rust file may have.
pub const LONGEST: usize = 400;

/// Code that no Rust file may have.
pub const UNFINISHED_CODE: &[&str] = &["#[ignore", concat!("to", "do!"), "unimplemented!"];

/// Words that no file may have.
pub const UNFINISHED_WORDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), "XX\u{58}"];

/// Folders whose code must not stop on its own account, and what does stop it.
pub const STEADY_FOLDERS: &[&str] = &["models/src/", "edge-agent/src/"];
/// See [`STEADY_FOLDERS`].
pub const STOPPING_CODE: &[&str] = &[".unwrap()", ".expect(", "panic!", "unreachable!"];

/// Top-level folders of one particular machine, which no path in the project may start with.
pub const MACHINE_FOLDERS: &[&str] = &["work", "root", "home"];

/// Material beside the checkout that only some have.
pub const SHARED: &str = concat!("../", "shared");
/// Where it may be named, by files that say `skip` when it is absent.
pub const SHARED_ROOMS: &[&str] = &[
    "host-trainer/src/net/reference",
    "host-trainer/tests/",
    "edge-agent/tests/",
];

/// Who runs a command of the README, so that it cannot rot.
#[derive(Clone, Copy)]
pub enum RanBy {
    /// A step of `cargo xtask test`.
    Step(&'static str),
    /// `cargo xtask demo`.
    Demo,
    /// A test: some Rust file under this folder names the word as an argument, `"word"`, or as
    /// the first of several, `"word …"`.
    Tests(&'static str, &'static str),
    /// The reader or the CI: the project's own entry points, which contain the checks.
    Entry,
}

/// Programs whose commands in the README are checked.
pub const PROGRAMS: &[&str] = &["cargo", "host-trainer", "edge-agent", "road-sim"];

/// Commands the README may show, by their first words, and who runs them.
pub const README_COMMANDS: &[(&str, RanBy)] = &[
    ("cargo xtask test", RanBy::Entry),
    ("cargo xtask demo", RanBy::Step("demo")),
    ("cargo xtask setup", RanBy::Step("test")),
    ("cargo xtask tidy", RanBy::Step("tidy")),
    ("cargo xtask scenes", RanBy::Step("scenes")),
    ("cargo xtask soak", RanBy::Entry),
    // What it found is replayed there.
    ("cargo xtask fuzz", RanBy::Step("test")),
    ("cargo xtask cross", RanBy::Step("aarch64")),
    ("cargo xtask deb", RanBy::Step("deb")),
    ("cargo xtask board-test", RanBy::Entry),
    // Its checks are integration tests of their own.
    ("cargo xtask fleet", RanBy::Step("test")),
    ("cargo build", RanBy::Step("readme")),
    ("cargo test", RanBy::Step("test")),
    ("cargo fmt", RanBy::Step("fmt")),
    ("cargo clippy", RanBy::Step("clippy")),
    ("host-trainer train", RanBy::Demo),
    ("host-trainer export", RanBy::Demo),
    ("host-trainer evaluate", RanBy::Demo),
    (
        "host-trainer doctor",
        RanBy::Tests("host-trainer/", "doctor"),
    ),
    (
        "host-trainer dataset",
        RanBy::Tests("host-trainer/", "dataset"),
    ),
    ("host-trainer serve", RanBy::Tests("host-trainer/", "serve")),
    ("host-trainer adapt", RanBy::Tests("host-trainer/", "adapt")),
    (
        "host-trainer shrink",
        RanBy::Tests("host-trainer/", "shrink"),
    ),
    (
        "host-trainer report",
        RanBy::Tests("host-trainer/", "report"),
    ),
    (
        "host-trainer compare",
        RanBy::Tests("host-trainer/", "compare"),
    ),
    ("edge-agent bench", RanBy::Tests("edge-agent/", "bench")),
    ("edge-agent bundle", RanBy::Tests("edge-agent/", "bundle")),
    ("edge-agent check", RanBy::Tests("edge-agent/", "check")),
    ("edge-agent config", RanBy::Tests("edge-agent/", "config")),
    ("edge-agent run", RanBy::Demo),
    ("edge-agent pins", RanBy::Tests("edge-agent/", "pins")),
    ("edge-agent devices", RanBy::Tests("edge-agent/", "devices")),
    ("edge-agent score", RanBy::Demo),
    (
        "edge-agent classify",
        RanBy::Tests("edge-agent/", "classify"),
    ),
    ("road-sim pictures", RanBy::Demo),
    ("road-sim frames", RanBy::Demo),
];
