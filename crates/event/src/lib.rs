//! What happened, one file a layer, and the reasons that rules give.
//!
//! Both drivers report through these types: the simulator's report, the live plane's metrics, its
//! access log and `Proxy-Status` all read the same events. The name, the unit and the help of a
//! series stand on the event itself, once.
//!
//! Failures propagate upward: a symptom at L7 usually has its cause below. So a failed request has
//! exactly one [`Cause`], and a cause knows its layer.

#![no_std]

#[cfg(test)]
extern crate std;

mod cause;
mod describe;
pub mod l3;
pub mod l4;
pub mod l7;
pub mod policy;
pub mod tls;
pub mod world;

pub use cause::{Cause, Layer};
pub use describe::{Description, Kind, Unit};

use base::{CallId, EndpointId, Instant};

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// On the network layer: datagrams.
    L3(l3::Event),
    /// On the transport layer: connections.
    L4(l4::Event),
    /// While two ends agreed on keys.
    Tls(tls::Event),
    /// On the application layer: requests, attempts and answers.
    L7(l7::Event),
    /// A rule decided.
    Policy(policy::Event),
    /// Somebody outside did something to the system.
    World(world::Event),
}

impl Event {
    /// The series that this event belongs to.
    pub const fn describe(&self) -> &'static Description {
        match self {
            Self::L3(event) => event.describe(),
            Self::L4(event) => event.describe(),
            Self::Tls(event) => event.describe(),
            Self::L7(event) => event.describe(),
            Self::Policy(event) => event.describe(),
            Self::World(event) => event.describe(),
        }
    }
}

/// Where it happened: the call, and the endpoint if it concerns one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The call of the design.
    pub call: CallId,
    /// The endpoint among the call's.
    pub endpoint: Option<EndpointId>,
}

/// Takes events. Implementations must be cheap: they run inside the decision.
pub trait Sink {
    /// `event` happened at `now`.
    fn emit(&mut self, now: Instant, scope: Scope, event: Event);
}

/// Nobody listens.
impl Sink for () {
    #[inline]
    fn emit(&mut self, _now: Instant, _scope: Scope, _event: Event) {}
}

impl<S: Sink + ?Sized> Sink for &mut S {
    #[inline]
    fn emit(&mut self, now: Instant, scope: Scope, event: Event) {
        (**self).emit(now, scope, event);
    }
}
