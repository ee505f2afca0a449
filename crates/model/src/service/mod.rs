//! Services and databases: workers, a queue, and the time that work takes.

mod machine;
mod time;

pub use machine::{Arrival, Condition, Outcome, Refusal, Service, Started, Ticket};
pub(crate) use time::Sampler;
pub use time::ServiceTime;

/// What a service does with a request that arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Requests served at once by one instance.
    pub workers: u32,
    /// Requests that may wait in one instance; `None`: without end.
    pub queue: Option<u32>,
    /// How long one request takes when nothing else goes on.
    pub service_time: ServiceTime,
    /// How much slower each gets when many are served at once.
    pub contention: Option<Contention>,
}

/// The Universal Scalability Law (Gunther, 1993): with `n` requests in service, each takes
/// `1 + sigma (n - 1) + kappa n (n - 1)` times as long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contention {
    /// Waiting for what is shared.
    pub sigma: f64,
    /// Agreeing with each other.
    pub kappa: f64,
}

impl Contention {
    /// How many times as long each of `busy` requests takes.
    pub fn factor(&self, busy: u32) -> f64 {
        let others = f64::from(busy.saturating_sub(1));
        1.0 + self.sigma * others + self.kappa * f64::from(busy) * others
    }
}

impl Params {
    /// Requests per second that one instance can serve with all its workers busy.
    pub fn capacity(&self) -> f64 {
        let slower = self.contention.map_or(1.0, |contention| contention.factor(self.workers));
        f64::from(self.workers) / (self.service_time.mean() * slower)
    }
}
