//! What goes to the terminal: text to standard output, complaints to standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;

/// The file or the command line cannot be used.
pub(crate) const UNUSABLE: u8 = 2;

/// Writes text to standard output and ends with `then`. That nobody reads any more (`plimsoll … |
/// head`) is no error; that it cannot be kept (a full disk) is one.
pub(crate) fn show(text: &str, then: ExitCode) -> ExitCode {
    match write(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            warn(unwritten(&error));
            ExitCode::FAILURE
        }
        Ok(()) | Err(_) => then,
    }
}

/// Writes text to standard output at once, for a command that shows what it does. When nobody
/// reads any more the command is over.
pub(crate) fn say(text: &str) {
    match write(text) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            warn(unwritten(&error));
            std::process::exit(1);
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn unwritten(error: &io::Error) -> String {
    format!("cannot write to standard output: {error}")
}

/// Says in one line on standard error why the command cannot be carried out.
pub(crate) fn complain(why: impl Display) -> ExitCode {
    warn(why);
    ExitCode::from(UNUSABLE)
}

/// Writes one line to standard error. If even that is gone there is nobody to tell.
pub(crate) fn warn(what: impl Display) {
    drop(writeln!(io::stderr(), "plimsoll: {what}"));
}

/// Whether standard output takes colour: it is a terminal, and nobody asked for none
/// (<https://no-color.org>).
pub(crate) fn takes_colour() -> bool {
    wants_colour() && io::stdout().is_terminal()
}

/// The same for standard error.
pub(crate) fn errors_take_colour() -> bool {
    wants_colour() && io::stderr().is_terminal()
}

fn wants_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
