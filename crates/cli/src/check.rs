//! `plimsoll check`: the review of a design.

use std::path::PathBuf;
use std::process::ExitCode;

use checklist::Severity;
use checklist::report::{self, Reviewed};
use clap::ValueEnum;
use config::Design;
use serde_json::{Value, json};

use crate::design_file;
use crate::output::{UNUSABLE, complain, show, takes_colour};

/// Review a design: five questions for every call, and what follows from the answers
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The design file
    #[arg(required_unless_present = "explain")]
    file: Option<PathBuf>,

    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Say what a code means, with an example, and do nothing else; without a code, list all
    #[arg(long, value_name = "CODE", conflicts_with_all = ["file", "defaults"])]
    explain: Option<Option<String>>,

    /// List every default that applies, with its reason and source, and do nothing else
    #[arg(long)]
    defaults: bool,
}

/// How to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table and the findings under it, for people.
    Text,
    /// JSON, for programs: docs/check-json.md.
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    match (&args.explain, &args.file) {
        (Some(Some(code)), _) => explain(args.format, code),
        (Some(None), _) => all_codes(args.format),
        (None, Some(file)) => match design_file::load(file) {
            Ok(loaded) if args.defaults => defaults(args.format, &loaded.design),
            Ok(loaded) => review(args.format, &loaded),
            Err(unusable) => unusable.tell(args.format == Format::Json),
        },
        (None, None) => complain("no design file is given; see `plimsoll check --help`"),
    }
}

fn review(format: Format, loaded: &design_file::Loaded) -> ExitCode {
    let findings = checklist::review(&loaded.design);
    let reviewed = Reviewed {
        file: &loaded.name,
        text: &loaded.text,
        design: &loaded.design,
        remarks: &loaded.remarks,
        findings: &findings,
    };
    let has_errors = reviewed.count(Severity::Error) > 0;
    let verdict = if has_errors { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    match format {
        Format::Text => show(&report::text(&reviewed, takes_colour()), verdict),
        Format::Json => show(&format!("{:#}\n", report::json(&reviewed)), verdict),
    }
}

fn defaults(format: Format, design: &Design) -> ExitCode {
    match format {
        Format::Text => show(&report::defaults(design), ExitCode::SUCCESS),
        Format::Json => show(&format!("{:#}\n", report::defaults_json(design)), ExitCode::SUCCESS),
    }
}

fn explain(format: Format, code: &str) -> ExitCode {
    let explained = report::codes().find(|known| known.eq_ignore_ascii_case(code));
    let explained = explained.and_then(|code| Some((code, report::explain(code)?)));
    match (explained, format) {
        (Some((_, text)), Format::Text) => show(&text, ExitCode::SUCCESS),
        (Some((code, text)), Format::Json) => {
            show(&format!("{:#}\n", explanation(code, &text)), ExitCode::SUCCESS)
        }
        (None, format) => {
            let meant = report::meant(code);
            let all = if meant.is_empty() { "; `plimsoll check --explain` lists all" } else { "" };
            let why = format!("there is no code {code:?}{meant}{all}");
            match format {
                Format::Text => complain(why),
                Format::Json => {
                    show(&format!("{:#}\n", json!({ "unusable": why })), ExitCode::from(UNUSABLE))
                }
            }
        }
    }
}

fn all_codes(format: Format) -> ExitCode {
    let explained = |code| Some(explanation(code, &report::explain(code)?));
    match format {
        Format::Text => show(&report::all_codes(), ExitCode::SUCCESS),
        Format::Json => {
            let all: Value = report::codes().filter_map(explained).collect();
            show(&format!("{all:#}\n"), ExitCode::SUCCESS)
        }
    }
}

fn explanation(code: &str, text: &str) -> Value {
    json!({ "code": code, "explanation": text })
}

const ABOUT: &str = "\
Reviews a design. First comes a table with a row for each call and its answers to the five \
questions that every network call has to answer: what is the timeout, is it idempotent, what \
happens on partial failure, where does backpressure appear, can its retries amplify load. Then \
come the findings, errors before warnings, each with its reason and a way out.

Nothing is run and nothing is asked over the network: all that is said follows from the file.

Exit code 0 if there is no finding of error level, 1 if there is one, 2 if the file cannot be read \
as a design.";

const EXAMPLES: &str = "\
Examples:
  plimsoll check designs/balancer.toml
  plimsoll check designs/balancer.toml --format json
  plimsoll check designs/balancer.toml --defaults
  plimsoll check --explain
  plimsoll check --explain R04";
