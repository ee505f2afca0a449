//! The metrics of the live plane, read at intervals of the run.
//!
//! The registry is the live plane's own, so a series that a dashboard knows from there has the
//! same name and the same buckets here. Breakers and nodes are told apart by instance, which a
//! registry, one process's, does not do.

use std::collections::BTreeMap;

use base::{CallId, Duration, Instant, NodeId};
use event::{Event, Scope, Sink as _, policy};
use observe::metrics::text::Format;
use observe::metrics::{CallNames, Cells, Levels, Registry};

use crate::plan::Plan;

/// What the metrics were, each time they were read.
#[derive(Debug)]
pub(crate) struct Measured {
    registry: Registry,
    cells: Cells,
    every: Duration,
    next: Instant,
    /// When they were read.
    pub(crate) times: Vec<Instant>,
    /// In the order in which the registry writes them.
    pub(crate) families: Vec<Family>,
    positions: BTreeMap<String, usize>,
    /// By node: busy workers and workers, and requests that wait, as last sampled.
    nodes: Vec<((u32, u32), u64)>,
    /// The same each time the metrics were read.
    pub(crate) node_states: Vec<Vec<((u32, u32), u64)>>,
}

/// The name and labels of a sample, and what it was at which reading. A value stands until the
/// next.
pub(crate) type Sample = (String, Vec<(u32, String)>);

/// A family with all its samples.
#[derive(Clone, Debug, Default)]
pub(crate) struct Family {
    /// Its name, type, unit and help, as the registry writes them.
    pub(crate) head: String,
    pub(crate) name: String,
    pub(crate) samples: Vec<Sample>,
    positions: BTreeMap<String, usize>,
}

impl Measured {
    pub(super) fn new(plan: &Plan<'_>, every: Duration) -> Self {
        let names = (0..plan.design.calls.len()).map(|at| names(plan, CallId::from_index(at)));
        let registry = Registry::new(names.collect());
        Self {
            cells: registry.cells(),
            registry,
            every,
            next: Instant::ZERO + every,
            times: Vec::new(),
            families: Vec::new(),
            positions: BTreeMap::new(),
            nodes: vec![((0, 0), 0); plan.design.nodes.len()],
            node_states: Vec::new(),
        }
    }

    pub(super) fn heard(&mut self, now: Instant, scope: Scope, event: Event) {
        // These are states, and each engine has its own.
        let is_state = matches!(
            event,
            Event::Policy(policy::Event::BreakerMoved { .. } | policy::Event::HealthChanged { .. })
        );
        if !is_state {
            self.cells.emit(now, scope, event);
        }
    }

    pub(super) fn node(&mut self, node: NodeId, workers: (u32, u32), queued: u64) {
        self.nodes[node.index()] = (workers, queued);
    }

    pub(super) fn read_if_due(&mut self, now: Instant) {
        if now >= self.next {
            self.next = now + self.every;
            self.read(now);
        }
    }

    fn read(&mut self, now: Instant) {
        let reading = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        self.times.push(now);
        self.node_states.push(self.nodes.clone());
        let text = self.registry.scrape(Format::OpenMetrics, |_| Levels::default());
        let mut family = None;
        for line in text.lines() {
            if let Some(meta) = line.strip_prefix("# ") {
                family = self.meta(meta, line).or(family);
            } else if let (Some(at), Some((sample, value))) = (family, line.rsplit_once(' ')) {
                self.families[at].take(reading, sample, value);
            }
        }
    }

    /// A line about a family: which it is.
    fn meta(&mut self, meta: &str, line: &str) -> Option<usize> {
        let mut words = meta.split(' ');
        let (keyword, name) = (words.next()?, words.next()?);
        if let Some(&at) = self.positions.get(name) {
            if self.times.len() == 1 {
                self.families[at].head.extend([line, "\n"]);
            }
            return Some(at);
        }
        (keyword == "TYPE").then(|| {
            let family =
                Family { name: name.to_owned(), head: format!("{line}\n"), ..Family::default() };
            self.families.push(family);
            self.positions.insert(name.to_owned(), self.families.len() - 1);
            self.families.len() - 1
        })
    }
}

impl Family {
    fn take(&mut self, reading: u32, sample: &str, value: &str) {
        let at = match self.positions.get(sample) {
            Some(&at) => at,
            None => {
                self.samples.push((sample.to_owned(), Vec::new()));
                self.positions.insert(sample.to_owned(), self.samples.len() - 1);
                self.samples.len() - 1
            }
        };
        let values = &mut self.samples[at].1;
        if values.last().is_none_or(|(_, last)| last != value) {
            values.push((reading, value.to_owned()));
        }
    }
}

fn names(plan: &Plan<'_>, call: CallId) -> CallNames {
    let node = plan.design.call(call).to;
    let endpoints = (0..plan.instance_count(node))
        .map(|number| format!("{}/{number}", plan.design.node(node).name));
    CallNames { call: plan.design.call_name(call).to_string(), endpoints: endpoints.collect() }
}
