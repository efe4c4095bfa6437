//! `host-trainer serve`: the command line of the web page. What the page does is in
//! `crate::serve`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use models::Bundle;

use super::{default_workers, usage};
use crate::crops::labels::FILE;
use crate::run::Run;
use crate::serve::label::Bench;
use crate::serve::model::Model;
use crate::serve::runs::Runs;
use crate::serve::{self, Settings};

/// Most threads that classify unless more are asked for: each may hold a large decoded picture.
const DEFAULT_WORKERS: usize = 4;

/// Show a web page that classifies pictures and the webcam, browses runs and labels pictures.
///
/// The answers are those of `evaluate` and `edge-agent classify`: the same code on the same
/// network. Pictures are classified in memory and never written or kept; labels are. Ctrl-C ends
/// it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = concat!("The page's programming interface:\n\n", include_str!("../serve/api.md")))]
pub struct Arguments {
    /// Bundle folder; without it and without --run, the bundle that ships with this program
    #[arg(long, value_name = "DIR", conflicts_with = "run")]
    bundle: Option<PathBuf>,
    /// Run folder whose best weights answer, such as runs/1
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Folder of run folders to browse [default: the one that holds --run, else ./runs]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    /// Folder of a site's pictures, as the agent's [crops] fills it, to be labelled with one key
    /// each at /label: the doubtful first. What the network thinks of a picture is not shown
    #[arg(long, value_name = "DIR")]
    crops: Option<PathBuf>,
    /// Where labels go [default: labels.jsonl among the pictures]
    #[arg(long, value_name = "FILE", requires = "crops")]
    labels: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one. Any address but this machine's own lets
    /// others on the network use the page
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8017", value_parser = address)]
    listen: SocketAddr,
    /// Name under which browsers may reach the page besides localhost (may be given several
    /// times)
    #[arg(long, value_name = "NAME")]
    host_name: Vec<String>,
    /// Probability under which the answer is "unknown" [default: the bundle's own, 0.5 for a run]
    #[arg(long, value_name = "PROBABILITY", value_parser = probability)]
    reject_below: Option<f32>,
    /// Threads that classify [default: one for each processor, at most 4]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// Seconds that a client has to send its request
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    upload_seconds: u16,
}

/// Runs the command until it is asked to end.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // Opened first: a taken port should not cost a wait for the network to load.
    let listener = serve::listen(arguments.listen)?;
    let model = match (&arguments.run, &arguments.bundle) {
        (Some(folder), _) => Model::of_run(&Run::open(folder).map_err(usage)?)?,
        (None, Some(folder)) => Model::of_bundle(Bundle::open(folder)?),
        (None, None) => Model::of_bundle(Bundle::shipped()?),
    };
    let model = model.reject_below(arguments.reject_below);
    let workers = arguments
        .workers
        .map_or(default_workers().min(DEFAULT_WORKERS), usize::from);
    let bench = arguments.crops.as_ref().map(|folder| {
        let file = arguments
            .labels
            .clone()
            .unwrap_or_else(|| folder.join(FILE));
        Bench::open(folder, &file, &model, workers)
    });
    let settings = Settings {
        bench: bench.transpose()?,
        model,
        runs: runs(arguments)?,
        host_names: arguments.host_name.clone(),
        workers,
        upload: Duration::from_secs(arguments.upload_seconds.into()),
    };
    serve::run(listener, settings)
}

fn runs(arguments: &Arguments) -> anyhow::Result<Runs> {
    if let Some(folder) = &arguments.runs {
        return Runs::in_folder(folder).map_err(usage);
    }
    let folder = match &arguments.run {
        Some(run) => {
            let run = run.canonicalize();
            let run = run.context("the run's folder cannot be resolved")?;
            run.parent().map_or(run.clone(), PathBuf::from)
        }
        None => PathBuf::from("runs"),
    };
    if !folder.is_dir() {
        return Ok(Runs::none());
    }
    Runs::in_folder(&folder).map_err(usage)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().map_err(|_| "the port is 0 to 65535")?;
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse()
        .map_err(|_| "give an IP address and a port, such as 127.0.0.1:8017 or [::1]:8017".into())
}

fn probability(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("0 to 1 can be".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_type_them() {
        for (text, expected) in [
            ("127.0.0.1:0", Some("127.0.0.1:0")),
            ("localhost:8017", Some("127.0.0.1:8017")),
            ("[::1]:80", Some("[::1]:80")),
            ("localhost", None),
            ("localhost:70000", None),
            ("8017", None),
            ("car.example:80", None),
        ] {
            let found = address(text).ok().map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
