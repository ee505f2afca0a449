//! How far a run of messages is from the same run of packets.
//!
//! Messages are quicker to play, and `--fidelity auto` takes them where the network can make no
//! difference. So there the two have to give the same latencies; and where it can, how much is
//! left out is shown.

use std::path::Path;

use base::Duration;
use config::{Design, NoFiles};
use sim::{Fidelity, Options};

use crate::interval::{joint, mean};
use crate::row::{Criterion, Row, Section, Unit};
use crate::{Effort, Interval, Missing, over_seeds};

/// Every scenario, three percentiles each.
///
/// # Errors
///
/// None: nothing else is needed.
pub fn section(effort: Effort) -> Result<Section, Missing> {
    let (seeds, scenarios) = (effort.choose(10, 3), scenarios());
    let level = joint(scenarios.len() * PERCENTILES.len());
    let rows: Vec<Row> =
        scenarios.iter().flat_map(|scenario| scenario.rows(seeds, level)).collect();
    let distances = scenarios.iter().zip(rows.chunks(PERCENTILES.len()));
    let distances: Vec<String> =
        distances.map(|(scenario, rows)| distance(scenario.name, rows)).collect();
    Ok(Section {
        name: "distance",
        title: "Packets against messages",
        about: format!(
            "The same designs, seeds and draws, once with every datagram and once with messages that take the delay of their \
             way; {seeds} seeds of {SECS} s a row. Compared is the latency of good answers that clients see: what messages give \
             is expected, what packets give is simulated, and the interval has the scatter of both. *Clean*: nothing is lost or queued \
             by the network, and connections are kept; there `--fidelity auto` takes messages. The other rows are what messages \
             leave out, and why `auto` takes packets there."
        ),
        rows,
        remarks: vec![format!("{HOW_FAR}\n\n{}", distances.join("\n")), REMARK.into()],
    })
}

const HOW_FAR: &str = "How far packets are from messages, at the 50th, 90th and 99th percentile:";

fn distance(name: &str, rows: &[Row]) -> String {
    let apart = |row: &Row| format!("{:+.1} %", (row.simulated / row.expected - 1.0) * 100.0);
    format!("- {name}: {}", rows.iter().map(apart).collect::<Vec<_>>().join(", "))
}

const REMARK: &str = "A handshake for each request is a round trip more, and an answer of 300 KiB comes over a new connection in several: the first \
    window is ten segments (RFC 6928). Loss shows in the tail first: one in a hundred datagrams costs the median nothing, and the 99th \
    percentile a retransmission timeout.";

/// A design, and whether the network makes a difference in it.
struct Scenario {
    name: &'static str,
    design: Design,
    incident: &'static str,
    is_clean: bool,
}

const SECS: u64 = 60;
type Percentile = (&'static str, fn(&sim::report::Percentiles) -> f64);
const PERCENTILES: [Percentile; 3] =
    [("p50", |times| times.p50), ("p90", |times| times.p90), ("p99", |times| times.p99)];

fn scenarios() -> Vec<Scenario> {
    let clean = |name, design| Scenario { name, design, incident: "none", is_clean: true };
    let other = |name, design, incident| Scenario { name, design, incident, is_clean: false };
    let kept = "connections = { idle_timeout = \"60s\" }";
    let fresh = "connections = { idle_timeout = \"1ms\" }";
    let loss =
        "[[incident.loss]]\non = \"users -> shop\"\nkind = \"loss\"\nloss = \"1%\"\nat = \"0s\"\n";
    vec![
        clean("designs/balancer.toml, clean", file("balancer")),
        clean("designs/incident.toml, clean", file("incident")),
        clean("designs/grpc.toml, clean", file("grpc")),
        clean("a service, clean", read(&shop(kept, "2KiB"))),
        other("designs/regions.toml, between regions", file("regions"), "none"),
        other("a service, a new connection each", read(&shop(fresh, "2KiB")), "none"),
        other(
            "a service, answers of 300 KiB over new connections",
            read(&shop(fresh, "300KiB")),
            "none",
        ),
        other(
            "a service, 1 % of datagrams lost",
            read(&format!("{}{loss}", shop(kept, "2KiB"))),
            "loss",
        ),
    ]
}

impl Scenario {
    fn rows(&self, seeds: u64, level: f64) -> Vec<Row> {
        let play = |seed, incident: &str, fidelity| {
            let options = Options {
                incident: Some(incident.into()),
                seed,
                lasts: Some(Duration::from_secs(SECS)),
                fidelity,
                threads: Some(1),
                ..Options::default()
            };
            let report = sim::run(&self.design, &options)
                .unwrap_or_else(|refusals| panic!("{}: {refusals:?}", self.name));
            report.latency_ms.expect("somebody was answered")
        };
        // Messages know nothing of the faults of a network.
        let [packets, messages] = [(self.incident, Fidelity::Packet), ("none", Fidelity::Message)]
            .map(|(incident, fidelity)| over_seeds(seeds, |seed| play(seed, incident, fidelity)));
        let row = |(name, of): Percentile| {
            let [packets, messages] = [&packets, &messages]
                .map(|runs| runs.iter().map(|times| of(times) / 1e3).collect::<Vec<f64>>());
            Row {
                what: format!("{}: {name}", self.name),
                expected: mean(&messages),
                source: "messages",
                simulated: mean(&packets),
                interval: Interval::of_mean_beside(&packets, &messages, level),
                unit: Unit::Millis,
                criterion: if self.is_clean { Criterion::Within(0.02) } else { Criterion::Shown },
            }
        };
        PERCENTILES.into_iter().map(row).collect()
    }
}

fn shop(connections: &str, answer: &str) -> String {
    format!(
        "[region.eu]\nat = [53.3, -6.3]\n\
         [client.users]\ntraffic = \"200/s\"\n\
         requests = [{{ share = \"100%\", method = \"GET\", path = \"/\", response = \"{answer}\" }}]\n\
         [service.shop]\nmodel = {{ workers = 16, queue = 64, \
         service_time = {{ median = \"8ms\", p99 = \"60ms\" }} }}\n\
         [call.users.shop]\ntimeout = \"5s\"\nidempotent = true\non_failure = \"error\"\n\
         in_flight = \"none\"\nretry = \"none\"\n{connections}\n"
    )
}

fn file(name: &str) -> Design {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../designs/{name}.toml"));
    let text = std::fs::read_to_string(&place).unwrap_or_else(|why| panic!("{place:?}: {why}"));
    read(&text)
}

fn read(text: &str) -> Design {
    let loaded = config::load_bytes(text.as_bytes(), &NoFiles);
    loaded.design.unwrap_or_else(|| panic!("{text}\n{:#?}", loaded.diagnostics))
}
