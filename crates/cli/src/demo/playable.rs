//! What of a design the demo cannot play: all of it is told before anything is shown.

use std::collections::BTreeSet;

use base::{CallId, NodeId};
use config::Design;
use config::design::{Entry, NodeKind, Target};
use model::fault::Fault;
use standin::incident;

/// Why a design cannot be played through this incident; nothing if it can.
pub(super) fn lacking(design: &Design, incident: Option<usize>) -> Vec<String> {
    let entries = incident.map_or(&[][..], |at| &design.incidents[at].entries);
    let faults = entries.iter().filter_map(|entry| hit(design, entry).err());
    let nodes = on_stage(design).into_iter().filter_map(|id| lacks(design, id));
    nodes.chain(faults).collect()
}

/// The node that a fault happens to.
///
/// # Errors
/// The stand-ins cannot play it.
pub(super) fn hit(design: &Design, entry: &Entry) -> Result<NodeId, String> {
    let elsewhere = || Err("the demo plays faults of services and clients only".to_owned());
    let Target::Node(node) = entry.on else {
        return elsewhere();
    };
    match (&design.node(node).kind, &entry.fault) {
        (NodeKind::Balancer(_) | NodeKind::Cache(_), _) => elsewhere(),
        (_, Fault::Restart { .. }) => Ok(node),
        (_, fault) if incident::is_playable(fault) => Ok(node),
        (_, fault) => Err(format!("the demo does not play `{}`", fault.kind())),
    }
}

/// The call that a client makes; what one route does differently is the balancer's affair.
pub(super) fn first_call(design: &Design, from: NodeId) -> Option<CallId> {
    design.calls_from(from).find(|&call| design.call(call).only.is_none())
}

/// All clients, and whom their requests reach.
fn on_stage(design: &Design) -> BTreeSet<NodeId> {
    let all = (0..design.nodes.len()).map(NodeId::from_index);
    let is_client = |id: &NodeId| matches!(design.node(*id).kind, NodeKind::Client(_));
    let mut next: Vec<_> = all.filter(is_client).collect();
    let mut found = BTreeSet::new();
    while let Some(id) = next.pop() {
        if found.insert(id) {
            next.extend(asks(design, id).into_iter().map(|call| design.call(call).to));
        }
    }
    found
}

fn asks(design: &Design, id: NodeId) -> Vec<CallId> {
    match &design.node(id).kind {
        NodeKind::Client(_) => first_call(design, id).into_iter().collect(),
        NodeKind::Balancer(_) => design.calls_from(id).collect(),
        NodeKind::Service(service) => service.steps.concat(),
        NodeKind::Database(_) | NodeKind::Cache(_) => Vec::new(),
    }
}

fn lacks(design: &Design, id: NodeId) -> Option<String> {
    let node = design.node(id);
    let name = &node.name;
    match node.kind {
        NodeKind::Client(_) if first_call(design, id).is_none() => {
            Some(format!("client {name} asks nobody"))
        }
        NodeKind::Cache(_) => Some(format!("the demo does not play the cache {name}")),
        NodeKind::Service(_) | NodeKind::Database(_) if node.model().is_none() => {
            Some(format!("{name} has no model to behave like; {MODEL}"))
        }
        _ => None,
    }
}

const MODEL: &str = "give it one: `model = { workers = 8, queue = 32, service_time = \"20ms\" }`";

#[cfg(test)]
mod tests {
    use super::super::EXAMPLE;
    use super::*;

    #[test]
    fn the_example_can_be_played() {
        assert_eq!(lacking_with("", ""), [""; 0]);
    }

    #[test]
    fn all_that_cannot_be_played_is_told_at_once() {
        let (model, _) = EXAMPLE.split_once("model = ").unwrap().1.split_once('\n').unwrap();
        let model = format!("model = {model}");

        let told = lacking_with(&model, "");

        assert_eq!(told, [format!("shop has no model to behave like; {MODEL}")]);
        let loss = lacking_with("kind = \"slow\"\ntimes = 1.4", "kind = \"loss\"\nloss = \"1%\"");
        assert_eq!(loss, ["the demo does not play `loss`"]);
        let balancer = lacking_with(
            "on = \"shop\"\nkind = \"slow\"\ntimes = 1.4\nat = \"5s\"\nramp = \"1s\"",
            "on = \"lb\"\nkind = \"crash\"\nat = \"5s\"",
        );
        assert_eq!(balancer, ["the demo plays faults of services and clients only"]);
    }

    /// What the example lacks with another text in the place of a part of it.
    fn lacking_with(part: &str, other: &str) -> Vec<String> {
        let text = EXAMPLE.replacen(part, other, 1);
        let loaded = config::load_bytes(text.as_bytes(), &config::NoFiles);
        let design = loaded.design.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
        lacking(&design, Some(0))
    }
}
