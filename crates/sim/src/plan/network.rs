//! The network under a design: how faithfully it is played, what its links do, and what of it an
//! incident hits.

use base::{CallId, Duration, NodeId, RegionId, Share};
use config::Design;
use config::design::{Entry, Link, NodeKind, Target};
use model::fault::Fault;
use model::{card, geography};
use netsim::l3::{Bound, Loss, Params};

use super::requests::Requests;
use super::{Instance, Planned, What, need};
use crate::{Fidelity, Options, Refusal};

/// The network of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Packets are simulated; else a message is a delay.
    pub(crate) has_packets: bool,
    /// Why, for people.
    pub(crate) why: String,
    /// What is sent on a connection that stands at both ends arrives: no fault makes the network or
    /// whoever is at the other end lose anything, and no card is ever full.
    pub(crate) keeps_all: bool,
    /// What an instance's network card does, each way: half of the way within a region.
    pub(crate) card: Params,
    /// The ways between regions, row by row.
    pub(crate) between: Vec<Params>,
}

/// Which part of the network a fault hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The cards of these instances. Clients call; nobody calls them.
    Cards { instances: Vec<u32>, are_clients: bool },
    /// What passes through a region's router, or the borders of the region.
    Region(RegionId),
    /// The way from region to region.
    Between(RegionId, RegionId),
    /// What the callers say to those they call, and back; all calls between the same two.
    Call(CallId),
}

/// What may wait before a card: the limit of fq_codel, which systemd makes the default of Linux
/// (`net.core.default_qdisc`). A line that an incident makes narrow has the queue of any other.
const CARD_QUEUE: u32 = 10_240;

/// Lost between regions. Public transit is sold with less than 0.1 % lost (NTT's and Lumen's
/// service levels); the clouds' own ways between continents lose an order of magnitude less than
/// the public ones (Haq, Raja and Dogar, "Measuring and Improving the Reliability of Wide-Area
/// Cloud Paths", WWW 2017). Within a region nothing is lost unless the design says so.
const LOSS_BETWEEN: Share = Share::from_millionths(100);

/// How much later than others a datagram may come between regions: a millisecond, what backbones
/// promise not to exceed (Verizon's service level). Within a region there is none.
const JITTER_BETWEEN: Duration = Duration::from_millis(1);

impl Network {
    pub(super) fn new(
        design: &Design,
        options: &Options,
        instances: &[Instance],
        requests: &Requests,
        faults: &[Planned],
        refusals: &mut Vec<Refusal>,
    ) -> Self {
        let reason = need::of_packets(design, instances, requests, faults);
        let (has_packets, why) = match (options.fidelity, reason) {
            (Fidelity::Packet, _) => (true, "asked for".to_owned()),
            (Fidelity::Auto, Some(reason)) => (true, reason),
            (Fidelity::Auto, None) => {
                (false, "nothing is lost, delayed or queued by the network".to_owned())
            }
            (Fidelity::Message, _) => (false, "asked for".to_owned()),
        };
        if let Some(fault) =
            faults.iter().find(|_| !has_packets).and_then(|_| need::hits_network(faults))
        {
            refusals.push(Refusal::new(
                format!("the fault `{}` on {} needs packets", fault.fault.kind(), fault.on),
                "leave `--fidelity message` out, or play another incident",
            ));
        }
        let is_hit = faults
            .iter()
            .any(|it| matches!(it.what, What::Network(_)) || matches!(it.fault, Fault::RegionLoss));
        // Where something may be lost, who has spoken before knows how long to wait for an answer.
        let keeps_all = !is_hit && need::is_even(design, instances, requests, faults);
        Self { has_packets, why, keeps_all, card: card(), between: between(design) }
    }
}

fn card() -> Params {
    Params {
        delay: Duration::from_nanos(geography::WITHIN_REGION.as_nanos() / 2),
        bits_per_sec: Some(card::BITS_PER_SEC),
        queue: Bound { packets: CARD_QUEUE, ..Bound::default() },
        ..Params::default()
    }
}

fn between(design: &Design) -> Vec<Params> {
    let count = design.regions.len().max(1);
    let delays = super::places::delays(design);
    let mut ways = Vec::with_capacity(count * count);
    for from in 0..count {
        for to in 0..count {
            let delay = delays[from * count + to];
            ways.push(way(stated(design, from, to), delay));
        }
    }
    ways
}

/// What the file says of the way from region to region.
pub(super) fn stated(design: &Design, from: usize, to: usize) -> Option<&Link> {
    design.links.iter().find(|link| {
        let ends = (link.from.index(), link.to.index());
        ends == (from, to) || (!link.one_way && ends == (to, from))
    })
}

/// The cards at both ends take their part of the delay.
fn way(stated: Option<&Link>, delay: Duration) -> Params {
    let cards = geography::WITHIN_REGION.as_nanos();
    let delay = Duration::from_nanos(delay.as_nanos().saturating_sub(cards));
    let loss = stated.and_then(|link| link.loss).unwrap_or(LOSS_BETWEEN);
    Params {
        delay,
        jitter: stated.and_then(|link| link.jitter).unwrap_or(JITTER_BETWEEN),
        loss: Loss::in_bursts(loss, stated.map_or(1, |link| link.burst)),
        bits_per_sec: stated.and_then(|link| link.bandwidth),
        ..Params::default()
    }
}

/// Where a fault of the network hits it, with the name of the place.
///
/// # Errors
/// That many instances are not there.
pub(super) fn place(
    design: &Design,
    entry: &Entry,
    instances: impl FnOnce(NodeId) -> Result<(Vec<u32>, String), Refusal>,
) -> Result<(Place, String), Refusal> {
    let hit = match entry.on {
        Target::Node(node) => {
            let (hit, on) = instances(node)?;
            let are_clients = matches!(design.node(node).kind, NodeKind::Client(_));
            return Ok((Place::Cards { instances: hit, are_clients }, on));
        }
        Target::Region(region) => Place::Region(region),
        Target::Link(from, to) => Place::Between(from, to),
        Target::Call(call) => Place::Call(call),
    };
    Ok((hit, design.target_in_words(&entry.on)))
}
