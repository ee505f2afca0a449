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
            Params::LeastOfTwo => of_two(pool, avoid, random, |endpoint, weight| {
                cost(u128::from(standing(endpoint).in_flight), weight)
            }),
            Params::PeakEwma => of_two(pool, avoid, random, |endpoint, weight| {
                let seen = standing(endpoint);
                let waiting = u128::from(seen.in_flight) + 1;
                let latency = seen.latency.value_at(now, FORGET_PEAKS_IN);
                cost(waiting * u128::from(latency.as_nanos()), weight)
            }),
            Params::LeastConnections => pool
                .entries()
                .filter(|&(endpoint, _)| Some(endpoint) != avoid)
                .min_by_key(|&(endpoint, weight)| {
                    (cost(u128::from(standing(endpoint).in_flight), weight), endpoint)
                })
                .map(|(endpoint, _)| endpoint),
        }
    }
}

fn of_two(
    pool: &Pool,
    avoid: Option<u16>,
    random: &mut Random,
    cost_of: impl Fn(u16, u32) -> u128,
) -> Option<u16> {
    let (first, first_weight) = pool.draw(random, [avoid, None])?;
    let Some((second, second_weight)) = pool.draw(random, [avoid, Some(first)]) else {
        return Some(first);
    };
    let second_is_better = cost_of(second, second_weight) < cost_of(first, first_weight);
    Some(if second_is_better { second } else { first })
}

/// Fixed point, so that weights of different size compare without division's loss.
fn cost(burden: u128, weight: u32) -> u128 {
    (burden << 20) / u128::from(weight.max(1))
}

#[cfg(test)]
mod tests;
