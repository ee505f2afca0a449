//! Runs other programs and says which one failed, and how to run it again by hand.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What went right is silent; what went wrong is one line for the person who reads it.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Runs a program with its output passed through.
pub(crate) fn run(command: &mut Command) -> Outcome {
    eprintln!("$ {}", line(command));
    let status = command.status().map_err(|e| format!("cannot run `{}`: {e}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", line(command))) }
}

/// Runs a program and returns what it printed on its standard output.
pub(crate) fn output_of(command: &mut Command) -> Outcome<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cannot run `{}`: {e}", line(command)))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`{}`: {}", line(command), output.status))
    }
}

/// Whether a program starts and ends well, silently.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A program in the root of the repository, which finds the tools that the set-up installed.
pub(crate) fn program(name: impl Into<OsString>) -> Command {
    let mut command = Command::new(name.into());
    command.current_dir(root()).env("PATH", path_with_tools());
    command
}

/// The cargo that started us, with `arguments` separated by spaces.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut command = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split_whitespace());
    command
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Where cargo puts what it builds, and where we put what must not be committed.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A Python of our own, so that nothing is installed into the one of the system.
pub(crate) fn venv() -> PathBuf {
    target().join("tools/python")
}

fn path_with_tools() -> OsString {
    let inherited = env::var_os("PATH").unwrap_or_default();
    // Debian keeps nginx and haproxy where only root's PATH leads.
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let all = [venv().join("bin")].into_iter().chain(env::split_paths(&inherited)).chain(system);
    env::join_paths(all).unwrap_or(inherited)
}

/// What a person would type; the folder of the program says nothing to them.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    [name].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}
