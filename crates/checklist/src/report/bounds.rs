//! What can be known without a run, as a table and for programs.

use config::Design;
use serde_json::{Value, json};

use super::rounded;
use super::text::{legend, table};
use crate::Facts;
use crate::amounts::per_second;
use crate::bounds::{NodeBounds, Wait, WayBounds, of_nodes, of_ways};

/// A row for each node, and one for each way between regions.
pub(super) fn text(design: &Design, colour: bool) -> String {
    let facts = Facts::of(design);
    let nodes = of_nodes(&facts);
    let mut text = String::new();
    if !nodes.is_empty() {
        let head = ["  KNOWN WITHOUT A RUN", "ARRIVES", "CAN DO", "BUSY", "WAIT", "STORM", "QUEUE"];
        let rows = nodes.iter().map(|bounds| node_row(design, bounds));
        text.push_str(&table(&head, rows, colour));
        text.push_str(&legend(LEGEND));
    }
    let ways = of_ways(&facts);
    if !ways.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        let head = ["  BETWEEN REGIONS", "FROM", "TO", "LIGHT, THERE AND BACK", "A TRY"];
        let rows = ways.iter().take(MOST_WAYS).map(|way| way_row(design, way));
        text.push_str(&table(&head, rows, colour));
        if ways.len() > MOST_WAYS {
            text.push_str(&format!("  and {} more\n", ways.len() - MOST_WAYS));
        }
    }
    text
}

/// The same, an object for each node and for each way.
pub(super) fn json(design: &Design) -> Value {
    let facts = Facts::of(design);
    let nodes = of_nodes(&facts).into_iter().map(|bounds| {
        json!({
            "node": design.node(bounds.node).name,
            "instances": facts.instances(bounds.node),
            "traffic_per_s": bounds.traffic.map(rounded),
            "capacity_per_s": rounded(bounds.capacity),
            "utilisation": bounds.traffic.map(|traffic| rounded(traffic / bounds.capacity)),
            "wait_ms": bounds.wait.map(|wait| rounded(wait.mean.as_millis_f64())),
            "wait_by": bounds.wait.map(|wait| wait.by),
            "wait_is_exact": bounds.wait.map(|wait| wait.exact),
            "worst_attempts": bounds.worst,
            "storm_above_per_s": bounds.storm_above.map(rounded),
            "useful_queue": bounds.useful_queue.map(|queue| queue.requests.floor()),
            "patience_ms": bounds.useful_queue.map(|queue| queue.patience.as_millis_f64()),
            "patience_of": bounds.useful_queue.map(|queue| design.call_name(queue.call)),
        })
    });
    let ways = of_ways(&facts).into_iter().map(|way| {
        json!({
            "call": design.call_name(way.call),
            "from_region": way.from,
            "to_region": way.to,
            "light_round_trip_ms": rounded(way.light.as_millis_f64()),
            "patience_ms": way.patience.map(base::Duration::as_millis_f64),
        })
    });
    nodes.chain(ways).collect()
}

fn node_row(design: &Design, bounds: &NodeBounds) -> Vec<String> {
    let per_sec = |rate: Option<f64>| rate.map_or_else(unknown, per_second);
    let busy = bounds.traffic.map(|traffic| traffic / bounds.capacity);
    let wait = match (bounds.wait, busy) {
        (Some(wait), _) => wait_words(wait),
        (None, Some(busy)) if busy >= 1.0 => "grows".to_owned(),
        (None, _) => unknown(),
    };
    vec![
        format!("  {}", design.node(bounds.node).name),
        per_sec(bounds.traffic),
        per_sec(Some(bounds.capacity)),
        busy.map_or_else(unknown, |busy| format!("{:.0}%", busy * 100.0)),
        wait,
        bounds.storm_above.map_or_else(unknown, |above| format!("above {}", per_second(above))),
        bounds
            .useful_queue
            .map_or_else(unknown, |queue| format!("up to {:.0}", queue.requests.floor())),
    ]
}

fn wait_words(Wait { mean, by, exact }: Wait) -> String {
    let about = if exact { "" } else { "~" };
    format!("{about}{:.1}ms, {by}", mean.as_millis_f64())
}

fn way_row(design: &Design, way: &WayBounds) -> Vec<String> {
    vec![
        format!("  {}", design.call_in_words(way.call)),
        way.from.clone(),
        way.to.clone(),
        format!("{:.1}ms", way.light.as_millis_f64()),
        way.patience.map_or_else(|| "no end".to_owned(), |patience| patience.to_string()),
    ]
}

fn unknown() -> String {
    "-".to_owned()
}

const MOST_WAYS: usize = 24;

const LEGEND: &str = "\
BUSY is what arrives of what can be done. WAIT is the mean for a worker when requests arrive at \
random and are spread evenly, by the formula named, ~ where that is an approximation, as wherever \
a balancer chooses among several instances. STORM: above this traffic its callers' retries alone \
can keep it down once it has fallen behind. QUEUE: in a longer one, on each instance, the last is served after its caller has left.";
