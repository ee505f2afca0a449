//! `plimsoll demo`: a design checked, simulated, and then done for real, twice.
//!
//! The same clients and services are played as the file says, and in its naive variant: without
//! the balancer, the callers ask the service themselves and retry as `[rules.naive]` says. Both
//! run at the same time on loopback. What the simulator predicted stands beside what was observed,
//! and no figure that is shown stands in the code.

mod choice;
mod ending;
mod figures;
mod lateness;
mod observed;
mod playable;
mod screen;
mod stage;
mod variant;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration as StdDuration;

use ::sim::Report;
use base::{Duration, Instant, NodeId};
use checklist::{Findings, Severity};
use config::Design;
use config::design::Target;
use model::fault::Fault;
use observe::plot::Style;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::design_file::{self, Loaded};
use crate::output::{UNUSABLE, complain, say, warn};
use ending::Ending;
use figures::{Figures, Times};
use lateness::Lateness;
use observed::{Observed, Second};
use stage::{Play, WORKERS, lock};

/// Check, simulate and really play an example: what careful rules are good for, in half a minute
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Another design than the embedded one
    #[arg(long, value_name = "FILE")]
    design: Option<PathBuf>,

    /// The incident to play; the only one there is if nothing is said
    #[arg(long, value_name = "NAME")]
    incident: Option<String>,

    /// Where all chance comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Show the embedded design and do nothing else
    #[arg(long)]
    show: bool,
}

/// The embedded design.
const EXAMPLE: &str = include_str!("../../../designs/demo.toml");

/// A file in its two variants.
struct Variants {
    designs: [Design; 2],
    findings: [Findings; 2],
    /// The incident, by its name and its place in each of them.
    incident: Option<(String, [usize; 2])>,
    /// The service whose load is looked at, by its place in each of them.
    watched: [NodeId; 2],
    end: Instant,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    if args.show {
        say(EXAMPLE);
        return ExitCode::SUCCESS;
    }
    let on_stage = Arc::new(AtomicBool::new(false));
    let stop = stopped_by_signal(Arc::clone(&on_stage));
    match play(args, &stop, &on_stage) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

fn play(args: &Args, stop: &watch::Receiver<bool>, on_stage: &AtomicBool) -> Result<(), ExitCode> {
    let (name, text, design) = load(args)?;
    let variants = variants(args, &text, design)?;
    say(&format!(
        "plimsoll demo: {name}, about {} s; Ctrl-C ends it\n",
        variants.end.as_secs_f64()
    ));
    check(&variants)?;
    let (reports, times) = simulate(args, &variants)?;
    let predicted = [0, 1]
        .map(|at| Figures::predicted(&variants.designs[at], variants.watched[at], &reports[at]));
    on_stage.store(true, Ordering::SeqCst);
    let observed = perform(args, &variants, &times, stop)?;
    conclude(&variants, &times, &predicted, &observed);
    Ok(())
}

fn load(args: &Args) -> Result<(String, String, Design), ExitCode> {
    if let Some(path) = &args.design {
        let loaded = design_file::load(path).and_then(Loaded::answered);
        let loaded = loaded.map_err(|unusable| unusable.tell(false))?;
        return Ok((loaded.name, loaded.text, loaded.design));
    }
    let loaded = config::load_bytes(EXAMPLE.as_bytes(), &config::NoFiles);
    let design = loaded.design.ok_or_else(|| complain("the embedded design is broken"))?;
    Ok(("the embedded design (--show prints it)".to_owned(), EXAMPLE.to_owned(), design))
}

fn variants(args: &Args, text: &str, design: Design) -> Result<Variants, ExitCode> {
    let naive = variant::naive(text).map_err(complain)?;
    let naive = config::load_bytes(naive.as_bytes(), &files(args)).design;
    let naive = naive.ok_or_else(|| complain("without its balancer the file is no design"))?;
    let incident = choice::incident(args.incident.as_deref(), &design).map_err(complain)?;
    let at = incident.as_ref().map(|(_, at)| *at);
    let end = choice::end(&design, at);
    let watched = choice::watched(&design, at)
        .ok_or_else(|| complain("the design has no service to watch"))?;
    let name = design.node(watched).name.clone();
    let same = |found: Option<NodeId>| found.ok_or_else(|| complain(format!("{name} is gone")));
    let incident = incident.map(|(name, at)| {
        let there = naive.incidents.iter().position(|incident| incident.name == name);
        (name, [at, there.unwrap_or(at)])
    });
    let watched = [watched, same(naive.node_named(&name))?];
    let findings = [checklist::review(&design), checklist::review(&naive)];
    let variants = Variants { designs: [design, naive], findings, incident, watched, end };
    let lacking = variants.lacking();
    if lacking.is_empty() {
        return Ok(variants);
    }
    lacking.iter().for_each(warn);
    Err(ExitCode::from(UNUSABLE))
}

impl Variants {
    fn watched_name(&self) -> &str {
        &self.designs[0].node(self.watched[0]).name
    }

    fn ending(&self) -> Ending {
        if self.incident.is_some() { Ending::Recovery } else { Ending::Objective }
    }

    /// Why they cannot be played: what would have to be made up, and what the stand-ins cannot do.
    fn lacking(&self) -> Vec<String> {
        let incident = self.incident.as_ref().map(|(_, [incident, _])| *incident);
        let open = self.findings[1].unanswered();
        let open = open
            .iter()
            .map(|told| format!("[rules.naive] is incomplete: {}: {}", told.name, told.message));
        open.chain(playable::lacking(&self.designs[0], incident)).collect()
    }
}

fn files(args: &Args) -> config::Beside {
    config::Beside::new(args.design.as_deref().unwrap_or_else(|| "demo.toml".as_ref()))
}

fn check(variants: &Variants) -> Result<(), ExitCode> {
    say(&screen::part(1, "What the review says"));
    for (variant, findings) in screen::VARIANTS.iter().zip(&variants.findings) {
        say(&screen::review(variant, findings));
    }
    let blocking = variants.findings[0].blocking(&variants.designs[0]);
    if blocking.count(Severity::Error) == 0 {
        return Ok(());
    }
    warn("a balancer takes no design with errors in its own calls; `plimsoll check` says more");
    Err(ExitCode::FAILURE)
}

fn simulate(args: &Args, variants: &Variants) -> Result<([Report; 2], Times), ExitCode> {
    let options = ::sim::Options {
        incident: variants.incident.as_ref().map(|(name, _)| name.clone()),
        seed: args.seed,
        seeds: SEEDS,
        lasts: Some(variants.end.since(Instant::ZERO)),
        workers: u16::try_from(WORKERS).unwrap_or(1),
        causes: true,
        ..::sim::Options::default()
    };
    let run = |design: &Design| {
        ::sim::run(design, &options).map_err(|refusals| {
            refusals.iter().for_each(warn);
            ExitCode::from(UNUSABLE)
        })
    };
    let reports = [run(&variants.designs[0])?, run(&variants.designs[1])?];
    say(&screen::part(2, &format!("What the simulator predicts, {SEEDS} runs each")));
    for (variant, report) in screen::VARIANTS.iter().zip(&reports) {
        say(&screen::prediction(variant, report, variants.ending()));
    }
    let times = Times::of(&reports[0]);
    Ok((reports, times))
}

/// Both variants at once, each on a thread of its own, with a row for each second.
fn perform(
    args: &Args,
    variants: &Variants,
    times: &Times,
    stop: &watch::Receiver<bool>,
) -> Result<[Observed; 2], ExitCode> {
    say(&screen::part(3, "What really happens, on loopback"));
    let start = std::time::Instant::now() + SET_UP;
    let observed = [(); 2].map(|()| Arc::new(Mutex::new(Observed::default())));
    let plays = [0, 1].map(|at| {
        let play = Play {
            design: variants.designs[at].clone(),
            incident: variants.incident.as_ref().map(|(_, incident)| incident[at]),
            watched: variants.watched[at],
            seed: args.seed,
            start,
            end: times.end,
            stop: stop.clone(),
            observed: Arc::clone(&observed[at]),
        };
        thread::spawn(move || stage::play(play))
    });
    show_live(variants, times, &observed, || plays.iter().all(thread::JoinHandle::is_finished));
    for played in plays {
        let played = played.join().unwrap_or_else(|_| Err("a stand-in panicked".to_owned()));
        played.map_err(complain)?;
    }
    Ok(observed.map(|observed| lock(&observed).clone()))
}

/// A row for each second that is over, until both have ended.
fn show_live(
    variants: &Variants,
    times: &Times,
    observed: &[Arc<Mutex<Observed>>; 2],
    over: impl Fn() -> bool,
) {
    say(&screen::live_head(variants.watched_name()));
    let mut shown = 0;
    let mut last = false;
    while !last {
        last = over();
        thread::sleep(GLANCE);
        // A second is shown when both have been looked at after its end.
        let lasted = observed.each_ref().map(|observed| lock(observed).lasted());
        let until = lasted[0].min(lasted[1]).min(times.end);
        while Instant::from_secs(shown + 1) <= until {
            let second = [0, 1].map(|at| lock(&observed[at]).second(Instant::from_secs(shown)));
            shown += 1;
            say(&screen::live_row(shown, second, &remark(variants, shown)));
        }
    }
}

/// What of the incident begins or ends in the second before this one is shown.
fn remark(variants: &Variants, second: u64) -> String {
    let Some((_, [incident, _])) = variants.incident else { return String::new() };
    let design = &variants.designs[0];
    let (from, to) = (Duration::from_secs(second - 1), Duration::from_secs(second));
    let within = |at: Duration| from <= at && at < to;
    let remarks = design.incidents[incident].entries.iter().filter_map(|entry| {
        let on = match entry.on {
            Target::Node(node) => design.node(node).name.as_str(),
            Target::Region(_) | Target::Call(_) | Target::Link(..) => "",
        };
        let kind = match entry.fault {
            Fault::Slow { times } => format!("{times} times slower"),
            Fault::Spike { times } => format!("{times} times the traffic"),
            ref fault => fault.kind().to_owned(),
        };
        let ends = entry.lasts.map(|lasts| entry.at + lasts);
        match ends {
            _ if within(entry.at) => Some(format!("{on}: {kind}")),
            Some(ends) if within(ends) => Some(format!("{on}: as before")),
            _ => None,
        }
    });
    remarks.collect::<Vec<_>>().join(", ")
}

fn conclude(
    variants: &Variants,
    times: &Times,
    predicted: &[Figures; 2],
    observed: &[Observed; 2],
) {
    let (objective, ending) = (variants.designs[0].objective.goodput, variants.ending());
    let seconds: Vec<[Second; 2]> = observed[0]
        .seconds()
        .take_while(|begin| *begin < times.end)
        .map(|begin| [0, 1].map(|variant| observed[variant].second(begin)))
        .collect();
    let figures = [0, 1].map(|at| Figures::observed(&observed[at], times, objective));
    let lasted = observed[0].lasted().min(observed[1].lasted());
    say(&screen::part(4, &screen::summary_title(lasted, times.end)));
    say(&screen::summary(predicted, &figures, times.judged(), variants.watched_name()));
    let late = Lateness::of(observed.iter().flat_map(|observed| observed.late.iter().copied()));
    say(&late.map(screen::lateness).unwrap_or_default());
    say(&screen::part(5, "Good answers per second, and how it ended"));
    say(&screen::courses(&seconds, style()));
    match late.zip(lateness::shortest_try(&variants.designs)) {
        Some((late, shortest)) if late.hides(shortest) => {
            say(&screen::no_verdict(predicted, late, shortest, ending, SEEDS));
        }
        _ => say(&screen::verdict(predicted, &figures, ending, SEEDS)),
    }
}

/// Becomes true at the first Ctrl-C or SIGTERM. Before anything is on stage there is nothing to
/// sum up, and a second signal says that nobody wants to hear it: then it is over at once.
fn stopped_by_signal(on_stage: Arc<AtomicBool>) -> watch::Receiver<bool> {
    let (told, stop) = watch::channel(false);
    thread::spawn(move || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            loop {
                tokio::select! {
                    pressed = tokio::signal::ctrl_c() => pressed?,
                    _ = terminate.recv() => {}
                }
                if !on_stage.load(Ordering::SeqCst) || told.send_replace(true) {
                    std::process::exit(0);
                }
            }
        })
    });
    stop
}

fn style() -> Style {
    let first = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    Style::of_locale(first.as_deref())
}

/// Enough to tell a certain ending from one by chance, and done in a moment.
const SEEDS: u32 = 10;
/// Until everything listens.
const SET_UP: StdDuration = StdDuration::from_millis(500);
const GLANCE: StdDuration = StdDuration::from_millis(100);

const ABOUT: &str = "\
Plays an example from beginning to end: the review of its design, what the simulator predicts for \
its incident, and then the same for real, on loopback and ports of its own, with stand-ins that \
behave as the file's models say. Two variants run side by side: as designed, with the balancer and \
the file's rules; and naive, where the same callers ask the service themselves and retry as \
`[rules.naive]` says. Predicted and observed figures stand beside each other at the end, with how late this machine was: what is \
observed on a machine that has too much to do says little about a design, and then there is no \
verdict.

Another design can be played if it has one service behind each balancer, models for its services, \
and `[rules.naive]`, and answers what `plimsoll sim` wants answered. Double the workers of the \
service in a copy of the example, and it ends otherwise.

Exit code 0 if it was played, to its end or to Ctrl-C, whatever the review says of the design or \
how it ended; 1 if the review has errors in the calls that the balancer carries, which no balancer \
takes; 2 if the file cannot be used, is incomplete, or cannot be played.";

const EXAMPLES: &str = "\
Examples:
  plimsoll demo
  plimsoll demo --show > mine.toml
  plimsoll demo --design mine.toml";
