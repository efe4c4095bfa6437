//! `edge-agent bundle`: the store's command line. Says what it did and what comes next; the work
//! is done in the modules beside it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use models::{Bundle, archive};
use serde::Serialize;

use super::BundleConfig;
use super::install::{Request, install};
use super::store::Store;
use crate::config::Config;
use crate::{log, out};

/// Arguments of `bundle`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Verify a signed archive and put its bundle on trial.
    Install(InstallArgs),
    /// List the store's bundles, the last installed first.
    List(ListArgs),
    /// Bring back the bundle that was in use before.
    Rollback(StoreArgs),
    /// Make an archive of a bundle folder, ready to be signed.
    Pack(PackArgs),
}

#[derive(Debug, clap::Args)]
struct StoreArgs {
    /// Folder of the store; without it the config's bundle.store
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The agent's config file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// Archive, with its signature beside it in FILE.minisig
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// File of the public key; without it the config's bundle.public_key
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Install even a bundle that was taken back here before
    #[arg(long)]
    again: bool,
    /// Install even a version older than the one in use
    #[arg(long)]
    allow_older: bool,
    #[command(flatten)]
    place: StoreArgs,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: StoreArgs,
}

#[derive(Debug, clap::Args)]
struct PackArgs {
    /// Folder that `host-trainer export` made
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Archive to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Install(args) => run_install(args),
        Command::List(args) => run_list(args),
        Command::Rollback(args) => run_rollback(args),
        Command::Pack(args) => run_pack(args),
    }
}

impl StoreArgs {
    fn config(&self) -> anyhow::Result<BundleConfig> {
        Ok(match &self.config {
            Some(path) => Config::read(path)?.bundle,
            None => BundleConfig::default(),
        })
    }

    /// The store's folder, or `None` after saying that none was named.
    fn root<'a>(&'a self, config: &'a BundleConfig) -> Option<&'a Path> {
        let root = self.store.as_deref().or(config.store.as_deref());
        if root.is_none() {
            log::error(format_args!(
                "no store; give --store DIR, or --config FILE with bundle.store set"
            ));
        }
        root
    }
}

const MISUSE: u8 = 2;

fn run_install(args: &InstallArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.config()?;
    let Some(key) = args.public_key.as_ref().or(config.public_key.as_ref()) else {
        log::error(format_args!(
            "no public key; give --public-key FILE, or --config FILE with bundle.public_key set"
        ));
        return Ok(ExitCode::from(MISUSE));
    };
    let Some(root) = args.place.root(&config) else {
        return Ok(ExitCode::from(MISUSE));
    };
    let store = Store::open(root)?;
    let request = Request {
        file: &args.file,
        public_key: key,
        again: args.again,
        allow_older: args.allow_older,
        starts: config.trial_starts,
        keep: config.keep as usize,
    };
    let bundle = install(&store, &request)?;
    out::tell(format_args!("installed {}", described(&bundle)))?;
    if store.state()?.on_trial() {
        out::tell(format_args!(
            "on trial for {} minutes, from the agent's next start or reload on",
            config.probation_minutes
        ))?;
    } else {
        out::tell("it is in use already")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A bundle of the store, as `list` tells it.
#[derive(Debug, Serialize)]
struct Listed {
    id: String,
    name: Option<String>,
    version: Option<String>,
    /// Why it cannot be used.
    damaged: Option<String>,
}

fn run_list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.config()?;
    let Some(root) = args.place.root(&config) else {
        return Ok(ExitCode::from(MISUSE));
    };
    let store = Store::find(root)?;
    let state = store.state()?;
    let ids = store.installed().context("cannot list the store")?;
    let bundles: Vec<Listed> = ids
        .into_iter()
        .map(|id| {
            let opened = Bundle::open(&store.folder(&id));
            let manifest = opened.as_ref().ok().map(Bundle::manifest);
            Listed {
                name: manifest.map(|manifest| manifest.name.clone()),
                version: manifest.map(|manifest| manifest.version.clone()),
                damaged: opened.as_ref().err().map(ToString::to_string),
                id,
            }
        })
        .collect();
    if args.json {
        let told = serde_json::json!({ "state": state, "bundles": bundles });
        out::tell(told)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mark = |is_current: bool, is_previous: bool| match (is_current, state.starts_left) {
        (true, Some(left)) => format!("in use, on trial, {left} starts left"),
        (true, None) => "in use".into(),
        _ if is_previous => "comes back if need be".into(),
        _ => String::new(),
    };
    for listed in &bundles {
        let id = Some(&listed.id);
        let mark = mark(id == state.current.as_ref(), id == state.previous.as_ref());
        let what = match (&listed.damaged, &listed.name, &listed.version) {
            (None, Some(name), Some(version)) => format!("{name} {version}"),
            (damaged, ..) => damaged.clone().unwrap_or_default(),
        };
        out::tell(format_args!("{}  {what}  {mark}", listed.id))?;
    }
    let shipped = Bundle::shipped()?;
    let mark = mark(state.current.is_none(), state.previous.is_none());
    out::tell(format_args!("{}  compiled in  {mark}", shipped.id()))?;
    Ok(ExitCode::SUCCESS)
}

fn run_rollback(args: &StoreArgs) -> anyhow::Result<ExitCode> {
    let config = args.config()?;
    let Some(root) = args.root(&config) else {
        return Ok(ExitCode::from(MISUSE));
    };
    let store = Store::find(root)?;
    let (changed, state) = store.update(|state| (state.take_back(), state.clone()))?;
    if !changed {
        bail!("the bundle compiled in is in use; nothing is before it");
    }
    let now = state.current.as_deref().unwrap_or("the one compiled in");
    out::tell(format_args!(
        "bundle {now} is used from the agent's next start or reload on"
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn run_pack(args: &PackArgs) -> anyhow::Result<ExitCode> {
    let bytes = archive::pack(&args.folder)?;
    let bundle = Bundle::open(&args.folder)?;
    write_new(&args.out, &bytes)?;
    let file = args.out.display();
    out::tell(format_args!("packed {} into {file}", described(&bundle)))?;
    out::tell(format_args!(
        "sign it with `minisign -S -t bundle:{} -m {file}`",
        bundle.id()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn described(bundle: &Bundle) -> String {
    let manifest = bundle.manifest();
    format!("{} {} ({})", manifest.name, manifest.version, bundle.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_at_a_store_that_is_not_there_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("typo");
        let place = || StoreArgs {
            store: Some(root.clone()),
            config: None,
        };
        let list = Command::List(ListArgs {
            json: false,
            place: place(),
        });
        for command in [list, Command::Rollback(place())] {
            let told = run(&Args { command }).unwrap_err().to_string();
            let expected = format!("bundle store {}: there is none; give ", root.display());
            assert!(told.starts_with(&expected), "{told}");
            assert!(!root.exists());
        }
    }
}
