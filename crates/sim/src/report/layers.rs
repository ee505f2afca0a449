//! What happened below the requests: connections call by call, datagrams way by way.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use base::CallId;
use config::design::call_in_words;
use event::l3;
use serde::Serialize;

use super::build::{by_cause, percentiles};
use super::{Percentiles, Report};
use crate::judge::Judged;
use crate::plan::Plan;
use crate::stats::layers as counted;

/// The layers below the requests, counted after the warm-up and while traffic arrived.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layers {
    /// Connections, call by call.
    pub l4: Vec<Connections>,
    /// Datagrams, from region to region.
    pub l3: Vec<Datagrams>,
}

/// The connections of a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connections {
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// The name of its `only` table.
    pub only: Option<String>,
    /// Connections that stood.
    pub connects: u64,
    /// How long their handshakes took.
    pub connect_ms: Option<Percentiles>,
    /// Those that never stood, by cause.
    pub connect_failures: BTreeMap<&'static str, u64>,
    /// Tries that went over a connection that stood already.
    pub reused: u64,
    /// Ends of connections that the other side reset.
    pub resets: u64,
    /// Ends of connections that were given up because the other side was silent.
    pub given_up: u64,
    /// Segments that were sent again.
    pub retransmits: u64,
    /// Times that a connection stood still for a whole retransmission timeout.
    pub timeouts: u64,
    /// Losses that were found without a timeout.
    pub recoveries: u64,
    /// Probes for the acknowledgement of the last data.
    pub tail_probes: u64,
    /// Handshake segments that were sent again.
    pub syn_retries: u64,
    /// Handshakes for which there was no room, half-open or whole.
    pub overflows: u64,
    /// Connections that found no port to leave from.
    pub ports_exhausted: u64,
}

/// The datagrams from one region to another, or within one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Datagrams {
    /// The region that they left.
    pub from: String,
    /// The region that they were for.
    pub to: String,
    /// Datagrams.
    pub sent: u64,
    /// Bytes of them, headers included.
    pub bytes: u64,
    /// Those that did not arrive.
    pub lost: u64,
    /// The same by reason.
    pub lost_by_reason: BTreeMap<&'static str, u64>,
    /// Those that arrived twice.
    pub duplicated: u64,
    /// Those that later ones overtook.
    pub reordered: u64,
    /// One way, of those that arrived.
    pub delay_ms: Option<Percentiles>,
    /// Those that waited for others to leave.
    pub queued: u64,
    /// How long they waited, each hop alone.
    pub queueing_ms: Option<Percentiles>,
}

/// All runs together; nothing without packets.
pub(super) fn build(plan: &Plan<'_>, runs: &[Judged]) -> Option<Layers> {
    let mut runs = runs.iter().filter(|_| plan.network.has_packets);
    let mut all = runs.next()?.layers.clone();
    runs.for_each(|run| all.merge(&run.layers));
    let calls = all.connections.iter().enumerate();
    let ways = all.ways.iter().enumerate().filter(|(_, way)| way.sent > 0);
    Some(Layers {
        l4: calls.map(|(at, counted)| connections(plan, CallId::from_index(at), counted)).collect(),
        l3: ways.map(|(at, counted)| datagrams(plan, at, counted)).collect(),
    })
}

fn connections(plan: &Plan<'_>, id: CallId, counted: &counted::Connections) -> Connections {
    let call = plan.design.call(id);
    Connections {
        from: plan.design.node(call.from).name.clone(),
        to: plan.design.node(call.to).name.clone(),
        only: call.only.as_ref().map(|only| only.name.clone()),
        connects: counted.connected,
        connect_ms: percentiles(&counted.connect),
        connect_failures: by_cause(&counted.failed),
        reused: counted.reused,
        resets: counted.resets,
        given_up: counted.given_up,
        retransmits: counted.retransmits,
        timeouts: counted.timeouts,
        recoveries: counted.recoveries,
        tail_probes: counted.tail_probes,
        syn_retries: counted.syn_retries,
        overflows: counted.overflows,
        ports_exhausted: counted.ports_exhausted,
    }
}

fn datagrams(plan: &Plan<'_>, way: usize, counted: &counted::Datagrams) -> Datagrams {
    let regions = &plan.design.regions;
    let name = |at: usize| regions.get(at).map_or(String::new(), |region| region.name.clone());
    let width = regions.len().max(1);
    let happened = |event: l3::Event| counted.happened[event.index()];
    let drops = l3::Event::ALL.into_iter().filter(|event| event.is_drop() && happened(*event) > 0);
    Datagrams {
        from: name(way / width),
        to: name(way % width),
        sent: counted.sent,
        bytes: counted.bytes,
        lost: counted.lost(),
        lost_by_reason: drops.map(|event| (reason(event), happened(event))).collect(),
        duplicated: happened(l3::Event::Duplicated),
        reordered: happened(l3::Event::Reordered),
        delay_ms: percentiles(&counted.delay),
        queued: counted.waited.total(),
        queueing_ms: percentiles(&counted.waited),
    }
}

/// The word for a reason: the metric's name without what all of them begin with.
fn reason(event: l3::Event) -> &'static str {
    let name = event.describe().name;
    name.strip_prefix("packets_").unwrap_or(name)
}

/// The two tables.
pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    let Some(layers) = &report.layers else { return Ok(()) };
    let names: Vec<_> = layers.l4.iter().map(Connections::name).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    writeln!(out, "\nL4, call by call (connect in ms)")?;
    writeln!(
        out,
        "  {:width$} {:>9} {:>8} {:>8} {:>9} {:>8} {:>8} {:>9} {:>7} {:>7}",
        "call", "connects", "p50", "p99", "reused", "failed", "resets", "resent", "RTOs", "SYNs"
    )?;
    for (call, name) in layers.l4.iter().zip(&names) {
        let failed: u64 = call.connect_failures.values().sum();
        writeln!(
            out,
            "  {name:width$} {:>9} {} {:>9} {failed:>8} {:>8} {:>9} {:>7} {:>7}",
            call.connects,
            ends(call.connect_ms),
            call.reused,
            call.resets,
            call.retransmits,
            call.timeouts,
            call.syn_retries
        )?;
    }
    for (call, name) in layers.l4.iter().zip(&names) {
        let causes = counts(&call.connect_failures);
        if !causes.is_empty() {
            writeln!(out, "  {name} did not connect: {causes}")?;
        }
        let trouble = [
            ("overflows", call.overflows),
            ("out of ports", call.ports_exhausted),
            ("given up", call.given_up),
        ];
        let trouble: BTreeMap<_, _> = trouble.into_iter().filter(|(_, count)| *count > 0).collect();
        if !trouble.is_empty() {
            writeln!(out, "  {name}: {}", counts(&trouble))?;
        }
    }
    ways(out, &layers.l3)
}

fn ways(out: &mut String, ways: &[Datagrams]) -> fmt::Result {
    let width = ways.iter().map(|way| way.name().chars().count()).max().unwrap_or(0).max(4);
    writeln!(out, "\nL3, way by way (delay in ms, one way; queueing in ms, of those that waited)")?;
    writeln!(
        out,
        "  {:width$} {:>10} {:>9} {:>8} {:>8} {:>9} {:>8} {:>8}",
        "way", "sent", "lost", "p50", "p99", "queued", "p50", "p99"
    )?;
    for way in ways {
        writeln!(
            out,
            "  {:width$} {:>10} {:>9} {} {:>9} {}",
            way.name(),
            way.sent,
            way.lost,
            ends(way.delay_ms),
            way.queued,
            ends(way.queueing_ms)
        )?;
    }
    for way in ways.iter().filter(|way| way.lost > 0) {
        writeln!(out, "  {} lost: {}", way.name(), counts(&way.lost_by_reason))?;
    }
    Ok(())
}

impl Connections {
    fn name(&self) -> String {
        call_in_words(&self.from, &self.to, self.only.as_deref())
    }
}

impl Datagrams {
    fn name(&self) -> String {
        if self.from == self.to {
            format!("within {}", self.from)
        } else {
            format!("{} -> {}", self.from, self.to)
        }
    }
}

/// The middle and the end of a distribution.
fn ends(times: Option<Percentiles>) -> String {
    let show = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
    format!("{:>8} {:>8}", show(times.map(|it| it.p50)), show(times.map(|it| it.p99)))
}

fn counts(counts: &BTreeMap<&'static str, u64>) -> String {
    let all: Vec<_> = counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
    all.join(", ")
}
