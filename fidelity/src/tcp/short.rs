//! How often short responses are late.
//!
//! Nothing follows a short answer that could tell of a loss, so a loss costs a timeout, and how
//! often that happens is a matter of counting which packets have to arrive. The counting is done by
//! small chains of states, one step for every timeout.

use std::sync::Arc;

use base::{Duration, Share, hash_name};
use netsim::l3::{Loss, Params};
use netsim::l4::tcp::Profile;

use super::stage::{Stage, Talk};
use crate::interval::joint;
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Every case at every loss.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let runs = effort.choose(200_000, 10_000);
    let losses: &[u32] = effort.choose(&[1_000, 10_000, 20_000, 50_000], &[20_000]);
    let level = joint(losses.len() * CASES.len());
    let rows = losses.iter().flat_map(|&loss| {
        CASES.iter().map(move |case| case.row(Share::from_millionths(loss), runs, level))
    });
    Ok(Section {
        name: "short-responses",
        title: "Short responses over links that lose",
        about: format!(
            "A new connection, a request of one segment, an answer of a few; a round trip of 20 ms, and independent loss in \
             both directions. {runs} connections a row; answers are counted where the handshake was not repeated. The SYN timeout is 1 s. The retransmission timeout (RTO) is 220 ms \
             with profile `linux` (200 ms above the round trip) and 1 s with profile `rfc`. The exact values count which \
             packets have to arrive (`fidelity/src/tcp/short.rs`)."
        ),
        rows: rows.collect(),
        remarks: Vec::new(),
    })
}

/// One question about one exchange.
struct Case {
    what: &'static str,
    profile: Profile,
    /// Segments of the answer.
    segments: u64,
    is_late: fn(&Exchange) -> Option<bool>,
    exact: fn(f64) -> f64,
}

/// How long one exchange took.
struct Exchange {
    connect: Duration,
    /// From the connection to the end of the answer.
    answer: Duration,
}

impl Exchange {
    /// Nothing is said of a connection whose handshake was repeated: another timeout may be left
    /// behind by that.
    fn answers_later_than(&self, millis: u64) -> Option<bool> {
        let is_smooth = self.connect < Duration::from_millis(500);
        is_smooth.then(|| self.answer > Duration::from_millis(millis))
    }
}

const CASES: &[Case] = &[
    Case {
        what: "connecting takes longer than half a SYN timeout",
        profile: Profile::linux(),
        segments: 1,
        is_late: |took| Some(took.connect > Duration::from_millis(500)),
        exact: |loss| unconnected_after(1, loss),
    },
    Case {
        what: "connecting takes longer than two seconds: two tries in a row are lost",
        profile: Profile::linux(),
        segments: 1,
        is_late: |took| Some(took.connect > Duration::from_secs(2)),
        exact: |loss| unconnected_after(2, loss),
    },
    Case {
        what: "`linux`, an answer of 1 segment takes longer than half an RTO",
        profile: Profile::linux(),
        segments: 1,
        is_late: |took| took.answers_later_than(20 + 110),
        exact: |loss| unanswered_after(1, loss),
    },
    Case {
        what: "`linux`, an answer of 1 segment takes longer than an RTO and a half",
        profile: Profile::linux(),
        segments: 1,
        is_late: |took| took.answers_later_than(20 + 330),
        exact: |loss| unanswered_after(2, loss),
    },
    Case {
        what: "`rfc`, an answer of 1 segment takes longer than half an RTO",
        profile: Profile::rfc(),
        segments: 1,
        is_late: |took| took.answers_later_than(20 + 500),
        exact: |loss| unanswered_after(1, loss),
    },
    Case {
        what: "`rfc`, an answer of 3 segments takes longer than half an RTO",
        profile: Profile::rfc(),
        segments: 3,
        is_late: |took| took.answers_later_than(20 + 500),
        exact: |loss| stalled(3, loss),
    },
    Case {
        what: "`rfc`, an answer of 10 segments takes longer than half an RTO",
        profile: Profile::rfc(),
        segments: 10,
        is_late: |took| took.answers_later_than(20 + 500),
        exact: |loss| stalled(10, loss),
    },
];

impl Case {
    fn row(&self, loss: Share, runs: u64, level: f64) -> Row {
        // Other seeds for every row: else the rows would share their luck.
        let own = hash_name(self.what) ^ u64::from(loss.as_millionths());
        let late = over_seeds(runs, |seed| (self.is_late)(&self.exchange(own ^ seed, loss)));
        let counted: Vec<_> = late.into_iter().flatten().collect();
        let hits = counted.iter().filter(|is_late| **is_late).count() as u64;
        let runs = counted.len() as u64;
        Row {
            what: format!("{}; loss {loss}", self.what),
            expected: (self.exact)(loss.as_f64()),
            source: "counting",
            simulated: hits as f64 / runs as f64,
            interval: Interval::of_share(hits, runs, level),
            unit: Unit::Percent,
            criterion: Criterion::Covered,
        }
    }

    fn exchange(&self, seed: u64, loss: Share) -> Exchange {
        let way = Params {
            delay: Duration::from_millis(10),
            loss: Loss::Independent(loss),
            ..Params::default()
        };
        let mut stage = Stage::new(seed);
        let (there, back) = (stage.link("there", way.clone()), stage.link("back", way));
        let talk = Talk { ask: 100, answer: self.segments * u64::from(self.profile.mss) };
        let call = stage.call(&Arc::new(self.profile.clone()), talk, &[there], &[back]);
        stage.run_to_answer(call);
        // Whoever gave up was late as well.
        let connect = stage.connect_time(call).unwrap_or(Duration::MAX);
        let answer = if stage.is_answered(call) {
            stage.answer_time(call).saturating_sub(connect)
        } else {
            Duration::MAX
        };
        Exchange { connect, answer }
    }
}

/// The chance that a client is not connected after so many SYN timeouts.
///
/// Either its SYN has not arrived yet; then SYN and the answer must. Or the server is waiting: it
/// answers again when its own timer runs out, which is when the repeated SYN comes, and answers
/// once for both.
fn unconnected_after(timeouts: u32, loss: f64) -> f64 {
    let arrives = 1.0 - loss;
    let (mut calling, mut waiting) = (1.0, 0.0);
    for _ in 0..timeouts {
        waiting = waiting * loss + calling * arrives * loss;
        calling *= loss;
    }
    calling + waiting
}

/// The chance that a request of one segment has no answer of one segment after so many timeouts.
///
/// Until the request has arrived, request and answer must; then the answer must. A request that is
/// repeated for want of the answer, which would have acknowledged it, makes nobody answer again.
fn unanswered_after(timeouts: u32, loss: f64) -> f64 {
    let arrives = 1.0 - loss;
    let (mut asking, mut answering) = (1.0, 0.0);
    for _ in 0..timeouts {
        answering = answering * loss + asking * arrives * loss;
        asking *= loss;
    }
    asking + answering
}

/// The chance that a request, or an answer of so many segments sent at once, needs a timeout, when
/// losses are found by what was received after them (RFC 6675).
///
/// Over all patterns of what is lost: no timeout if three segments arrive after the last gap, at
/// least one of the acknowledgements that say so arrives, and so does what is sent again. (If
/// all of these are lost, an acknowledgement of an earlier repair may still say it; that takes four
/// losses at once, and is left out.)
fn stalled(segments: u32, loss: f64) -> f64 {
    let arrives = 1.0 - loss;
    let smooth: f64 = (0..1_u32 << segments)
        .map(|lost| {
            let gaps = lost.count_ones();
            let pattern = power(loss, gaps) * power(arrives, segments - gaps);
            let after_last_gap = segments - (u32::BITS - lost.leading_zeros());
            let is_told = match (gaps, after_last_gap) {
                (0, _) => 1.0,
                (_, 0..3) => 0.0,
                (_, after) => 1.0 - power(loss, after - 2),
            };
            pattern * is_told * power(arrives, gaps)
        })
        .sum();
    1.0 - arrives * smooth
}

fn power(base: f64, exponent: u32) -> f64 {
    libm::pow(base, f64::from(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chains_agree_with_counting_by_hand() {
        let near = |left: f64, right: f64| assert!((left - right).abs() < 1e-12, "{left} {right}");
        let p = 0.1;

        near(unconnected_after(1, p), 1.0 - 0.9 * 0.9);
        near(unanswered_after(1, p), 1.0 - 0.9 * 0.9);
        // Asked in vain and then either is lost, or answered in vain twice.
        near(unanswered_after(2, p), p * 0.19 + 0.9 * p * p);
        near(unconnected_after(2, p), p * 0.19 + 0.9 * p * p);
    }

    #[test]
    fn up_to_three_segments_any_loss_stalls_and_of_four_the_first_may_be_lost() {
        let near = |left: f64, right: f64| assert!((left - right).abs() < 1e-12, "{left} {right}");

        near(stalled(3, 0.1), 1.0 - power(0.9, 4));
        near(stalled(4, 0.1), 1.0 - power(0.9, 5) - power(0.9, 4) * 0.1 * power(0.9, 2));
    }
}
