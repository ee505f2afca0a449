//! A balancer that runs for one test.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use checklist::SoundDesign;
use plimsoll_live::{DesignFile, Limits, Options, Running, Target, start};

use crate::client::Client;

/// How long anything may take in a test before it counts as never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A design in the making.
pub(crate) struct Site {
    endpoints: Vec<String>,
    routes: String,
    rules: BTreeMap<String, String>,
    limits: Limits,
    workers: usize,
    log: Target,
    record: Option<PathBuf>,
}

/// A balancer that runs. It drains when the test is over.
pub(crate) struct Balancer {
    running: Option<Running>,
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
}

impl Site {
    /// A balancer before these services, with every rule on and time enough for a busy machine.
    pub(crate) fn before(endpoints: &[SocketAddr]) -> Self {
        let rules = [
            ("timeout", "\"8s\""),
            ("attempt_timeout", "\"3s\""),
            ("connect_timeout", "\"2s\""),
            ("idempotent", "\"by-method\""),
            ("on_failure", "\"error\""),
            ("in_flight", "256"),
            ("queue", "64"),
            (
                "retry",
                "{ attempts = 2, backoff = \"1ms..5ms\", budget = { share = \"20%\", floor = \"10/s\", burst = 100 } }",
            ),
            ("balance", "\"round-robin\""),
        ];
        Self {
            endpoints: endpoints.iter().map(ToString::to_string).collect(),
            routes: "{ path = \"/\", to = \"svc\" }".to_owned(),
            rules: rules.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            limits: Limits::default(),
            workers: 1,
            log: Target::None,
            record: None,
        }
    }

    /// The same, with endpoints that have names.
    pub(crate) fn before_names(names: &[&str]) -> Self {
        let endpoints = names.iter().map(|&name| name.to_owned()).collect();
        Self { endpoints, ..Self::before(&[]) }
    }

    /// With another answer to one of the questions, as a design file writes it.
    pub(crate) fn rule(mut self, key: &str, value: &str) -> Self {
        self.rules.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn routes(mut self, routes: &str) -> Self {
        self.routes = routes.to_owned();
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(crate) fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    pub(crate) fn log(mut self, log: Target) -> Self {
        self.log = log;
        self
    }

    pub(crate) fn record(mut self, file: &Path) -> Self {
        self.record = Some(file.to_owned());
        self
    }

    pub(crate) fn design(&self) -> SoundDesign {
        let text = self.text();
        let loaded = config::load("site.toml", &text);
        let design = loaded.design.unwrap_or_else(|| panic!("{:#?}\n{text}", loaded.diagnostics));
        checklist::sound(design).unwrap_or_else(|found| panic!("{found:#?}"))
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            file: Some(DesignFile { name: "site.toml".to_owned(), text: self.text() }),
            workers: Some(self.workers),
            admin: Some(([127, 0, 0, 1], 0).into()),
            log: self.log.clone(),
            record: self.record.clone(),
            limits: self.limits,
            ..Options::default()
        }
    }

    pub(crate) fn start(self) -> Balancer {
        let running = start(&self.design(), &self.options()).unwrap();
        let (address, admin) = (running.addresses()[0], running.admin().unwrap());
        Balancer { running: Some(running), address, admin }
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        let endpoints: Vec<_> = self.endpoints.iter().map(|at| format!("\"{at}\"")).collect();
        let rules: Vec<_> =
            self.rules.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        format!(
            r#"
[region.eu]
at = [53.3, -6.3]
[client.users]
region = "eu"
traffic = "10/s"
requests = [{{ share = "100%", method = "GET", path = "/" }}]
[balancer.lb]
region = "eu"
instances = 2
[[balancer.lb.listen]]
address = "127.0.0.1:0"
protocol = "http"
routes = [{routes}]
[service.svc]
region = "eu"
endpoints = [{endpoints}]
[call.users.lb]
timeout = "20s"
idempotent = "by-method"
on_failure = "error"
in_flight = "none"
retry = "none"
[call.lb.svc]
{rules}
"#,
            routes = self.routes,
            endpoints = endpoints.join(", "),
            rules = rules.concat(),
        )
    }
}

impl Balancer {
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// The answer to one request on a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> crate::client::Answer {
        let mut client = self.client();
        client.send(request.as_bytes());
        client.answer()
    }

    /// The answer to a plain GET.
    pub(crate) fn get(&self, path: &str) -> crate::client::Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n"))
    }

    /// A connection to the admin pages.
    pub(crate) fn visitor(&self) -> Client {
        Client::connect(self.admin)
    }

    /// A page of the admin's.
    pub(crate) fn page(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(self.admin).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: admin\r\n\r\n").unwrap();
        let mut page = String::new();
        socket.read_to_string(&mut page).unwrap();
        page
    }

    /// The sum of a series over all whose labels contain all of these; nothing if there is none.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let page = self.page("/metrics");
        let lines = page.lines().filter(|line| {
            let rest = line.strip_prefix("plimsoll_").and_then(|line| line.strip_prefix(name));
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Requests that failed for this cause.
    pub(crate) fn failures(&self, cause: &str) -> f64 {
        self.metric("failures_total", &[&format!("cause=\"{cause}\"")])
    }

    /// Nothing of what requests take is still taken, and no request is unaccounted for.
    pub(crate) fn assert_nothing_leaked(&self) {
        for gauge in ["in_flight", "queue", "probes", "retries_in_flight"] {
            eventually(&format!("{gauge} is 0"), || self.metric(gauge, &[]) == 0.0);
        }
        eventually("every request ended", || {
            self.metric("requests_total", &[]) == self.metric("latency_seconds_count", &[])
        });
    }

    pub(crate) fn drain(&self) {
        self.running.as_ref().unwrap().drain();
    }

    /// Waits for the end of a drain.
    pub(crate) fn wait(mut self) {
        self.running.take().unwrap().wait().unwrap();
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.drain();
        }
    }
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// So many lines of the log, once they are there.
pub(crate) fn records(file: &Path, count: usize) -> Vec<serde_json::Value> {
    let lines = || std::fs::read_to_string(file).unwrap();
    eventually("all lines are there", || lines().lines().count() == count);
    lines().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
