//! A balancer from its start to its end.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::{NodeId, RegionId, WorkerId};
use config::design::{Design, NodeKind};

use crate::clock::Clock;
use crate::instance::Instance;
use crate::plan::Plan;
use crate::{listener, tasks};

/// How to run a design.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which balancer; the only one if nothing is said.
    pub node: Option<String>,
    /// In which region; the only one of the node if nothing is said.
    pub region: Option<String>,
    /// How many workers; as many as there are cores if nothing is said.
    pub workers: Option<usize>,
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
    /// The design asks for something that is not built yet.
    NotBuilt(&'static str),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The machine gives us no thread or event loop.
    Machine(io::Error),
}

/// A balancer that runs.
#[derive(Debug)]
pub struct Running {
    instance: Arc<Instance>,
    addresses: Vec<SocketAddr>,
    workers: Vec<JoinHandle<io::Result<()>>>,
}

/// Starts a balancer of a design.
///
/// # Errors
/// The design or the machine does not allow it; nothing is running then.
pub fn start(design: &Design, options: &Options) -> Result<Running, Refused> {
    let node = node(design, options.node.as_deref())?;
    let region = region(design, node, options.region.as_deref())?;
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
    let (plan, instance) =
        (Arc::new(plan), Arc::new(Instance::new(options.seed, count, design.calls.len())));
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
    Ok(Running { instance, addresses, workers })
}

impl Running {
    /// Where it listens, in the order of the design, with the ports that the kernel chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
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
        Ok(())
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
            Self::NotBuilt(what) => write!(f, "`run` does not know {what} yet"),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Machine(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for Refused {}
