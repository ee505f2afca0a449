//! A connection as hyper's server reads it, from memory and without a runtime: every byte is there
//! at once, so its future only has to be polled until it is done.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};

use crate::reader::Message;

/// What hyper understood.
pub(crate) struct Theirs {
    pub(crate) messages: Vec<Message>,
    /// It had nothing to object to.
    pub(crate) is_complete: bool,
}

pub(crate) fn read(bytes: &[u8]) -> Theirs {
    let messages = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request| {
        let messages = Rc::clone(&messages);
        async move {
            if let Some(message) = understood(request).await {
                messages.borrow_mut().push(message);
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let wire = Memory { input: bytes.to_vec(), at: 0 };
    let connection = http1::Builder::new().half_close(true).serve_connection(wire, service);
    let is_complete = run(connection).is_ok();
    let messages = messages.take();
    Theirs { messages, is_complete }
}

/// Names in lower case, fields of one name side by side, in the order of their names.
pub(crate) fn grouped(fields: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let lower = |(name, value): &(String, Vec<u8>)| (name.to_ascii_lowercase(), value.clone());
    let mut fields: Vec<_> = fields.iter().map(lower).collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields
}

/// `None` if the body breaks off.
async fn understood(request: Request<Incoming>) -> Option<Message> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().map(fields).unwrap_or_default();
    Some(Message {
        method: head.method.as_str().to_owned(),
        authority: head.uri.authority().map(ToString::to_string),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(|query| format!("?{query}")).unwrap_or_default(),
        fields: fields(&head.headers),
        body: body.to_bytes().to_vec(),
        trailers,
    })
}

fn fields(map: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let owned = map.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    grouped(&owned.collect::<Vec<_>>())
}

fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("every byte is there, so the end is never far");
}

struct Memory {
    input: Vec<u8>,
    at: usize,
}

impl hyper::rt::Read for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let there = buffer.remaining().min(self.input.len() - self.at);
        buffer.put_slice(&self.input[self.at..self.at + there]);
        self.at += there;
        Poll::Ready(Ok(()))
    }
}

/// Answers go nowhere.
impl hyper::rt::Write for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
