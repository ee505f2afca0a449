//! The corpus: what must be refused is refused for its reason, what is valid is accepted, and
//! neither depends on how the bytes were cut on their way.

mod reader;

use std::path::{Path, PathBuf};

use reader::{read_in_pieces, read_whole};

#[test]
fn every_malformed_request_is_refused_for_its_own_reason() {
    for (name, bytes) in files("refused") {
        let token = name.split("--").next().unwrap();

        let refusal = read_whole(&bytes).expect_err(&name);

        assert_eq!(refusal.token(), token, "{name}");
        assert!((400..600).contains(&refusal.status()), "{name}");
    }
}

#[test]
fn every_valid_request_is_accepted_to_its_last_byte() {
    for (name, bytes) in files("accepted") {
        let read = read_whole(&bytes).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));

        assert_eq!(read.unread, 0, "{name}");
        assert!(!read.messages.is_empty(), "{name}");
    }
}

#[test]
fn a_valid_request_reads_the_same_wherever_it_is_cut() {
    for (name, bytes) in files("accepted") {
        let whole = read_whole(&bytes);

        for cut in 1..bytes.len() {
            assert_eq!(read_in_pieces(&[&bytes[..cut], &bytes[cut..]]), whole, "{name} at {cut}");
        }
    }
}

#[test]
fn a_malformed_request_is_refused_when_it_arrives_byte_by_byte() {
    for (name, bytes) in files("refused").into_iter().filter(|(_, bytes)| bytes.len() < 2_000) {
        let pieces: Vec<_> = bytes.chunks(1).collect();

        assert!(read_in_pieces(&pieces).is_err(), "{name}");
    }
}

#[test]
fn the_corpus_is_there() {
    assert!(files("refused").len() >= 150 && files("accepted").len() >= 50);
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut paths: Vec<PathBuf> = root
        .read_dir()
        .expect("the corpus is a folder")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a file name").to_string_lossy().into_owned();
        (name, std::fs::read(&path).expect("a readable file"))
    };
    paths.into_iter().map(read).collect()
}
