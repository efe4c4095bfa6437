//! `cargo xtask fuzz`: any bytes at every place where the agent takes bytes of others, for as
//! long as asked, beginning with the inputs that are kept in `deploy/fuzz/corpus`. What the
//! targets do with the bytes is in `edge-agent/src/inputs.rs`; the tests replay what is kept.

mod told;
mod tools;

use crate::say;
use crate::shell::Tool;
use crate::workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use told::Told;

/// The targets, each a file in `deploy/fuzz/fuzz_targets`, and what it is about.
const TARGETS: [(&str, &str); 6] = [
    ("config", "the agent's config file"),
    (
        "bundle",
        "a packed bundle: archive, manifest, golden pictures",
    ),
    ("spool", "the folder of events that wait for a peer"),
    ("lines", "the event file's end"),
    ("frame", "a camera's frame: MJPEG, YUYV, NV12"),
    ("http", "what a client sends to the agent's page"),
];

/// Longest input, bytes.
const MAX_LEN: &str = "65536";
/// Longest time of one input, seconds: most take a thousandth of one, on a busy machine more.
const SLOWEST: &str = "60";
/// Most memory of the process and of one allocation, MiB: a picture of the greatest size and
/// what its decoding needs fit in.
const MEMORY: &str = "2048";
const ALLOCATION: &str = "700";
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(30);
/// Begins the names of kept inputs that once failed.
const FOUND: &str = "found-";

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Targets to run, parted by commas; without it all, one after the other
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(TARGETS.map(|(name, _)| name)))]
    target: Vec<String>,
    /// Time for each target
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Afterwards add to deploy/fuzz/corpus inputs that reach code which those there do not
    #[arg(long)]
    keep: bool,
}

/// Runs the command; false when an input failed.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let place = workspace::root().join("target/fuzz");
    let sanitizer = tools::sanitizer()?;
    let programs = tools::build(&place, sanitizer)?;
    let mut outcomes = Vec::new();
    for (name, what) in TARGETS {
        if arguments.target.is_empty() || arguments.target.iter().any(|t| t == name) {
            let target = Target::new(name, &programs, &place)?;
            println!();
            say::line(name, what);
            let told = target.run(arguments.seconds)?;
            println!("{}", told.row(name));
            if told.failed.is_none() && arguments.keep {
                target.keep()?;
            }
            outcomes.push((target, told));
        }
    }
    println!("\nsanitizer  {sanitizer}");
    for (target, told) in &outcomes {
        println!("{}", told.row(target.name));
    }
    for (target, told) in &outcomes {
        if let Some(input) = &told.failed {
            println!("{}", target.advice(input));
        }
    }
    Ok(outcomes.iter().all(|(_, told)| told.failed.is_none()))
}

struct Target {
    name: &'static str,
    program: PathBuf,
    /// In the project: inputs to begin with.
    kept: PathBuf,
    /// Outside of it: what is found on the way, and what fails.
    found: PathBuf,
    failed: PathBuf,
}

impl Target {
    fn new(name: &'static str, programs: &Path, place: &Path) -> Result<Self> {
        let target = Self {
            name,
            program: programs.join(name),
            kept: workspace::root().join("deploy/fuzz/corpus").join(name),
            found: place.join("found").join(name),
            failed: place.join("failed").join(name),
        };
        for folder in [&target.found, &target.failed] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(target)
    }

    fn tool(&self) -> Tool {
        let tool = Tool::new(&self.program)
            .arg(format!("-max_len={MAX_LEN}"))
            .arg(format!("-timeout={SLOWEST}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-malloc_limit_mb={ALLOCATION}"))
            .env("RUST_BACKTRACE", "0")
            .arg(format!("-artifact_prefix={}/", self.failed.display()));
        // Files in memory: a spool's syncs would be most of the time.
        match Path::new("/dev/shm") {
            memory if memory.is_dir() => tool.env("TMPDIR", memory),
            _ => tool,
        }
    }

    fn run(&self, seconds: u64) -> Result<Told> {
        let mut told = Told::default();
        let mut shown = Instant::now();
        let tool = self
            .tool()
            .arg("-print_final_stats=1")
            // Names of functions take longer to find than inputs to try.
            .arg("-print_funcs=0")
            .arg(format!("-max_total_time={seconds}"))
            .args([&self.found, &self.kept]);
        let ended = tool.each_line(|line| {
            told.hear(line);
            if shown.elapsed() >= PROGRESS && line.contains(" cov: ") {
                shown = Instant::now();
                say::line("", line.trim());
            }
        })?;
        if !ended.success() && told.failed.is_none() {
            told.failed = Some(format!("no input written, {ended}"));
        }
        Ok(told)
    }

    /// Adds to the kept inputs some that reach code which those do not.
    fn keep(&self) -> Result<()> {
        let step = say::begin(self.name, "inputs that reach what the kept ones do not");
        let merged = self
            .tool()
            .args(["-set_cover_merge=1", "-use_counters=0"])
            .args([&self.kept, &self.found]);
        merged.read()?;
        step.done();
        Ok(())
    }

    /// What to do about an input that failed.
    fn advice(&self, input: &str) -> String {
        let (name, kept) = (self.name, self.kept.display());
        format!(
            "{name}: {input}\n  replay: {} {input}\n  once mended: copy it to \
             {kept}/{FOUND}WHAT; `cargo test` replays it from then on",
            self.program.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_those_of_the_crate() {
        let folder = workspace::root().join("deploy/fuzz");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let inputs = workspace::root().join("edge-agent/src/inputs.rs");
        let inputs = fs::read_to_string(inputs).unwrap();
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            assert!(inputs.contains(&format!("(\"{name}\", {name})")), "{name}");
            assert!(folder.join(format!("fuzz_targets/{name}.rs")).is_file());
        }
        let count = fs::read_dir(folder.join("fuzz_targets")).unwrap().count();
        assert_eq!(count, TARGETS.len());
    }
}
