//! A connection as hyper reads it, from memory and without a runtime: every byte is there at once,
//! so its futures only have to be polled until they are done.
#![allow(dead_code, reason = "each test takes what it needs of it")]

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as client;
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};

use crate::reader::Message;

/// What hyper's server understood.
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
    let wire = Memory { input: bytes.to_vec(), at: 0, is_open: true };
    let connection = http1::Builder::new().half_close(true).serve_connection(wire, service);
    let is_complete = run(connection).is_ok();
    let messages = messages.take();
    Theirs { messages, is_complete }
}

/// What hyper's client understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
}

/// The final response to a request of this method; `None` if it is refused, or breaks off.
pub(crate) fn read_answer(method: &str, bytes: &[u8]) -> Option<Answer> {
    let wire = Memory { input: bytes.to_vec(), at: 0, is_open: false };
    let request = Request::builder().method(method).uri("/").header("host", "a");
    let request = request.body(Empty::<Bytes>::new()).expect("a good request");
    run(async {
        let (mut sender, connection) = client::handshake(wire).await.ok()?;
        let mut answer =
            pin!(async move { answered(sender.send_request(request).await.ok()?).await });
        let mut connection = pin!(connection);
        let mut is_closed = false;
        poll_fn(|context| {
            is_closed = is_closed || connection.as_mut().poll(context).is_ready();
            answer.as_mut().poll(context)
        })
        .await
    })
}

async fn answered(response: Response<Incoming>) -> Option<Answer> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().map(fields).unwrap_or_default();
    let status = head.status.as_u16();
    Some(Answer { status, fields: fields(&head.headers), body: body.to_bytes().to_vec(), trailers })
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
    /// A server says nothing before it was asked.
    is_open: bool,
}

impl hyper::rt::Read for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_open {
            return Poll::Pending;
        }
        let there = buffer.remaining().min(self.input.len() - self.at);
        buffer.put_slice(&self.input[self.at..self.at + there]);
        self.at += there;
        Poll::Ready(Ok(()))
    }
}

/// What is written goes nowhere.
impl hyper::rt::Write for Memory {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_open = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
