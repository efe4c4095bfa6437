//! `edge-agent manual`: writes manual pages and shell completions, as the command line itself
//! describes them. For those who make packages; it plays no part on the device.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::aot::{Shell, generate};

use crate::Cli;

/// The program's name in its pages.
const NAME: &str = "edge-agent";

/// Where shells look for completions, below `/usr/share`.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/edge-agent"),
    (Shell::Zsh, "zsh/vendor-completions/_edge-agent"),
    (Shell::Fish, "fish/vendor_completions.d/edge-agent.fish"),
];

/// Arguments of `manual`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder that stands for /usr/share
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let pages = args.out.join("man/man1");
    create(&pages)?;
    clap_mangen::generate_to(Cli::command(), &pages)
        .with_context(|| format!("cannot write {}", pages.display()))?;
    for (shell, place) in COMPLETIONS {
        let file = args.out.join(place);
        create(file.parent().unwrap_or(&args.out))?;
        let mut text = Vec::new();
        generate(shell, &mut Cli::command(), NAME, &mut text);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn create(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_is_completed() {
        let out = tempfile::tempdir().unwrap();
        let args = Args {
            out: out.path().into(),
        };
        run(&args).unwrap();
        let read = |path: &str| fs::read_to_string(out.path().join(path)).unwrap();
        let main = read("man/man1/edge-agent.1");
        let bash = read("bash-completion/completions/edge-agent");
        let command = Cli::command();
        for shown in command.get_subcommands().filter(|c| !c.is_hide_set()) {
            let name = shown.get_name();
            let page = read(&format!("man/man1/edge-agent-{name}.1"));
            assert!(page.contains(".SH SYNOPSIS"), "{page}");
            // roff marks hyphens.
            let listed = main
                .replace('\\', "")
                .contains(&format!("edge-agent-{name}(1)"));
            assert!(listed, "{name} in {main}");
            assert!(bash.contains(&format!("edge__agent,{name})")), "{name}");
        }
        assert!(read("zsh/vendor-completions/_edge-agent").starts_with("#compdef edge-agent"));
        assert!(read("fish/vendor_completions.d/edge-agent.fish").contains("-c edge-agent"));
        assert!(!out.path().join("man/man1/edge-agent-manual.1").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let args = Args {
            out: file.path().join("share"),
        };
        let told = format!("{:#}", run(&args).unwrap_err());
        assert!(told.starts_with("cannot create"), "{told}");
    }
}
