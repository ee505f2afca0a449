//! What servers can do.

use base::NodeId;
use config::Design;

use super::{Change, Ordinary, model_of};

/// So fast that a sixteenth of it, when a fault takes the rest, still does all that an ordinary day
/// asks.
pub(in crate::cause) fn speed_up(
    design: &mut Design,
    ordinary: &Ordinary<'_>,
    nodes: &[NodeId],
) -> Option<Change> {
    let (mut parts, mut names) = (Vec::new(), Vec::new());
    for &id in nodes {
        let node = &mut design.nodes[id.index()];
        let (Some(load), Some(model)) = (ordinary.load(id), model_of(&mut node.kind)) else {
            continue;
        };
        model.service_time = model.service_time.faster(16.0 * load.max(1.0));
        parts.push(format!("{} {:.0} %", node.name, load * 100.0));
        names.push(node.name.clone());
    }
    (!names.is_empty()).then(|| {
        Change::new(
            format!("capacity, of which an ordinary day asks so much: {}", parts.join(", ")),
            format!("the capacity of {}", names.join(", ")),
        )
    })
}
