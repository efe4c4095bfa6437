//! A Python with PyTorch and torchvision of the version that the trainer's libtorch has: one that
//! is there, or a throw-away virtual environment under target/.

use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::Tool;
use crate::{say, workspace};

/// The version that the trainer binds.
const TORCH: &str = "2.11.0";
/// What is installed: PyTorch, and the torchvision release that belongs to it.
const PACKAGES: [&str; 2] = ["torch==2.11.0", "torchvision==0.26.0"];

/// A Python that can run the script.
pub struct Python {
    program: OsString,
    script: PathBuf,
    /// What PyTorch calls itself.
    pub torch: String,
    /// Whether it can compute on a card.
    pub cuda: bool,
}

impl Python {
    /// The given program, or the system's, or a virtual environment made now. None, said why,
    /// when PyTorch cannot be had.
    pub fn find(given: Option<&Path>, script: &str) -> Result<Option<Self>> {
        let folder = workspace::root().join("target/bench");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let file = folder.join("train.py");
        fs::write(&file, script).with_context(|| format!("cannot write {}", file.display()))?;
        if let Some(program) = given {
            return Self::with(program.as_os_str().into(), &file).map(Some);
        }
        if let Ok(python) = Self::with("python3".into(), &file) {
            say::line("python", &format!("yours: it has PyTorch {}", python.torch));
            return Ok(Some(python));
        }
        let environment = folder.join("python");
        let program = environment.join("bin/python");
        if let Ok(python) = Self::with(program.clone().into(), &file) {
            say::line("python", "the environment in target/bench/python");
            return Ok(Some(python));
        }
        if let Err(error) = make(&environment) {
            say::line(
                "python",
                &format!("skipped: no PyTorch to compare with ({error:#})"),
            );
            return Ok(None);
        }
        Self::with(program.into(), &file).map(Some)
    }

    fn with(program: OsString, script: &Path) -> Result<Self> {
        let told = Tool::new(&program).arg(script).arg("version").read()?;
        let shown = program.to_string_lossy().into_owned();
        let answer: serde_json::Value = serde_json::from_str(&told)
            .with_context(|| format!("{shown} says no versions: {told}"))?;
        let torch = answer["torch"].as_str().unwrap_or_default().to_string();
        if torch.split('+').next() != Some(TORCH) {
            bail!("{shown} has PyTorch {torch}; to compare, it must be {TORCH}");
        }
        Ok(Self {
            program,
            script: script.to_path_buf(),
            torch,
            cuda: answer["cuda"] == true,
        })
    }

    /// Runs the script with these arguments and gives its pictures a second.
    pub fn rate(&self, arguments: &[OsString]) -> Result<f64> {
        let tool = Tool::new(&self.program).arg(&self.script).args(arguments);
        let told = tool.read()?;
        let last = told.lines().last().unwrap_or_default();
        let answer: serde_json::Value = serde_json::from_str(last)
            .with_context(|| format!("the script says no rate: {told}"))?;
        let rate = answer["images_per_second"].as_f64();
        rate.with_context(|| format!("the script says no rate: {told}"))
    }
}

fn make(environment: &Path) -> Result<()> {
    let what = format!(
        "installing {} into target/bench/python, to compare with: some 3 GB to download, 7 on \
         disk (the Linux packages bring CUDA; pip's own settings can name an index of smaller \
         ones). Remove that folder when done",
        PACKAGES.join(" and ")
    );
    let step = say::begin("python", &what);
    let pip = || -> Result<()> {
        Tool::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(environment)
            .run_quietly()?;
        let install = Tool::new(environment.join("bin/python")).args([
            "-m",
            "pip",
            "install",
            "--no-input",
            "--disable-pip-version-check",
        ]);
        match std::io::stdout().is_terminal() {
            true => install.args(PACKAGES).run(),
            false => install.arg("--quiet").args(PACKAGES).run_quietly(),
        }
    };
    let made = pip();
    if made.is_err() {
        let _ = fs::remove_dir_all(environment);
    }
    made?;
    step.done();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp::Temp;
    use std::os::unix::fs::PermissionsExt;

    /// A program that answers like the script.
    fn fake(temp: &Temp, answer: &str) -> PathBuf {
        let path = temp.path().join("python");
        fs::write(&path, format!("#!/bin/sh\necho 'a warning'\n{answer}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn another_version_is_no_comparison() {
        let temp = Temp::new();
        let path = temp.path().join("python");
        fs::write(&path, "#!/bin/sh\necho '{\"torch\":\"2.10.0+cpu\"}'\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let error = Python::with(path.into(), Path::new("x.py")).err().unwrap();
        let text = error.to_string();
        assert!(
            text.ends_with("has PyTorch 2.10.0+cpu; to compare, it must be 2.11.0"),
            "{text}"
        );
    }

    #[test]
    fn the_last_line_is_the_answer() {
        let temp = Temp::new();
        let program = fake(&temp, "echo '{\"images_per_second\": 12.5}'");
        let mut python = Python {
            program: program.into(),
            script: "x.py".into(),
            torch: "2.11.0".into(),
            cuda: false,
        };
        assert_eq!(python.rate(&[]).unwrap(), 12.5);
        python.program = fake(&temp, "echo none").into();
        let text = format!("{:#}", python.rate(&[]).unwrap_err());
        assert!(text.contains("the script says no rate"), "{text}");
    }

    /// The packages and the version that is asked for are one.
    #[test]
    fn what_is_installed_is_what_is_compared() {
        assert_eq!(PACKAGES[0], format!("torch=={TORCH}"));
    }
}
