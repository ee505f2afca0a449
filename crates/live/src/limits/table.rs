//! The limits as a table, for whoever wants to know what holds: `/design`, and docs/http.md.

use base::Bytes;

use super::{
    ADMIN_TIMEOUT, ADMIN_VISITS, DRAIN_GRACE, HALF_CLOSED_FOR, IDLE_PER_ENDPOINT, INTERIM_ANSWERS,
    KEPT_BODY, LINGER_BYTES, LINGER_TIMEOUT, Limits, NAMES_EVERY, NAMES_TIMEOUT, PIPELINED,
    STUCK_TIMEOUT,
};

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it is called.
    pub name: &'static str,
    /// How much, as a design file would write it.
    pub value: String,
    /// What it bounds, and what happens then.
    pub says: &'static str,
}

impl Limits {
    /// All that can be met from outside, in the order in which a request meets it.
    #[rustfmt::skip]
    pub fn table(&self) -> Vec<Limit> {
        let bytes = |count: usize| Bytes(count as u64).to_string();
        let clients = self.clients.map_or("none".to_owned(), |most| most.to_string());
        let heads = &self.heads;
        [
            ("clients", clients, "connections of clients, over all workers; `none`: what descriptors allow. Then 503 `exhausted`"),
            ("client_idle_timeout", self.client_idle_timeout.to_string(), "a client's connection between two requests. Then it is closed"),
            ("head_timeout", self.head_timeout.to_string(), "a request's head, first byte to last. Then 408"),
            ("line", bytes(heads.line), "a request line, or the status line of an answer. Then 414, or 502"),
            ("head", bytes(heads.head), "a whole head. Then 431, or 502"),
            ("fields", heads.fields.to_string(), "field lines in a head. Then 431, or 502"),
            ("trailers", bytes(heads.trailers), "the trailers behind a chunked body. Then 400, or the answer breaks off"),
            ("body_timeout", self.body_timeout.to_string(), "nothing of a request's body comes. Then 408"),
            ("kept_body", bytes(KEPT_BODY), "a request's body that is kept to be sent again. Who has sent more is not tried again"),
            ("interim_answers", INTERIM_ANSWERS.to_string(), "interim answers (1xx) to one request. Then 502 `garbage`"),
            ("write_timeout", self.write_timeout.to_string(), "the client takes nothing of its answer. Then it breaks off, `client_timeout`"),
            ("pipelined", bytes(PIPELINED), "read of a client's next requests while one is under way. The rest waits"),
            ("half_closed", HALF_CLOSED_FOR.to_string(), "a client that sends nothing any more has no answer. Then it is sent a 102"),
            ("linger", LINGER_TIMEOUT.to_string(), "reading on behind an answer that left a request unread. Then it is closed"),
            ("linger_bytes", bytes(LINGER_BYTES), "the same, in bytes. The rest waits"),
            ("stuck_timeout", STUCK_TIMEOUT.to_string(), "bytes on any connection unacknowledged. Then the kernel gives it up"),
            ("idle_per_endpoint", IDLE_PER_ENDPOINT.to_string(), "idle connections that a worker keeps to an endpoint. Others are closed after use"),
            ("names_every", NAMES_EVERY.to_string(), "between two look-ups of an endpoint's name"),
            ("names_timeout", NAMES_TIMEOUT.to_string(), "one look-up. Then the addresses known before stay"),
            ("drain_timeout", self.drain_timeout.to_string(), "what is in flight at a signal. Then it is cut, 503 `draining`"),
            ("drain_grace", DRAIN_GRACE.to_string(), "at a signal, a connection that has asked nothing yet. Then it is closed"),
            ("admin_visits", ADMIN_VISITS.to_string(), "visits to the admin pages at once. The one silent longest gives way"),
            ("admin_timeout", ADMIN_TIMEOUT.to_string(), "one visit to the admin pages. Then it is closed"),
        ]
        .into_iter()
        .map(|(name, value, says)| Limit { name, value, says })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_limit_as_it_is() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(root.join("../../docs/http.md")).unwrap();
        let table = page.split("| limit | |").nth(1).unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));

        let told: Vec<_> = rows.collect();

        let row =
            |limit: &Limit| format!("| `{}` | {} | {} |", limit.name, limit.value, limit.says);
        let rows: Vec<_> = Limits::default().table().iter().map(row).collect();
        assert_eq!(told, rows, "write this:\n{}", rows.join("\n"));
    }
}
