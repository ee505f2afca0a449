//! How many sessions are open at once: streams, WebSockets, all that a client `holds`.

use base::CallId;
use config::design::NodeKind;

use super::{Facts, mean_of_lognormal};

impl Facts<'_> {
    /// Sessions of clients that a call carries at once, on average: how often one is asked for,
    /// times how long it is held (Little, 1961).
    pub(crate) fn sessions(&self, call: CallId) -> f64 {
        let held = self.arrivals(call).iter().filter(|arrival| arrival.direct);
        let held = held.filter_map(|arrival| {
            let NodeKind::Client(client) = &self.design.node(arrival.client).kind else {
                return None;
            };
            let (median, p99) = client.requests.get(arrival.kind)?.holds?;
            Some(arrival.per_sec * mean_of_lognormal(median, p99))
        });
        held.sum()
    }
}
