//! How long the decisions of a request take. Prints one line of JSON for each story.

use std::hint::black_box;
use std::time::Instant;

use plimsoll_bench::decisions::{Stage, Story};
use serde_json::json;

fn main() {
    for story in Story::ALL {
        let mut stage = match Stage::new(story) {
            Ok(stage) => stage,
            Err(why) => return eprintln!("the rules of the example are refused: {why:?}"),
        };
        // The first batch only warms up.
        let ns: Vec<_> = (0..=BATCHES).map(|_| batch(&mut stage)).skip(1).collect();
        let allocations = allocation_counter::measure(|| {
            black_box(batch(&mut stage));
        });
        println!(
            "{}",
            json!({
                "story": story.name(),
                "ns": ns,
                "allocations": allocations.count_total as f64 / f64::from(REQUESTS),
            })
        );
    }
}

/// Nanoseconds for each time the story is played.
fn batch(stage: &mut Stage) -> f64 {
    let started = Instant::now();
    let all_well = (0..REQUESTS).fold(true, |well, _| black_box(stage.play()) && well);
    let took = started.elapsed();
    assert!(all_well, "a story did not end as it should");
    took.as_nanos() as f64 / f64::from(REQUESTS)
}

const BATCHES: u32 = 31;
const REQUESTS: u32 = 100_000;
