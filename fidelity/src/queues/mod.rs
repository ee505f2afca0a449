//! Queues, balancing, retries and intervals against what queueing theory says of them.
//!
//! All of it runs through the whole simulator: a design file is read, and its clients, rules and
//! services are played, as `plimsoll sim` would play them.

pub mod coverage;
pub mod retries;
pub mod storms;
pub mod two_choices;
pub mod waits;

use base::Duration;
use config::{Design, NoFiles};
use sim::{Options, Report};

/// A client, a service and a call between them.
struct Shop<'a> {
    /// Of the client, such as `"80/s"`.
    traffic: &'a str,
    /// The service: its `model`, and how many `instances` it has if that is not one.
    service: &'a str,
    /// What its caller does: `timeout`, `retry` and whatever else the call needs.
    rules: &'a str,
    /// Incidents.
    incidents: &'a str,
}

/// A caller that waits as long as it takes, and asks once.
const PATIENT: &str = "timeout = \"1h\"\nretry = \"none\"\n";

impl Shop<'_> {
    fn design(&self) -> Design {
        let Self { traffic, service, rules, incidents } = self;
        let text = format!(
            "[region.eu]\nat = [53.3, -6.3]\n\
             [client.users]\ntraffic = \"{traffic}\"\n\
             requests = [{{ share = \"100%\", method = \"GET\", path = \"/\" }}]\n\
             [service.shop]\n{service}\n\
             [call.users.shop]\nidempotent = true\non_failure = \"error\"\nin_flight = \"none\"\n{rules}\n\
             {incidents}\n"
        );
        let loaded = config::load_bytes(text.as_bytes(), &NoFiles);
        loaded.design.unwrap_or_else(|| panic!("{text}\n{:#?}", loaded.diagnostics))
    }
}

/// One run of so many seconds.
fn play(design: &Design, seed: u64, secs: u64) -> Report {
    play_seeds(design, seed, 1, secs)
}

/// So many seeds from this one, on this thread.
fn play_seeds(design: &Design, seed: u64, seeds: u32, secs: u64) -> Report {
    let lasts = Some(Duration::from_secs(secs));
    let options = Options { seed, seeds, lasts, threads: Some(1), ..Options::default() };
    sim::run(design, &options).unwrap_or_else(|refusals| panic!("{refusals:?}"))
}

/// The way to the service and back.
fn way() -> f64 {
    2.0 * model::geography::WITHIN_REGION.as_secs_f64()
}

/// The mean time of good answers, in seconds, without the way.
fn mean_time(report: &Report) -> f64 {
    report.latency_ms.map_or(f64::NAN, |times| times.mean / 1e3 - way())
}
