//! How flows share a bottleneck.

use std::sync::Arc;

use base::Share;
use netsim::l4::tcp::{Algorithm, Profile};

use super::dumbbell::{Dumbbell, capacity};
use super::formulas::jain;
use crate::interval::{joint, mean};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Jain's index and the use of the bottleneck, for either algorithm and some numbers of flows.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let flows: &[u32] = effort.choose(&[2, 8, 32], &[8]);
    let seeds = effort.choose(20, 4);
    let level = joint(flows.len() * 4);
    let algorithms = [("NewReno", Algorithm::NewReno), ("CUBIC", Algorithm::Cubic)];
    let rows = algorithms.into_iter().flat_map(|(name, algorithm)| {
        let profile = Arc::new(Profile { algorithm, ..Profile::linux() });
        flows.iter().flat_map(move |&flows| shared(name, &profile, flows, seeds, level))
    });
    Ok(Section {
        name: "fairness",
        title: "Flows that share a bottleneck",
        about: format!(
            "Transfers without end that begin within a second of each other, over 20 Mbit/s with a queue of 100 packets and a \
             round trip of 44 ms; 30 s of warm-up, then 120 s; {seeds} seeds. Jain’s index is 1 when all get the same \
             (Jain, Chiu, Hawe, “A quantitative measure of fairness”, 1984), and additive increase with multiplicative \
             decrease goes there (Chiu and Jain, 1989). The use of the bottleneck is payload against what fits through it."
        ),
        rows: rows.collect(),
        remarks: Vec::new(),
    })
}

fn shared(name: &str, profile: &Arc<Profile>, flows: u32, seeds: u64, level: f64) -> [Row; 2] {
    let dumbbell = Dumbbell { flows, loss: Share::NONE, secs: 120, warm_up: 30 };
    let runs = over_seeds(seeds, |seed| {
        let carried = dumbbell.run(seed, profile);
        let each: Vec<_> = carried.measured.iter().map(|&bytes| bytes as f64).collect();
        (jain(&each), carried.goodput(&dumbbell) / capacity(profile))
    });
    let (index, used): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let row = |what: &str, source, figures: &[f64], unit| Row {
        what: format!("{flows} flows, {name}: {what}"),
        expected: 1.0,
        source,
        simulated: mean(figures),
        interval: Interval::of_mean(figures, level),
        unit,
        criterion: Criterion::Within(0.05),
    };
    [
        row("Jain’s index", "equal flows", &index, Unit::Plain),
        row("use of the bottleneck", "a full link", &used, Unit::Percent),
    ]
}
