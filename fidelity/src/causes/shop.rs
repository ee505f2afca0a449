//! The designs: a client, a service, perhaps a front between them, and what can be said of them.

use std::fmt::Write as _;

/// A design by what it is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shop {
    /// Of the service, and how long each works on a request, in milliseconds.
    pub(super) workers: u32,
    pub(super) work: f64,
    /// Traffic as a share of what the service can do.
    pub(super) load: f64,
    pub(super) attempts: u32,
    /// Of one try, in milliseconds; nothing: it waits for ever.
    pub(super) timeout: Option<f64>,
    /// A budget for the retries.
    pub(super) budget: bool,
    /// Of the service; nothing: without end.
    pub(super) queue: Option<f64>,
    pub(super) cancel: bool,
    /// What the client, or the front if there is one, may have under way at the service.
    pub(super) in_flight: Option<u32>,
    /// A front between client and service, and how often it tries.
    pub(super) front: Option<u32>,
}

/// Everything that lets a retry storm live.
pub(super) const CARELESS: Shop = Shop {
    workers: 4,
    work: 20.0,
    load: 0.7,
    attempts: 3,
    timeout: Some(400.0),
    budget: false,
    queue: None,
    cancel: false,
    in_flight: None,
    front: None,
};

impl Shop {
    /// Requests per second that the service can do.
    pub(super) fn capacity(&self) -> f64 {
        f64::from(self.workers) * 1e3 / self.work
    }

    /// A queue in which one waits for this part of the timeout.
    pub(super) fn queue_of(&self, part: f64) -> Option<f64> {
        let timeout = self.timeout.unwrap_or(1_000.0) / 1e3;
        Some((part * model::closed::safe_queue(timeout, self.capacity())).max(1.0))
    }

    /// The design file, with the faults of one incident.
    pub(super) fn text(&self, faults: &[String]) -> String {
        let traffic = self.load * self.capacity();
        let queue = self.queue.map_or("\"none\"".to_owned(), |queue| format!("{queue:.0}"));
        let mut text = format!(
            "[region.eu]\nat = [53.3, -6.3]\n\
             [client.users]\ntraffic = \"{traffic:.3}/s\"\n\
             requests = [{{ share = \"100%\", method = \"GET\", path = \"/\" }}]\n\
             [service.shop]\nmodel = {{ workers = {}, queue = {queue}, \
             service_time = {{ mean = \"{}us\", shape = \"exponential\" }} }}\n",
            self.workers,
            self.work * 1e3
        );
        // Writing to a string cannot fail.
        let _ = match self.front {
            None => write!(text, "[call.users.shop]\n{}", self.rules(self.attempts, 1)),
            Some(attempts) => write!(
                text,
                "[service.front]\nsteps = [\"shop\"]\n\
                 model = {{ workers = {:.0}, queue = 10, service_time = \"100us\" }}\n\
                 [call.users.front]\n{}[call.front.shop]\n{}",
                (8.0 * traffic * self.timeout.unwrap_or(2_000.0) / 1e3).max(20.0),
                self.rules(self.attempts, attempts),
                self.rules(attempts, 1),
            ),
        };
        for fault in faults {
            let _ = write!(text, "\n[[incident.it]]\n{fault}\nat = \"20s\"\n");
        }
        text
    }

    /// Of a caller whose callee may itself need so many tries.
    fn rules(&self, attempts: u32, inner: u32) -> String {
        let time = |ms: f64| format!("\"{:.0}us\"", ms * 1e3);
        let one = self.timeout.map(|timeout| timeout * f64::from(inner) + f64::from(inner - 1));
        let whole = one.map(|one| one * f64::from(attempts) + 10.0 * f64::from(attempts));
        let [one, whole] = [one, whole].map(|it| it.map_or("\"none\"".to_owned(), time));
        let budget = if self.budget {
            "{ share = \"10%\", floor = \"1/s\", burst = 10 }"
        } else {
            "\"none\""
        };
        let retry = if attempts > 1 {
            format!("{{ attempts = {attempts}, backoff = \"1ms..9ms\", budget = {budget} }}")
        } else {
            "\"none\"".to_owned()
        };
        let in_flight = self.in_flight.map_or("\"none\"".to_owned(), |most| most.to_string());
        let queue = if self.in_flight.is_some() { "0" } else { "\"none\"" };
        format!(
            "timeout = {whole}\nattempt_timeout = {one}\nidempotent = true\non_failure = \"error\"\n\
             in_flight = {in_flight}\nqueue = {queue}\ncancel = {}\nretry = {retry}\n",
            self.cancel
        )
    }
}
