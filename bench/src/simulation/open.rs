//! Many connections that stand at once, each with a request on it that is being worked on.
//!
//! The same requests played as messages keep everything but their connections: what is above that
//! is what a connection takes, at both of its ends.

use std::fs;

use base::Duration;
use sim::{Fidelity, Options};

use super::design;

/// Opens about so many within two seconds and plays until all are answered.
///
/// # Errors
///
/// When not all of them stood.
pub fn play(connections: u32, fidelity: Fidelity) -> Result<(), String> {
    // A port leads to each instance only so often.
    let instances = connections.div_ceil(20_000).max(2);
    let design = design(&format!(
        "[region.eu]\nat = [53.3, -6.3]\n\
         [client.users]\ntraffic = \"{}/s\"\n\
         requests = [{{ share = \"100%\", method = \"GET\", path = \"/\" }}]\n\
         [service.shop]\ninstances = {instances}\n\
         model = {{ workers = {connections}, queue = \"none\", service_time = \"4s\" }}\n\
         [call.users.shop]\nbalance = \"round-robin\"\ntimeout = \"1h\"\nconnect_timeout = \"1s\"\nretry = \"none\"\n\
         idempotent = true\non_failure = \"error\"\nin_flight = \"none\"\n",
        connections / SECS,
    ))?;
    let options = Options {
        lasts: Some(Duration::from_secs(u64::from(SECS))),
        threads: Some(1),
        fidelity,
        most_under_way: u32::MAX,
        ..Options::default()
    };
    let report = sim::run(&design, &options).map_err(|refusals| format!("{refusals:?}"))?;
    // The first is answered two seconds after the last was sent: until then all stand.
    if report.answers.complete < report.offered || report.stopped.is_some() {
        let (complete, failed) = (report.answers.complete, report.failed_by_cause);
        return Err(format!("{complete} of {} were answered; {failed:?}", report.offered));
    }
    Ok(())
}

/// The most memory that this process has ever filled, in bytes.
pub fn most_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1_024)
}

const SECS: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_connections_stand_and_all_are_answered() {
        assert_eq!(play(1_000, Fidelity::Packet), Ok(()));
        assert_eq!(play(1_000, Fidelity::Message), Ok(()));
    }

    #[test]
    fn the_memory_that_we_fill_shows() {
        let before = most_memory().unwrap();

        let filled = std::hint::black_box(vec![1_u8; 64 << 20]);

        assert!(most_memory().unwrap() >= before.max(filled.len() as u64));
    }
}
