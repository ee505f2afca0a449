//! Who is who: every name of the file and the number it gets, before anything is read that names
//! something.

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, NodeId, RegionId};

use crate::codes::{BAD_NAME, CYCLE, NO_CALL, SAME_NAME, TOO_MANY, UNKNOWN_NAME};
use crate::defaults;
use crate::design::Region;
use crate::names::{is_name, meant, one_of, shown};
use crate::read::{Table, Value};
use crate::report::Report;
use crate::span::Span;

/// What a node is, by the word of its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Client,
    Balancer,
    Service,
    Database,
    Cache,
}

/// The sections of nodes.
pub(crate) const KINDS: [(&str, Kind); 5] = [
    ("client", Kind::Client),
    ("balancer", Kind::Balancer),
    ("service", Kind::Service),
    ("database", Kind::Database),
    ("cache", Kind::Cache),
];

/// A node that has a name and is not read yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeHead<'t> {
    pub(crate) kind: Kind,
    pub(crate) table: Table<'t>,
}

/// A call that has its ends and is not read yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallHead<'t> {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) table: Table<'t>,
    /// The table under `only`, for a call that is an exception.
    pub(crate) only: Option<Table<'t>>,
}

/// Every name and its number.
#[derive(Debug, Default)]
pub(crate) struct Index<'t> {
    pub(crate) regions: Vec<Region>,
    pub(crate) nodes: Vec<NodeHead<'t>>,
    pub(crate) calls: Vec<CallHead<'t>>,
    region_ids: BTreeMap<String, RegionId>,
    node_ids: BTreeMap<&'t str, NodeId>,
    /// The call itself, not its exceptions.
    call_ids: BTreeMap<(NodeId, NodeId), CallId>,
    /// What stands in sections that nobody reads. Those were told, and are the cause when such a
    /// name is missing.
    unread: BTreeSet<&'t str>,
}

/// So that numbers of 16 bits are enough, with room.
const MOST_REGIONS: usize = 256;
const MOST_NODES: usize = 4_096;
const MOST_CALLS: usize = 16_384;

impl<'t> Index<'t> {
    /// `others` are the sections that are no nodes.
    pub(crate) fn read(root: &Table<'t>, others: &[&str], report: &mut Report) -> Self {
        let is_read = |section: &str| {
            others.contains(&section) || KINDS.iter().any(|(known, _)| *known == section)
        };
        let unread = root.entries().into_iter().filter(|entry| !is_read(entry.key));
        let names = unread.filter_map(|entry| entry.as_table()).flat_map(|table| table.entries());
        let mut index = Self { unread: names.map(|entry| entry.key).collect(), ..Self::default() };
        index.read_regions(root, report);
        index.read_nodes(root, report);
        index.read_calls(root, report);
        index
    }

    /// The region that a value names.
    pub(crate) fn region(&self, name: &str, span: Span, report: &mut Report) -> Option<RegionId> {
        let found = self.region_ids.get(name).copied();
        if found.is_none() {
            let known = self.region_ids.keys().map(String::as_str);
            report.push(unknown("region", name, span, known));
        }
        found
    }

    /// The region of this name, if there is one.
    pub(crate) fn find_region(&self, name: &str) -> Option<RegionId> {
        self.region_ids.get(name).copied()
    }

    /// The node that a value names.
    pub(crate) fn node(&self, name: &str, span: Span, report: &mut Report) -> Option<NodeId> {
        let found = self.find_node(name);
        if found.is_none() && !self.is_unread(name) {
            report.push(unknown("node", name, span, self.node_ids.keys().copied()));
        }
        found
    }

    /// Whether the name stands in a section that nobody reads, which was told.
    pub(crate) fn is_unread(&self, name: &str) -> bool {
        self.unread.contains(name)
    }

    /// The node of this name, if there is one.
    pub(crate) fn find_node(&self, name: &str) -> Option<NodeId> {
        self.node_ids.get(name).copied()
    }

    pub(crate) fn find_call(&self, from: NodeId, to: NodeId) -> Option<CallId> {
        self.call_ids.get(&(from, to)).copied()
    }

    /// The call from a node to the one that a value names, which must have its rules.
    pub(crate) fn call(&self, from: NodeId, to: &Value<'t>, report: &mut Report) -> Option<CallId> {
        let name = to.text(report)?;
        let to_node = self.node(name, to.span, report)?;
        let found = self.find_call(from, to_node);
        if found.is_none() && from == to_node {
            report.push(
                CYCLE
                    .at(to.span, format!("`{}` would ask itself", self.name(from)))
                    .instead("name another node, or leave it out"),
            );
        } else if found.is_none() {
            let head = format!("[call.{}.{}]", self.name(from), shown(name));
            report.push(NO_CALL.at(to.span, format!("there is no `{head}`")).instead(format!(
                "write the answers:\n{head}\ntimeout = \"…\"\nidempotent = \"by-method\"\n\
                 on_failure = \"error\"\nin_flight = …\nqueue = …\nretry = \"none\"",
            )));
        }
        found
    }

    /// A node's name, fit to be shown.
    pub(crate) fn name(&self, node: NodeId) -> String {
        shown(self.nodes[node.index()].table.name)
    }

    pub(crate) fn kind(&self, node: NodeId) -> Kind {
        self.nodes[node.index()].kind
    }

    /// All names that a fault can hit.
    pub(crate) fn node_and_region_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.node_ids.keys().copied().chain(self.region_ids.keys().map(String::as_str))
    }

    fn read_regions(&mut self, root: &Table<'t>, report: &mut Report) {
        let mut tables = root.section("region", report);
        bound(&mut tables, MOST_REGIONS, "regions", report);
        for table in tables {
            named(&table, report);
            table.allow(&[&["at"]], report);
            let at = table.get("at").and_then(|value| position(&value, report));
            let id = RegionId::from_index(self.regions.len());
            self.region_ids.insert(table.name.to_owned(), id);
            self.regions.push(Region { name: shown(table.name), at, span: table.span });
        }
        if self.regions.is_empty() {
            let name = report.assume(&defaults::REGION, None).to_owned();
            self.region_ids.insert(name.clone(), RegionId(0));
            self.regions.push(Region { name, at: None, span: Span::default() });
        }
    }

    fn read_nodes(&mut self, root: &Table<'t>, report: &mut Report) {
        let mut heads: Vec<NodeHead<'t>> = Vec::new();
        for (section, kind) in KINDS {
            let tables = root.section(section, report);
            heads.extend(tables.into_iter().map(|table| NodeHead { kind, table }));
        }
        heads.sort_by_key(|head| head.table.span.start);
        bound(&mut heads, MOST_NODES, "nodes", report);
        for head in heads {
            named(&head.table, report);
            self.add_node(head, report);
        }
    }

    fn add_node(&mut self, head: NodeHead<'t>, report: &mut Report) {
        let Table { name, span, .. } = head.table;
        let first = self.node_ids.get(name).map(|id| self.nodes[id.index()].table.span);
        let region = self.region_ids.get(name).map(|id| self.regions[id.index()].span);
        if let Some(first) = first.or(region) {
            let message = format!("`{}` is already the name of something else", shown(name));
            report.push(
                SAME_NAME
                    .at(span, message)
                    .see(first, "this has the name")
                    .instead("give one of them another name"),
            );
        }
        if first.is_none() {
            self.node_ids.insert(name, NodeId::from_index(self.nodes.len()));
            self.nodes.push(head);
        }
    }

    fn read_calls(&mut self, root: &Table<'t>, report: &mut Report) {
        let mut ends = Vec::new();
        for from in root.section("call", report) {
            ends.extend(from.tables(report).into_iter().map(|to| (from, to)));
        }
        ends.sort_by_key(|(_, to)| to.span.start);
        bound(&mut ends, MOST_CALLS, "calls", report);
        for (from, to) in ends {
            let from = self.node(from.name, from.span, report);
            let to_node = self.node(to.name, to.span, report);
            if let (Some(from), Some(to_node)) = (from, to_node) {
                self.add_call(from, to_node, to, report);
            }
        }
    }

    fn add_call(&mut self, from: NodeId, to: NodeId, table: Table<'t>, report: &mut Report) {
        self.call_ids.insert((from, to), CallId::from_index(self.calls.len()));
        self.calls.push(CallHead { from, to, table, only: None });
        let mut exceptions = table.section("only", report);
        let room = (2 * MOST_CALLS).saturating_sub(self.calls.len());
        bound(&mut exceptions, room, "calls", report);
        for only in exceptions {
            named(&only, report);
            self.calls.push(CallHead { from, to, table, only: Some(only) });
        }
    }
}

fn unknown<'k>(
    what: &str,
    name: &str,
    span: Span,
    known: impl Iterator<Item = &'k str> + Clone,
) -> crate::Diagnostic {
    let way_out = match meant(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the design has {}", one_of(known)),
    };
    let message = format!("there is no {what} `{}`", shown(name));
    UNKNOWN_NAME.at(span, message).instead(way_out)
}

fn named(table: &Table<'_>, report: &mut Report) {
    if !is_name(table.name) {
        report.push(
            BAD_NAME
                .at(table.span, format!("`{}` cannot be a name", shown(table.name)))
                .instead("use letters, digits, `-` and `_`"),
        );
    }
}

fn bound<T>(things: &mut Vec<T>, most: usize, what: &str, report: &mut Report) {
    if things.len() > most {
        let message = format!("the design has {} {what}; at most {most} can be read", things.len());
        report.push(
            TOO_MANY.at(Span::default(), message).instead("describe one system in each design"),
        );
        things.truncate(most);
    }
}

/// Latitude and longitude in degrees.
fn position(value: &Value<'_>, report: &mut Report) -> Option<(f64, f64)> {
    let list = value.list(report)?;
    let [latitude, longitude] = list.as_slice() else {
        return value.mistyped("latitude and longitude", "[53.3, -6.3]", report);
    };
    let latitude = latitude.number(-90.0, 90.0, report);
    let longitude = longitude.number(-180.0, 180.0, report);
    latitude.zip(longitude)
}
