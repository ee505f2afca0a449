//! What an incident leaves of a design at one moment: all its faults that are there then, together.
//!
//! Faults on the same instances multiply, as they do in the simulation, and a share of a node is
//! always its first instances: `1 of 3` down and `1 of 3` slow hit the same one.

use base::{Duration, NodeId, RegionId};
use config::Design;
use config::design::{Entry, NodeKind, Part, Target};
use model::fault::Fault;

use super::pools;

/// Where the instances of each node are, in the order in which they are numbered.
#[derive(Debug)]
pub struct Places<'a> {
    design: &'a Design,
    /// For each node, regions with how many instances follow each other there.
    by_node: Vec<Vec<(RegionId, u32)>>,
}

/// The faults that are there at one moment.
#[derive(Debug)]
pub struct Trouble<'a> {
    places: &'a Places<'a>,
    /// Those that are there, in the order of the file.
    pub entries: Vec<&'a Entry>,
}

/// What is left of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Left {
    /// The share of its instances that still work.
    pub working: f64,
    /// How many times as long those that work take for it.
    pub slower: f64,
}

impl<'a> Places<'a> {
    /// Looks them up once for all incidents.
    pub fn of(design: &'a Design) -> Self {
        Self { design, by_node: design.nodes.iter().map(pools::in_order).collect() }
    }
}

impl<'a> Trouble<'a> {
    /// When something begins in an incident, what is there. Ramps count as climbed.
    pub fn moments(places: &'a Places<'a>, entries: &'a [Entry]) -> Vec<Self> {
        let mut times: Vec<Duration> = entries.iter().map(|entry| entry.at).collect();
        times.sort_unstable();
        times.dedup();
        let at = |time: Duration| Self {
            places,
            entries: entries.iter().filter(|entry| is_there(entry, time)).collect(),
        };
        times.into_iter().map(at).collect()
    }

    /// What is left of a node.
    pub fn left(&self, node: NodeId) -> Left {
        let hits: Vec<(&Fault, Vec<(u32, u32)>)> = self
            .entries
            .iter()
            .map(|entry| (&entry.fault, self.hit(entry, node)))
            .filter(|(_, hit)| !hit.is_empty())
            .collect();
        if hits.is_empty() {
            return Left { working: 1.0, slower: 1.0 };
        }
        let count: u32 = self.places.by_node[node.index()].iter().map(|(_, n)| n).sum();
        let ends = hits.iter().flat_map(|(_, hit)| hit).flat_map(|(from, to)| [*from, *to]);
        let mut cuts: Vec<u32> = ends.chain([0, count]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let (mut working, mut speed) = (0.0, 0.0);
        for cut in cuts.windows(2) {
            let within =
                |hit: &[(u32, u32)]| hit.iter().any(|(from, to)| (*from..*to).contains(&cut[0]));
            let faults = hits.iter().filter(|(_, hit)| within(hit)).map(|(fault, _)| *fault);
            if let Some(slower) = faults.map(slowdown).try_fold(1.0, |all, one| Some(all * one?)) {
                let part = f64::from(cut[1] - cut[0]);
                working += part;
                speed += part / slower;
            }
        }
        let slower = if speed > 0.0 { working / speed } else { 1.0 };
        Left { working: working / f64::from(count.max(1)), slower }
    }

    /// How many times its usual traffic a client sends.
    pub fn pace(&self, client: NodeId) -> f64 {
        let spike = |entry: &&Entry| match entry.fault {
            Fault::Spike { times } if !self.hit(entry, client).is_empty() => times,
            _ => 1.0,
        };
        self.entries.iter().map(spike).product()
    }

    /// The instances of a node that a fault hits, as ranges of their numbers.
    fn hit(&self, entry: &Entry, node: NodeId) -> Vec<(u32, u32)> {
        let is_client = matches!(self.places.design.node(node).kind, NodeKind::Client(_));
        if is_client != matches!(entry.fault, Fault::Spike { .. }) {
            return Vec::new();
        }
        let places = &self.places.by_node[node.index()];
        match entry.on {
            Target::Node(on) if on == node => {
                let count = places.iter().map(|(_, n)| n).sum();
                vec![(0, part(entry.share, count))]
            }
            Target::Region(region) => ranges(places, region),
            Target::Node(_) | Target::Call(_) | Target::Link(..) => Vec::new(),
        }
    }
}

fn is_there(entry: &Entry, time: Duration) -> bool {
    let lasts = match entry.fault {
        Fault::Restart { takes } => Some(takes),
        _ => entry.lasts,
    };
    entry.at <= time && lasts.is_none_or(|lasts| time < entry.at + lasts)
}

/// How many times as long work takes; nothing if none is done.
fn slowdown(fault: &Fault) -> Option<f64> {
    match fault {
        Fault::Slow { times } => Some(times.max(f64::MIN_POSITIVE)),
        Fault::Crash | Fault::Hang | Fault::Restart { .. } | Fault::Drain | Fault::RegionLoss => {
            None
        }
        _ => Some(1.0),
    }
}

/// So many of all instances, rounded up to whole ones.
fn part(share: Part, count: u32) -> u32 {
    let hit = match share {
        Part::Whole => count,
        Part::Of(some, _) => some,
        Part::Share(share) => {
            let hit = (share.as_f64() * f64::from(count)).ceil();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and too much becomes the most"
            )]
            let hit = hit as u32;
            hit
        }
    };
    hit.min(count)
}

fn ranges(places: &[(RegionId, u32)], region: RegionId) -> Vec<(u32, u32)> {
    let mut from = 0;
    let mut ranges = Vec::new();
    for (at, count) in places {
        if *at == region {
            ranges.push((from, from + count));
        }
        from += count;
    }
    ranges
}
