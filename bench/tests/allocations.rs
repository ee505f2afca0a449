//! Deciding about a request allocates nothing.

use plimsoll_bench::decisions::{Stage, Story};

#[test]
fn no_decision_of_a_request_allocates() {
    for story in Story::ALL {
        let mut stage = Stage::new(story).unwrap();
        // What grows once and stays is no cost of a request.
        assert!((0..1_000).all(|_| stage.play()));

        let counted = allocation_counter::measure(|| {
            assert!((0..1_000).all(|_| stage.play()));
        });

        assert_eq!(counted.count_total, 0, "{}", story.name());
    }
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));

    assert_eq!(counted.count_total, 1);
}
