//! Connections that are open and wait: how much memory the proxy keeps for each.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Plan, connection};
use crate::poll;
use crate::processes::memory_bytes;

/// Opens the connections of the plan, lets each ask once, and measures the memory of the proxy
/// while all are idle. In the end each asks again: one that was closed is no idle connection.
///
/// # Errors
///
/// When a connection cannot be opened, or its first request is not answered.
pub fn hold(plan: &Plan) -> io::Result<Value> {
    poll::raise_file_limit();
    let path = plan.paths.first().map_or("/small", String::as_str);
    let (request, body) = (connection::request(path, false), connection::expected(path));
    let first = FIRST.min(plan.connections / 2);
    let mut idle = open(plan, first, &request, &body)?;
    let before = settled(&plan.processes);
    idle.extend(open(plan, plan.connections - first, &request, &body)?);
    let after = settled(&plan.processes);
    let failed = idle.iter_mut().filter_map(|socket| ask(socket, &request, &body).err()).count();
    let each = after.saturating_sub(before) / (plan.connections - first) as u64;
    Ok(json!({
        "connections": plan.connections,
        "sent": 2 * plan.connections,
        "failed": failed,
        "bytes_each": each,
        "bytes_before": before,
        "bytes_after": after,
    }))
}

fn open(plan: &Plan, n: usize, request: &[u8], body: &[u8]) -> io::Result<Vec<TcpStream>> {
    (0..n)
        .map(|_| {
            let mut socket = TcpStream::connect(plan.to)?;
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            ask(&mut socket, request, body)?;
            Ok(socket)
        })
        .collect()
}

fn ask(socket: &mut TcpStream, request: &[u8], body: &[u8]) -> io::Result<()> {
    socket.write_all(request)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4_096]);
    while !answer.ends_with(body) {
        match socket.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => answer.extend_from_slice(&piece[..n]),
        }
    }
    Ok(())
}

/// What the processes hold when they had time to put things away.
fn settled(processes: &[u32]) -> u64 {
    thread::sleep(SETTLE);
    memory_bytes(processes)
}

/// So many are opened before the first look: by then everything that is needed once is there.
const FIRST: usize = 100;
const SETTLE: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(5);
