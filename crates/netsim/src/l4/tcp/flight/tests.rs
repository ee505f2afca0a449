//! Whatever happens, every byte has one fate.

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[test]
fn a_burst_is_one_run_and_splits_where_fates_part() {
    let mut flight = burst(10);
    assert_eq!(flight.runs.len(), 1);

    flight.sack(300, 500, |_| {});
    assert_eq!(flight.runs.len(), 3);
    assert_eq!((flight.pipe(), flight.sacked()), (800, 200));

    flight.sack(500, 700, |_| {});
    assert_eq!(flight.runs.len(), 3, "neighbours melt");
}

#[test]
fn what_is_acknowledged_twice_is_told_once() {
    let mut flight = burst(10);
    let mut told = 0;
    flight.sack(300, 500, |_| told += 1);
    flight.sack(300, 500, |_| told += 1);
    assert_eq!(told, 1);

    let mut ends = Vec::new();
    flight.acknowledge(1_000, |sent| ends.push(sent.end));
    assert_eq!(ends, [300, 1_000]);
    assert!(flight.is_empty());
}

#[test]
fn three_segments_after_it_make_a_segment_lost_and_it_leaves_again() {
    let mut flight = burst(10);
    flight.sack(100, 300, |_| {});
    assert!(!flight.lose_before(200));

    flight.sack(300, 400, |_| {});
    assert!(flight.lose_before(200));
    assert_eq!(flight.lost(), 100);
    assert_eq!(flight.resend_lost(at(9), 100), Some((0, 100)));
    assert_eq!(flight.resend_lost(at(9), 100), None);
    assert!(!flight.lose_before(200), "who was sent again waits for the timeout");
}

#[test]
fn the_last_segment_can_leave_again_without_being_lost() {
    let mut flight = burst(3);

    assert_eq!(flight.resend_last(at(9), 100), Some((200, 100)));
    assert_eq!(flight.pipe(), 300);
}

#[derive(Clone, Debug)]
enum Step {
    Send(u32),
    Ack(u64),
    Sack(u64, u64),
    LoseBefore,
    LoseAll,
    LoseFirst,
    Resend,
    ResendLast,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u32..500).prop_map(Step::Send),
        (0_u64..3_000).prop_map(Step::Ack),
        (0_u64..3_000, 1_u64..400).prop_map(|(start, len)| Step::Sack(start, start + len)),
        Just(Step::LoseBefore),
        Just(Step::LoseAll),
        Just(Step::LoseFirst),
        Just(Step::Resend),
        Just(Step::ResendLast),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_runs_cover_everything_once_and_the_counts_are_their_sums(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut flight = Flight::new(0);
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Send(len) => flight.send(at(number), len),
                Step::Ack(ack) => flight.acknowledge(ack.min(flight.next), |_| {}),
                Step::Sack(start, end) => flight.sack(start, end, |_| {}),
                Step::LoseBefore => _ = flight.lose_before(200),
                Step::LoseAll => _ = flight.lose_if(|_| true),
                Step::LoseFirst => _ = flight.lose_first(100),
                Step::Resend => _ = flight.resend_lost(at(number), 100),
                Step::ResendLast => _ = flight.resend_last(at(number), 100),
            }
            check(&flight)?;
        }
    }
}

fn check(flight: &Flight) -> Result<(), TestCaseError> {
    let mut start = flight.una;
    let mut sums = [0; 4];
    for run in &flight.runs {
        prop_assert!(run.end > start, "no run is empty");
        sums[run.fate as usize] += narrow(run.end - start);
        start = run.end;
    }
    prop_assert_eq!(start, flight.next);
    prop_assert_eq!(sums[1..].to_vec(), [flight.resent, flight.sacked, flight.lost].to_vec());
    Ok(())
}

fn burst(segments: u32) -> Flight {
    let mut flight = Flight::new(0);
    for _ in 0..segments {
        flight.send(at(0), 100);
    }
    flight
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}
