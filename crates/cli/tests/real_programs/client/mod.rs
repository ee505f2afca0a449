//! Clients that others wrote. Each takes the same list of requests and tells what it got.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

use serde_json::{Value, json};

use crate::http::{Answer, Head};
use crate::programs::{self, output_of, script};

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// curl, a process and a connection for each request.
    Curl,
    /// Python's httpx, all requests on kept connections.
    Httpx,
    /// Node's http with an agent that keeps one connection.
    Node,
}

/// What a client is to send.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    fields: Vec<(&'static str, &'static str)>,
    body: Option<Body>,
}

/// A body, and how it is framed.
#[derive(Clone, Debug)]
enum Body {
    Sized(Vec<u8>),
    Chunked(Vec<u8>),
}

impl Request {
    /// Without a body.
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), fields: Vec::new(), body: None }
    }

    /// With one more field.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// With a body of known length.
    pub(crate) fn sized(self, body: &[u8]) -> Self {
        Self { body: Some(Body::Sized(body.to_vec())), ..self }
    }

    /// With a body in chunks.
    pub(crate) fn chunked(self, body: &[u8]) -> Self {
        Self { body: Some(Body::Chunked(body.to_vec())), ..self }
    }
}

impl Client {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Curl, Self::Httpx, Self::Node];

    /// Sends the requests one after the other. Fails the test if the client complains.
    pub(crate) fn send(self, to: SocketAddr, requests: &[Request]) -> Vec<Answer> {
        let folder = programs::folder().expect("a temporary folder");
        match self {
            Self::Curl => {
                requests.iter().map(|request| curl(to, request, &[], folder.path())).collect()
            }
            Self::Httpx => {
                scripted(programs::python_with_httpx(), "client.py", to, requests, folder.path())
            }
            Self::Node => scripted(programs::node(), "client.mjs", to, requests, folder.path()),
        }
    }
}

/// Sends one request with curl and more options.
pub(crate) fn curl_with(to: SocketAddr, request: &Request, options: &[&str]) -> Answer {
    let folder = programs::folder().expect("a temporary folder");
    curl(to, request, options, folder.path())
}

fn curl(to: SocketAddr, request: &Request, options: &[&str], folder: &Path) -> Answer {
    let (heads, body) = (folder.join("heads"), folder.join("body"));
    let mut command = programs::program("curl", "apt-get install curl");
    command.env_clear().args(["--silent", "--show-error", "--max-time", "15"]);
    command.arg("--dump-header").arg(&heads).arg("--output").arg(&body);
    match request.method {
        "HEAD" => command.arg("--head"),
        method => command.args(["--request", method]),
    };
    for (name, value) in &request.fields {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    if let Some(sent) = &request.body {
        curl_body(&mut command, sent, folder);
    }
    // curl leaves the file alone when there is no body.
    fs::write(&body, b"").expect("it can be written");
    output_of(command.args(options).arg(format!("http://{to}{}", request.path)));
    let body = if request.method == "HEAD" { Vec::new() } else { read(&body) };
    curl_answer(&fs::read_to_string(heads).expect("curl wrote it"), body)
}

fn curl_body(command: &mut Command, body: &Body, folder: &Path) {
    let bytes = match body {
        Body::Sized(bytes) => bytes,
        Body::Chunked(bytes) => {
            command.args(["--header", "Transfer-Encoding: chunked"]);
            bytes
        }
    };
    let file = folder.join("sent");
    fs::write(&file, bytes).expect("it can be written");
    command.arg("--data-binary").arg(format!("@{}", file.display()));
}

/// curl writes all heads into one file, and trailers behind them.
fn curl_answer(heads: &str, body: Vec<u8>) -> Answer {
    let mut parts = heads.split("\r\n\r\n").filter(|part| !part.trim().is_empty());
    let mut answer = Answer { body, ..Answer::default() };
    for part in &mut parts {
        let mut lines = part.trim_start().split("\r\n");
        let mut start = lines.next().unwrap_or_default().split(' ');
        let status = start.nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let fields = lines.filter_map(|line| line.split_once(": ")).map(lower).collect();
        let head = Head { status, fields };
        if (100..200).contains(&status) && status != 101 {
            answer.interim.push(head);
        } else {
            answer.head = head;
            break;
        }
    }
    answer.trailers =
        parts.flat_map(str::lines).filter_map(|l| l.split_once(": ")).map(lower).collect();
    answer
}

fn lower((name, value): (&str, &str)) -> (String, String) {
    (name.to_ascii_lowercase(), value.to_owned())
}

fn scripted(
    mut command: Command,
    name: &str,
    to: SocketAddr,
    requests: &[Request],
    folder: &Path,
) -> Vec<Answer> {
    let list: Vec<Value> =
        iter::zip(0.., requests).map(|(number, request)| told(number, request, folder)).collect();
    let file = folder.join("requests");
    fs::write(&file, Value::from(list).to_string()).expect("it can be written");
    command.arg(script(name)).arg(format!("http://{to}")).arg(file).arg(folder);
    let printed = output_of(&mut command);
    let answers: Vec<Value> = serde_json::from_str(&printed).expect("it prints JSON");
    answers.iter().map(read_answer).collect()
}

fn told(number: usize, request: &Request, folder: &Path) -> Value {
    let (file, chunked) = match &request.body {
        None => (None, false),
        Some(Body::Sized(bytes)) => (Some(kept(number, bytes, folder)), false),
        Some(Body::Chunked(bytes)) => (Some(kept(number, bytes, folder)), true),
    };
    json!({
        "method": request.method,
        "path": request.path,
        "fields": request.fields,
        "body": file,
        "chunked": chunked,
    })
}

fn kept(number: usize, bytes: &[u8], folder: &Path) -> PathBuf {
    let file = folder.join(format!("sent-{number}"));
    fs::write(&file, bytes).expect("it can be written");
    file
}

fn read_answer(answer: &Value) -> Answer {
    let interim = answer["interim"].as_array().map(Vec::as_slice).unwrap_or_default();
    Answer {
        interim: interim.iter().map(read_head).collect(),
        head: read_head(answer),
        body: read(Path::new(answer["body"].as_str().expect("a file"))),
        trailers: pairs(&answer["trailers"]),
    }
}

fn read_head(head: &Value) -> Head {
    let status = head["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    Head { status: status.expect("a status"), fields: pairs(&head["fields"]) }
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).expect("the client wrote it")
}
