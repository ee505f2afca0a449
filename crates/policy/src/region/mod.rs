//! Which region serves a request: the own one while it can.
//!
//! A call across regions is slower by physics and fails more often, and traffic that moves over
//! doubles the load of the other side. So spilling is a stated choice with a stated bound.

use base::{RegionId, Share};

/// What an operator may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Params {
    /// All regions' endpoints are one pool: geography is ignored.
    #[default]
    Any,
    /// Never leave the own region.
    Own,
    /// Leave it when nobody there is fit, in the order of the design, with at most this share of
    /// all requests.
    Spill {
        /// Of all requests of this call on this worker.
        at_most: Share,
    },
}

/// The most requests that may be saved up for spilling.
const SAVED: u64 = 100;
const WHOLE: u64 = 1_000_000;

/// One worker's account of what it sent elsewhere.
#[derive(Clone, Debug)]
pub struct Spill {
    at_most: Share,
    /// In millionths of a request.
    credit: u64,
}

impl Spill {
    /// Starts with a full account: the first requests after a start may all need it. A share of
    /// nothing never gets anything.
    pub fn new(at_most: Share) -> Self {
        let credit = if at_most == Share::NONE { 0 } else { SAVED * WHOLE };
        Self { at_most, credit }
    }

    /// A request has arrived, wherever it will be served.
    pub fn on_request(&mut self) {
        self.credit = (self.credit + u64::from(self.at_most.as_millionths())).min(SAVED * WHOLE);
    }

    /// May this one be served elsewhere? Charged if so.
    #[must_use]
    pub fn charge(&mut self) -> bool {
        let rest = self.credit.checked_sub(WHOLE);
        self.credit = rest.unwrap_or(self.credit);
        rest.is_some()
    }
}

/// A region and how far down the design's list it stands; 0 is the own one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Preference {
    /// 0 is the own region.
    pub rank: u16,
    /// Which.
    pub region: RegionId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_share_goes_elsewhere_once_savings_are_spent() {
        let mut spill = Spill::new(Share::percent(20));
        while spill.charge() {}

        let elsewhere = (0..1_000)
            .filter(|_| {
                spill.on_request();
                spill.charge()
            })
            .count();

        assert_eq!(elsewhere, 200);
    }

    #[test]
    fn nothing_goes_elsewhere_when_the_design_allows_nothing() {
        assert!(!Spill::new(Share::NONE).charge());
    }

    #[test]
    fn everything_may_go_elsewhere_when_the_design_says_so() {
        let mut spill = Spill::new(Share::WHOLE);

        let elsewhere = (0..1_000)
            .filter(|_| {
                spill.on_request();
                spill.charge()
            })
            .count();

        assert_eq!(elsewhere, 1_000);
    }
}
