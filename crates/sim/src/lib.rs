//! The world in virtual time: a design, an incident, and what becomes of them.
//!
//! [`run`] plays a design, once for each seed, and says what happened. The balancers in it are the
//! real engine, and so is every caller's code; what other people's systems do is `model`'s.
//!
//! - [`Options`] and [`Refusal`]: what is asked for, and why it cannot be had.
//! - [`Report`]: what is given.

mod options;
mod plan;
mod refusal;
mod stats;
mod world;

pub use options::Options;
pub use plan::Times;
pub use refusal::Refusal;

#[cfg(test)]
mod probe {
    use crate::plan::Plan;
    use crate::world::World;
    use crate::Options;

    #[test]
    fn probe() {
        let file = std::env::var("PROBE").unwrap_or("incident".into());
        let text = std::fs::read_to_string(format!("../../designs/{file}.toml")).unwrap();
        let design = config::load(&text, &config::NoFiles).design.unwrap();
        let plan = Plan::new(&design, &Options::default()).unwrap();
        let begun = std::time::Instant::now();
        let run = World::new(&plan, 1).run();
        println!("{} events {:?} stopped {:?} permits {}", run.events, begun.elapsed(), run.stopped, run.permits);
        println!("{:?} not played {:?}", plan.times, plan.not_played);
        let e = &run.stats.edge;
        println!("offered {} complete {} partial {} unanswered {} failed {:?} judged {} {}", e.offered, e.complete, e.partial, e.unanswered, e.failed, e.judged_offered, e.judged_good);
        for (i, w) in run.stats.series.windows().iter().enumerate() {
            if i % 4 == 0 { println!("{i:4} off {} kept {} p50 {:?} p99 {:?} to {} re {} amp {:.2} util {:.2} q {:.0}", w.offered, w.kept, w.latency.quantile(0.5).map(|d| d.as_millis()), w.latency.quantile(0.99).map(|d| d.as_millis()), w.timeouts, w.retries, w.amplification(), w.utilisation(), w.queue()); }
        }
        for (i, c) in run.stats.calls.iter().enumerate() {
            println!("{} req {} att {} wasted {} failed {:?}", design.call_name(base::CallId::from_index(i)), c.requests, c.attempts, c.wasted, c.failed);
        }
    }
}
