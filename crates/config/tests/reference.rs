//! The reference page names every key and word that the code reads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

/// Words in the source that are read as keys stand in lists of this form.
const LIST: &str = "KEYS: &[&str] =";

#[test]
fn every_key_stands_in_the_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../../docs/design-file.md")).unwrap();
    let mut keys = Vec::new();
    collect(&root.join("src"), &mut keys);
    assert!(keys.len() > 60, "the lists of keys were not found: {keys:?}");

    let missing: Vec<_> = keys.into_iter().filter(|key| !names(&page, key)).collect();

    assert!(missing.is_empty(), "docs/design-file.md does not name {missing:?}");
}

/// Every word of every list of keys below a folder.
fn collect(folder: &Path, keys: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, keys);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for list in source.split(LIST).skip(1) {
            let list = list.split("];").next().unwrap();
            keys.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
}

/// Whether the page has it as a whole word.
fn names(page: &str, key: &str) -> bool {
    page.split(|at: char| !(at.is_alphanumeric() || at == '_')).any(|word| word == key)
}
