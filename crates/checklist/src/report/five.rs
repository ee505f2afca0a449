//! The five answers of each call, in few words.

use base::CallId;
use config::Design;
use config::design::{Call, Protocol, Source};
use engine::Carrier;
use serde::Serialize;

use crate::Facts;
use crate::question::{Question, answer};

/// A call and its five answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its number in the design.
    #[serde(skip)]
    pub id: CallId,
    /// `FROM.TO`, with `.only.NAME` if it is such a table.
    pub call: String,
    /// `plimsoll`, or `others`.
    pub carried_by: &'static str,
    /// How long the caller waits.
    pub timeout: String,
    /// Whether it may be sent twice.
    pub idempotent: String,
    /// What happens when it fails.
    pub on_failure: String,
    /// What bounds how much of it is under way.
    pub backpressure: String,
    /// What its own retries can do.
    pub retries: String,
    /// The most attempts of this call that one request of a client can cause.
    pub worst: u64,
    /// The most attempts per request that last, over many requests: budgets count.
    pub lasting: f64,
}

/// In the order of the file.
pub fn rows(design: &Design) -> Vec<Row> {
    let facts = Facts::of(design);
    facts.calls().map(|(id, call)| row(&facts, id, call)).collect()
}

/// What stands where the file gives no answer.
pub(super) const UNANSWERED: &str = "not answered";

fn row(facts: &Facts<'_>, id: CallId, call: &Call) -> Row {
    let said = |question: Question, words: String| {
        if question.is_answered(call) { words } else { UNANSWERED.to_owned() }
    };
    let amplification = facts.amplification(id);
    Row {
        id,
        call: facts.design.call_name(id),
        carried_by: match call.rules.carrier {
            Carrier::Plimsoll => "plimsoll",
            Carrier::Others => "others",
        },
        timeout: said(Question::Timeout, timeout(call)),
        idempotent: said(Question::Idempotence, value(call, "idempotent")),
        on_failure: said(Question::PartialFailure, value(call, "on_failure")),
        backpressure: said(Question::Backpressure, backpressure(call)),
        retries: said(Question::Amplification, retries(call)),
        worst: amplification.worst,
        lasting: super::rounded(amplification.lasting * amplification.calls as f64),
    }
}

fn timeout(call: &Call) -> String {
    let rules = &call.rules;
    let idle = || rules.idle_timeout.map_or("no end".to_owned(), |idle| format!("idle {idle}"));
    if call.stream {
        return format!("stream, {}", idle());
    }
    match (rules.deadline.timeout, rules.deadline.attempt_timeout) {
        (Some(whole), Some(one)) => format!("{whole}, try {one}"),
        (Some(whole), None) => whole.to_string(),
        (None, _) if matches!(call.protocol, Protocol::Tcp | Protocol::Udp) => {
            let connect = rules.connect_timeout.map(|time| format!("connect {time}, "));
            format!("{}{}", connect.unwrap_or_default(), idle())
        }
        (None, Some(one)) => format!("none, try {one}"),
        (None, None) => "none".to_owned(),
    }
}

fn backpressure(call: &Call) -> String {
    let limit = call.rules.admission;
    match (limit.in_flight, limit.queue) {
        (None, _) => "no limit".to_owned(),
        (Some(most), None) => format!("{most}, any wait"),
        (Some(most), Some(0)) => format!("{most}, none waits"),
        (Some(most), Some(queue)) => format!("{most}, {queue} wait"),
    }
}

fn retries(call: &Call) -> String {
    let attempts = call.rules.retry.attempts;
    if attempts < 2 {
        return "no retry".to_owned();
    }
    match &call.rules.budget {
        None => format!("{attempts} tries, no budget"),
        Some(budget) => format!("{attempts} tries, budget {}", budget.share()),
    }
}

/// As the file writes it, without its quotes.
fn value(call: &Call, key: &str) -> String {
    match answer(call, key) {
        Some(answer) if answer.source != Source::Missing => answer.value.replace('"', ""),
        _ => UNANSWERED.to_owned(),
    }
}
