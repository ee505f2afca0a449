//! Whether packets matter to a run: whether something that only they show can change its verdict.
//!
//! That is what the network does (loss, delay that is uneven, cards that fill), and what bounds
//! connections: those of an L4 balancer, descriptors, ports. The bounds are compared with the most
//! that the traffic of the plan may ask of them, so more traffic may need packets where less does
//! not.

use std::iter;

use base::{CallId, Duration, NodeId, RegionId};
use config::Design;
use config::design::{Call, NodeKind, Protocol};
use model::card;
use model::fault::Fault;

use super::bounds::holds_on;
use super::requests::{Asker, Requests};
use super::{FRAME_BODY, Instance, Planned, What};

/// Why packets matter to this run, if they do.
pub(super) fn of_packets(
    design: &Design,
    instances: &[Instance],
    requests: &Requests,
    faults: &[Planned],
) -> Option<String> {
    if let Some(fault) = hits_network(faults) {
        return Some(format!("`{}` hits the network", fault.fault.kind()));
    }
    let udp = |call: &Call| call.protocol == Protocol::Udp;
    if let Some(at) = design.calls.iter().position(udp) {
        let name = design.call_in_words(CallId::from_index(at));
        return Some(format!("call {name} goes over UDP, which hides no loss"));
    }
    let tcp = |call: &Call| call.protocol == Protocol::Tcp;
    if let Some(at) = design.calls.iter().position(tcp) {
        let name = design.call_in_words(CallId::from_index(at));
        return Some(format!("call {name} shares out connections, not requests"));
    }
    if let Some(at) = design.calls.iter().position(|call| may_lack_connections(call, instances)) {
        let name = design.call_in_words(CallId::from_index(at));
        return Some(format!("requests of call {name} may have to wait for a connection"));
    }
    let crowd = Crowd::new(design, instances, requests, faults);
    if let Some(node) = crowd.lacks_descriptors() {
        return Some(format!("as many connections may stand at {node} as it has descriptors"));
    }
    if let Some(call) = crowd.lacks_ports() {
        let name = design.call_in_words(call);
        return Some(format!("connections of call {name} may run out of ports"));
    }
    if let Some(node) = narrow(design, instances, requests, faults) {
        return Some(format!("what is sent may fill the network cards of {node}"));
    }
    crossing(design, instances).map(|(from, to)| {
        format!("calls cross from {from} to {to}, where datagrams are lost and delayed unevenly")
    })
}

/// Whether requests may have to wait for a connection.
fn may_lack_connections(call: &Call, instances: &[Instance]) -> bool {
    let endpoints = instances.iter().filter(|one| one.node == call.to).count() as u64;
    let Some(most) = call.connections.most else { return false };
    let room = u64::from(most) * u64::from(call.connections.streams.max(1)) * endpoints;
    call.rules.admission.in_flight.is_none_or(|in_flight| room < u64::from(in_flight))
}

/// A node whose cards would be more than half full if all that clients send and are sent passed
/// through it: then it may have to wait there.
fn narrow<'d>(
    design: &'d Design,
    instances: &[Instance],
    requests: &Requests,
    faults: &[Planned],
) -> Option<&'d str> {
    let askers = requests.clients.iter();
    let bits: f64 =
        askers.map(|asker| spike(faults, asker.node) * bits_per_sec(design, requests, asker)).sum();
    let nodes = design.nodes.iter().zip(0..);
    let called = nodes.filter(|(node, _)| !matches!(node.kind, NodeKind::Client(_)));
    let count = |at: usize| instances.iter().filter(|one| one.node.index() == at).count();
    let half = card::BITS_PER_SEC as f64 / 2.0;
    called
        .filter(|&(_, at)| count(at) > 0 && bits / count(at) as f64 > half)
        .min_by_key(|&(_, at)| count(at))
        .map(|(node, _)| node.name.as_str())
}

/// What a client's requests and their answers are, and what its sessions say, each message whole in
/// one frame and both sides in turn: the larger of the two ways.
fn bits_per_sec(design: &Design, requests: &Requests, asker: &Asker) -> f64 {
    let (mut there, mut back) = (0.0, 0.0);
    for (kind, rate) in asker.rates(design) {
        let (request, answer) = requests.bodies(kind);
        let kind = &requests.kinds[usize::from(kind)];
        let open = kind.holds.map_or(0.0, |holds| holds.open(rate));
        let said = open * kind.messages.as_per_sec_f64() / 2.0;
        let bytes = |body: u64| rate * body as f64 + said * body.min(FRAME_BODY.into()) as f64;
        there += bytes(request);
        back += bytes(answer);
    }
    8.0 * f64::max(there, back)
}

/// A fault that hits the network, or what the kernels keep for connections.
pub(super) fn hits_network(faults: &[Planned]) -> Option<&Planned> {
    faults.iter().find(|fault| {
        matches!(fault.what, What::Network(_)) || matches!(fault.fault, Fault::Descriptors { .. })
    })
}

/// Whether the network by itself keeps and delays alike whatever is sent.
pub(super) fn is_even(
    design: &Design,
    instances: &[Instance],
    requests: &Requests,
    faults: &[Planned],
) -> bool {
    narrow(design, instances, requests, faults).is_none() && crossing(design, instances).is_none()
}

/// Two regions between which calls may go.
fn crossing<'d>(design: &'d Design, instances: &[Instance]) -> Option<(&'d str, &'d str)> {
    let regions_of =
        |node: NodeId| instances.iter().filter(move |one| one.node == node).map(|one| one.region);
    let name = |region: RegionId| design.regions[region.index()].name.as_str();
    design.calls.iter().find_map(|call| {
        let stays = matches!(call.rules.region, policy::region::Params::Own);
        let from = regions_of(call.from).find(|&from| {
            let at_home = regions_of(call.to).any(|to| to == from);
            regions_of(call.to).any(|to| to != from) && !(stays && at_home)
        })?;
        let to = regions_of(call.to).find(|&to| to != from)?;
        Some((name(from), name(to)))
    })
}

/// What clients ask of each call, and the connections that it takes.
struct Crowd<'d> {
    design: &'d Design,
    instances: &'d [Instance],
    /// By call: requests per second that come to an end.
    rates: Vec<f64>,
    /// By call: sessions that are open on average.
    open: Vec<f64>,
}

impl<'d> Crowd<'d> {
    fn new(
        design: &'d Design,
        instances: &'d [Instance],
        requests: &Requests,
        faults: &[Planned],
    ) -> Self {
        let calls = design.calls.len();
        let mut crowd = Self { design, instances, rates: vec![0.0; calls], open: vec![0.0; calls] };
        let ways = requests.ways(design);
        for asker in &requests.clients {
            let more = spike(faults, asker.node);
            for (kind, rate) in asker.rates(design) {
                let holds = requests.kinds[usize::from(kind)].holds;
                for &call in &ways[usize::from(kind)] {
                    match holds.filter(|_| holds_on(design, call)) {
                        Some(holds) => crowd.open[call.index()] += holds.open(rate * more),
                        None => crowd.rates[call.index()] += rate * more,
                    }
                }
            }
        }
        crowd
    }

    /// A node with fewer descriptors than connections may stand at one of its instances: all of
    /// them, when the others are gone and each request takes all the time that it has.
    fn lacks_descriptors(&self) -> Option<&'d str> {
        let lacks = |(node, id): &(&config::design::Node, NodeId)| {
            let ends = self.calls().map(|(id, call)| (self.standing(id), call.from, call.to));
            let at_it = ends.filter(|(_, from, to)| from == id || to == id);
            let most: f64 = at_it.map(|(standing, ..)| standing).sum();
            node.descriptors.is_some_and(|descriptors| most > f64::from(descriptors))
        };
        let ids = (0..self.design.nodes.len()).map(NodeId::from_index);
        self.design.nodes.iter().zip(ids).find(lacks).map(|(node, _)| node.name.as_str())
    }

    /// The most connections of a call that may stand, at all its callers together.
    fn standing(&self, id: CallId) -> f64 {
        let call = self.design.call(id);
        let is_alone = matches!(self.design.node(call.from).kind, NodeKind::Client(_));
        let streams = f64::from(call.connections.streams.max(1));
        let timeout = call.rules.deadline.timeout.map_or(f64::INFINITY, Duration::as_secs_f64);
        let (rate, open) = (self.rates[id.index()], self.open[id.index()]);
        // Each session of a client comes from a device of its own.
        let sessions = if is_alone { open } else { open / streams };
        let waiting = if rate > 0.0 { rate * timeout / streams } else { 0.0 };
        let (from, to) = (self.count(call.from), self.count(call.to));
        let most = call.connections.most.map(|most| f64::from(most) * to);
        let in_flight = call.rules.admission.in_flight.map(f64::from);
        // Who asks others for what he works on asks from a worker.
        let workers = self.design.node(call.from).model().map(|model| f64::from(model.workers));
        let bounds = most.into_iter().chain(in_flight).chain(workers).map(|bound| bound * from);
        bounds.fold(sessions + waiting, f64::min)
    }

    /// A call whose connections may need more ports than one address has towards another, or half
    /// of them, where others of either are gone: those that stand, or those that linger.
    fn lacks_ports(&self) -> Option<CallId> {
        let lacks = |(id, call): &(CallId, &Call)| {
            let pairs = self.count(call.from) * self.count(call.to);
            let is_crowd = matches!(self.design.node(call.from).kind, NodeKind::Client(_));
            let stand = if is_crowd { 0.0 } else { self.standing(*id) };
            let opened = if call.connections.streams > 1 { 0.0 } else { self.opened_per_sec(*id) };
            stand / pairs > PORTS / 2.0 || opened / pairs > PORTS / LINGER.as_secs_f64() / 2.0
        };
        self.calls().find(lacks).map(|(id, _)| id)
    }

    /// The most connections that a call may open in a second when nothing fails: one for each
    /// request. But one that is kept serves the next request, and only those idle for long that
    /// few are under way for: as many as requests are more or fewer by chance (six standard
    /// deviations of a Poisson number). Each of these is opened anew at most once in the time that
    /// it may idle.
    fn opened_per_sec(&self, id: CallId) -> f64 {
        let call = self.design.call(id);
        let timeout = call.rules.deadline.timeout.map_or(f64::INFINITY, Duration::as_secs_f64);
        let rate = self.rates[id.index()];
        if rate <= 0.0 {
            return 0.0;
        }
        let pools = self.count(call.from) * self.count(call.to);
        let uneven = 6.0 * (rate * timeout * pools).sqrt();
        rate.min(uneven / call.connections.idle_timeout.as_secs_f64())
    }

    fn calls(&self) -> impl Iterator<Item = (CallId, &'d Call)> {
        let ids = (0..self.design.calls.len()).map(CallId::from_index);
        ids.zip(&self.design.calls)
    }

    fn count(&self, node: NodeId) -> f64 {
        self.instances.iter().filter(|one| one.node == node).count().max(1) as f64
    }
}

/// From one address to another: Linux's `ip_local_port_range`, as in [`netsim::l4::tcp::Ports`].
const PORTS: f64 = 28_232.0;
/// How long a port lingers after its connection: `TIME_WAIT` in Linux.
const LINGER: Duration = Duration::from_secs(60);

/// How many times its traffic a client sends at most.
fn spike(faults: &[Planned], client: NodeId) -> f64 {
    let of_it =
        faults.iter().filter(|fault| matches!(fault.what, What::Traffic(node) if node == client));
    let times = of_it.filter_map(|fault| match fault.fault {
        Fault::Spike { times } => Some(times),
        _ => None,
    });
    iter::once(1.0).chain(times).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::examples::{design, variant};
    use crate::loadline::with_traffic;
    use crate::plan::Plan;
    use crate::plan::network::Network;

    #[test]
    fn what_shares_out_connections_is_played_in_packets() {
        let why = why_of(&variant("postgres", &[]), Some("none"));

        assert!(why.contains("app -> pg shares out connections"), "{why}");
    }

    /// 10 sessions in a second stand for 33 s on average: 660 connections at one balancer that is
    /// left.
    #[test]
    fn sessions_are_played_in_packets_where_descriptors_may_run_out() {
        let of = |descriptors: &str| why(&design(&SESSIONS.replace("COUNT", descriptors)));

        assert!(of("1_000").contains("as many connections may stand at lb"), "{}", of("1_000"));
        assert_eq!(of("20_000"), MESSAGES);
    }

    #[test]
    fn requests_alone_need_packets_where_more_may_wait_than_there_are_descriptors() {
        let of = |descriptors: &str| {
            let balancer = format!("instances = 2\ndescriptors = {descriptors}");
            why(&variant("balancer", &[("instances = 2", &balancer)]))
        };

        assert!(of("500").contains("stand at lb"), "{}", of("500"));
        assert_eq!(of("10_000"), MESSAGES);
    }

    #[test]
    fn connections_that_are_not_kept_are_played_in_packets_where_ports_may_run_out() {
        let of = |traffic: &str, idle: &str| {
            let idle = format!("retry = \"none\"\nconnections = {{ idle_timeout = \"{idle}\" }}");
            let changes = [("300/s", traffic), ("retry = \"none\"", idle.as_str())];
            why(&variant("balancer", &changes))
        };

        assert!(of("1500/s", "1ms").contains("call users -> lb may run out of ports"));
        assert_eq!(of("1500/s", "4s"), MESSAGES);
        assert_eq!(of("100/s", "1ms"), MESSAGES);
    }

    #[test]
    fn more_traffic_and_a_rush_may_need_packets_where_less_does_not() {
        let balancer = "instances = 2\ndescriptors = 5_000";
        let usual = variant("balancer", &[("instances = 2", balancer)]);
        let rush = "on = \"users\"\nkind = \"spike\"\ntimes = 20.0\nat";
        let changes = [
            ("instances = 2", balancer),
            ("on = \"svc\"\nshare = \"1 of 3\"\nkind = \"crash\"\nat", rush),
        ];

        assert_eq!(why(&usual), MESSAGES);
        assert_ne!(why(&with_traffic(&usual, 20.0, Duration::from_secs(60))), MESSAGES);
        assert_ne!(why(&variant("balancer", &changes)), MESSAGES);
    }

    /// 330 sessions stand, and on each 16 KiB are said a hundred times a second, in turn with the service:
    /// 2.2 Gbit/s each way. Ten times as often would fill two cards of 10 Gbit/s, and so would a rush
    /// of ten times.
    #[test]
    fn what_sessions_say_and_what_comes_in_a_rush_may_fill_network_cards() {
        let of = |often: &str, incident: &str| {
            let said = format!("messages = \"{often}\", request = \"16KiB\"");
            let text = SESSIONS.replace("messages = \"1/s\"", &said);
            network(&design(&(text.replace("COUNT", "100_000_000") + incident)), None)
        };

        let few = of("100/s", "");
        assert!(few.keeps_all && few.why == MESSAGES, "{few:?}");
        for many in [of("1000/s", ""), of("100/s", RUSH)] {
            let may_fill = many.why.contains("fill the network cards");
            assert!(may_fill && !many.keeps_all, "{many:?}");
        }
    }

    const RUSH: &str = r#"
[[incident.rush]]
on = "users"
kind = "spike"
times = 10.0
at = "10s"
lasts = "10s"
"#;

    #[test]
    fn what_no_bound_of_connections_can_hold_up_is_played_in_messages() {
        for name in ["balancer", "incident", "demo"] {
            let design = variant(name, &[]);
            let more = with_traffic(&design, 20.0, Duration::from_secs(60));
            let designs = [design, more];
            assert_eq!(designs.map(|design| why(&design)), [MESSAGES; 2], "{name}");
        }
    }

    fn why(design: &Design) -> String {
        why_of(design, None)
    }

    fn why_of(design: &Design, incident: Option<&str>) -> String {
        network(design, incident).why
    }

    fn network(design: &Design, incident: Option<&str>) -> Network {
        let incident = incident.map(str::to_owned);
        Plan::new(design, &Options { incident, ..Options::default() }).unwrap().network
    }

    const MESSAGES: &str = "nothing is lost, delayed or queued by the network";

    const SESSIONS: &str = r#"
[client.users]
traffic = "100/s"
requests = [
  { share = "90%", method = "GET", path = "/" },
  { share = "10%", method = "GET", path = "/ws", holds = { median = "30s", p99 = "60s" }, messages = "1/s" },
]
[balancer.lb]
instances = 2
descriptors = COUNT
[[balancer.lb.listen]]
address = "127.0.0.1:8080"
protocol = "http"
routes = [{ path = "/", to = "svc" }]
[service.svc]
endpoints = ["127.0.0.1:9001", "127.0.0.1:9002"]
model = { workers = 64, queue = 64, service_time = "1ms" }
[call.users.lb]
timeout = "5s"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
[call.lb.svc]
timeout = "5s"
idempotent = true
on_failure = "error"
in_flight = 2000
queue = 64
retry = "none"
"#;
}
