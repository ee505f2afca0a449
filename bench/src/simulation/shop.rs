//! One client, one service, one plain call: M/M/1, played through the whole simulator.

use base::Duration;
use config::Design;
use sim::{Fidelity, Options};

use super::design;

/// Requests a second.
pub const ARRIVALS: u32 = 8_000;

/// Requests a second that the service can answer.
pub const SERVICE: u32 = 10_000;

/// What one run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Played {
    /// Requests of the client.
    pub requests: u64,
    /// Events of the simulation.
    pub events: u64,
}

/// The design. It asks for no rule: only the queue is compared.
///
/// # Errors
///
/// When it cannot be read.
pub fn shop() -> Result<Design, String> {
    let micros = 1_000_000 / SERVICE;
    design(&format!(
        "[region.eu]\nat = [53.3, -6.3]\n\
         [client.users]\ntraffic = \"{ARRIVALS}/s\"\n\
         requests = [{{ share = \"100%\", method = \"GET\", path = \"/\" }}]\n\
         [service.shop]\n\
         model = {{ workers = 1, queue = \"none\", service_time = {{ mean = \"{micros}us\", shape = \"exponential\" }} }}\n\
         [call.users.shop]\ntimeout = \"1h\"\nretry = \"none\"\nidempotent = true\n\
         on_failure = \"error\"\nin_flight = \"none\"\n"
    ))
}

/// Plays so many seconds of it on this thread.
///
/// # Errors
///
/// When it is refused, or does not end as it should.
pub fn play(shop: &Design, seed: u64, secs: u64) -> Result<Played, String> {
    let options = Options {
        seed,
        lasts: Some(Duration::from_secs(secs)),
        threads: Some(1),
        fidelity: Fidelity::Message,
        ..Options::default()
    };
    let report = sim::run(shop, &options).map_err(|refusals| format!("{refusals:?}"))?;
    // What arrives in the warm-up, a tenth and at most ten seconds, is played and not counted.
    let tenths = 10 * secs;
    let requests = report.offered * tenths / (tenths - secs.min(100));
    if report.stopped.is_some() || report.answers.complete != report.offered {
        return Err(format!("a request was not answered: {:?}", report.answers));
    }
    Ok(Played { requests, events: report.events })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_a_few_events() {
        let played = play(&shop().unwrap(), 1, 1).unwrap();

        assert!((7_500..8_500).contains(&played.requests), "{played:?}");
        assert!((3 * played.requests..6 * played.requests).contains(&played.events), "{played:?}");
    }
}
