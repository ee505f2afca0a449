//! How fast long transfers are, against the formulas.

use std::sync::Arc;

use base::{Duration, Instant, Share};
use netsim::l3::{Loss, Params};
use netsim::l4::tcp::{Algorithm, Profile};

use super::formulas::{mathis, ott, pftk};
use super::stage::{Losses, Stage, Talk};
use crate::interval::{joint, mean};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Every formula at the losses it is made for, and at some it is not.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let cases = cases(effort);
    let level = joint(cases.len());
    let seeds = effort.choose(20, 4);
    Ok(Section {
        name: "long-transfers",
        title: "Throughput of long transfers",
        about: format!(
            "One transfer without end over a round trip of 100 ms that is never full; 20 s of warm-up, then {SECS} s. Either \
             every so-and-so-manyth segment is lost (one run: nothing is left to chance) or each with a probability ({seeds} \
             seeds). b is the number of segments per acknowledgement that the window counts, T0 the first timeout: 1 s with \
             profile `rfc`, 300 ms with `linux`, whose window counts bytes, so that b is 1 for the formulas.\n\n\
             Sources: Mathis, Semke, Mahdavi, Ott, “The macroscopic behavior of the TCP congestion avoidance algorithm”, CCR \
             1997; Ott, Kemperman, Mathis, “The stationary behavior of ideal TCP congestion avoidance”, 1996; Padhye, Firoiu, \
             Towsley, Kurose, “Modeling TCP throughput”, SIGCOMM 1998 (PFTK)."
        ),
        rows: cases.iter().map(|case| case.row(seeds, level)).collect(),
        remarks: vec![
            "Mathis assumes losses at regular intervals; with random ones the windows have more different sizes, and Ott’s \
             constant, 1.31 instead of 1.22, is the ideal. At 1 % a window is a dozen segments, and whole segments, small \
             flights and a few timeouts take what the ideal does not know of."
                .into(),
            "PFTK describes Reno without selective acknowledgements, which times out whenever a window loses several \
             segments. So it has to agree where losses are rare, and lies below where selective acknowledgements save \
             timeouts: there it is shown without a bound."
                .into(),
        ],
    })
}

struct Case {
    what: String,
    profile: Profile,
    losses: Losses,
    loss: Share,
    expected: f64,
    source: &'static str,
    criterion: Criterion,
}

fn cases(effort: Effort) -> Vec<Case> {
    let mut cases = Vec::new();
    for (every, b) in [(1_000, 1), (1_000, 2), (10_000, 1), (10_000, 2)] {
        cases.push(regular(every, b));
    }
    let random: &[_] = effort.choose(&[(100, 0.1), (1_000, 0.1), (10_000, 0.15)], &[(1_000, 0.1)]);
    for &(millionths, bound) in random {
        cases.extend([1, 2].map(|b| ideal(millionths, b, Criterion::Within(bound))));
    }
    let rfc = Profile::rfc();
    let newreno = Profile { algorithm: Algorithm::NewReno, ..Profile::linux() };
    for (name, profile, b, t0) in
        [("`rfc`, b 2", rfc, 2.0, 1.0), ("`linux` with NewReno", newreno, 1.0, 0.3)]
    {
        let padhye = |millionths, criterion| padhye(name, &profile, millionths, (b, t0), criterion);
        cases.push(padhye(100, Criterion::Within(0.1)));
        cases.push(padhye(1_000, Criterion::Within(0.15)));
        cases.push(padhye(10_000, Criterion::Shown));
        cases.push(padhye(30_000, Criterion::Shown));
    }
    cases
}

/// Losses at regular intervals, against Mathis.
fn regular(every: u64, b: u32) -> Case {
    Case {
        what: format!("NewReno, b {b}, one segment of {every} lost"),
        profile: Profile { ack_every: b, ..Profile::rfc() },
        losses: Losses::Every(every),
        loss: Share::NONE,
        expected: mathis(1.0 / every as f64, f64::from(b), ROUND_TRIP),
        source: "Mathis",
        criterion: Criterion::Within(0.05),
    }
}

/// Random losses, against the ideal.
fn ideal(millionths: u32, b: u32, criterion: Criterion) -> Case {
    let loss = Share::from_millionths(millionths);
    Case {
        what: format!("NewReno, b {b}, random loss {loss}"),
        profile: Profile { ack_every: b, ..Profile::rfc() },
        losses: Losses::None,
        loss,
        expected: ott(loss.as_f64(), f64::from(b), ROUND_TRIP),
        source: "Ott",
        criterion,
    }
}

/// Random losses, against PFTK with the `b` and `T0` of the profile.
fn padhye(
    name: &str,
    profile: &Profile,
    millionths: u32,
    (b, t0): (f64, f64),
    criterion: Criterion,
) -> Case {
    let loss = Share::from_millionths(millionths);
    Case {
        what: format!("{name}, random loss {loss}"),
        profile: profile.clone(),
        losses: Losses::None,
        loss,
        expected: pftk(loss.as_f64(), b, ROUND_TRIP, t0),
        source: "PFTK",
        criterion,
    }
}

impl Case {
    fn row(&self, seeds: u64, level: f64) -> Row {
        let (figures, interval) = if self.loss == Share::NONE {
            let only = vec![self.throughput(0)];
            let interval = Interval::point(only[0]);
            (only, interval)
        } else {
            let all = over_seeds(seeds, |seed| self.throughput(seed));
            let interval = Interval::of_mean(&all, level);
            (all, interval)
        };
        Row {
            what: self.what.clone(),
            expected: self.expected,
            source: self.source,
            simulated: mean(&figures),
            interval,
            unit: Unit::Of("segments/s"),
            criterion: self.criterion,
        }
    }

    /// Segments per second.
    fn throughput(&self, seed: u64) -> f64 {
        let mut stage = Stage::new(seed);
        stage.losses = self.losses;
        let way = Params { delay: Duration::from_millis(50), ..Params::default() };
        let loss = Loss::Independent(self.loss);
        let there = stage.link("there", Params { loss, ..way.clone() });
        let back = stage.link("back", way);
        let call = stage.call(&Arc::new(self.profile.clone()), Talk::ENDLESS, &[there], &[back]);
        stage.run_until(WARM_UP);
        let before = stage.received(call);
        stage.run_until(WARM_UP + Duration::from_secs(SECS));
        let bytes = stage.received(call) - before;
        bytes as f64 / f64::from(self.profile.mss) / SECS as f64
    }
}

/// In seconds.
const ROUND_TRIP: f64 = 0.1;
const WARM_UP: Instant = Instant::from_secs(20);
const SECS: u64 = 400;
