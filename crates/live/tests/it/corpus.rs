//! Malformed and smuggling requests, as bytes: each is answered with an error and the connection
//! closed, and nothing behind it is ever read as a request.

use std::path::Path;

use crate::client::status;
use crate::service::Service;
use crate::site::Site;

#[test]
fn every_malformed_request_is_refused_and_the_connection_closed() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address]).start();
    let mut tried = 0;
    for (name, bytes) in files("refused") {
        let mut client = balancer.client();

        client.send(&bytes);
        client.send(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
        let (answers, _) = client.rest();

        let answers = String::from_utf8_lossy(&answers);
        let (_, last) =
            answers.rsplit_once("HTTP/1.1 4").or(answers.rsplit_once("HTTP/1.1 5")).expect(&name);
        assert!(last.contains("\r\nConnection: close\r\n"), "{name}: {answers}");
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
    let smuggled = service.requests().into_iter().find(|request| request.contains("smuggled"));
    assert_eq!(smuggled, None);
    balancer.assert_nothing_leaked();
}

#[test]
fn every_valid_request_is_answered() {
    let service = Service::echo();
    let balancer = Site::before(&[service.address]).start();
    for (name, bytes) in files("accepted") {
        let mut client = balancer.client();

        client.send(&bytes);

        let head = client.head().unwrap_or_else(|| panic!("{name}"));
        // Valid, and refused all the same: see `config::path`.
        let expected: &[u16] = if name == "dot-segments.http" { &[400] } else { &[100, 200] };
        assert!(expected.contains(&status(&head)), "{name}: {head}");
    }
    balancer.assert_nothing_leaked();
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/corpus").join(folder);
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}
