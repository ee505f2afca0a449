//! Traffic that slowly rises and falls again, in one run.
//!
//! A system without memory carries as much on the way down as on the way up. Where it does not,
//! the two ways part: it collapses at one traffic and comes back only at a lower one. That gap is
//! hysteresis, and whatever traffic lies in it is an accident that waits for its trigger.

use base::Duration;
use config::design::{Entry, Incident, NodeKind, Part, Target};
use model::fault::Fault;
use model::traffic::Arrivals;

use super::lab::Lab;
use super::report::Sweep;
use crate::plan::Plan;
use crate::world::World;
use crate::{Options, stats};

/// Steps from nothing to the highest traffic.
const STEPS: u32 = 24;
/// How long traffic stays on a step. It is judged in the second half of it.
const STEP: Duration = Duration::from_secs(10);
/// What the sweep is called where an incident has its name.
const NAME: &str = "sweep";

/// Sweeps up to `top` times today's traffic, and down. Nothing if it was stopped, and nothing for
/// traffic that is replayed from a file: that comes when it came.
pub(super) fn sweep(lab: &Lab<'_>, today: f64, top: f64) -> Option<Sweep> {
    let mut design = lab.design.clone();
    let replays = design.nodes.iter().any(|node| match &node.kind {
        NodeKind::Client(client) => matches!(client.arrivals, Arrivals::Replayed(_)),
        _ => false,
    });
    if replays {
        return None;
    }
    let levels: Vec<u32> = (1..=STEPS).chain((1..STEPS).rev()).collect();
    let factor = |level: u32| top * f64::from(level) / f64::from(STEPS);
    let clients: Vec<_> = (0..design.nodes.len())
        .filter(|&at| matches!(design.nodes[at].kind, NodeKind::Client(_)))
        .map(base::NodeId::from_index)
        .collect();
    let step = |number: usize, level: u32, client| Entry {
        on: Target::Node(client),
        share: Part::Whole,
        fault: Fault::Spike { times: factor(level) },
        at: STEP.saturating_mul(number as u64),
        ramp: Duration::ZERO,
        lasts: Some(STEP),
        span: config::Span::default(),
        values: Vec::new(),
    };
    let entries = levels.iter().enumerate().flat_map(|(number, &level)| {
        clients.iter().map(move |&client| step(number, level, client))
    });
    let entries = entries.collect();
    design.incidents.push(Incident { name: NAME.to_owned(), entries });
    let options = Options {
        incident: Some(NAME.to_owned()),
        lasts: Some(STEP.saturating_mul(levels.len() as u64)),
        workers: lab.wanted.workers,
        fidelity: lab.wanted.fidelity,
        most_requests: u64::MAX,
        ..Options::default()
    };
    let plan = Plan::new(&design, &options).ok()?;
    let run = play(lab, &plan)?;
    let goodput: Vec<f64> = (0..levels.len()).map(|at| goodput(&run, at)).collect();
    let offered: Vec<f64> = (1..=STEPS).map(|level| factor(level) * today).collect();
    let middle = STEPS as usize;
    let up: Vec<f64> =
        offered.iter().zip(&goodput[..middle]).map(|(offered, good)| offered * good).collect();
    // The highest step is the last on the way up and the first on the way down.
    let down = goodput[middle - 1..].iter().rev();
    let down: Vec<f64> = offered.iter().zip(down).map(|(offered, good)| offered * good).collect();
    let objective = lab.design.objective.goodput.as_f64();
    let meets = |at: &usize, way: &[f64]| way[*at] >= objective * offered[*at];
    let collapses = (0..middle).find(|at| !meets(at, &up)).map(|at| offered[at]);
    let recovers = (0..middle).rev().find(|at| meets(at, &down)).map(|at| offered[at]);
    Some(Sweep {
        offered_per_s: offered,
        up_goodput_per_s: up,
        down_goodput_per_s: down,
        collapses_at_per_s: collapses,
        recovers_at_per_s: recovers,
    })
}

fn play(lab: &Lab<'_>, plan: &Plan<'_>) -> Option<stats::Series> {
    let mut series = None;
    let seed = lab.wanted.seed;
    let one = |_: u32, stop: &dyn Fn() -> bool| {
        let mut world = World::new(plan, seed);
        world.be_terse();
        world.run_unless(stop)
    };
    lab.crew.play("traffic up and down", 1, Some(1), one, |_, run| {
        lab.spend(1, run.events);
        series = Some(run.stats.series);
        std::ops::ControlFlow::Break(())
    });
    series
}

/// The share of what was offered in the second half of a step that was answered well.
fn goodput(series: &stats::Series, step: usize) -> f64 {
    let begins = base::Instant::ZERO + STEP.saturating_mul(step as u64);
    let (from, to) = (begins + Duration::from_nanos(STEP.as_nanos() / 2), begins + STEP);
    let here = series.windows().iter().enumerate().filter(|(at, _)| {
        let start = series.start(*at);
        start >= from && start < to
    });
    let (offered, kept) = here.fold((0, 0), |(offered, kept), (_, window)| {
        (offered + window.offered, kept + window.kept)
    });
    if offered == 0 { 1.0 } else { kept as f64 / offered as f64 }
}
