//! The resolved design: what a design file means, with where each part stands.
//!
//! Names have become positions: a [`NodeId`] is a place in [`Design::nodes`], a [`CallId`] in
//! [`Design::calls`], a [`RegionId`] in [`Design::regions`]. A design can be resolved and still be
//! bad; `checklist` judges it, and only `checklist::sound` lets it through to the live plane.

use std::net::SocketAddr;

use base::{Bytes, CallId, Duration, NodeId, Rate, RegionId, Share};
use engine::Rules;
use model::fault::Fault;
use model::{service, traffic};

use crate::span::{Span, Traced};

/// A whole design.
#[derive(Clone, Debug)]
pub struct Design {
    /// Places, with how far they are from each other.
    pub regions: Vec<Region>,
    /// Everything that sends or answers.
    pub nodes: Vec<Node>,
    /// What the file says about the ways between regions, where it differs from geography.
    pub links: Vec<Link>,
    /// Every network call, with its rules.
    pub calls: Vec<Call>,
    /// What can go wrong, by name.
    pub incidents: Vec<Incident>,
    /// What "recovered" is measured against.
    pub objective: Objective,
    /// The values that the file did not give.
    pub defaults_used: Vec<DefaultUsed>,
}

/// A place.
#[derive(Clone, Debug)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Latitude and longitude in degrees.
    pub at: Option<(f64, f64)>,
    /// Where the file says so.
    pub span: Span,
}

/// Something that sends or answers.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// How many there are in each region: at least one entry, unless the file left it open.
    pub instances: Vec<(RegionId, u32)>,
    /// The team it belongs to.
    pub owner: Option<String>,
    /// The open files it may have.
    pub descriptors: Option<u32>,
    /// What it is.
    pub kind: NodeKind,
    /// Where the file says so.
    pub span: Span,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Asks, and is asked by nobody.
    Client(Client),
    /// Ours.
    Balancer(Balancer),
    /// Answers, and may ask others for it.
    Service(Service),
    /// Keeps what must not be lost.
    Database(Database),
    /// Keeps what may be lost.
    Cache(Cache),
}

/// Asks, and is asked by nobody.
#[derive(Clone, Debug)]
pub struct Client {
    /// When its requests arrive.
    pub arrivals: traffic::Arrivals,
    /// What they ask for; shares add up to the whole.
    pub requests: Vec<traffic::RequestKind>,
    /// Where each of these stands; none if the file says nothing of them.
    pub spans: Vec<Span>,
}

/// A balancer of ours.
#[derive(Clone, Debug)]
pub struct Balancer {
    /// Where it listens.
    pub listen: Vec<Listen>,
}

/// An address that a balancer listens on.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Certificate and key, as the file names them.
    pub tls: Option<Tls>,
    /// Where requests go, in the order of the file; longest prefix first is the listener's duty.
    pub routes: Vec<Route>,
    /// Where the file says so.
    pub span: Span,
}

/// Files of a listener's keys.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub certificate: String,
    /// The private key, PEM.
    pub key: String,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// gRPC over HTTP/2.
    Grpc,
    /// Any byte stream.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Which requests go where.
#[derive(Clone, Debug)]
pub struct Route {
    /// Only for this host; any if nothing is said.
    pub host: Option<String>,
    /// What it takes.
    pub takes: Takes,
    /// The call that serves it.
    pub call: CallId,
    /// Where the file says so.
    pub span: Span,
}

/// What a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Everything below this path, by whole segments: `/a` takes `/a` and `/a/b`, not `/ab`.
    Path(String),
    /// All methods of this gRPC service.
    Service(String),
    /// Everything (TCP, UDP).
    All,
}

/// Answers, and may ask others for it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it really is.
    pub endpoints: Vec<Endpoint>,
    /// How it behaves; `run` does without.
    pub model: Option<service::Params>,
    /// Whom it asks, one step after the other; the calls of one step in parallel.
    pub steps: Vec<Vec<CallId>>,
    /// The file of its schema (gRPC).
    pub schema: Option<String>,
}

/// One address of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Host and port as the file writes them.
    pub address: String,
    /// Where it is; the node's only region if nothing is said.
    pub region: Option<RegionId>,
    /// Its part of the traffic, against the others'.
    pub weight: u32,
    /// Where the file says so.
    pub span: Span,
}

/// Keeps what must not be lost.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it really is.
    pub endpoints: Vec<Endpoint>,
    /// How it behaves.
    pub model: Option<service::Params>,
    /// The most connections it takes.
    pub connections: Option<u32>,
    /// The region that takes writes.
    pub primary: Option<RegionId>,
    /// Copies in other regions, and how far (median, p99) they are behind.
    pub replicas: Vec<(RegionId, (Duration, Duration))>,
    /// Whether reads go to the own region's copy, which may be stale.
    pub reads_own_region: bool,
}

/// Keeps what may be lost.
#[derive(Clone, Debug)]
pub struct Cache {
    /// How much it keeps.
    pub size: Bytes,
    /// How long an answer is fresh that does not say.
    pub fresh: Duration,
    /// How long a stale answer serves when there is no other.
    pub stale_if_error: Option<Duration>,
    /// Whether one miss a key is in flight at a time.
    pub collapse: bool,
}

/// A way between two regions.
#[derive(Clone, Debug)]
pub struct Link {
    /// From here.
    pub from: RegionId,
    /// To there.
    pub to: RegionId,
    /// Only in this direction.
    pub one_way: bool,
    /// Instead of what the distance gives.
    pub delay: Option<Duration>,
    /// How much the delay varies.
    pub jitter: Option<Duration>,
    /// How much is lost.
    pub loss: Option<Share>,
    /// How many are lost in a row, on average; 1: each is lost by its own chance.
    pub burst: u32,
    /// Bits per second.
    pub bandwidth: Option<u64>,
    /// Where the file says so.
    pub span: Span,
}

/// One network call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub from: NodeId,
    /// Who is asked.
    pub to: NodeId,
    /// The name of an `only` table, and what it is for.
    pub only: Option<Only>,
    /// What is spoken.
    pub protocol: Protocol,
    /// The rules that both drivers run.
    pub rules: Rules,
    /// The answers to the five questions as the file gives them, for tables and diagnostics.
    pub answers: Answers,
    /// What happens to the caller's answer when this call fails.
    pub on_failure: Traced<OnFailure>,
    /// Whether the one who is asked stops working when the asker gave up.
    pub cancel: bool,
    /// `timeout = "stream"`: no end of the whole, but an idle timeout.
    pub stream: bool,
    /// How many connections, and how many requests share one.
    pub connections: Connections,
    /// The path that active checks ask for.
    pub health_path: Option<String>,
    /// Regions to spill to, in order.
    pub spill: Vec<RegionId>,
    /// L4: how long bytes may stay unacknowledged.
    pub stuck_timeout: Option<Duration>,
    /// Where the file says so.
    pub span: Span,
}

/// For what an `only` table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Only {
    /// Its name.
    pub name: String,
    /// Only this method (HTTP method or gRPC path).
    pub method: Option<String>,
    /// Only below this path.
    pub path: Option<String>,
}

/// What the file says, value by value, with where.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// `timeout`, `attempt_timeout`, …: the key, the value as written, and where it comes from.
    pub values: Vec<Answer>,
}

/// One effective value of a call.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The key, dotted: `retry.budget.share`.
    pub key: &'static str,
    /// The value as a design file writes it.
    pub value: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A line of the file, in the call itself or in the rules that it takes.
    File(Span),
    /// Our default, by its code in the table of defaults.
    Default(&'static str),
    /// Nobody said anything: an unanswered question.
    Missing,
}

/// What happens to the caller's answer when this call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It fails too.
    Error,
    /// It is given without this part, and counted as partial.
    Omit,
    /// The connection is reset (L4).
    Reset,
    /// An older answer is given, up to this age.
    Stale(Duration),
    /// Another node is asked.
    Fallback(NodeId),
    /// The file does not say.
    Missing,
}

/// The connections of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// The most to one endpoint; `None`: as many as there are requests.
    pub most: Option<u32>,
    /// Requests that share one.
    pub streams: u32,
    /// How long one may idle.
    pub idle_timeout: Duration,
}

/// A course of faults.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its name.
    pub name: String,
    /// The faults.
    pub entries: Vec<Entry>,
}

/// One fault of an incident.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whom it hits.
    pub on: Target,
    /// How much of it, for a node with several instances.
    pub share: Part,
    /// What goes wrong.
    pub fault: Fault,
    /// When it begins.
    pub at: Duration,
    /// How long it takes to reach its full size.
    pub ramp: Duration,
    /// How long it lasts; `None`: to the end.
    pub lasts: Option<Duration>,
    /// Where the file says so.
    pub span: Span,
    /// Where the value of each of its keys stands.
    pub values: Vec<(String, Span)>,
}

impl Entry {
    /// Where the value of a key stands; the whole entry if the file does not give it.
    pub fn span_of(&self, key: &str) -> Span {
        let value = self.values.iter().find(|(known, _)| known == key);
        value.map_or(self.span, |(_, span)| *span)
    }
}

/// Whom a fault hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A node, or a share of its instances.
    Node(NodeId),
    /// Everything in a region.
    Region(RegionId),
    /// One call.
    Call(CallId),
    /// The way between two regions.
    Link(RegionId, RegionId),
}

/// How much of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// `1 of 3`.
    Of(u32, u32),
    /// `50%`, rounded up to whole instances.
    Share(Share),
}

/// What "recovered" is measured against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Of offered traffic, answered right and in time.
    pub goodput: Share,
}

/// A default that applies in this design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultUsed {
    /// Its code in the table of defaults.
    pub default: &'static str,
    /// The call, if it is a call's.
    pub call: Option<CallId>,
}

impl Design {
    /// The node of this number.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The call of this number.
    pub fn call(&self, id: CallId) -> &Call {
        &self.calls[id.index()]
    }

    /// `FROM.TO`, with `.only.NAME` if it is such a table: the name of a call in the file, in JSON,
    /// in logs and in metrics. People read [`Self::call_in_words`].
    pub fn call_name(&self, id: CallId) -> String {
        let call = self.call(id);
        let name = format!("{}.{}", self.node(call.from).name, self.node(call.to).name);
        call.only.as_ref().map_or(name.clone(), |only| format!("{name}.only.{}", only.name))
    }

    /// A call as people read it, see [`call_in_words`].
    pub fn call_in_words(&self, id: CallId) -> String {
        let call = self.call(id);
        let only = call.only.as_ref().map(|only| only.name.as_str());
        call_in_words(&self.node(call.from).name, &self.node(call.to).name, only)
    }

    /// What a fault is to hit, as people read it.
    pub fn target_in_words(&self, target: &Target) -> String {
        let region = |id: RegionId| &self.regions[id.index()].name;
        match *target {
            Target::Node(id) => self.node(id).name.clone(),
            Target::Region(id) => format!("region {}", region(id)),
            Target::Call(id) => self.call_in_words(id),
            Target::Link(from, to) => format!("{} -> {}", region(from), region(to)),
        }
    }

    /// The node of this name.
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId::from_index)
    }

    /// The calls that a node makes.
    pub fn calls_from(&self, from: NodeId) -> impl Iterator<Item = CallId> {
        let made = move |(_, call): &(usize, &Call)| call.from == from;
        self.calls.iter().enumerate().filter(made).map(|(at, _)| CallId::from_index(at))
    }
}

impl Node {
    /// All its instances, over all regions.
    pub fn instance_count(&self) -> u32 {
        self.instances.iter().map(|(_, count)| count).sum()
    }

    /// The endpoints it has, if it is one that can have some.
    pub fn endpoints(&self) -> &[Endpoint] {
        match &self.kind {
            NodeKind::Service(service) => &service.endpoints,
            NodeKind::Database(database) => &database.endpoints,
            NodeKind::Client(_) | NodeKind::Balancer(_) | NodeKind::Cache(_) => &[],
        }
    }

    /// How it behaves, if it has a model.
    pub fn model(&self) -> Option<&service::Params> {
        match &self.kind {
            NodeKind::Service(service) => service.model.as_ref(),
            NodeKind::Database(database) => database.model.as_ref(),
            NodeKind::Client(_) | NodeKind::Balancer(_) | NodeKind::Cache(_) => None,
        }
    }
}

impl Default for Objective {
    fn default() -> Self {
        Self { goodput: Share::percent(99) }
    }
}

/// A rate of nothing is no traffic; kept here so that readers of a design need no unit juggling.
impl Client {
    /// The mean traffic it offers.
    pub fn traffic(&self) -> Rate {
        match &self.arrivals {
            traffic::Arrivals::Poisson(rate) | traffic::Arrivals::Constant(rate) => *rate,
            traffic::Arrivals::Bursty { mean, .. } => *mean,
            traffic::Arrivals::Replayed(times) => {
                let span = times.last().copied().unwrap_or(Duration::ZERO).as_nanos().max(1);
                Rate::from_millis_per_sec(
                    u64::try_from(times.len() as u128 * 1_000_000_000_000 / u128::from(span))
                        .unwrap_or(u64::MAX),
                )
            }
        }
    }
}

/// A call as people read it, and as `on` of an incident takes it: `FROM -> TO`. The name of an
/// `only` table stands in brackets behind it.
pub fn call_in_words(from: &str, to: &str, only: Option<&str>) -> String {
    let only = only.map_or(String::new(), |only| format!(" ({only})"));
    format!("{from} -> {to}{only}")
}
