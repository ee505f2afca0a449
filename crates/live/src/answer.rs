//! Answers that we give ourselves.
//!
//! A failure says what happened in three ways: a status for programs, a short typed body (RFC
//! 9457) for people and programs, and `Proxy-Status` (RFC 9209) for other proxies. Never an empty
//! page.

use base::{Duration, RequestId};
use event::Cause;
use wire::l7::http1::{Method, Recipient, Refusal, Request, answer, write};

use crate::limits;

/// An answer of our own.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    /// Nothing if it is no failure.
    cause: Option<Cause>,
    /// What exactly, where the cause does not say it.
    detail: Option<&'static str>,
    /// When it is worth asking again, if a rule says so.
    retry_after: Option<Duration>,
    /// Tries that came before it, here and below.
    attempts: u8,
    allow: bool,
    /// What is reflected to a TRACE.
    reflected: Option<Vec<u8>>,
}

impl Answer {
    /// A request that failed.
    pub(crate) fn failure(cause: Cause) -> Self {
        Self {
            status: cause.status(),
            cause: Some(cause),
            detail: None,
            retry_after: None,
            attempts: 0,
            allow: false,
            reflected: None,
        }
    }

    /// When it is worth asking again, if a rule says so.
    pub(crate) fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// After so many tries, those of the hops below included.
    pub(crate) fn attempts(self, attempts: u8) -> Self {
        Self { attempts, ..self }
    }

    /// Bytes that are no request.
    pub(crate) fn refusal(refusal: Refusal) -> Self {
        Self {
            status: refusal.status(),
            detail: Some(refusal.sentence()),
            ..Self::failure(Cause::BadRequest)
        }
    }

    /// To a connection that cannot be served at all.
    pub(crate) fn too_many_connections(date: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let to = Recipient { close: true, ..Recipient::default() };
        Self::failure(Cause::Exhausted).write(&mut out, to, RequestId(0), date);
        out
    }

    /// A path that we would route by one reading, and a service may serve by another.
    pub(crate) fn ambiguous_path() -> Self {
        Self {
            detail: Some("The path has dot segments; send it without them."),
            ..Self::failure(Cause::BadRequest)
        }
    }

    /// Tunnels to anywhere are not what a balancer is for.
    pub(crate) fn no_connect() -> Self {
        Self {
            status: 405,
            detail: Some("CONNECT is not allowed here."),
            allow: true,
            ..Self::failure(Cause::BadRequest)
        }
    }

    /// `Max-Forwards: 0`: we are the last recipient (RFC 9110 sections 7.6.2, 9.3.7, 9.3.8).
    pub(crate) fn last_hop(request: &Request<'_>) -> Self {
        let reflected = (request.method() == Method::Trace).then(|| reflect(request));
        Self {
            status: 200,
            cause: None,
            allow: reflected.is_none(),
            reflected,
            ..Self::failure(Cause::Loop)
        }
    }

    /// Why, if it is a failure.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Its status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Writes it, whole; says how long its body is.
    pub(crate) fn write(&self, out: &mut Vec<u8>, to: Recipient, id: RequestId, date: &str) -> u64 {
        let proxy_status = self.cause.map(|cause| self.proxy_status(cause)).unwrap_or_default();
        let retry_after = seconds(self.retry_after.unwrap_or(limits::ASK_AGAIN)).to_string();
        let attempts = self.attempts.to_string();
        let (kind, body) = self.body(id);
        let mut fields: Vec<(&str, &[u8])> = Vec::with_capacity(6);
        fields.push(("Date", date.as_bytes()));
        if !body.is_empty() {
            fields.push(("Content-Type", kind.as_bytes()));
        }
        if self.cause.is_some() {
            fields.push(("Proxy-Status", proxy_status.as_bytes()));
        }
        if self.status == 503 {
            fields.push(("Retry-After", retry_after.as_bytes()));
        }
        if self.attempts > 1 {
            fields.push(("Plimsoll-Attempt", attempts.as_bytes()));
        }
        if self.allow {
            fields.push(("Allow", METHODS));
        }
        answer(out, self.status, &fields, &body, to);
        if to.head_only { 0 } else { body.len() as u64 }
    }

    fn proxy_status(&self, cause: Cause) -> String {
        let details = self.detail.unwrap_or(cause.name());
        format!("plimsoll; error={}; details=\"{details}\"", cause.proxy_status())
    }

    fn body(&self, id: RequestId) -> (&'static str, Vec<u8>) {
        match (self.cause, &self.reflected) {
            (Some(cause), _) => ("application/problem+json", self.problem(cause, id).into_bytes()),
            (None, Some(reflected)) => ("message/http", reflected.clone()),
            (None, None) => ("", Vec::new()),
        }
    }

    /// None of the texts in it comes from outside, so nothing needs to be escaped.
    fn problem(&self, cause: Cause, id: RequestId) -> String {
        let Self { status, .. } = self;
        let (name, layer) = (cause.name(), cause.layer().name());
        let detail = self.detail.unwrap_or(cause.sentence());
        let title = write::reason(*status);
        let instance = id.0;
        format!(
            concat!(
                r#"{{"type":"urn:plimsoll:cause:{name}","title":"{title}","status":{status},"#,
                r#""detail":"{detail}","instance":"urn:plimsoll:request:{instance}","#,
                r#""cause":"{name}","layer":"{layer}"}}"#,
                "\n"
            ),
            name = name,
            title = title,
            status = status,
            detail = detail,
            instance = instance,
            layer = layer,
        )
    }
}

/// Whole seconds, at least one: `Retry-After` knows nothing shorter.
fn seconds(after: Duration) -> u64 {
    after.as_nanos().div_ceil(1_000_000_000).max(1)
}

/// The head, without what its sender would not want to see in a log.
fn reflect(request: &Request<'_>) -> Vec<u8> {
    const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
    let mut out = Vec::new();
    write::request_line(&mut out, request.method_name(), request.target());
    for (name, value) in request.fields() {
        if !SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(name)) {
            write::field(&mut out, name, value);
        }
    }
    write::end(&mut out);
    out
}

const METHODS: &[u8] = b"GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH, QUERY";
