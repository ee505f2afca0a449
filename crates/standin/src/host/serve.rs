//! The connections of an instance.

use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use wire::l7::http1::{Body, Limits, Parse, RequestHead, Then, write};

use super::{Shared, listen};
use crate::connection::{READ_AT_ONCE, SIZE_FIELD};

/// Takes connections while the instance is up. Ends if somebody else has the port when it is up
/// again.
pub(super) async fn accept(host: Rc<Shared>, mut listener: TcpListener) {
    let mut down = host.down.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::task::spawn_local(serve(Rc::clone(&host), stream))),
                // Out of descriptors: a moment later there may be some.
                Err(_) => tokio::time::sleep(A_MOMENT).await,
            },
            () = until(&mut down, true) => {
                drop(listener);
                until(&mut down, false).await;
                let Ok(again) = listen(host.address) else { return };
                listener = again;
            }
        }
    }
}

/// One connection, until either side has enough of it.
async fn serve(host: Rc<Shared>, mut stream: TcpStream) {
    let mut down = host.down.subscribe();
    let _no_delay = stream.set_nodelay(true);
    tokio::select! {
        () = talk(&host, &mut stream) => {}
        () = until(&mut down, true) => {
            // A process that is gone leaves resets behind.
            let _reset = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Waits until the process is down, or up.
async fn until(down: &mut watch::Receiver<bool>, is: bool) {
    if down.wait_for(|down| *down == is).await.is_err() {
        // The host is gone, and will not change any more.
        std::future::pending::<()>().await;
    }
}

/// Request by request. Whatever goes wrong ends the connection.
async fn talk(host: &Rc<Shared>, stream: &mut TcpStream) {
    let (mut buffer, mut head) = (Vec::new(), RequestHead::new());
    while let Some(asked) = read_request(stream, &mut buffer, &mut head).await {
        let status = if host.is_health_check(&asked.path) {
            host.answer_check().await
        } else {
            let (id, answer) = host.arrive();
            match wait(stream, &mut buffer, answer).await {
                Waited::Answer(status) => status,
                Waited::HungUp => return host.abandoned(id),
                Waited::Down => return,
            }
        };
        if stream.write_all(&response(status, &asked)).await.is_err() || asked.last {
            return;
        }
    }
}

/// What has to be known of a request to answer it.
struct Asked {
    path: String,
    size: usize,
    is_head: bool,
    last: bool,
}

/// Reads a request with its body; nothing if the connection ends, or is not HTTP.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    head: &mut RequestHead,
) -> Option<Asked> {
    head.clear();
    let consumed = loop {
        match head.parse(buffer, &Limits::default()).ok()? {
            Parse::Complete { consumed } => break consumed,
            Parse::Partial => more(stream, buffer).await?,
        }
    };
    let request = head.over(buffer);
    let size = request.field(SIZE_FIELD).and_then(|size| std::str::from_utf8(size).ok());
    let asked = Asked {
        path: request.path().to_owned(),
        size: size.and_then(|size| size.parse().ok()).map_or(0, |size: usize| size.min(LARGEST)),
        is_head: request.method_name() == "HEAD",
        last: !request.is_persistent(),
    };
    let mut body = Body::new(request.framing());
    buffer.drain(..consumed);
    while !body.is_done() {
        let step = body.decode(buffer).ok()?;
        buffer.drain(..step.consumed);
        match step.then {
            Then::End => break,
            Then::More if step.consumed == 0 => more(stream, buffer).await?,
            Then::More => {}
            // Nobody here sends trailers.
            Then::Trailers => return None,
        }
    }
    Some(asked)
}

enum Waited {
    Answer(u16),
    HungUp,
    Down,
}

/// Waits for the answer, and notices if the one who asked hangs up. What they send meanwhile is
/// the next request: kept.
async fn wait(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    mut answer: oneshot::Receiver<u16>,
) -> Waited {
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer.map_or(Waited::Down, Waited::Answer),
            read = more(stream, buffer), if buffer.len() < LARGEST => {
                if read.is_none() {
                    return Waited::HungUp;
                }
            }
        }
    }
}

/// Reads what has come behind what is there; nothing at the end of the stream.
async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    buffer.reserve(READ_AT_ONCE);
    match stream.read_buf(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(()),
    }
}

fn response(status: u16, asked: &Asked) -> Vec<u8> {
    let size = if status == 200 { asked.size } else { 0 };
    let mut out = Vec::with_capacity(128 + size);
    write::status_line(&mut out, status);
    write::number_field(&mut out, "Content-Length", size as u64);
    write::end(&mut out);
    if !asked.is_head {
        out.resize(out.len() + size, b'x');
    }
    out
}

/// No answer, and no pipelined request, is larger.
const LARGEST: usize = 1 << 24;
const A_MOMENT: Duration = Duration::from_millis(10);
