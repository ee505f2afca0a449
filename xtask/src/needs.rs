//! What the steps need besides cargo, and how it gets here.
//!
//! Root gets Debian packages installed; anybody else is told the one line to type. Python packages
//! go into a virtual environment under the target folder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::shell::{self, Outcome};

/// Something a step cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A cargo subcommand: the installed name, and the line that installs it.
    Subcommand(&'static str, &'static str),
    /// A program of a Debian package.
    Debian { program: &'static str, package: &'static str },
    /// A Debian package that brings this file and no program.
    Headers { path: &'static str, package: &'static str },
    /// A package of PyPI, and the version that was tried.
    PyPi { package: &'static str, version: &'static str },
}

impl Need {
    /// Makes sure it is there.
    ///
    /// # Errors
    ///
    /// Says what to type when it is missing and cannot be installed from here.
    pub(crate) fn meet(self) -> Outcome {
        match self {
            Self::Subcommand(name, install) => subcommand(name, install),
            Self::Debian { program, package } => debian(program, package, is_on_path),
            Self::Headers { path, package } => {
                debian(path, package, |path| Path::new(path).exists())
            }
            Self::PyPi { package, version } => pypi(package, version),
        }
    }
}

fn subcommand(name: &str, install: &str) -> Outcome {
    if shell::succeeds(shell::cargo(name).arg("--version")) {
        return Ok(());
    }
    Err(format!("cargo {name} is missing; install it with: {install}"))
}

fn debian(wanted: &str, package: &str, is_there: fn(&str) -> bool) -> Outcome {
    if is_there(wanted) {
        return Ok(());
    }
    let by_hand = format!("{wanted} is missing; install it with: apt-get install {package}");
    if !is_root() || !is_on_path("apt-get") {
        return Err(by_hand);
    }
    apt_get(&["update", "--quiet"]).map_err(|why| format!("{by_hand} ({why})"))?;
    apt_get(&["install", "--quiet", "--yes", "--no-install-recommends", package])?;
    if is_there(wanted) { Ok(()) } else { Err(by_hand) }
}

fn apt_get(arguments: &[&str]) -> Outcome {
    // The run level keeps a freshly installed nginx from serving port 80 of this machine.
    let settings = [("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")];
    shell::run(Command::new("apt-get").args(arguments).envs(settings))
}

fn pypi(package: &str, version: &str) -> Outcome {
    let python = shell::venv().join("bin/python");
    if !python.exists() {
        Need::Debian { program: "python3", package: "python3" }.meet()?;
        let made = shell::run(shell::program("python3").args(["-m", "venv"]).arg(shell::venv()));
        made.map_err(|why| format!("{why}; apt-get install python3-venv may help"))?;
    }
    let wanted = format!("{package}=={version}");
    if is_installed(&wanted) {
        return Ok(());
    }
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &wanted];
    shell::run(Command::new(&python).args(pip))
}

fn is_installed(wanted: &str) -> bool {
    let python = shell::venv().join("bin/python");
    let freeze = ["-m", "pip", "freeze", "--disable-pip-version-check"];
    shell::output_of(Command::new(python).args(freeze))
        .is_ok_and(|installed| installed.lines().any(|line| line.eq_ignore_ascii_case(wanted)))
}

fn is_on_path(program: &str) -> bool {
    shell::succeeds(shell::program("sh").args(["-c", "command -v \"$0\"", program]))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}
