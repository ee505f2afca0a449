//! Our reading held against another: hyper's server, on the same bytes.
//!
//! Two readers that disagree are how requests are smuggled. Whatever we accept, hyper must read
//! the same way: method, target, fields, body, trailers, and where each message ends. What hyper
//! refuses we must refuse too. It may accept more: it is kinder about line ends, for one.
//!
//! The bytes are the corpus, and each of its files with one byte changed, left out or put in.

mod hyper_reader;
mod reader;

use std::path::Path;

use reader::{Message, Read};

#[test]
fn whatever_we_accept_hyper_reads_the_same_way() {
    for (name, bytes) in corpus("accepted") {
        assert!(agree(&name, &bytes), "{name}");
    }
}

#[test]
fn whatever_hyper_refuses_we_refuse() {
    for (name, bytes) in corpus("refused") {
        agree(&name, &bytes);
    }
}

#[test]
fn one_byte_more_less_or_other_makes_no_difference_between_the_two() {
    let mut agreed = 0;
    for (name, bytes) in corpus("accepted").into_iter().filter(|(_, bytes)| bytes.len() < 300) {
        for variant in variants(&bytes) {
            agreed += usize::from(agree(&name, &variant));
        }
    }

    assert!(agreed > 10_000, "only {agreed} were accepted at all");
}

fn variants(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |at| {
        let (before, after) = bytes.split_at(at);
        let without = [before, &after[1..]].concat();
        let more = SPITEFUL.iter().map(move |&byte| [before, &[byte], after].concat());
        let other = SPITEFUL.iter().map(move |&byte| [before, &[byte], &after[1..]].concat());
        more.chain(other).chain([without])
    })
}

/// Bytes that end, separate or spoil something.
const SPITEFUL: &[u8] = b"\r\n \t:;,=0a\x00\x7f\x80/@#[\"";

/// Whether there was anything to agree on: we refuse more than hyper does.
fn agree(name: &str, bytes: &[u8]) -> bool {
    let Ok(ours) = reader::read_until_closed(bytes) else {
        return false;
    };
    let theirs = hyper_reader::read(bytes);
    let text = bytes.escape_ascii();
    assert_eq!(theirs.messages, comparable(&ours), "{name}: {text}");
    assert!(theirs.is_complete || ours.unread > 0, "{name}: hyper refuses {text}");
    !ours.messages.is_empty()
}

/// As hyper tells it: names in lower case, fields of one name side by side.
fn comparable(read: &Read) -> Vec<Message> {
    let tell = |message: &Message| Message {
        path: path(message),
        fields: hyper_reader::grouped(&message.fields),
        trailers: hyper_reader::grouped(&message.trailers),
        ..message.clone()
    };
    read.messages.iter().map(tell).collect()
}

/// `OPTIONS http://host` asks about the server, `*` (RFC 9112 section 3.2.4); hyper leaves that to
/// its user and says `/`.
fn path(message: &Message) -> String {
    let whole_server = message.authority.is_some() && message.path == "*";
    if whole_server { "/".into() } else { message.path.clone() }
}

fn corpus(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let paths = root.read_dir().expect("a folder").map(|entry| entry.expect("readable").path());
    let read = |path: std::path::PathBuf| {
        let bytes = std::fs::read(&path).expect("a readable file");
        (path.display().to_string(), bytes)
    };
    paths.map(read).collect()
}
