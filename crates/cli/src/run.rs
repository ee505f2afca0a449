//! `plimsoll run`: a balancer of the design, carrying real traffic.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use base::Duration;
use checklist::Finding;
use config::diagnostic::{self, Diagnostic};
use live::{DesignFile, Ended, Limits, Options, Refused, Running, Target};

use crate::design_file::{self, Loaded};
use crate::output::{UNUSABLE, complain, errors_take_colour, warn};
use crate::time::time;

/// Carry real traffic: a balancer of the design, under exactly the rules that were simulated
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The design file
    file: PathBuf,

    /// Which balancer of the design; needed if there are several
    #[arg(long, value_name = "NAME")]
    node: Option<String>,

    /// In which region; needed if the balancer runs in several
    #[arg(long, value_name = "NAME")]
    region: Option<String>,

    /// Event loops, one a core if nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: Option<u16>,

    /// Where /metrics, /healthz, /readyz and /design are
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9901", value_parser = address)]
    admin: SocketAddr,

    /// Where the access log goes: a file, `-` for standard output, or `none`
    #[arg(long, value_name = "FILE", default_value = "-")]
    log: String,

    /// How long what is in flight may take to finish when it is told to end; `0s`: what has not
    /// finished by then is cut at once
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    drain: Duration,

    /// Records every decision, its input and its time, to this file; with one worker only
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Where all chance comes from: jitter, choices among endpoints. Another one at each start
    /// unless it is given: instances must not draw alike
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    let loaded = match design_file::load(&args.file) {
        Ok(loaded) => loaded,
        Err(unusable) => return unusable.tell(false),
    };
    match start(args, loaded) {
        Err(refused) => refused,
        Ok(running) => match running.until_signalled(announce) {
            Ok(Ended::Drained) => ExitCode::SUCCESS,
            Ok(Ended::AtOnce) => std::process::exit(1),
            Err(error) => {
                warn(error);
                ExitCode::FAILURE
            }
        },
    }
}

/// A seed that no other process has: the keys of the standard library's hasher are the system's
/// own chance.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn start(args: &Args, loaded: Loaded) -> Result<Running, ExitCode> {
    let Loaded { name, text, design, .. } = loaded;
    let options = Options {
        node: args.node.clone(),
        region: args.region.clone(),
        number: None,
        workers: args.workers.map(usize::from),
        admin: Some(args.admin),
        log: target(&args.log),
        seed: args.seed.unwrap_or_else(fresh_seed),
        record: args.record.clone(),
        limits: Limits { drain_timeout: args.drain, ..Limits::default() },
        file: Some(DesignFile { name: name.clone(), text: text.clone() }),
    };
    let refuse = |why: &str, found: &[Diagnostic]| {
        let told = diagnostic::render(found, &name, &text, errors_take_colour());
        warn(format_args!("`{name}` {why}\n\n{}", told.trim_end()));
        ExitCode::from(UNUSABLE)
    };
    let lacking = live::lacking(&design, &options);
    let sound = checklist::sound(design).map_err(|findings| {
        let unsound = findings.iter().map(Finding::diagnostic);
        let found: Vec<_> = unsound.chain(lacking).collect();
        refuse("is not sound, so it is not run", &found)
    })?;
    live::start(&sound, &options).map_err(|refused| match refused {
        Refused::Lacking(found) => refuse("asks for what cannot be run", &found),
        refused => complain(refused),
    })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let port = text.trim_start_matches(':').parse().unwrap_or(9901_u16);
        format!("write an address and a port: 127.0.0.1:{port}")
    })
}

fn target(log: &str) -> Target {
    match log {
        "none" => Target::None,
        "-" => Target::Stdout,
        file => Target::File(file.into()),
    }
}

/// One line that says where it is, for people; the access log has standard output.
fn announce(running: &Running) {
    let addresses: Vec<_> = running.addresses().iter().map(ToString::to_string).collect();
    let admin = running.admin().map(|admin| format!("; admin on http://{admin}"));
    warn(format_args!("listening on {}{}", addresses.join(", "), admin.unwrap_or_default()));
    if let Some(open) = running.admin().and_then(open_to_others) {
        warn(open);
    }
}

/// What is to be known of admin pages that other machines can reach.
fn open_to_others(admin: SocketAddr) -> Option<String> {
    let others = !admin.ip().to_canonical().is_loopback();
    others.then(|| {
        format!(
            "the admin pages on {admin} are open to whoever can reach that address: the design, its \
             endpoints and the metrics, without a password"
        )
    })
}

const ABOUT: &str = "\
Carries the traffic of one balancer of a design, under exactly the rules that were simulated.

Only a sound design is run: one in which every call of the balancer answers the five questions, \
with a timeout, an end to its queue and jitter in its backoff. What the design asks for and is not \
built yet is refused by name.

The access log has one line of JSON for each request. The admin pages are /metrics, /healthz, \
/readyz and /design.

SIGTERM, SIGINT (Ctrl-C) or SIGHUP (the terminal was closed; nothing is reloaded): stops accepting, \
finishes what is in flight (--drain at most; what has not finished is cut, which is said), exits \
with 0. A second one ends at once, with 1. Exit \
code 2 if the file is no sound design or an address is taken.";

const EXAMPLES: &str = "\
Examples:
  plimsoll run designs/balancer.toml
  plimsoll run designs/balancer.toml --workers 1 --log access.log
  plimsoll run designs/balancer.toml --node lb --admin 127.0.0.1:9911";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_opens_the_admin_pages_to_others_is_told_so() {
        let told = |address: &str| open_to_others(address.parse().unwrap()).is_some();

        for address in ["0.0.0.0:9901", "[::]:9901", "10.0.0.7:9901", "[::ffff:10.0.0.7]:9901"] {
            assert!(told(address), "{address}");
        }
        for address in ["127.0.0.1:9901", "127.3.2.1:9901", "[::1]:9901", "[::ffff:127.0.0.1]:1"] {
            assert!(!told(address), "{address}");
        }
    }
}
