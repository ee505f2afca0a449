//! Nodes: what each kind says about itself.

mod balancer;
mod cache;
mod client;
mod database;
mod model;
mod place;
mod replay;
mod route;
mod service;

use base::NodeId;

use crate::design::Node;
use crate::files::Files;
use crate::index::{Index, Kind, NodeHead};
use crate::names::shown;
use crate::read::Table;
use crate::report::Report;
use place::Place;

/// What every node may say.
const COMMON: &[&str] = &["region", "instances", "owner", "descriptors"];

/// A node that is being read, with what its reader needs.
struct Reading<'r, 't> {
    id: NodeId,
    table: Table<'t>,
    index: &'r Index<'t>,
    files: &'r dyn Files,
}

/// Reads every node.
pub(crate) fn read(index: &Index<'_>, files: &dyn Files, report: &mut Report) -> Vec<Node> {
    let reading = |(at, head): (usize, &NodeHead<'_>)| {
        let id = NodeId::from_index(at);
        read_one(head.kind, &Reading { id, table: head.table, index, files }, report)
    };
    index.nodes.iter().enumerate().map(reading).collect()
}

fn read_one(kind: Kind, node: &Reading<'_, '_>, report: &mut Report) -> Node {
    let (kind, place) = match kind {
        Kind::Client => client::read(node, report),
        Kind::Balancer => balancer::read(node, report),
        Kind::Service => service::read(node, report),
        Kind::Database => database::read(node, report),
        Kind::Cache => cache::read(node, report),
    };
    let table = &node.table;
    Node {
        name: shown(table.name),
        instances: place.instances,
        owner: table.get("owner").and_then(|value| value.text(report)).map(str::to_owned),
        descriptors: table.get("descriptors").and_then(|value| value.count(1, u32::MAX, report)),
        kind,
        span: table.span,
    }
}
