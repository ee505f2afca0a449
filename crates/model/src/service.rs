//! Services and databases: workers, a queue, and the time that work takes.

use alloc::vec::Vec;

use base::Duration;

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

/// How long work takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceTime {
    /// Always the same.
    Constant(Duration),
    /// Lognormal, by its median and its 99th percentile.
    Lognormal {
        /// Half of all are faster.
        median: Duration,
        /// One in a hundred is slower.
        p99: Duration,
    },
    /// Exponential, by its mean.
    Exponential {
        /// The mean.
        mean: Duration,
    },
    /// As measured: one of these, each as likely.
    Empirical(Vec<Duration>),
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
