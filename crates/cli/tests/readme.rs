//! The README shows files as they are and output as it is.
//!
//! After a change that is meant: `UPDATE_README=1 cargo test -p plimsoll-cli --test readme`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_file_and_every_output_in_the_readme_is_true() {
    let path = root().join("README.md");
    let written = std::fs::read_to_string(&path).unwrap();

    let (truth, looked_at) = truth(&written);

    assert!(looked_at >= 3, "the first design file, a review and a simulation");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, truth).unwrap();
        return;
    }
    assert_eq!(written, truth, "run this test with UPDATE_README=1 and read the difference");
}

/// The text with each block as it should be, and how many there were.
fn truth(written: &str) -> (String, usize) {
    let mut lines = written.lines();
    let (mut text, mut looked_at) = (String::new(), 0);
    while let Some(line) = lines.next() {
        push(&mut text, line);
        let body = match line {
            "```toml" => {
                lines.by_ref().take_while(|&line| line != "```").for_each(drop);
                std::fs::read_to_string(root().join("designs/balancer.toml")).unwrap()
            }
            "```console" => {
                let command = lines.next().unwrap();
                let shown = lines.by_ref().take_while(|&line| line != "```").count();
                push(&mut text, command);
                // A command that runs until it is stopped is shown without its output.
                if shown == 0 { String::new() } else { output(command) }
            }
            _ => continue,
        };
        looked_at += 1;
        text.push_str(&body);
        push(&mut text, "```");
    }
    (text, looked_at)
}

fn output(command: &str) -> String {
    let arguments = command.strip_prefix("$ plimsoll ").unwrap().split_whitespace();
    let program = env!("CARGO_BIN_EXE_plimsoll");
    let mut command_line = Command::new(program);
    command_line.args(arguments).current_dir(root()).env("LC_ALL", "C.UTF-8");
    let output = command_line.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
    String::from_utf8(output.stdout).unwrap()
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
