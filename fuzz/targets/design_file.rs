//! Design files: never a panic, the same answer twice, a design exactly when nothing of error
//! level was found, and every diagnostic can be shown.

#![no_main]

use config::{Diagnostic, NoFiles, effective, json, load_bytes, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let loaded = load_bytes(bytes, &NoFiles);
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(loaded.design.is_some(), !loaded.diagnostics.iter().any(Diagnostic::is_error));
    render(&loaded.diagnostics, "design.toml", &text, true);
    json(&loaded.diagnostics, "design.toml", &text);
    if let Some(design) = loaded.design.or(loaded.sketch) {
        effective(&design, &text);
    }
    assert_eq!(load_bytes(bytes, &NoFiles).diagnostics, loaded.diagnostics);
});
