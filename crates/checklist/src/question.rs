//! The five questions that every network call has to answer before it ships.

use config::design::{Answer, Call, OnFailure, Protocol, Source};

/// One of the five.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What is the timeout?
    Timeout,
    /// Is the operation idempotent?
    Idempotence,
    /// What happens on partial failure?
    PartialFailure,
    /// Where does backpressure appear?
    Backpressure,
    /// Can this retry amplify load?
    Amplification,
}

impl Question {
    /// In the order in which they are asked.
    pub const ALL: [Self; 5] = [
        Self::Timeout,
        Self::Idempotence,
        Self::PartialFailure,
        Self::Backpressure,
        Self::Amplification,
    ];

    /// The rule of the review that asks it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Timeout => "A01",
            Self::Idempotence => "A02",
            Self::PartialFailure => "A03",
            Self::Backpressure => "A04",
            Self::Amplification => "A05",
        }
    }

    /// The key of the design file whose value answers it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Idempotence => "idempotent",
            Self::PartialFailure => "on_failure",
            Self::Backpressure => "in_flight",
            Self::Amplification => "retry",
        }
    }

    /// Whether the file answers it for this call. "None" is an answer, silence is not, and neither
    /// is "we'll see".
    pub fn is_answered(self, call: &Call) -> bool {
        let keys = self.keys(call.protocol);
        let open = |key: &&str| {
            let mut values = call.answers.values.iter();
            values.any(|answer| answer.key == *key && answer.source == Source::Missing)
        };
        let said = |key: &&str| says(call, key);
        let gap = self == Self::PartialFailure && call.on_failure.value == OnFailure::Missing;
        !gap && !keys.iter().any(open) && keys.iter().any(said)
    }

    /// Without requests (L4) there is no time for one: the times of the connection answer.
    const fn keys(self, protocol: Protocol) -> &'static [&'static str] {
        match (self, protocol) {
            (Self::Timeout, Protocol::Tcp | Protocol::Udp) => {
                &["timeout", "connect_timeout", "idle_timeout"]
            }
            (Self::Timeout, Protocol::Http | Protocol::Grpc) => &["timeout"],
            (Self::Idempotence, _) => &["idempotent"],
            (Self::PartialFailure, _) => &["on_failure"],
            (Self::Backpressure, _) => &["in_flight", "queue"],
            (Self::Amplification, _) => &["retry", "retry.attempts"],
        }
    }
}

/// What the file gives for `key`, or for one of the keys below it.
pub fn answer<'a>(call: &'a Call, key: &str) -> Option<&'a Answer> {
    let values = &call.answers.values;
    values.iter().find(|answer| answer.key == key).or_else(|| {
        values.iter().find(|answer| {
            answer.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
                && matches!(answer.source, Source::File(_))
        })
    })
}

fn says(call: &Call, key: &str) -> bool {
    answer(call, key).is_some_and(|answer| answer.source != Source::Missing)
}
