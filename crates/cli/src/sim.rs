//! `plimsoll sim`: a design in virtual time.

mod folder;

use std::path::PathBuf;
use std::process::ExitCode;

use ::sim::{Progress, Watch};
use base::Duration;
use clap::ValueEnum;
use observe::plot::Style;
use serde_json::json;

use self::folder::Folder;
use crate::design_file::{self, Loaded};
use crate::onlooker::Onlooker;
use crate::output::{UNUSABLE, complain, show, warn};
use crate::time::time;

/// Play a design through an incident, in virtual time
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The design file
    file: PathBuf,

    /// Which incident of the file; `none` for an ordinary day
    #[arg(long, value_name = "NAME")]
    incident: Option<String>,

    /// The first seed: chance comes from it alone
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Play so many seeds, on all cores
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,

    /// How long traffic arrives [default: two minutes after the last fault]
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    lasts: Option<Duration>,

    /// How long before the end recovery is judged [default: the last minute]
    #[arg(long, value_name = "TIME", value_parser = time)]
    window: Option<Duration>,

    /// Workers of each balancer instance
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,

    /// How faithfully the network is played
    #[arg(long, value_enum, default_value_t = Fidelity::Auto)]
    fidelity: Fidelity,

    /// Do not look for causes: they take some more runs
    #[arg(long)]
    no_causes: bool,

    /// Also write report.html, traces, metrics, the timeline and packets into this new folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Which packets to write [default: two seconds around the beginning of the incident]
    #[arg(long, value_name = "FROM..TO", value_parser = stretch, requires = "out")]
    pcap: Option<(Duration, Duration)>,

    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How faithfully the network is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fidelity {
    /// Every datagram, under a TCP of our own.
    Packet,
    /// A message is a delay: quicker, and nothing is lost or queued on the way.
    Message,
    /// Packets where the network, or a bound of connections, descriptors or ports, can matter.
    Auto,
}

impl From<Fidelity> for ::sim::Fidelity {
    fn from(asked: Fidelity) -> Self {
        match asked {
            Fidelity::Packet => Self::Packet,
            Fidelity::Message => Self::Message,
            Fidelity::Auto => Self::Auto,
        }
    }
}

/// How to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The verdict, the course and the numbers, for people.
    Text,
    /// One JSON object, for programs: docs/sim-json.md, docs/loadline-json.md.
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    let loaded = match design_file::load(&args.file).and_then(Loaded::answered) {
        Ok(loaded) => loaded,
        Err(unusable) => return unusable.tell(args.format == Format::Json),
    };
    loaded.warn_of_idle_faults(args.incident.as_deref());
    let folder = match args.out.as_deref().map(Folder::claim).transpose() {
        Ok(folder) => folder,
        Err(why) => return complain(why),
    };
    let onlooker = Onlooker::new();
    let tell = |progress: Progress<'_>| onlooker.show(progress);
    let watch = Watch::new(onlooker.stop(), &tell);
    let played = ::sim::run_watched(&loaded.design, &options(args), watch);
    drop(onlooker);
    let played = played.and_then(|report| {
        let files = folder.is_some().then(|| outputs(args, &loaded, &report)).transpose()?;
        Ok((report, files))
    });
    let played = played.map(|(report, files)| (report, folder.zip(files)));
    let report = match played {
        Ok((report, None)) => Ok(report),
        Ok((report, Some((folder, outputs)))) => {
            if let Err(why) = folder.fill(&outputs.files) {
                return complain(why);
            }
            outputs.notes.iter().for_each(warn);
            Ok(report)
        }
        Err(refusals) => Err(refusals),
    };
    match (report, args.format) {
        (Ok(report), Format::Text) => {
            show(&sim::render(&report, &loaded.name, style()), ExitCode::SUCCESS)
        }
        (Ok(report), Format::Json) => match serde_json::to_string_pretty(&report) {
            Ok(text) => show(&format!("{text}\n"), ExitCode::SUCCESS),
            Err(error) => complain(format_args!("cannot write the report: {error}")),
        },
        (Err(refusals), format) => refuse(&refusals, format),
    }
}

fn outputs(
    args: &Args,
    loaded: &Loaded,
    report: &::sim::Report,
) -> Result<::sim::Outputs, Vec<::sim::Refusal>> {
    let wanted = ::sim::Wanted { packets: args.pcap };
    ::sim::outputs(&loaded.design, &options(args), report, &loaded.name, &wanted)
}

fn options(args: &Args) -> ::sim::Options {
    ::sim::Options {
        incident: args.incident.clone(),
        seed: args.seed,
        seeds: args.seeds,
        lasts: args.lasts,
        window: args.window,
        workers: args.workers,
        fidelity: args.fidelity.into(),
        causes: !args.no_causes,
        ..sim::Options::default()
    }
}

pub(crate) fn refuse(refusals: &[::sim::Refusal], format: Format) -> ExitCode {
    if format == Format::Json {
        let all: Vec<_> = refusals
            .iter()
            .map(|refusal| json!({ "problem": refusal.problem, "way_out": refusal.way_out }))
            .collect();
        let object = json!({ "unusable": "cannot be simulated as asked", "findings": all });
        return show(&format!("{object:#}\n"), ExitCode::from(UNUSABLE));
    }
    for refusal in refusals {
        warn(refusal);
    }
    ExitCode::from(UNUSABLE)
}

/// Plots in block elements where the locale can show them.
pub(crate) fn style() -> Style {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    Style::of_locale(locale.as_deref())
}

fn stretch(text: &str) -> Result<(Duration, Duration), String> {
    let ends =
        text.split_once("..").and_then(|(from, to)| Some((time(from).ok()?, time(to).ok()?)));
    match ends {
        Some((from, to)) if from < to => Ok((from, to)),
        Some(_) => Err("it ends before it begins: write 59s..62s".to_owned()),
        None => Err("write two times: 59s..62s".to_owned()),
    }
}

const ABOUT: &str = "\
Plays a whole design in virtual time: clients, callers, balancers, services and databases, with \
the rules of the file, through an incident. The balancers are the code that `plimsoll run` runs.

The verdict comes first: whether the design recovers by itself. Then what began the failure and \
what keeps it going, found by playing the same run again with one thing changed; then the course, \
the phases and the numbers of every call. What the file says and this simulation does not play yet \
is named at the end.

With `--out DIR` it also writes files for a browser (report.html), OpenTelemetry (traces.json), \
Prometheus (metrics.txt), Wireshark (packets.pcapng) and programs (timeline.json), of the first \
seed; docs/sim-out.md says how to open them.

The same file, seed and options give the same report, bit for bit, on every machine; the run hash \
shows it.

Exit code 0 if the design was played, whatever became of it; 2 if it cannot be played as asked, \
or a call leaves one of the five questions open: no answer is made up.";

const EXAMPLES: &str = "\
Examples:
  plimsoll sim designs/incident.toml
  plimsoll sim designs/incident.toml --seeds 20
  plimsoll sim designs/incident.toml --out drift
  plimsoll sim designs/incident.toml --out drift --fidelity packet --pcap 59s..61s
  plimsoll sim designs/balancer.toml --incident one-dies --for 90s --format json";
