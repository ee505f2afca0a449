//! Designs for tests: the files of `designs/`, and what becomes of them when a line is changed.

use base::Duration;
use config::{Design, NoFiles};

use crate::Options;
use crate::plan::Plan;
use crate::stats::Stats;
use crate::world::World;

/// A file of `designs/`.
pub(crate) fn file(name: &str) -> String {
    let path = format!("{}/../../designs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// A file of `designs/` with some of its text replaced, each piece wherever it stands.
pub(crate) fn variant(name: &str, changes: &[(&str, &str)]) -> Design {
    let text = changes.iter().fold(file(name), |text, (from, to)| {
        assert!(text.contains(from), "{name} does not say {from:?}");
        text.replace(from, to)
    });
    design(&text)
}

/// A design from its text.
pub(crate) fn design(text: &str) -> Design {
    let loaded = config::load_bytes(text.as_bytes(), &NoFiles);
    loaded.design.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics))
}

/// One client, one service with an exponential service time of 10 ms, one plain call.
pub(crate) fn queue(traffic: &str, workers: u32, queue: &str) -> Design {
    design(&format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "{traffic}"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[service.svc]
model = {{ workers = {workers}, queue = {queue}, service_time = {{ mean = "10ms", shape = "exponential" }} }}
[call.users.svc]
timeout = "1h"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = "none"
"#
    ))
}

/// How somebody tries so often without waiting in between, and without a budget.
pub(crate) fn at_once(attempts: u32) -> String {
    match attempts {
        1 => "\"none\"".to_owned(),
        _ => format!("{{ attempts = {attempts}, backoff = \"none\", budget = \"none\" }}"),
    }
}

/// Callers that wait 100 ms for each try, a service whose workers need so many milliseconds each,
/// and five times the traffic for a second.
pub(crate) fn rush(traffic: f64, (workers, ms): (u32, u32), queue: &str, attempts: u32) -> Design {
    let retry = at_once(attempts);
    design(&format!(
        r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
traffic = "{traffic:.0}/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[service.svc]
model = {{ workers = {workers}, queue = {queue}, service_time = "{ms}ms" }}
[call.users.svc]
timeout = "1s"
attempt_timeout = "100ms"
idempotent = true
on_failure = "error"
in_flight = "none"
retry = {retry}
[[incident.rush]]
on = "users"
kind = "spike"
times = 5.0
at = "10s"
lasts = "1s"
"#
    ))
}

/// What is counted in a run of so many seconds.
pub(crate) fn play_for(design: &Design, incident: &str, seed: u64, secs: u64) -> Stats {
    let options = options_for(incident, secs);
    let plan = Plan::new(design, &options).unwrap();
    World::new(&plan, seed).run().stats
}

/// An incident, for so many seconds.
pub(crate) fn options_for(incident: &str, secs: u64) -> Options {
    Options {
        incident: Some(incident.into()),
        lasts: Some(Duration::from_secs(secs)),
        ..Options::default()
    }
}
