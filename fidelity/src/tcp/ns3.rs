//! NewReno against ns-3, on the same dumbbell.
//!
//! The other program is `fidelity/ns3/dumbbell.cc`. It is compiled here, since it needs the headers
//! of ns-3, which nothing else does.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base::Share;
use netsim::l4::tcp::Profile;

use super::dumbbell::Dumbbell;
use crate::interval::{joint, mean};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// ns-3's dumbbell, compiled.
#[derive(Debug)]
pub struct Program(PathBuf);

/// Which NewReno ns-3 runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Its own.
    Shipped,
    /// With the threshold of RFC 5681 after a loss.
    Flight,
}

/// What one run of ns-3 came to.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Payload bytes that arrived after the warm-up.
    pub measured: u64,
    /// Payload bytes that arrived.
    pub all: u64,
    /// Processor time of its events, in seconds.
    pub seconds: f64,
}

/// Every dumbbell with every variant.
///
/// # Errors
///
/// Without a C++ compiler or ns-3's headers.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let program = Program::compile()?;
    let (seeds, loads) = match effort {
        Effort::Full => (20, LOADS),
        Effort::Quick => (4, &LOADS[..1]),
    };
    // Briefly, only what is known to agree.
    let variants: &[_] = match effort {
        Effort::Full => &[Variant::Shipped, Variant::Flight],
        Effort::Quick => &[Variant::Flight],
    };
    let level = joint(loads.len() * variants.len());
    let mut rows = Vec::new();
    for dumbbell in loads {
        let profile = Arc::new(Profile::rfc());
        let ours = over_seeds(seeds, |seed| dumbbell.run(seed, &profile).goodput(dumbbell));
        for &variant in variants {
            let theirs = over_seeds(seeds, |seed| program.run(dumbbell, seed, variant));
            let theirs: Result<Vec<_>, _> = theirs.into_iter().collect();
            let theirs: Vec<_> = theirs?.iter().map(|seen| seen.goodput(dumbbell)).collect();
            rows.push(row(dumbbell, variant, &ours, &theirs, level));
        }
    }
    Ok(Section {
        name: "ns3",
        title: "NewReno against ns-3 3.37",
        about: format!(
            "Goodput of 1 and of 10 transfers without end over 20 Mbit/s with a drop-tail queue of 100 packets and a round \
             trip of 44 ms, with loss towards the receivers; the mean of {seeds} seeds on both sides, and an interval with the \
             scatter of both. Profile `rfc` with b = 2, and ns-3 set to the same (`fidelity/ns3/dumbbell.cc`): segments of \
             1,460 bytes, initial window 10, an acknowledgement for every second segment or after 200 ms, selective \
             acknowledgements, no timestamps, timeouts of at least 1 s, `TcpClassicRecovery` (the sender’s window is halved at \
             once, as in RFC 6675, and not by proportional rate reduction), and no queueing discipline before the device’s \
             queue. ns-3’s point-to-point header makes its packets 2 bytes longer."
        ),
        rows,
        remarks: vec![
            "**Two ns-3s.** After a loss, RFC 5681 (equation 4) and RFC 6675 (section 5, step 4.2) halve *FlightSize*: what was \
             sent and not cumulatively acknowledged. ns-3 passes `BytesInFlight()` to `GetSsThresh`, and with selective \
             acknowledgements that is the estimate of what is still in the network: without the lost segment and the three \
             that were received after it. So its threshold is two segments too low at every loss, which hardly shows in large \
             windows and costs a tenth or more in small ones. The rows *as shipped* are ns-3 as it is; the rows *by RFC 5681* \
             are ns-3 with that one number changed, by a class of twenty lines in our program. `netsim` follows the standard."
                .into(),
        ],
    })
}

const fn load(flows: u32, millionths: u32, secs: u64) -> Dumbbell {
    Dumbbell { flows, loss: Share::from_millionths(millionths), secs, warm_up: 5 }
}

/// One flow has more scatter, and is cheaper.
const LOADS: &[Dumbbell] = &[
    load(1, 10_000, 60),
    load(1, 1_000, 60),
    load(1, 100, 40),
    load(10, 10_000, 15),
    load(10, 1_000, 15),
    load(10, 100, 15),
];

fn row(dumbbell: &Dumbbell, variant: Variant, ours: &[f64], theirs: &[f64], level: f64) -> Row {
    let megabits = |bits: &[f64]| bits.iter().map(|bits| bits / 1e6).collect::<Vec<_>>();
    let (ours, theirs) = (megabits(ours), megabits(theirs));
    Row {
        what: dumbbell.to_string(),
        expected: mean(&theirs),
        source: match variant {
            Variant::Shipped => "ns-3, as shipped",
            Variant::Flight => "ns-3, by RFC 5681",
        },
        simulated: mean(&ours),
        interval: Interval::of_mean_beside(&ours, &theirs, level),
        unit: Unit::Of("Mbit/s"),
        criterion: Criterion::Within(0.1),
    }
}

impl Seen {
    fn goodput(&self, dumbbell: &Dumbbell) -> f64 {
        self.measured as f64 * 8.0 / dumbbell.secs as f64
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let measured = words.next()?.parse().ok()?;
        let all = words.next()?.parse().ok()?;
        let seconds = words.next()?.parse().ok()?;
        Some(Self { measured, all, seconds })
    }
}

impl Program {
    /// Compiles it, next to this program.
    ///
    /// # Errors
    ///
    /// Without a C++ compiler or ns-3's headers.
    pub fn compile() -> Result<Self, Missing> {
        let missing = |why: &dyn std::fmt::Display| {
            Missing(format!("ns-3 and a compiler: apt-get install libns3-dev g++ ({why})"))
        };
        let here = env::current_exe().map_err(|e| missing(&e))?;
        let program = here.with_file_name("ns3-dumbbell");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("ns3/dumbbell.cc");
        let libraries =
            ["applications", "point-to-point", "traffic-control", "internet", "network", "core"];
        let built = Command::new("c++")
            .args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-o"])
            .args([&program, &source])
            .args(libraries.map(|library| format!("-lns3-{library}")))
            .output()
            .map_err(|e| missing(&e))?;
        if built.status.success() {
            return Ok(Self(program));
        }
        let said = String::from_utf8_lossy(&built.stderr);
        Err(missing(
            &said.lines().find(|line| line.contains("error")).unwrap_or("it does not compile"),
        ))
    }

    /// Runs it with one seed.
    ///
    /// # Errors
    ///
    /// If it fails or says something else than expected.
    pub fn run(&self, dumbbell: &Dumbbell, seed: u64, variant: Variant) -> Result<Seen, Missing> {
        let Dumbbell { flows, loss, secs, warm_up } = dumbbell;
        let variant = match variant {
            Variant::Shipped => "shipped",
            Variant::Flight => "flight",
        };
        let ran = Command::new(&self.0)
            .args([flows.to_string(), loss.as_f64().to_string(), secs.to_string()])
            .args([warm_up.to_string(), seed.to_string(), variant.into()])
            .output()
            .map_err(|e| Missing(format!("ns-3’s dumbbell does not run: {e}")))?;
        let said = String::from_utf8_lossy(&ran.stdout);
        let seen = if ran.status.success() { Seen::read(&said) } else { None };
        seen.ok_or_else(|| Missing(format!("ns-3’s dumbbell failed ({}): {said}", ran.status)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ns3_says_is_read_and_anything_else_is_not() {
        let seen = Seen::read("15000 18000 0.25\n").unwrap();

        assert_eq!((seen.measured, seen.all), (15_000, 18_000));
        assert!((seen.seconds - 0.25).abs() < 1e-12);
        assert!(Seen::read("assert failed").is_none());
    }
}
