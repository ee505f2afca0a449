//! `cargo xtask bench http1`: the same requests through each proxy, in turn, round after round.

use clap::Args;

use super::load::{Load, Measure, idle_bytes};
use super::peers::{PEERS, Peer};
use super::rig::{Proxy, Rig};
use super::{machine, report};
use crate::shell::Outcome;

/// How much to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds: shows that all works, says little about figures
    #[arg(long)]
    quick: bool,
    /// Only these proxies
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Rounds of each comparison
    #[arg(long)]
    rounds: Option<usize>,
    /// Prints the tables, and leaves docs/performance.md as it is
    #[arg(long)]
    no_write: bool,
}

impl Options {
    /// Enough to see that all works.
    pub(crate) fn brief() -> Self {
        Self { quick: true, peers: Vec::new(), rounds: Some(1), no_write: true }
    }
}

/// What is sent in one comparison.
pub(crate) struct Scenario {
    pub(crate) title: &'static str,
    path: &'static str,
    fresh: bool,
    pub(crate) logs: bool,
    connections: usize,
    /// As much as goes through, instead of half of what the slowest can.
    pub(crate) flat_out: bool,
}

/// What came of it.
pub(crate) struct Comparison {
    pub(crate) scenario: &'static Scenario,
    /// Requests per second, if it was fixed.
    pub(crate) rate: Option<f64>,
    pub(crate) rows: Vec<Row>,
}

/// One proxy in all rounds.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) rounds: Vec<Measure>,
}

/// The memory of one proxy for each idle connection, in all rounds.
pub(crate) struct Idle {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<f64>,
}

/// Everything that was measured.
pub(crate) struct Results {
    pub(crate) facts: String,
    pub(crate) versions: Vec<(&'static str, String)>,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) idle: Vec<Idle>,
    /// Plimsoll alone, with few and with many routes.
    pub(crate) routes: Option<Comparison>,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
}

/// The comparisons, in the order of the report.
const SCENARIOS: &[Scenario] = &[
    Scenario { title: "Small body (100 bytes), connections kept alive", ..SMALL },
    Scenario { title: "Small body, as many requests as go through", flat_out: true, ..SMALL },
    Scenario { title: "Small body, access logs on", logs: true, ..SMALL },
    Scenario { title: "64 KiB body, connections kept alive", path: "/large", ..SMALL },
    Scenario {
        title: "Small body, a new connection for each request",
        fresh: true,
        connections: 200,
        ..SMALL
    },
];

const SMALL: Scenario = Scenario {
    title: "",
    path: "/small",
    fresh: false,
    logs: false,
    connections: 64,
    flat_out: false,
};

const ROUTES: Scenario = Scenario { title: "Plimsoll with 1 and with 1,000 routes", ..SMALL };

/// Measures, and writes the report.
pub(crate) fn run(options: &Options) -> Outcome {
    if machine::cores() < 2 {
        return Err("the proxies need one core and the load another; this machine has one".into());
    }
    let results = measure(options)?;
    let text = report::text(&results);
    println!("\n{text}");
    if options.no_write { Ok(()) } else { report::write("http1", &text) }
}

fn measure(options: &Options) -> Outcome<Results> {
    let facts = machine::facts()?;
    let peers = chosen(&options.peers)?;
    peers.iter().flat_map(|peer| peer.needs).try_for_each(|need| need.meet())?;
    let versions =
        peers.iter().map(|peer| Ok((peer.name, (peer.version)()?))).collect::<Outcome<Vec<_>>>()?;
    let run = Run {
        rig: Rig::set_up()?,
        peers,
        rounds: options.rounds.unwrap_or(if options.quick { 2 } else { 7 }),
        seconds: if options.quick { 0.5 } else { 1.5 },
    };
    let comparisons =
        SCENARIOS.iter().map(|scenario| run.compare(scenario)).collect::<Outcome<_>>()?;
    Ok(Results {
        facts,
        versions,
        comparisons,
        idle: run.idle()?,
        routes: run.routes()?,
        rounds: run.rounds,
        seconds: run.seconds,
    })
}

fn chosen(names: &[String]) -> Outcome<Vec<&'static Peer>> {
    let known = |name: &&String| PEERS.iter().any(|peer| peer.name.eq_ignore_ascii_case(name));
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
        return Err(format!("no peer is called {unknown}; there are {}", all.join(", ")));
    }
    let is_chosen = |peer: &&&Peer| {
        names.is_empty() || names.iter().any(|name| peer.name.eq_ignore_ascii_case(name))
    };
    Ok(PEERS.iter().filter(is_chosen).copied().collect())
}

struct Run {
    rig: Rig,
    peers: Vec<&'static Peer>,
    rounds: usize,
    seconds: f64,
}

impl Run {
    fn compare(&self, scenario: &'static Scenario) -> Outcome<Comparison> {
        eprintln!("== {}", scenario.title);
        let mut proxies = self
            .peers
            .iter()
            .map(|peer| self.rig.start(peer, scenario.logs, 1))
            .collect::<Outcome<Vec<_>>>()?;
        let rate = if scenario.flat_out { None } else { Some(self.rate(scenario, &proxies)?) };
        proxies.push(self.rig.direct());
        let load = |_: usize| self.load(scenario, rate, vec![scenario.path.into()]);
        let rows = self.in_turn(&proxies, load)?;
        for (proxy, row) in proxies.into_iter().zip(&rows) {
            proxy.stop(row.rounds.iter().map(|round| round.sent).sum())?;
        }
        Ok(Comparison { scenario, rate, rows })
    }

    /// Half of what the slowest proxy can carry.
    fn rate(&self, scenario: &Scenario, proxies: &[Proxy]) -> Outcome<f64> {
        let load = Load {
            seconds: self.seconds / 2.0,
            ..self.load(scenario, None, vec![scenario.path.into()])
        };
        let mut slowest = f64::INFINITY;
        for proxy in proxies {
            let carried = proxy.measure(&load)?.per_second;
            eprintln!("   {:<10} carries {carried:.0} requests per second", proxy.name);
            slowest = slowest.min(carried);
        }
        Ok((slowest / 2.0).floor().max(1.0))
    }

    fn load(&self, scenario: &Scenario, rate: Option<f64>, paths: Vec<String>) -> Load {
        Load {
            paths,
            connections: scenario.connections,
            rate,
            fresh: scenario.fresh,
            seconds: self.seconds,
        }
    }

    /// A B C, A B C, …: whatever else the machine does, it does to all of them.
    fn in_turn(&self, proxies: &[Proxy], load: impl Fn(usize) -> Load) -> Outcome<Vec<Row>> {
        let mut rows: Vec<_> =
            proxies.iter().map(|proxy| Row { name: proxy.name, rounds: Vec::new() }).collect();
        for _ in 0..self.rounds {
            for (index, proxy) in proxies.iter().enumerate() {
                rows[index].rounds.push(proxy.measure(&load(index))?);
            }
        }
        Ok(rows)
    }

    /// Each time in a fresh process, which has freed nothing yet that it could use again.
    fn idle(&self) -> Outcome<Vec<Idle>> {
        eprintln!("== {IDLE} idle connections");
        let mut idle: Vec<_> =
            self.peers.iter().map(|peer| Idle { name: peer.name, bytes: Vec::new() }).collect();
        for _ in 0..self.rounds.min(3) {
            for (peer, row) in self.peers.iter().zip(&mut idle) {
                let proxy = self.rig.start(peer, false, 1)?;
                let bytes = idle_bytes(IDLE, proxy.port, &proxy.processes());
                row.bytes.push(bytes.map_err(|why| format!("{}: {why}", peer.name))?);
            }
        }
        Ok(idle)
    }

    fn routes(&self) -> Outcome<Option<Comparison>> {
        let Some(plimsoll) = self.peers.iter().find(|peer| peer.name == "plimsoll") else {
            return Ok(None);
        };
        eprintln!("== {}", ROUTES.title);
        let (few, many) =
            (self.rig.start(plimsoll, false, 1)?, self.rig.start(plimsoll, false, 1_000)?);
        let rate = Some(self.rate(&ROUTES, std::slice::from_ref(&few))?);
        let prefixes: Vec<_> = (0..1_000).map(|n| format!("/r{n}/small")).collect();
        let paths = [vec!["/small".to_owned()], prefixes];
        let load = |index: usize| self.load(&ROUTES, rate, paths[index].clone());
        let mut rows = self.in_turn(&[few, many], load)?;
        for (row, name) in rows.iter_mut().zip(["1 route", "1,000 routes"]) {
            row.name = name;
        }
        Ok(Some(Comparison { scenario: &ROUTES, rate, rows }))
    }
}

/// How many idle connections are held.
pub(crate) const IDLE: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_does_not_exist_is_an_error_and_not_an_empty_run() {
        assert!(chosen(&["ngnix".into()]).is_err());
        assert_eq!(chosen(&["NGINX".into()]).unwrap().len(), 1);
        assert_eq!(chosen(&[]).unwrap().len(), PEERS.len());
    }
}
