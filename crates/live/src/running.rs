//! A balancer from its start to its end.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::{NodeId, RegionId, WorkerId};
use checklist::SoundDesign;
use config::design::{Design, NodeKind};
use config::diagnostic::Diagnostic;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::instance::Instance;
use crate::limits::Limits;
use crate::log::{Log, Target};
use crate::plan::Plan;
use crate::{admin, descriptors, listener, names, tasks};

/// The file that a design was read from, so that it can be shown where its values stand.
#[derive(Clone, Debug)]
pub struct DesignFile {
    /// As it was given.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// How to run a design.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the design comes from.
    pub file: Option<DesignFile>,
    /// Which balancer; the only one if nothing is said.
    pub node: Option<String>,
    /// In which region; the only one of the node if nothing is said.
    pub region: Option<String>,
    /// How many workers; as many as there are cores if nothing is said.
    pub workers: Option<usize>,
    /// Where the admin pages are; nowhere if nothing is said.
    pub admin: Option<SocketAddr>,
    /// Where the access log goes.
    pub log: Target,
    /// The ends of what clients and services may do, where the design says nothing.
    pub limits: Limits,
    /// Where all chance comes from.
    pub seed: u64,
}

/// Why a design is not run.
#[derive(Debug)]
pub enum Refused {
    /// There is no node of this name; the balancers there are.
    NoNode(String, Vec<String>),
    /// The node is not one of ours.
    NotABalancer(String),
    /// There are several balancers, or none.
    WhichNode(Vec<String>),
    /// There is no region of this name in which the node runs.
    NoRegion(String),
    /// The node runs in several regions.
    WhichRegion(Vec<String>),
    /// The design asks for what is not built yet.
    NotBuilt(Vec<Diagnostic>),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The access log cannot be opened.
    Log(io::Error),
    /// The machine gives us no thread or event loop.
    Machine(io::Error),
}

/// A balancer that runs.
#[derive(Debug)]
pub struct Running {
    instance: Arc<Instance>,
    addresses: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    workers: Vec<JoinHandle<io::Result<()>>>,
    log: Option<JoinHandle<()>>,
}

/// How a balancer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All that was in flight has finished, or the time for that was over.
    Drained,
    /// A second signal came meanwhile.
    AtOnce,
}

/// Starts a balancer of a design.
///
/// # Errors
/// The design or the machine does not allow it; nothing is running then.
pub fn start(design: &SoundDesign, options: &Options) -> Result<Running, Refused> {
    let node = node(design, options.node.as_deref())?;
    let region = region(design, node, options.region.as_deref())?;
    let missing = checklist::not_built(design, node);
    if !missing.is_empty() {
        return Err(Refused::NotBuilt(missing));
    }
    let clock = Clock::start();
    let mut plan = Plan::new(clock.now(), design, node, region)?;
    let count = options.workers.unwrap_or_else(cores).clamp(1, MOST_WORKERS);
    let mut sockets: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
    let mut addresses = Vec::new();
    for listen in &mut plan.listeners {
        for (worker, socket) in sockets.iter_mut().zip(listener::bind(listen.address, count)?) {
            listen.address = socket.local_addr().map_err(Refused::Machine)?;
            worker.push(socket);
        }
        addresses.push(listen.address);
    }
    let (log, writer) = Log::open(&options.log).map_err(Refused::Log)?.unzip();
    let mut options = options.clone();
    let allowed = descriptors::clients(design.node(node).descriptors);
    options.limits.clients = Some(options.limits.clients.map_or(allowed, |set| set.min(allowed)));
    let instance = Arc::new(Instance::new(&options, count, &plan, log));
    let plan = Arc::new(plan);
    names::keep_fresh(&plan);
    let admin = options.admin.map(admin::bind).transpose()?;
    let admin_address = admin.as_ref().and_then(|admin| admin.local_addr().ok());
    if let Some(listener) = admin {
        let design = admin::describe(design, &plan, options.file.as_ref());
        let (plan, instance) = (Arc::clone(&plan), Arc::clone(&instance));
        let pages = Arc::new(admin::Pages { plan, instance, design });
        admin::serve(listener, pages).map_err(Refused::Machine)?;
    }
    let start = |(number, listeners)| {
        let (plan, instance) = (Arc::clone(&plan), Arc::clone(&instance));
        std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                tasks::run(WorkerId::from_index(number), clock, plan, instance, listeners)
            })
            .map_err(Refused::Machine)
    };
    let workers = sockets.into_iter().enumerate().map(start).collect::<Result<_, _>>()?;
    Ok(Running { instance, addresses, admin: admin_address, workers, log: writer })
}

impl Running {
    /// Where it listens, in the order of the design, with the ports that the kernel chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the admin pages are.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Stops accepting, and lets what is in flight finish.
    pub fn drain(&self) {
        self.instance.drain();
    }

    /// Waits until it has drained.
    ///
    /// # Errors
    /// A worker could not run.
    pub fn wait(self) -> io::Result<()> {
        for worker in self.workers {
            worker.join().map_err(|_| io::Error::other("a worker panicked"))??;
        }
        if let Some(log) = &self.instance.log {
            log.close();
        }
        if let Some(writer) = self.log {
            writer.join().map_err(|_| io::Error::other("the log's writer panicked"))?;
        }
        Ok(())
    }

    /// Runs until SIGTERM or SIGINT, then drains; a second signal ends the wait at once.
    ///
    /// # Errors
    /// A worker could not run, or signals cannot be had.
    pub fn until_signalled(self) -> io::Result<Ended> {
        let instance = Arc::clone(&self.instance);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let (tell, mut ended) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || tell.send(self.wait()));
            for drained in [false, true] {
                tokio::select! {
                    outcome = &mut ended => {
                        return outcome.map_err(io::Error::other)?.map(|()| Ended::Drained);
                    }
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if !drained {
                    instance.drain();
                }
            }
            Ok(Ended::AtOnce)
        })
    }
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
            known.map(|(id, _)| Some(*id)).ok_or_else(|| Refused::NoRegion(name.to_owned()))
        }
        (None, []) => Ok(None),
        (None, [(only, _)]) => Ok(Some(*only)),
        (None, several) => {
            Err(Refused::WhichRegion(several.iter().map(|(id, _)| named(*id)).collect()))
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// As many as the engine can tell apart.
const MOST_WORKERS: usize = 64;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode(name, known) => {
                write!(f, "the design has no node \"{name}\"; its balancers: {}", known.join(", "))
            }
            Self::NotABalancer(name) => write!(f, "\"{name}\" is not a balancer"),
            Self::WhichNode(known) if known.is_empty() => f.write_str("the design has no balancer"),
            Self::WhichNode(known) => {
                write!(f, "the design has several balancers; say --node: {}", known.join(", "))
            }
            Self::NoRegion(name) => write!(f, "the node does not run in a region \"{name}\""),
            Self::WhichRegion(known) => {
                write!(f, "the node runs in several regions; say --region: {}", known.join(", "))
            }
            Self::NotBuilt(missing) => {
                let named: Vec<_> = missing.iter().map(|one| one.message.as_str()).collect();
                write!(f, "not built yet: {}", named.join("; "))
            }
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Log(error) => write!(f, "cannot open the access log: {error}"),
            Self::Machine(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for Refused {}
