//! What of a design is played: which incident, until when, and whose load is looked at.

use base::{Duration, Instant, NodeId};
use config::Design;
use config::design::{NodeKind, Target};

/// The incident that is asked for, or the only one.
///
/// # Errors
/// It is not there, or nobody said which.
pub(super) fn incident(
    asked: Option<&str>,
    design: &Design,
) -> Result<Option<(String, usize)>, String> {
    let names: Vec<_> = design.incidents.iter().map(|incident| incident.name.as_str()).collect();
    let named = |at: usize| Some((names[at].to_owned(), at));
    match (asked, names.as_slice()) {
        (None, []) => Ok(None),
        (None, [_]) => Ok(named(0)),
        (None, _) => {
            Err(format!("the design has several incidents; say --incident: {}", names.join(", ")))
        }
        (Some(asked), _) => match names.iter().position(|name| *name == asked) {
            Some(at) => Ok(named(at)),
            None => {
                Err(format!("the design has no incident \"{asked}\"; it has: {}", names.join(", ")))
            }
        },
    }
}

/// As long after the incident as it took until its end, but neither endless nor nothing.
pub(super) fn end(design: &Design, incident: Option<usize>) -> Instant {
    let entries = incident.map_or(&[][..], |at| &design.incidents[at].entries);
    let ends = entries.iter().map(|entry| entry.at + entry.lasts.unwrap_or(WITHOUT_END)).max();
    let ends = ends.unwrap_or(WITHOUT_END);
    Instant::ZERO + ends + ends.min(LONGEST_AFTER).max(SHORTEST_AFTER)
}

/// The service that the incident hits; the first there is if it hits none.
pub(super) fn watched(design: &Design, incident: Option<usize>) -> Option<NodeId> {
    let serves =
        |id: &NodeId| matches!(design.node(*id).kind, NodeKind::Service(_) | NodeKind::Database(_));
    let entries = incident.map_or(&[][..], |at| &design.incidents[at].entries);
    let mut hit = entries.iter().filter_map(|entry| match entry.on {
        Target::Node(node) => Some(node),
        Target::Region(_) | Target::Call(_) | Target::Link(..) => None,
    });
    let mut all = (0..design.nodes.len()).map(NodeId::from_index);
    hit.find(serves).or_else(|| all.find(serves))
}

/// For an incident that does not end by itself.
const WITHOUT_END: Duration = Duration::from_secs(10);
const SHORTEST_AFTER: Duration = Duration::from_secs(4);
const LONGEST_AFTER: Duration = Duration::from_secs(15);
