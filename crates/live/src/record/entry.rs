//! The lines of a decision log.

use base::Duration;
use engine::l7::{Body, Input, Request};
use event::Cause;
use serde::{Deserialize, Serialize};

/// One line. Times are nanoseconds of the process's clock.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// The first line.
    Started { seed: u64, at: u64 },
    /// An exchange was told something. `begin` makes a new one of this key.
    Input { at: u64, call: u16, key: u32, input: Said },
    /// An exchange said something, as the engine's own types print it.
    Output { key: u32, output: String },
    /// A call was asked whom to check.
    Check { at: u64, call: u16, next: Option<(u16, u64)> },
    /// A call was told how a check went.
    Checked { at: u64, call: u16, endpoint: u16, well: bool },
}

/// An input, as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    Begin { idempotent: bool, declared: bool, remaining: Option<u64>, attempt: u8, head: u64 },
    Turn,
    Sent,
    Head { status: u16, retry_after: Option<u64>, attempts: u8, body: Upload },
    Finished,
    Failed { cause: String, refused_by_peer: bool, body: Upload },
    Time { body: Upload },
    ClientLeft,
    ClientFailed { cause: String },
    ShutDown,
}

impl From<Input> for Said {
    fn from(input: Input) -> Self {
        match input {
            Input::Begin(request) => Self::Begin {
                idempotent: request.idempotent_method,
                declared: request.declared_idempotent,
                remaining: request.client_remaining.map(Duration::as_nanos),
                attempt: request.client_attempt,
                head: request.head_took.as_nanos(),
            },
            Input::Turn => Self::Turn,
            Input::Sent => Self::Sent,
            Input::Head { status, retry_after, attempts, body } => Self::Head {
                status,
                retry_after: retry_after.map(Duration::as_nanos),
                attempts,
                body: body.into(),
            },
            Input::Finished => Self::Finished,
            Input::Failed { cause, refused_by_peer, body } => {
                Self::Failed { cause: name(cause), refused_by_peer, body: body.into() }
            }
            Input::Time { body } => Self::Time { body: body.into() },
            Input::ClientLeft => Self::ClientLeft,
            Input::ClientFailed(cause) => Self::ClientFailed { cause: name(cause) },
            Input::ShutDown => Self::ShutDown,
        }
    }
}

impl Said {
    /// The input that was written; nothing if a cause is not known.
    pub(super) fn input(&self) -> Option<Input> {
        Some(match *self {
            Self::Begin { idempotent, declared, remaining, attempt, head } => {
                Input::Begin(Request {
                    idempotent_method: idempotent,
                    declared_idempotent: declared,
                    client_remaining: remaining.map(Duration::from_nanos),
                    client_attempt: attempt,
                    head_took: Duration::from_nanos(head),
                })
            }
            Self::Turn => Input::Turn,
            Self::Sent => Input::Sent,
            Self::Head { status, retry_after, attempts, body } => {
                let retry_after = retry_after.map(Duration::from_nanos);
                Input::Head { status, retry_after, attempts, body: body.into() }
            }
            Self::Finished => Input::Finished,
            Self::Failed { ref cause, refused_by_peer, body } => {
                Input::Failed { cause: cause_named(cause)?, refused_by_peer, body: body.into() }
            }
            Self::Time { body } => Input::Time { body: body.into() },
            Self::ClientLeft => Input::ClientLeft,
            Self::ClientFailed { ref cause } => Input::ClientFailed(cause_named(cause)?),
            Self::ShutDown => Input::ShutDown,
        })
    }
}

/// [`Body`], as it is written.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Upload {
    Kept,
    Gone,
    Awaited,
}

impl From<Body> for Upload {
    fn from(body: Body) -> Self {
        match body {
            Body::Kept => Self::Kept,
            Body::Gone => Self::Gone,
            Body::Awaited => Self::Awaited,
        }
    }
}

impl From<Upload> for Body {
    fn from(upload: Upload) -> Self {
        match upload {
            Upload::Kept => Self::Kept,
            Upload::Gone => Self::Gone,
            Upload::Awaited => Self::Awaited,
        }
    }
}

/// No input carries a status as its cause: a status comes with a head.
fn name(cause: Cause) -> String {
    cause.name().to_owned()
}

fn cause_named(name: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|cause| cause.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_is_read_back_as_it_was_written() {
        let body = Body::Gone;
        let inputs = [
            Input::Begin(Request {
                client_remaining: Some(Duration::from_millis(7)),
                head_took: Duration::from_millis(3),
                ..Request::default()
            }),
            Input::Turn,
            Input::Sent,
            Input::Head {
                status: 503,
                retry_after: Some(Duration::from_secs(1)),
                attempts: 3,
                body,
            },
            Input::Finished,
            Input::Failed { cause: Cause::Reset, refused_by_peer: false, body },
            Input::Time { body: Body::Kept },
            Input::Time { body: Body::Awaited },
            Input::ClientLeft,
            Input::ClientFailed(Cause::ClientTimeout),
            Input::ShutDown,
        ];
        for input in inputs {
            let line = serde_json::to_string(&Said::from(input)).unwrap();

            let read: Said = serde_json::from_str(&line).unwrap();

            assert_eq!(read.input(), Some(input), "{line}");
        }
    }
}
