//! Pages for whoever runs this: metrics, health, and the design as it is understood.
//!
//! On a thread of its own, so that a scrape waits for no request and no request for a scrape.

mod design;
mod visits;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::{io, thread};

use base::CallId;
use observe::metrics::text::{Format, Text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use wire::l7::http1::{
    self, Limits, Method, Parse, Recipient, Refusal, Request, RequestHead, answer,
};

pub(crate) use design::describe;

use self::visits::{Heard, Visits};
use crate::clock::seconds_since_1970;
use crate::instance::Instance;
use crate::listener::{Reserve, is_passing};
use crate::plan::Plan;
use crate::{levels, limits};

/// What the pages are made of.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) plan: Arc<Plan>,
    pub(crate) instance: Arc<Instance>,
    /// `/design`, which does not change.
    pub(crate) design: String,
}

/// Serves the pages until the process ends.
///
/// # Errors
/// There is no thread or event loop for it.
pub(crate) fn serve(listener: TcpListener, pages: Arc<Pages>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let accept = async move {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
            return;
        };
        let mut reserve = Reserve::new();
        let mut visits = Visits::default();
        loop {
            match listener.accept().await {
                Ok((socket, _)) => {
                    let pages = Arc::clone(&pages);
                    visits.begin(|heard| visit(socket, pages, heard)).await;
                    // What it has to say is heard before the next one takes a place.
                    tokio::task::yield_now().await;
                }
                Err(error) if is_passing(&error) => {}
                Err(_) if visits.send_most_silent_away().await => {}
                Err(_) => {
                    // With no descriptor left, one visitor at a time.
                    if let Some((socket, _)) = reserve.accept_one(|| accept_now(&listener)) {
                        visit(socket, Arc::clone(&pages), Heard::now()).await;
                    }
                    reserve.renew();
                    tokio::time::sleep(limits::ACCEPT_PAUSE.into()).await;
                }
            }
        }
    };
    thread::Builder::new().name("admin".to_owned()).spawn(move || runtime.block_on(accept))?;
    Ok(())
}

fn accept_now(listener: &tokio::net::TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.poll_accept(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(accepted) => accepted.ok(),
        Poll::Pending => None,
    }
}

/// Binds the address of the pages.
///
/// # Errors
/// It is taken, not ours, or not allowed to us.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, crate::Refused> {
    TcpListener::bind(address).map_err(|error| crate::Refused::Listen(address, error))
}

async fn visit(mut socket: TcpStream, pages: Arc<Pages>, heard: Heard) {
    let visit = async {
        let mut head = RequestHead::new();
        let mut bytes = Vec::new();
        let mut out = Vec::new();
        loop {
            if socket.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            heard.again();
            match head.parse(&bytes, &Limits::default()) {
                Ok(Parse::Partial) => {}
                Ok(Parse::Complete { .. }) => {
                    pages.answer(&head.over(&bytes), &mut out);
                    break;
                }
                Err(refusal) => {
                    refuse(refusal, &mut out);
                    break;
                }
            }
        }
        let mut rest = &out[..];
        while socket.write_buf(&mut rest).await? > 0 {
            heard.again();
        }
        socket.shutdown().await
    };
    // A visitor who leaves or lingers is nobody's trouble.
    let _: Result<io::Result<()>, _> =
        tokio::time::timeout(limits::ADMIN_TIMEOUT.into(), visit).await;
}

/// What came is no request: one without `Host` or with two, for example.
fn refuse(refusal: Refusal, out: &mut Vec<u8>) {
    let to = Recipient { close: true, ..Recipient::default() };
    let body = format!("{}\n", refusal.sentence());
    dated(out, refusal.status(), &[("Content-Type", TEXT.as_bytes())], body.as_bytes(), to);
}

/// An answer with its date, as all that we give (RFC 9110, section 6.6.1).
fn dated(out: &mut Vec<u8>, status: u16, fields: &[(&str, &[u8])], body: &[u8], to: Recipient) {
    let date = http1::date(seconds_since_1970());
    let fields = [&[("Date", date.as_bytes())], fields].concat();
    answer(out, status, &fields, body, to);
}

impl Pages {
    fn answer(&self, request: &Request<'_>, out: &mut Vec<u8>) {
        let head_only = request.method() == Method::Head;
        let (status, kind, body) = match (request.method(), request.path()) {
            (Method::Get | Method::Head, "/metrics") => self.metrics(request),
            (Method::Get | Method::Head, "/healthz") => (200, TEXT, "alive\n".to_owned()),
            (Method::Get | Method::Head, "/readyz") => self.readiness(),
            (Method::Get | Method::Head, "/design") => (200, JSON, self.design.clone()),
            (Method::Get | Method::Head, _) => (404, TEXT, PAGES.to_owned()),
            _ => (405, TEXT, "these pages are only read\n".to_owned()),
        };
        let to = Recipient { version: request.version(), close: true, head_only };
        let fields = [("Content-Type", kind.as_bytes()), ("Allow", &b"GET, HEAD"[..])];
        let fields = if status == 405 { &fields[..] } else { &fields[..1] };
        dated(out, status, fields, body.as_bytes(), to);
    }

    fn metrics(&self, request: &Request<'_>) -> (u16, &'static str, String) {
        let accept = request.field("accept").and_then(|accept| std::str::from_utf8(accept).ok());
        let format = Format::of_accept(accept);
        let mut text = Text::new(format);
        self.instance.registry.write(&mut text, |call| self.levels(call));
        if let Some(log) = &self.instance.log {
            text.family(&levels::LOG_DROPPED);
            text.counter(&[], log.dropped());
        }
        (200, format.content_type(), text.finish())
    }

    fn levels(&self, call: CallId) -> observe::metrics::Levels {
        levels::of(&self.plan.call(call).shared)
    }

    fn readiness(&self) -> (u16, &'static str, String) {
        if self.instance.is_draining() {
            return (503, TEXT, "draining\n".to_owned());
        }
        if !self.instance.reports.is_serving() {
            return (503, TEXT, "no endpoint can be asked\n".to_owned());
        }
        (200, TEXT, "ready\n".to_owned())
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const PAGES: &str = "/metrics\n/healthz\n/readyz\n/design\n";
