//! Which datagrams are lost on the way, by chance.
//!
//! Independent losses are what the formulas assume. Real links lose in bursts: a radio fades, a
//! queue elsewhere overflows. Gilbert and Elliott gave that the smallest model: a link is in a
//! good or in a bad state, and each has its own share of losses (Gilbert, "Capacity of a
//! burst-noise channel", 1960; Elliott, "Estimates of error rates for codes on burst-noise
//! channels", 1963).

use base::{Random, Share};

/// How a link loses datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// Not at all.
    #[default]
    None,
    /// Each by its own chance.
    Independent(Share),
    /// In bursts.
    Bursty(GilbertElliott),
}

/// A link that is good or bad for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GilbertElliott {
    /// The chance of turning bad, at each datagram.
    pub worsens: Share,
    /// The chance of turning good, at each datagram: its inverse is the mean length of a burst.
    pub recovers: Share,
    /// Losses while it is good.
    pub good: Share,
    /// Losses while it is bad.
    pub bad: Share,
}

impl Loss {
    /// This share of all, so many in a row on average, and more where the share needs it: between two
    /// bursts at least one datagram passes.
    ///
    /// In the long run the link is bad for the share `worsens / (worsens + recovers)`, and for
    /// `1 / recovers` datagrams at a time; nothing passes then, and everything otherwise (Gilbert).
    pub fn in_bursts(share: Share, burst: u32) -> Self {
        if burst <= 1 || share == Share::NONE || share >= Share::WHOLE {
            return if share == Share::NONE { Self::None } else { Self::Independent(share) };
        }
        let odds = share.as_f64() / (1.0 - share.as_f64());
        let recovers = (1.0 / f64::from(burst)).min(1.0 / odds);
        Self::Bursty(GilbertElliott {
            worsens: chance(odds * recovers),
            recovers: chance(recovers),
            good: Share::NONE,
            bad: Share::WHOLE,
        })
    }

    /// The share of datagrams that are lost in the long run.
    pub fn mean(&self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Independent(share) => share.as_f64(),
            Self::Bursty(bursts) => bursts.mean().unwrap_or(0.0),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 1")]
fn chance(of: f64) -> Share {
    let millionths = of.clamp(0.0, 1.0) * f64::from(Share::WHOLE.as_millionths());
    Share::from_millionths((millionths + 0.5) as u32)
}

impl GilbertElliott {
    /// The share of datagrams that are lost in the long run; `None` if the state never changes.
    pub fn mean(&self) -> Option<f64> {
        let changes = self.worsens.as_f64() + self.recovers.as_f64();
        let share_bad = self.worsens.as_f64() / changes;
        (changes > 0.0)
            .then(|| share_bad * self.bad.as_f64() + (1.0 - share_bad) * self.good.as_f64())
    }
}

/// Where the chance of a link stands.
#[derive(Clone, Debug)]
pub(super) struct Losses {
    random: Random,
    is_bad: bool,
}

impl Losses {
    pub(super) const fn new(random: Random) -> Self {
        Self { random, is_bad: false }
    }

    /// Is the next datagram lost?
    #[inline]
    pub(super) fn next(&mut self, loss: &Loss) -> bool {
        match loss {
            Loss::None => false,
            Loss::Independent(share) => happens(&mut self.random, *share),
            Loss::Bursty(bursts) => self.next_in_bursts(bursts),
        }
    }

    fn next_in_bursts(&mut self, bursts: &GilbertElliott) -> bool {
        let turns = if self.is_bad { bursts.recovers } else { bursts.worsens };
        self.is_bad ^= happens(&mut self.random, turns);
        let share = if self.is_bad { bursts.bad } else { bursts.good };
        happens(&mut self.random, share)
    }
}

/// Whether something of this share happens now.
#[inline]
pub(super) fn happens(random: &mut Random, share: Share) -> bool {
    share != Share::NONE
        && random.below(u64::from(Share::WHOLE.as_millionths())) < u64::from(share.as_millionths())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_losses_have_their_share_within_five_sigma() {
        let lost = count(&Loss::Independent(Share::percent(1)), 100_000);

        assert!((850..1_150).contains(&lost), "{lost} of 100000, sigma 31");
    }

    #[test]
    fn bursts_have_the_share_and_the_mean_length_of_the_model() {
        let bursts = GilbertElliott {
            worsens: Share::percent(1),
            recovers: Share::percent(25),
            good: Share::NONE,
            bad: Share::WHOLE,
        };
        let mut losses = Losses::new(Random::of(5, "link", "loss"));
        let (mut lost, mut begun, mut before) = (0_u32, 0_u32, false);
        for _ in 0..200_000 {
            let now = losses.next(&Loss::Bursty(bursts));
            lost += u32::from(now);
            begun += u32::from(now && !before);
            before = now;
        }

        let share = f64::from(lost) / 200_000.0;
        let length = f64::from(lost) / f64::from(begun);
        assert!((share / bursts.mean().unwrap() - 1.0).abs() < 0.1, "{share}");
        assert!((length / 4.0 - 1.0).abs() < 0.1, "{length}");
    }

    #[test]
    fn bursts_are_asked_for_by_their_share_and_their_length() {
        for (percent, burst, longer) in [(1, 5, 5.0), (20, 3, 3.0), (90, 2, 9.0)] {
            let loss = Loss::in_bursts(Share::percent(percent), burst);

            let Loss::Bursty(bursts) = loss else { panic!("{loss:?}") };
            let mean = loss.mean();
            assert!((mean * 100.0 / f64::from(percent) - 1.0).abs() < 0.001, "{percent}: {mean}");
            assert!((bursts.recovers.as_f64() * longer - 1.0).abs() < 0.001, "{bursts:?}");
        }
        let by_chance = Loss::Independent(Share::percent(5));
        assert_eq!(Loss::in_bursts(Share::percent(5), 1), by_chance);
        assert_eq!(Loss::in_bursts(Share::NONE, 9), Loss::None);
    }

    #[test]
    fn a_link_without_loss_draws_nothing_and_loses_nothing() {
        assert_eq!(count(&Loss::None, 1_000), 0);
        assert_eq!(count(&Loss::Independent(Share::WHOLE), 1_000), 1_000);
    }

    fn count(loss: &Loss, of: usize) -> usize {
        let mut losses = Losses::new(Random::of(5, "link", "loss"));
        (0..of).filter(|_| losses.next(loss)).count()
    }
}
