//! Whether ever more requests wait.
//!
//! Where clients wait for long, a queue that grows for ever costs no answer within the time of a
//! run. What shows it is that more requests arrive than end.

use base::Instant;

use crate::stats::Series;

/// The requests of clients that were under way in the time that is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct UnderWay {
    /// When it began.
    pub(crate) at_begin: u64,
    /// In the middle of it.
    at_half: u64,
    /// When traffic ended.
    pub(crate) at_end: u64,
    /// How many more there may be at the end by chance.
    chance: f64,
}

/// Of one server that can do 100/s, offered exactly that, one run in twelve passes so many standard
/// deviations; offered 98/s, one in 150, and 95/s, none: near its capacity a queue is a random walk
/// of what arrives and what ends, each as uneven as a Poisson process.
const DEVIATIONS: f64 = 1.5;

impl UnderWay {
    pub(crate) fn of(series: &Series, judged_from: Instant) -> Self {
        let windows = series.windows();
        let is_judged = |&at: &usize| series.start(at) >= judged_from;
        let first = (0..windows.len()).find(is_judged).unwrap_or(windows.len());
        let half = first.midpoint(windows.len());
        let judged = &windows[first..];
        let (arrived, squares) = judged.iter().fold((0, 0.0), |(arrived, squares), window| {
            let more = window.offered as f64 - window.answered as f64;
            (arrived + window.offered, squares + more * more)
        });
        let [at_begin, at_half, at_end] = [first, half, windows.len()].map(|end| {
            let before = windows[..end].iter();
            let (arrived, ended) = before.fold((0, 0), |(arrived, ended), window| {
                (arrived + window.offered, ended + window.answered)
            });
            arrived.saturating_sub(ended)
        });
        let drift = (at_end as f64 - at_begin as f64).powi(2) / judged.len().max(1) as f64;
        // Traffic may come in bursts: then it is as uneven as it was.
        let variance = (2.0 * arrived as f64).max(squares - drift);
        Self { at_begin, at_half, at_end, chance: DEVIATIONS * variance.sqrt() }
    }

    /// By more than chance gives, and all the time.
    pub(crate) fn grows(self) -> bool {
        let Self { at_begin, at_half, at_end, chance } = self;
        at_begin < at_half && at_half < at_end && (at_end - at_begin) as f64 > chance
    }
}

#[cfg(test)]
mod tests {
    use base::Duration;
    use model::quality::Quality;

    use super::*;
    use crate::stats::Outcome;

    #[test]
    fn what_grows_by_a_fifth_of_what_arrives_grows_without_an_end() {
        let grows = of(|second| (120, if second == 0 { 0 } else { 100 }));

        assert!(grows.grows(), "{grows:?}");
        assert_eq!((grows.at_begin, grows.at_end), (120 + 59 * 20, 120 + 119 * 20));
    }

    #[test]
    fn what_waits_as_long_as_before_does_not_grow_nor_does_what_gets_less() {
        let steady = of(|second| (100, if second < 5 { 0 } else { 100 }));
        let less = of(|second| (100, if second < 30 { 0 } else { 110 }));

        assert!(!steady.grows() && !less.grows(), "{steady:?} {less:?}");
    }

    /// 60 times as much in one second as in the others.
    #[test]
    fn one_burst_at_the_end_is_chance_and_not_growth() {
        let burst = of(|second| (if second == 118 { 6_000 } else { 100 }, 100));

        assert!(!burst.grows(), "{burst:?}");
    }

    /// Two minutes, of which the second is judged; each second so many arrive and end.
    fn of(each: impl Fn(u64) -> (u64, u64)) -> UnderWay {
        let mut series = Series::new(Instant::from_secs(120));
        for second in 0..120 {
            let (arrive, end) = each(second);
            let now = Instant::from_secs(second);
            series.at(now).offered += arrive;
            for _ in 0..end {
                series.answered(now, now, Duration::ZERO, Outcome::Answered(Quality::Complete));
            }
        }
        UnderWay::of(&series, Instant::from_secs(60))
    }
}
