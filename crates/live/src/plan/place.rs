//! Which balancer of a design runs here, and in which region.

use base::{NodeId, RegionId};
use config::design::{Design, NodeKind};

use crate::options::Options;
use crate::refused::Refused;

/// Where an instance stands in its design.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The balancer.
    pub(crate) node: NodeId,
    /// Its region, if the design has some.
    pub(crate) region: Option<RegionId>,
}

/// The place that the options name, or the only one there is.
///
/// # Errors
/// There is no such place, or there are several.
pub(crate) fn place(design: &Design, options: &Options) -> Result<Place, Refused> {
    let node = node(design, options.node.as_deref())?;
    let region = region(design, node, options.region.as_deref())?;
    Ok(Place { node, region })
}

fn node(design: &Design, name: Option<&str>) -> Result<NodeId, Refused> {
    let is_balancer = |id: &NodeId| matches!(design.node(*id).kind, NodeKind::Balancer(_));
    let all = (0..design.nodes.len()).map(NodeId::from_index).filter(is_balancer);
    let balancers: Vec<_> = all.collect();
    let names = || balancers.iter().map(|&id| design.node(id).name.clone()).collect();
    match (name, balancers.as_slice()) {
        (Some(name), _) => {
            design.node_named(name).ok_or_else(|| Refused::NoNode(name.to_owned(), names()))
        }
        (None, [only]) => Ok(*only),
        (None, _) => Err(Refused::WhichNode(names())),
    }
}

fn region(design: &Design, node: NodeId, name: Option<&str>) -> Result<Option<RegionId>, Refused> {
    let regions = &design.node(node).instances;
    let named = |id: RegionId| design.regions[id.index()].name.clone();
    match (name, regions.as_slice()) {
        (Some(name), _) => {
            let known = regions.iter().find(|(id, _)| named(*id) == name);
            known.map(|(id, _)| Some(*id)).ok_or_else(|| Refused::NoRegion {
                node: design.node(node).name.clone(),
                region: name.to_owned(),
                known: regions.iter().map(|(id, _)| named(*id)).collect(),
            })
        }
        (None, []) => Ok(None),
        (None, [(only, _)]) => Ok(Some(*only)),
        (None, several) => {
            Err(Refused::WhichRegion(several.iter().map(|(id, _)| named(*id)).collect()))
        }
    }
}
