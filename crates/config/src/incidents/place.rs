//! Which faults can happen to which places: the only table of it, for who reads a design and for
//! who plays one.

use base::NodeId;
use model::fault::Fault;

use crate::design::{Design, Entry, Listen, Node, NodeKind, Protocol, Target};

/// Whether a fault can happen to what it is to hit.
///
/// # Errors
/// It cannot; what to name or write instead.
pub fn can_happen(design: &Design, entry: &Entry) -> Result<(), &'static str> {
    let around = Around {
        nodes: &design.nodes,
        regions: design.regions.len(),
        callers: design.calls.iter().map(|call| call.from).collect(),
    };
    fits(&entry.fault, Place::of(&entry.on, &around))
}

/// What has to be known of a design to know its places.
pub(super) struct Around<'a> {
    pub(super) nodes: &'a [Node],
    /// How many there are.
    pub(super) regions: usize,
    /// Who makes each call.
    pub(super) callers: Vec<NodeId>,
}

/// What a fault is to hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where traffic comes from.
    Client,
    /// A balancer, and whether it looks at requests to know where they belong.
    Balancer {
        /// One that passes on connections does not.
        sees_requests: bool,
    },
    /// A cache.
    Cache,
    /// Who works: a service or a database.
    Worker,
    /// A region, and whether there are others.
    Region {
        /// Without others it has no border.
        is_alone: bool,
    },
    /// A call, and whether a balancer that looks at requests makes it.
    Call {
        /// See [`Place::Balancer`].
        of_balancer: bool,
    },
    /// The way between two regions.
    Way,
}

impl Place {
    pub(super) fn of(target: &Target, around: &Around<'_>) -> Self {
        let node = |id: NodeId| &around.nodes[id.index()];
        match *target {
            Target::Node(id) => match &node(id).kind {
                NodeKind::Client(_) => Self::Client,
                NodeKind::Balancer(_) => Self::Balancer { sees_requests: sees_requests(node(id)) },
                NodeKind::Cache(_) => Self::Cache,
                NodeKind::Service(_) | NodeKind::Database(_) => Self::Worker,
            },
            Target::Region(_) => Self::Region { is_alone: around.regions < 2 },
            Target::Call(call) => {
                let caller = around.callers.get(call.index());
                Self::Call { of_balancer: caller.is_some_and(|&from| sees_requests(node(from))) }
            }
            Target::Link(..) => Self::Way,
        }
    }
}

/// # Errors
/// It cannot happen there; what to name or write instead.
pub(super) fn fits(fault: &Fault, place: Place) -> Result<(), &'static str> {
    let is_node =
        matches!(place, Place::Client | Place::Balancer { .. } | Place::Cache | Place::Worker);
    let is_region = matches!(place, Place::Region { .. });
    let (fits, way_out) = match fault {
        Fault::Slow { .. } | Fault::Error { .. } | Fault::Hang => (
            place == Place::Worker || is_region,
            match place {
                Place::Client => "name a service or a database; for more traffic use \"spike\"",
                Place::Call { .. } | Place::Way => {
                    "name a service, a database or a region; for a call or a way use \"delay\" or \
                     \"loss\""
                }
                _ => {
                    "name a service, a database or a region: a balancer or a cache has no work of \
                     its own; \"crash\" and \"restart\" can happen to it"
                }
            },
        ),
        Fault::Crash | Fault::Restart { .. } | Fault::Drain | Fault::ClockJump { .. } => (
            (is_node && place != Place::Client) || is_region,
            "name a service, database, cache or balancer, or a region",
        ),
        Fault::Spike { .. } => (place == Place::Client, "name a client: traffic comes from there"),
        Fault::RegionLoss => (is_region, "name a region"),
        Fault::Misroute { .. } => (
            matches!(
                place,
                Place::Balancer { sees_requests: true } | Place::Call { of_balancer: true }
            ),
            "name a balancer of requests, or a call of one as \"a -> b\"; connections are led \
             elsewhere by \"route\"",
        ),
        Fault::Descriptors { .. } | Fault::Nic { .. } => (is_node, "name a node"),
        Fault::Partition { .. } | Fault::Firewall { .. } => (has_border(place), ALONE),
        Fault::LinkDown if !has_border(place) => (false, ALONE),
        Fault::LinkDown => (
            !matches!(place, Place::Call { .. }),
            "a call has no link of its own: write \"partition\", or name a node, or two regions as \
             \"a -> b\"",
        ),
        Fault::Route(_) => (
            !matches!(place, Place::Call { .. }),
            "a route leads to a place, whoever asks: name the node that is not found, or two \
             regions as \"a -> b\"",
        ),
        Fault::Loss { .. }
        | Fault::Delay { .. }
        | Fault::Jitter { .. }
        | Fault::Bandwidth { .. }
        | Fault::Duplicate { .. }
        | Fault::Reorder { .. }
        | Fault::Corrupt { .. }
        | Fault::Mtu { .. } => (true, ""),
    };
    if fits { Ok(()) } else { Err(way_out) }
}

/// Whether a node looks at requests to know where they belong: who passes on connections does not.
fn sees_requests(node: &Node) -> bool {
    let NodeKind::Balancer(balancer) = &node.kind else { return false };
    let sees = |listen: &Listen| matches!(listen.protocol, Protocol::Http | Protocol::Grpc);
    balancer.listen.iter().any(sees)
}

const fn has_border(place: Place) -> bool {
    !matches!(place, Place::Region { is_alone: true })
}

const ALONE: &str = "there is only one region, so nothing crosses its border: name a node, or a call \
                     as \"a -> b\"";
