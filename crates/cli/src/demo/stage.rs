//! One variant of a design, for real: its services and clients as stand-ins, its balancers as
//! they are, all on loopback and on ports that the kernel chooses.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use base::{CallId, Duration, Instant, NodeId, Random};
use checklist::sound;
use config::Design;
use config::design::{Call, Client, Endpoint, Entry, NodeKind, OnFailure, Part};
use engine::EndpointSpec;
use live::Running;
use model::fault::{Course, Fault};
use model::service::Params;
use model::traffic::Source;
use standin::incident::{self, Trouble};
use standin::{Caller, CallerSpec, Clock, Crowd, CrowdSpec, Host, HostSpec, Question, Step};
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::lateness;
use super::observed::{Counts, Observed, Sample};
use super::playable;

/// What is to be played.
#[derive(Clone)]
pub(super) struct Play {
    pub(super) design: Design,
    /// The incident, by its place in the design.
    pub(super) incident: Option<usize>,
    /// The service whose load is looked at.
    pub(super) watched: NodeId,
    pub(super) seed: u64,
    /// When it begins, and how long traffic lasts.
    pub(super) start: std::time::Instant,
    pub(super) end: Instant,
    /// Becomes true when somebody has seen enough.
    pub(super) stop: watch::Receiver<bool>,
    /// Where what is seen goes.
    pub(super) observed: Arc<Mutex<Observed>>,
}

/// Plays it to its end, or until somebody has seen enough.
///
/// # Errors
/// The design has something that cannot be played, or the machine does not allow it.
pub(super) fn play(play: Play) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let local = LocalSet::new();
    let mut stage = Stage::new(play);
    let played = runtime.block_on(local.run_until(stage.play()));
    // Everything that talks ends first; then the balancers have nothing left to finish.
    drop((local, runtime));
    stage.strike();
    played
}

/// What stands on the stage.
struct Stage {
    play: Play,
    clock: Clock,
    counts: Rc<RefCell<Counts>>,
    hosts: HashMap<NodeId, Vec<Host>>,
    balancers: HashMap<NodeId, Vec<Running>>,
    crowds: Vec<(NodeId, Rc<Crowd>)>,
}

impl Stage {
    fn new(play: Play) -> Self {
        Self {
            clock: Clock::starting_at(play.start),
            play,
            counts: Rc::default(),
            hosts: HashMap::new(),
            balancers: HashMap::new(),
            crowds: Vec::new(),
        }
    }

    async fn play(&mut self) -> Result<(), String> {
        self.set()?;
        let troubles = self.troubles()?;
        let mut stop = self.play.stop.clone();
        tokio::select! {
            () = self.traffic() => {}
            () = self.watch() => {}
            () = lateness::probe(self.clock, |late| lock(&self.play.observed).late.push(late)) => {}
            () = incident_then_nothing(self.clock, &troubles) => {}
            // If nobody can say so any more, it goes on to its end.
            Ok(_) = stop.wait_for(|stop| *stop) => {}
        }
        Ok(())
    }

    /// Starts everything, from the services that ask nobody up to the clients.
    fn set(&mut self) -> Result<(), String> {
        for at in 0..self.play.design.nodes.len() {
            let id = NodeId::from_index(at);
            if let NodeKind::Client(client) = self.play.design.node(id).kind.clone() {
                let crowd = self.crowd(id, &client)?;
                self.crowds.push((id, Rc::new(crowd)));
            }
        }
        Ok(())
    }

    fn crowd(&mut self, id: NodeId, client: &Client) -> Result<Crowd, String> {
        let name = self.play.design.node(id).name.clone();
        let call = playable::first_call(&self.play.design, id)
            .ok_or_else(|| format!("client {name} asks nobody"))?;
        let seed = self.play.seed;
        let spec = CrowdSpec {
            source: Source::new(&client.arrivals, Random::of(seed, &name, "arrivals")),
            requests: client.requests.clone(),
            random: Random::of(seed, &name, "requests"),
            caller: self.caller(call, 0)?,
        };
        Ok(Crowd::new(self.clock, spec))
    }

    /// Other people's code that carries a call, on one instance of who makes it.
    fn caller(&mut self, id: CallId, instance: usize) -> Result<Rc<Caller>, String> {
        let to = self.play.design.call(id).to;
        let endpoint = |address| (address, EndpointSpec { weight: 1, rank: 0 });
        let endpoints = self.addresses(to)?.into_iter().map(endpoint).collect();
        let design = &self.play.design;
        let (call, name) = (design.call(id), design.call_name(id));
        let random = Random::of(self.play.seed, &format!("{name}/{instance}/0"), "call");
        let spec = CallerSpec {
            call: id,
            rules: call.rules.clone(),
            endpoints,
            keep: call.connections.idle_timeout,
            random,
            listener: Rc::clone(&self.counts) as _,
        };
        Ok(Rc::new(Caller::new(self.clock, spec)))
    }

    /// Where a node can be asked; it is started if it was not.
    fn addresses(&mut self, id: NodeId) -> Result<Vec<SocketAddr>, String> {
        let node = self.play.design.node(id);
        match &node.kind {
            NodeKind::Client(_) => Err(format!("{} is a client, and nobody asks it", node.name)),
            NodeKind::Cache(_) => Err(format!("the demo does not play the cache {}", node.name)),
            NodeKind::Balancer(_) => self.balancers(id),
            NodeKind::Service(service) => {
                let (model, steps) = (service.model.clone(), service.steps.clone());
                self.service(id, model, &steps)
            }
            NodeKind::Database(database) => {
                let model = database.model.clone();
                self.service(id, model, &[])
            }
        }
    }

    fn service(
        &mut self,
        id: NodeId,
        model: Option<Params>,
        steps: &[Vec<CallId>],
    ) -> Result<Vec<SocketAddr>, String> {
        if !self.hosts.contains_key(&id) {
            let name = self.play.design.node(id).name.clone();
            let params = model.ok_or_else(|| format!("{name} has no model to behave like"))?;
            let instances = (0..self.instances(id)).map(|instance| {
                let steps = self.steps(steps, instance)?;
                self.host(id, &name, params.clone(), steps)
            });
            let hosts = instances.collect::<Result<Vec<_>, _>>()?;
            self.hosts.insert(id, hosts);
        }
        Ok(self.hosts[&id].iter().map(Host::address).collect())
    }

    fn host(
        &self,
        id: NodeId,
        name: &str,
        params: Params,
        steps: Vec<Vec<Step>>,
    ) -> Result<Host, String> {
        let design = &self.play.design;
        let asked: Vec<&Call> = design.calls.iter().filter(|call| call.to == id).collect();
        let spec = HostSpec {
            params,
            random: Random::of(self.play.seed, name, "work"),
            address: ANY_PORT,
            cancel: !asked.is_empty() && asked.iter().all(|call| call.cancel),
            health_path: asked.iter().find_map(|call| call.health_path.clone()),
            steps,
        };
        Host::start(self.clock, spec).map_err(|error| no_port(&error))
    }

    fn steps(&mut self, steps: &[Vec<CallId>], instance: usize) -> Result<Vec<Vec<Step>>, String> {
        let step = |call: &CallId| {
            let omit = self.play.design.call(*call).on_failure.value == OnFailure::Omit;
            let question = Question {
                method: "GET".to_owned(),
                path: "/".to_owned(),
                idempotent: true,
                ..Question::default()
            };
            Ok(Step { caller: self.caller(*call, instance)?, question, omit })
        };
        let mut step = step;
        steps.iter().map(|calls| calls.iter().map(&mut step).collect()).collect()
    }

    /// Every instance of a balancer, on a port of its own, told where its services really are.
    fn balancers(&mut self, id: NodeId) -> Result<Vec<SocketAddr>, String> {
        if !self.balancers.contains_key(&id) {
            let calls: Vec<_> = self.play.design.calls_from(id).collect();
            for call in calls {
                let to = self.play.design.call(call).to;
                let addresses = self.addresses(to)?;
                set_endpoints(&mut self.play.design, to, &addresses);
            }
            let running = self.start_balancers(id)?;
            self.balancers.insert(id, running);
        }
        let running = self.balancers[&id].iter();
        Ok(running.filter_map(|running| running.addresses().first().copied()).collect())
    }

    fn start_balancers(&mut self, id: NodeId) -> Result<Vec<Running>, String> {
        let node = &mut self.play.design.nodes[id.index()];
        if let NodeKind::Balancer(balancer) = &mut node.kind {
            balancer.listen.iter_mut().for_each(|listen| listen.address = ANY_PORT);
        }
        let name = node.name.clone();
        let sound = sound(self.play.design.clone())
            .map_err(|_| format!("`plimsoll run` would refuse {name}: see the findings above"))?;
        let count = self.instances(id);
        let start = |instance: usize| {
            let options = live::Options {
                node: Some(name.clone()),
                number: (count > 1).then_some(instance + 1),
                workers: Some(WORKERS),
                log: live::Target::None,
                seed: self.play.seed.wrapping_add(instance as u64),
                ..live::Options::default()
            };
            live::start(&sound, &options).map_err(|refused| format!("{name}: {refused}"))
        };
        (0..count).map(start).collect()
    }

    /// As many as the file says, or as it has endpoints.
    fn instances(&self, id: NodeId) -> usize {
        let node = self.play.design.node(id);
        let counted = usize::try_from(node.instance_count()).unwrap_or(usize::MAX);
        node.endpoints().len().max(counted).clamp(1, MOST_INSTANCES)
    }

    fn troubles(&self) -> Result<Vec<Trouble>, String> {
        let Some(incident) = self.play.incident else { return Ok(Vec::new()) };
        self.play.design.incidents[incident]
            .entries
            .iter()
            .map(|entry| self.trouble(entry))
            .collect()
    }

    fn trouble(&self, entry: &Entry) -> Result<Trouble, String> {
        let (fault, lasts) = match entry.fault {
            Fault::Restart { takes } => (Fault::Crash, Some(takes)),
            ref other => (other.clone(), entry.lasts),
        };
        let node = playable::hit(&self.play.design, entry)?;
        let hosts = self.hosts.get(&node).map_or(&[][..], Vec::as_slice);
        let hit = match entry.share {
            Part::Whole => hosts.len(),
            Part::Of(hit, _) => usize::try_from(hit).unwrap_or(usize::MAX),
            Part::Share(share) => (0..hosts.len())
                .find(|count| *count as f64 >= share.as_f64() * hosts.len() as f64)
                .unwrap_or(hosts.len()),
        };
        let crowds = self.crowds.iter().filter(|(client, _)| *client == node);
        Ok(Trouble {
            fault,
            course: Course { at: Instant::ZERO + entry.at, ramp: entry.ramp, lasts },
            hosts: hosts[..hit.min(hosts.len())].to_vec(),
            crowds: crowds.map(|(_, crowd)| Rc::clone(crowd)).collect(),
        })
    }

    /// All clients at once, until the last answer.
    async fn traffic(&self) {
        let mut crowds = tokio::task::JoinSet::new();
        for (_, crowd) in &self.crowds {
            let (crowd, end) = (Rc::clone(crowd), self.play.end);
            let observed = Arc::clone(&self.play.observed);
            crowds.spawn_local(async move {
                crowd.run(end, |seen| lock(&observed).seen.push(seen)).await;
            });
        }
        crowds.join_all().await;
        self.sample();
    }

    /// Looks several times a second, for as long as it lasts.
    async fn watch(&self) {
        for look in 0_u64.. {
            self.clock.sleep_until(Instant::ZERO + LOOK.saturating_mul(look)).await;
            self.sample();
        }
    }

    fn sample(&self) {
        let load = |hosts: &Vec<Host>| {
            let (busy, queued): (Vec<_>, Vec<_>) = hosts.iter().map(Host::load).unzip();
            let workers: u32 = hosts.iter().map(Host::workers).sum();
            let busy = f64::from(busy.iter().sum::<u32>()) / f64::from(workers.max(1));
            (busy, f64::from(queued.iter().sum::<u32>()))
        };
        let loads: Vec<_> = self.hosts.values().map(load).collect();
        let most = |of: fn(&(f64, f64)) -> f64| loads.iter().map(of).fold(0.0, f64::max);
        let watched = self.hosts.get(&self.play.watched).map_or(&[][..], Vec::as_slice);
        let sample = Sample {
            at: self.clock.now(),
            offered: self.crowds.iter().map(|(_, crowd)| crowd.offered()).sum(),
            arrived: watched.iter().map(Host::arrived).sum(),
            counts: *self.counts.borrow(),
            busy: most(|load| load.0),
            queued: most(|load| load.1),
        };
        lock(&self.play.observed).samples.push(sample);
    }

    /// Ends the balancers, when nobody asks them any more.
    fn strike(self) {
        drop(self.crowds);
        for running in self.balancers.into_values().flatten() {
            running.drain();
            // What a worker could not do at its end is of no use to anybody.
            drop(running.wait());
        }
    }
}

/// The end of the incident is not the end of the play.
async fn incident_then_nothing(clock: Clock, troubles: &[Trouble]) {
    incident::play(clock, troubles).await;
    std::future::pending::<()>().await;
}

fn set_endpoints(design: &mut Design, id: NodeId, addresses: &[SocketAddr]) {
    let node = &mut design.nodes[id.index()];
    let span = node.span;
    let endpoints = match &mut node.kind {
        NodeKind::Service(service) => &mut service.endpoints,
        NodeKind::Database(database) => &mut database.endpoints,
        NodeKind::Client(_) | NodeKind::Balancer(_) | NodeKind::Cache(_) => return,
    };
    let blank = Endpoint { address: String::new(), region: None, weight: 1, span };
    endpoints.resize(addresses.len(), blank);
    for (endpoint, address) in endpoints.iter_mut().zip(addresses) {
        endpoint.address = address.to_string();
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_port(error: &io::Error) -> String {
    format!("cannot listen on loopback: {error}")
}

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// The simulator runs the balancers of a demo with as many.
pub(super) const WORKERS: usize = 1;
/// Of one node: a demo is for one machine.
const MOST_INSTANCES: usize = 64;
const LOOK: Duration = Duration::from_millis(100);
