//! The causes after which a design retries, as a set of bits.

use event::Cause;

/// A set of causes, and of statuses from 400 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Causes {
    causes: u32,
    statuses: [u64; 4],
}

const FIRST_STATUS: u16 = 400;
const LAST_STATUS: u16 = 599;

impl Causes {
    /// Nothing is retried.
    pub const NONE: Self = Self { causes: 0, statuses: [0; 4] };

    /// With one more. A status outside 400 to 599 is no failure and changes nothing.
    #[must_use]
    pub const fn with(mut self, cause: Cause) -> Self {
        match cause {
            Cause::Status(status) => {
                if let Some((word, bit)) = place(status) {
                    self.statuses[word] |= bit;
                }
            }
            Cause::Misrouted => return self.with(Cause::Status(Cause::Misrouted.status())),
            other => self.causes |= 1 << other.index(),
        }
        self
    }

    /// With all of another set.
    #[must_use]
    pub const fn union(mut self, other: Self) -> Self {
        self.causes |= other.causes;
        let mut word = 0;
        while word < self.statuses.len() {
            self.statuses[word] |= other.statuses[word];
            word += 1;
        }
        self
    }

    /// Whether this cause is among them.
    pub const fn contains(&self, cause: Cause) -> bool {
        match cause {
            Cause::Status(status) => match place(status) {
                Some((word, bit)) => self.statuses[word] & bit != 0,
                None => false,
            },
            Cause::Misrouted => self.contains(Cause::Status(Cause::Misrouted.status())),
            other => self.causes & (1 << other.index()) != 0,
        }
    }

    /// `connect`: everything that happens before a connection stands.
    pub const CONNECT: Self = Self::NONE
        .with(Cause::Unreachable)
        .with(Cause::Unresolved)
        .with(Cause::Refused)
        .with(Cause::ConnectTimeout)
        .with(Cause::Handshake);

    /// `reset`: a connection that stood and broke.
    pub const RESET: Self = Self::NONE.with(Cause::Reset).with(Cause::Closed);

    /// `timeout`: a try that was not answered in time.
    pub const TIMEOUT: Self = Self::NONE.with(Cause::AttemptTimeout).with(Cause::ConnectTimeout);
}

/// What a design retries after when it does not say: faults of one endpoint that another may not
/// have. Not 500: an endpoint that answers so is at work, and the next would likely say the same.
impl Default for Causes {
    fn default() -> Self {
        Self::CONNECT
            .union(Self::RESET)
            .union(Self::TIMEOUT)
            .with(Cause::Status(502))
            .with(Cause::Status(503))
            .with(Cause::Status(504))
    }
}

const fn place(status: u16) -> Option<(usize, u64)> {
    if status < FIRST_STATUS || status > LAST_STATUS {
        return None;
    }
    let offset = status - FIRST_STATUS;
    Some(((offset / 64) as usize, 1 << (offset % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_in_the_set_only_once_it_was_put_there() {
        for cause in Cause::ALL {
            assert!(!Causes::NONE.contains(cause));
            let only = Causes::NONE.with(cause);
            assert!(Cause::ALL.iter().all(|&other| only.contains(other) == (other == cause)));
        }
    }

    #[test]
    fn statuses_are_told_apart_and_a_success_is_never_retried() {
        let causes = Causes::NONE.with(Cause::Status(503)).with(Cause::Status(200));

        let retried: std::vec::Vec<_> =
            (100..700).filter(|&s| causes.contains(Cause::Status(s))).collect();

        assert_eq!(retried, [503]);
    }
}
