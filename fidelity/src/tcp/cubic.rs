//! CUBIC's window against the curve of its standard.

use std::sync::Arc;

use base::{Duration, Instant};
use netsim::l3::Params;
use netsim::l4::tcp::Profile;

use super::formulas::{cubic_mean_window, cubic_window};
use super::stage::{Call, Losses, Stage, Talk};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing};

/// The curve after one loss, and the mean window with many.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let intervals: &[u64] = effort.choose(&[5_000, 20_000, 100_000], &[20_000]);
    let rows = curve().into_iter().chain(intervals.iter().map(|&every| mean_window(every)));
    Ok(Section {
        name: "cubic",
        title: "CUBIC’s window",
        about: "Profile `linux` over a round trip of 100 ms that is never full. First the curve: segment 2,000 is lost and no \
                other; the window is read at parts and multiples of K, the time at which it should be back where it was. Then \
                the mean window while every so-and-so-manyth segment is lost. Nothing is left to chance, so there is one run \
                a row and no scatter."
            .into(),
        rows: rows.collect(),
        remarks: vec![
            "Equation 6 knows neither the round trip that a recovery takes nor fast convergence (section 4.7); both cost a \
             little."
                .into(),
        ],
    })
}

/// Where the window is after one loss.
fn curve() -> Vec<Row> {
    let (mut stage, call) = transfer(Losses::Once(2_000));
    let (plateau, began) = first_fall(&mut stage, call);
    let k = libm::cbrt(plateau * 0.3 / 0.4);
    let parts =
        [(0.25, "a quarter of K"), (0.5, "half of K"), (1.0, "K"), (1.5, "one and a half K")];
    let row = |(part, name): (f64, &str)| {
        stage.run_until(began + Duration::from_secs_f64(part * k));
        let simulated = segments(&stage, call);
        Row {
            what: format!("window {name} after a loss at {plateau:.0} segments; K is {k:.1} s"),
            expected: cubic_window(part * k, plateau),
            source: "RFC 9438, equation 1",
            simulated,
            interval: Interval::point(simulated),
            unit: Unit::Of("segments"),
            criterion: Criterion::Within(0.02),
        }
    };
    parts.into_iter().map(row).collect()
}

/// The window before the first loss, and when the recovery from it has ended: the window is let
/// grow again.
fn first_fall(stage: &mut Stage, call: Call) -> (f64, Instant) {
    let mut highest = 0.0_f64;
    stage.run_while(|stage| {
        let has_fallen = segments(stage, call) < highest;
        highest = highest.max(segments(stage, call));
        !has_fallen
    });
    let fallen = segments(stage, call);
    stage.run_while(|stage| segments(stage, call) <= fallen);
    (highest, stage.now())
}

/// The window on average, by what arrives in a round trip.
fn mean_window(every: u64) -> Row {
    let (mut stage, call) = transfer(Losses::Every(every));
    let (warm, secs) = (Instant::from_secs(60), 600);
    stage.run_until(warm);
    let before = stage.received(call);
    stage.run_until(warm + Duration::from_secs(secs));
    let bytes = (stage.received(call) - before) as f64;
    let simulated = bytes / f64::from(profile().mss) / secs as f64 * ROUND_TRIP;
    Row {
        what: format!("mean window, one segment of {every} lost"),
        expected: cubic_mean_window(1.0 / every as f64, ROUND_TRIP),
        source: "RFC 9438, equation 6",
        simulated,
        interval: Interval::point(simulated),
        unit: Unit::Of("segments"),
        criterion: Criterion::Within(0.1),
    }
}

fn transfer(losses: Losses) -> (Stage, Call) {
    let mut stage = Stage::new(1);
    stage.losses = losses;
    let way = Params { delay: Duration::from_millis(50), ..Params::default() };
    let (there, back) = (stage.link("there", way.clone()), stage.link("back", way));
    let call = stage.call(&Arc::new(profile()), Talk::ENDLESS, &[there], &[back]);
    (stage, call)
}

fn profile() -> Profile {
    Profile { receive_buffer: 64 << 20, ..Profile::linux() }
}

fn segments(stage: &Stage, call: Call) -> f64 {
    f64::from(stage.window(call)) / f64::from(profile().mss)
}

/// In seconds.
const ROUND_TRIP: f64 = 0.1;
