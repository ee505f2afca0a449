//! What one worker believes of the endpoints of a call: who is fit, how fast, how busy.
//!
//! It is a belief, not knowledge: learned late, from checks and from attempts of this worker
//! alone. Two workers can believe different things, and both can be wrong.
//!
//! So checks never leave nobody: where they would, they are not believed. A check that is wrong
//! about all endpoints, as after a mistake in its path, would otherwise end the whole service.

use alloc::vec::Vec;

use base::{Duration, EndpointId, Instant, PeakEwma, Random};
use policy::balance::{self, Balancer, SlowStart, Standing};
use policy::health::check::Checker;
use policy::health::ejection::Ejection;
use policy::{breaker::Outcome, region};

use crate::Rules;

/// An endpoint as the design has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Its part of the traffic, against the others'.
    pub weight: u32,
    /// How its region stands in the caller's order of preference: 0 is the own region,
    /// [`EndpointSpec::OUT_OF_REACH`] one that is never asked.
    pub rank: u16,
}

impl EndpointSpec {
    /// The rank of an endpoint in a region that is not to be asked, nor checked. A driver may as well
    /// leave it out.
    pub const OUT_OF_REACH: u16 = u16::MAX;
}

/// One worker's belief about the endpoints of a call.
#[derive(Clone, Debug)]
pub struct Belief {
    endpoints: Vec<Endpoint>,
    /// The fit endpoints, by rank of region; a single pool where geography is ignored.
    pools: Vec<balance::Pool>,
    balancer: Balancer,
    slow_start: Option<SlowStart>,
    /// When the weight of an endpoint that came up grows next.
    next_step: Instant,
    /// Checks would leave nobody, so they are not believed.
    unchecked: bool,
    regions: region::Params,
    spill: Option<region::Spill>,
    ejection: Option<policy::health::ejection::Params>,
    /// How many endpoints can be picked at all when everybody is fit.
    reachable: u32,
    out: u32,
    /// When the next ejected endpoint comes back.
    next_return: Instant,
    typical: Duration,
}

#[derive(Clone, Debug)]
struct Endpoint {
    spec: EndpointSpec,
    in_flight: u32,
    latency: PeakEwma,
    ejection: Ejection,
    checker: Option<Checker>,
    /// When it came back, if it was ever gone. Those of the start are alike, and none of them new.
    up_since: Option<Instant>,
}

/// What a new endpoint's latency is taken to be until it has answered: short, so that it is tried.
const FIRST_GUESS: Duration = Duration::from_millis(1);

/// A chosen endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Which.
    pub endpoint: EndpointId,
    /// Whether it is in another region.
    pub spilled: bool,
    /// Whether checks call it down, as all others.
    pub unchecked: bool,
}

/// Something that changed in the belief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An endpoint is left out.
    Ejected(EndpointId),
    /// An ejected endpoint may be picked again.
    Returned(EndpointId),
    /// Active checks changed the belief about an endpoint.
    Health(EndpointId, bool),
}

impl Belief {
    /// Everybody is believed to be fit. `start` is where a round robin begins.
    pub fn new(
        now: Instant,
        rules: &Rules,
        specs: &[EndpointSpec],
        start: u64,
        random: &mut Random,
    ) -> Self {
        let endpoints = specs.iter().map(|&spec| Endpoint {
            spec,
            in_flight: 0,
            latency: PeakEwma::new(now, FIRST_GUESS),
            ejection: Ejection::default(),
            checker: rules
                .health
                .filter(|_| spec.rank != EndpointSpec::OUT_OF_REACH)
                .map(|params| Checker::new(now, params, random)),
            up_since: None,
        });
        let spill = match rules.region {
            region::Params::Spill { at_most } => Some(region::Spill::new(at_most)),
            region::Params::Any | region::Params::Own => None,
        };
        let mut belief = Self {
            endpoints: endpoints.collect(),
            pools: Vec::new(),
            balancer: Balancer::new(rules.balance, start),
            slow_start: rules.slow_start,
            next_step: Instant::NEVER,
            unchecked: false,
            regions: rules.region,
            spill,
            ejection: rules.ejection,
            reachable: 0,
            out: 0,
            next_return: Instant::NEVER,
            typical: Duration::ZERO,
        };
        belief.pools.resize_with(belief.ranks(), balance::Pool::default);
        belief.refill(now);
        belief.reachable = u32::try_from(belief.fit()).unwrap_or(u32::MAX);
        belief
    }

    /// A request has arrived for the call.
    pub fn on_request(&mut self) {
        if let Some(spill) = &mut self.spill {
            spill.on_request();
        }
    }

    /// Chooses an endpoint for an attempt, but not `avoid` if there is another. `None` when there is
    /// nobody, or only in regions that may not be asked.
    pub fn pick(
        &mut self,
        now: Instant,
        avoid: Option<EndpointId>,
        random: &mut Random,
    ) -> Option<Pick> {
        if now >= self.next_step {
            self.refill(now);
        }
        let rank = self.pools.iter().position(|pool| !pool.is_empty())?;
        if rank > 0 && !self.may_spill() {
            return None;
        }
        let endpoints = &self.endpoints;
        let standing = |endpoint: u16| {
            let endpoint = &endpoints[usize::from(endpoint)];
            Standing { in_flight: endpoint.in_flight, latency: endpoint.latency }
        };
        let avoid = avoid.map(|endpoint| endpoint.0);
        let chosen = self.balancer.pick(now, &self.pools[rank], avoid, standing, random)?;
        let endpoint = EndpointId(chosen);
        Some(Pick { endpoint, spilled: rank > 0, unchecked: self.unchecked })
    }

    /// An attempt leaves for an endpoint.
    pub fn on_attempt(&mut self, endpoint: EndpointId) {
        self.endpoints[endpoint.index()].in_flight += 1;
    }

    /// The head of an answer came after so long.
    pub fn on_head(&mut self, now: Instant, endpoint: EndpointId, latency: Duration) {
        self.endpoints[endpoint.index()].latency.observe(now, balance::FORGET_PEAKS_IN, latency);
        self.typical = smooth(self.typical, latency);
    }

    /// An attempt on an endpoint has ended.
    pub fn on_end(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        outcome: Outcome,
    ) -> Option<Change> {
        // Checks may have left nobody else: the last one always stays.
        let is_last = self.fit() <= 1;
        let state = &mut self.endpoints[endpoint.index()];
        state.in_flight = state.in_flight.saturating_sub(1);
        let params = self.ejection.as_ref()?;
        match outcome {
            Outcome::Success => state.ejection.on_success(),
            Outcome::Failure
                if !is_last && state.ejection.on_failure(now, params, self.out, self.reachable) =>
            {
                let back = state.ejection.next_deadline().unwrap_or(Instant::NEVER);
                self.out += 1;
                self.next_return = self.next_return.min(back);
                self.refill(now);
                return Some(Change::Ejected(endpoint));
            }
            Outcome::Failure | Outcome::Unknown => {}
        }
        None
    }

    /// Brings back whoever's time out is over. Ask until there is none.
    pub fn on_time(&mut self, now: Instant) -> Option<Change> {
        if now < self.next_return {
            return None;
        }
        let back = self.endpoints.iter_mut().position(|endpoint| endpoint.ejection.on_time(now));
        let out = self.endpoints.iter().filter_map(|endpoint| endpoint.ejection.next_deadline());
        self.next_return = out.min().unwrap_or(Instant::NEVER);
        let back = back?;
        self.out -= 1;
        self.endpoints[back].up_since = Some(now);
        self.refill(now);
        Some(Change::Returned(EndpointId::from_index(back)))
    }

    /// The endpoint to check now and until when it may answer. Ask until there is none.
    pub fn next_check(&mut self, now: Instant) -> Option<(EndpointId, Instant)> {
        let due = |endpoint: &Endpoint| {
            endpoint.checker.as_ref().is_some_and(|checker| checker.next_deadline() <= now)
        };
        let at = self.endpoints.iter().position(due)?;
        let until = self.endpoints[at].checker.as_mut()?.on_sent(now);
        Some((EndpointId::from_index(at), until))
    }

    /// A check was answered well, or not.
    pub fn on_check(&mut self, now: Instant, endpoint: EndpointId, well: bool) -> Option<Change> {
        let state = &mut self.endpoints[endpoint.index()];
        let up = state.checker.as_mut()?.on_result(well)?;
        if up {
            state.up_since = Some(now);
        }
        self.refill(now);
        Some(Change::Health(endpoint, up))
    }

    /// When it changes by itself or has something to check.
    pub fn next_deadline(&self) -> Option<Instant> {
        let checks = self.endpoints.iter().filter_map(|endpoint| endpoint.checker.as_ref());
        let next = checks.map(Checker::next_deadline).min().unwrap_or(Instant::NEVER);
        let next = next.min(self.next_return);
        (next != Instant::NEVER).then_some(next)
    }

    /// How long answers take, smoothed; nothing until there was one.
    pub const fn typical_latency(&self) -> Duration {
        self.typical
    }

    /// How many endpoints there are.
    pub fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Whether an endpoint may be picked: not ejected, and believed to be up or no worse than all
    /// others.
    pub fn is_fit(&self, endpoint: EndpointId) -> bool {
        let endpoint = self.endpoints.get(endpoint.index());
        endpoint.is_some_and(|endpoint| endpoint.is_fit(self.unchecked))
    }

    /// Attempts of this worker on an endpoint.
    pub fn in_flight(&self, endpoint: EndpointId) -> u32 {
        self.endpoints.get(endpoint.index()).map_or(0, |endpoint| endpoint.in_flight)
    }

    /// How many can be picked now.
    fn fit(&self) -> usize {
        self.pools.iter().map(balance::Pool::len).sum()
    }

    fn may_spill(&mut self) -> bool {
        self.spill.as_mut().is_some_and(region::Spill::charge)
    }

    /// How many pools there have to be: one where geography is ignored, only the own region's
    /// where leaving it is out of the question.
    fn ranks(&self) -> usize {
        match self.regions {
            region::Params::Any | region::Params::Own => 1,
            region::Params::Spill { .. } => {
                let ranks = self.endpoints.iter().map(|endpoint| endpoint.spec.rank);
                let last = ranks.filter(|&rank| rank != EndpointSpec::OUT_OF_REACH).max();
                last.map_or(1, |last| usize::from(last) + 1)
            }
        }
    }

    fn refill(&mut self, now: Instant) {
        self.unchecked = false;
        self.fill(now);
        if self.fit() == 0 {
            self.unchecked = true;
            self.fill(now);
        }
    }

    fn fill(&mut self, now: Instant) {
        let (anywhere, unchecked) = (self.regions == region::Params::Any, self.unchecked);
        let warming = self.warming(now);
        self.next_step = warming.map_or(Instant::NEVER, |rule| rule.next_step(now));
        for (rank, pool) in self.pools.iter_mut().enumerate() {
            let here = self.endpoints.iter().zip(0_u16..).filter(|(endpoint, _)| {
                endpoint.is_fit(unchecked) && (anywhere || usize::from(endpoint.spec.rank) == rank)
            });
            pool.refill(here.map(|(endpoint, at)| (at, endpoint.weight(now, warming))));
        }
    }

    /// The rule for endpoints that come up, while there is one that does.
    fn warming(&self, now: Instant) -> Option<SlowStart> {
        let rule = self.slow_start.filter(|_| !self.unchecked)?;
        let is_new = |since| !rule.is_over(now, since);
        let mut fit = self.endpoints.iter().filter(|endpoint| endpoint.is_fit(false));
        fit.any(|endpoint| endpoint.up_since.is_some_and(is_new)).then_some(rule)
    }
}

impl Endpoint {
    fn is_fit(&self, unchecked: bool) -> bool {
        let is_up = || self.checker.as_ref().is_none_or(Checker::is_up);
        !self.ejection.is_out() && (unchecked || is_up())
    }

    /// Against the others', while they all are weighed by the same rule.
    fn weight(&self, now: Instant, warming: Option<SlowStart>) -> u32 {
        let own = self.spec.weight;
        match (warming, self.up_since) {
            (None, _) => own,
            (Some(_), None) => SlowStart::whole(own),
            (Some(rule), Some(since)) => rule.weight(now, since, own),
        }
    }
}

/// One eighth of the new, seven of the old: the gain of RFC 6298 for round-trip times.
fn smooth(old: Duration, new: Duration) -> Duration {
    if old.is_zero() {
        return new;
    }
    Duration::from_nanos(old.as_nanos() - old.as_nanos() / 8 + new.as_nanos() / 8)
}

#[cfg(test)]
mod tests;
