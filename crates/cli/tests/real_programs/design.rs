//! Design files for the tests: one balancer before one service, as small as a sound design is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A design, to be changed where a test needs it.
#[derive(Clone, Debug)]
pub(crate) struct Design {
    endpoints: Vec<SocketAddr>,
    call: BTreeMap<&'static str, String>,
    /// Of a second service, under `/well`.
    neighbour: Option<SocketAddr>,
}

impl Design {
    /// A balancer before these endpoints of one service, under careful rules with short times.
    pub(crate) fn before(endpoints: &[SocketAddr]) -> Self {
        let call = CALL.iter().map(|&(key, value)| (key, value.to_owned())).collect();
        Self { endpoints: endpoints.to_vec(), call, neighbour: None }
    }

    /// With a second service, which takes the paths under `/well` and has a call of its own.
    pub(crate) fn beside(mut self, neighbour: SocketAddr) -> Self {
        self.neighbour = Some(neighbour);
        self
    }

    /// With another value for a key of the call; the value is TOML.
    pub(crate) fn with(mut self, key: &'static str, value: &str) -> Self {
        self.call.insert(key, value.to_owned());
        self
    }

    /// Without a key of the call.
    pub(crate) fn without(mut self, key: &'static str) -> Self {
        self.call.remove(key);
        self
    }

    /// As the text of a file, for a balancer that listens at `listen`.
    pub(crate) fn text(&self, listen: SocketAddr) -> String {
        let well = self.neighbour.map_or("", |_| "{ path = \"/well\", to = \"well\" }, ");
        let mut text = format!(
            "{HEAD}[[balancer.lb.listen]]\naddress = \"{listen}\"\nprotocol = \"http\"\n\
             routes = [{well}{{ path = \"/\", to = \"svc\" }}]\n",
        );
        write_service(&mut text, "svc", &self.endpoints, &self.call);
        if let Some(neighbour) = self.neighbour {
            let call = CALL.iter().map(|&(key, value)| (key, value.to_owned())).collect();
            write_service(&mut text, "well", &[neighbour], &call);
        }
        text
    }
}

fn write_service(
    text: &mut String,
    name: &str,
    endpoints: &[SocketAddr],
    call: &BTreeMap<&'static str, String>,
) {
    let endpoints: Vec<_> = endpoints.iter().map(|address| format!("\"{address}\"")).collect();
    let endpoints = endpoints.join(", ");
    let keys: String = call.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    *text += &format!("[service.{name}]\nendpoints = [{endpoints}]\n[call.lb.{name}]\n{keys}");
}

const HEAD: &str = r#"
[region.here]
at = [53.3, -6.3]

[client.users]
traffic = "100/s"
requests = [{ path = "/" }]

[call.users.lb]
timeout = "30s"
idempotent = "by-method"
on_failure = "error"
in_flight = "none"
retry = "none"

[balancer.lb]
instances = 2
"#;

/// The call, where a test says nothing else. Connections idle half a second, so that a test can
/// see them go.
const CALL: &[(&str, &str)] = &[
    ("timeout", "\"5s\""),
    ("attempt_timeout", "\"2s\""),
    ("idempotent", "\"by-method\""),
    ("on_failure", "\"error\""),
    ("in_flight", "256"),
    ("queue", "64"),
    ("connections", "{ idle_timeout = \"500ms\" }"),
    ("retry", r#"{ attempts = 2, backoff = "5ms..20ms", budget = { share = "10%", burst = 50 } }"#),
    ("balance", "\"least-of-two\""),
];
