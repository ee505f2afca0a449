//! What an incident leaves of a design at one moment: all its faults that are there then, together.
//!
//! Faults on the same instances multiply, as they do in the simulation, and a share of a node is
//! always its first instances: `1 of 3` down and `1 of 3` slow hit the same one.

use base::{Duration, NodeId, RegionId};
use config::Design;
use config::design::{Entry, NodeKind, Part, Target};
use model::fault::Fault;

use super::pools;

/// The faults that are there at one moment.
#[derive(Debug)]
pub struct Trouble<'a> {
    design: &'a Design,
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

impl<'a> Trouble<'a> {
    /// When something begins in an incident, what is there. Ramps count as climbed.
    pub fn moments(design: &'a Design, entries: &'a [Entry]) -> Vec<Self> {
        let mut times: Vec<Duration> = entries.iter().map(|entry| entry.at).collect();
        times.sort_unstable();
        times.dedup();
        let at = |time: Duration| Self {
            design,
            entries: entries.iter().filter(|entry| is_there(entry, time)).collect(),
        };
        times.into_iter().map(at).collect()
    }

    /// Whether any of the faults hits this node.
    pub fn hits(&self, node: NodeId) -> bool {
        self.entries.iter().any(|entry| !self.hit(entry, node).is_empty())
    }

    /// What is left of a node.
    pub fn left(&self, node: NodeId) -> Left {
        let hits: Vec<(&Fault, Vec<(u32, u32)>)> = self
            .entries
            .iter()
            .map(|entry| (&entry.fault, self.hit(entry, node)))
            .filter(|(_, hit)| !hit.is_empty())
            .collect();
        let count: u32 = pools::in_order(self.design.node(node)).iter().map(|(_, n)| n).sum();
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
        let of_node = self.design.node(node);
        let is_client = matches!(of_node.kind, NodeKind::Client(_));
        if is_client != matches!(entry.fault, Fault::Spike { .. }) {
            return Vec::new();
        }
        let places = pools::in_order(of_node);
        match entry.on {
            Target::Node(on) if on == node => {
                let count = places.iter().map(|(_, n)| n).sum();
                vec![(0, part(entry.share, count))]
            }
            Target::Region(region) => ranges(&places, region),
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
