//! How a design is to be simulated.

use base::Duration;

/// How faithfully the network is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fidelity {
    /// Packets where the network, or a bound of connections, descriptors or ports, can matter;
    /// messages otherwise.
    #[default]
    Auto,
    /// Every datagram over links and routers, under a TCP that is ours.
    Packet,
    /// A message is a delay.
    Message,
}

/// How a design is to be simulated. What is not said gets a stated default.
#[derive(Clone, Debug)]
pub struct Options {
    /// The incident by its name. Nothing: the only one there is. `"none"`: an ordinary day.
    pub incident: Option<String>,
    /// The first seed.
    pub seed: u64,
    /// How many seeds, one after the other from the first.
    pub seeds: u32,
    /// How long traffic arrives. Nothing: see [`crate::plan::Times`].
    pub lasts: Option<Duration>,
    /// The stretch at the end in which recovery is judged. Nothing: see [`crate::plan::Times`].
    pub window: Option<Duration>,
    /// Workers of each balancer instance: a design file does not say, `run` has one a core.
    pub workers: u16,
    /// How faithfully the network is played.
    pub fidelity: Fidelity,
    /// Threads to run seeds on; nothing: one a core. Results do not depend on it.
    pub threads: Option<usize>,
    /// The most requests under way at once, all calls together. A run that needs more stops.
    pub most_under_way: u32,
    /// The most requests that clients may send in one run. A run that would need more is refused.
    pub most_requests: u64,
    /// The most requests that clients may send in the runs of all seeds together. What would need
    /// more is refused.
    pub most_requests_in_all: u64,
    /// Whether to look for causes: some more runs with one thing changed in each.
    pub causes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            incident: None,
            seed: 1,
            seeds: 1,
            lasts: None,
            window: None,
            workers: 2,
            fidelity: Fidelity::Auto,
            threads: None,
            most_under_way: 1_000_000,
            most_requests: 100_000_000,
            most_requests_in_all: 1_000_000_000,
            causes: false,
        }
    }
}
