//! Which endpoint gets the next attempt.
//!
//! All rules choose among the endpoints that are fit; who is fit is decided elsewhere
//! ([`crate::health`], [`crate::region`]). Only one of them looks at all endpoints for one choice,
//! [`Params::LeastConnections`]; with the others a choice among a thousand costs as much as among
//! three.

mod pool;
mod slow_start;

pub use pool::Pool;
pub use slow_start::SlowStart;

use core::cmp::Ordering;

use base::{Duration, Instant, PeakEwma, Random};

/// What an operator may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Params {
    /// One after the other, heavier ones more often.
    RoundRobin,
    /// Two at random, then the one with less in flight for its weight (Mitzenmacher, "The Power of
    /// Two Choices in Randomized Load Balancing", 1996). The default: it needs no history, and no
    /// endpoint is ever flooded because it looked best to everybody.
    #[default]
    LeastOfTwo,
    /// Two at random, then the one with less expected waiting: its recent peak latency times what
    /// it has in flight and the new one. A peak fades while nobody asks, so that whoever was slow
    /// once is tried again.
    PeakEwma,
    /// The one with the fewest connections or requests of ours, over all of them: for few and long
    /// ones, as at L4.
    LeastConnections,
}

/// What we know of an endpoint when we choose.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Attempts or connections of ours on it now.
    pub in_flight: u32,
    /// Its recent peak latency.
    pub latency: PeakEwma,
}

/// How fast an old latency peak is forgotten (Finagle's and Linkerd's default for peak EWMA: 10 s).
pub const FORGET_PEAKS_IN: Duration = Duration::from_secs(10);

/// One worker's chooser among the endpoints of a call.
#[derive(Clone, Debug)]
pub struct Balancer {
    params: Params,
    turn: u64,
}

impl Balancer {
    /// `start` is where a round robin begins: different for each worker, or all of them would send
    /// their first attempts to the first endpoint.
    pub const fn new(params: Params, start: u64) -> Self {
        Self { params, turn: start }
    }

    /// Chooses among `pool`, but not `avoid` if there is another. `standing` tells what we know of
    /// an endpoint. `None` when the pool is empty.
    pub fn pick(
        &mut self,
        now: Instant,
        pool: &Pool,
        avoid: Option<u16>,
        standing: impl Fn(u16) -> Standing,
        random: &mut Random,
    ) -> Option<u16> {
        let avoid = avoid.filter(|&endpoint| pool.has_other_than(endpoint));
        match self.params {
            Params::RoundRobin => {
                let turn = self.turn;
                self.turn = self.turn.wrapping_add(1);
                pool.in_turn(turn, avoid)
            }
            Params::LeastOfTwo => {
                of_two(pool, avoid, random, |endpoint| standing(endpoint).in_flight.into())
            }
            Params::PeakEwma => of_two(pool, avoid, random, |endpoint| {
                let seen = standing(endpoint);
                let waiting = u128::from(seen.in_flight) + 1;
                let latency = seen.latency.value_at(now, FORGET_PEAKS_IN);
                waiting * u128::from(latency.as_nanos())
            }),
            Params::LeastConnections => {
                let burdens = pool.entries().map(|(endpoint, weight)| {
                    let size = standing(endpoint).in_flight.into();
                    Burden { size, weight, endpoint }
                });
                let others = burdens.filter(|burden| Some(burden.endpoint) != avoid);
                others.min_by(Burden::for_weight).map(|burden| burden.endpoint)
            }
        }
    }
}

fn of_two(
    pool: &Pool,
    avoid: Option<u16>,
    random: &mut Random,
    burden_of: impl Fn(u16) -> u128,
) -> Option<u16> {
    let (first, first_weight) = pool.draw(random, [avoid, None])?;
    if pool.len() == 1 {
        return Some(first);
    }
    let Some((second, second_weight)) = pool.draw(random, [avoid, Some(first)]) else {
        return Some(first);
    };
    let second = Burden { size: burden_of(second), weight: second_weight, endpoint: second };
    let first = Burden { size: burden_of(first), weight: first_weight, endpoint: first };
    Some(if second.for_weight(&first).is_lt() { second.endpoint } else { first.endpoint })
}

/// What an endpoint has to carry.
struct Burden {
    size: u128,
    /// How much it can carry, above 0.
    weight: u32,
    endpoint: u16,
}

impl Burden {
    /// Which carries more for its weight. Multiplied crosswise: exact, and no division.
    fn for_weight(&self, other: &Self) -> Ordering {
        let crosswise = |one: &Self, other: &Self| one.size.saturating_mul(other.weight.into());
        crosswise(self, other).cmp(&crosswise(other, self))
    }
}

#[cfg(test)]
mod tests;
