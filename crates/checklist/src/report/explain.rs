//! What a code means: of a rule, of a problem in the file, of a default.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::CallId;
use config::Design;
use config::diagnostic::Severity;
use serde_json::{Value, json};

use super::columns::wrap;
use crate::built::{NOT_BUILT, NOT_BUILT_REASON};
use crate::nowhere::{NOWHERE, NOWHERE_REASON};
use crate::{Rule, rule_named};

const PAGE: usize = 100;

/// A design that `plimsoll run` refuses, and that can be checked and simulated.
struct Gap {
    code: &'static str,
    title: &'static str,
    reason: &'static str,
    wrong: &'static str,
    right: &'static str,
}

const GAPS: [Gap; 2] = [
    Gap {
        code: NOT_BUILT,
        title: "asked for, and not carried by `run` yet",
        reason: NOT_BUILT_REASON,
        wrong: "[call.lb.svc]\non_failure = { stale = \"10m\" }",
        right: "[call.lb.svc]\non_failure = \"error\"",
    },
    Gap {
        code: NOWHERE,
        title: "a call that `run` has nowhere to send to",
        reason: NOWHERE_REASON,
        wrong: "[service.svc]\nmodel = { workers = 16, queue = 64, service_time = \"5ms\" }",
        right: "[service.svc]\nendpoints = [\"127.0.0.1:9001\", \"127.0.0.1:9002\"]",
    },
];

/// Everything about a code, with an example; `None` if no such code exists.
pub fn explain(code: &str) -> Option<String> {
    of_rule(code).or_else(|| of_problem(code)).or_else(|| of_default(code)).or_else(|| of_gap(code))
}

/// The codes that [`explain`] knows.
pub fn codes() -> impl Iterator<Item = &'static str> {
    let rules = crate::ALL.iter().map(|rule| rule.code);
    let problems = config::codes::CODES.iter().map(|problem| problem.code);
    let defaults = config::defaults::table().into_iter().map(|default| default.code);
    rules.chain(problems).chain(defaults).chain(GAPS.map(|gap| gap.code))
}

/// Every code with one line of what it is: rules, problems of the file, what `run` refuses, defaults.
pub fn all_codes() -> String {
    let graded = |code: &str, severity: Severity, title: &str| {
        format!("  {code}  {:<8} {title}\n", severity.name())
    };
    let rules = crate::ALL.iter().map(|rule| graded(rule.code, rule.severity, rule.title));
    let problems = config::codes::CODES;
    let problems = problems.iter().map(|kind| graded(kind.code, kind.severity, kind.title));
    let gaps = GAPS.iter().map(|gap| graded(gap.code, Severity::Error, gap.title));
    let defaults = config::defaults::table();
    let defaults = defaults.iter().map(|default| {
        format!("  {}  {:<8} {} = {}\n", default.code, "default", default.key, default.value)
    });
    let sections: [(&str, String); 4] = [
        ("What a design would do wrong", rules.collect()),
        ("What is wrong with a file", problems.collect()),
        ("What `plimsoll run` refuses", gaps.collect()),
        ("What holds where the file says nothing", defaults.collect()),
    ];
    let sections = sections.map(|(title, lines)| format!("{title}\n{lines}"));
    format!("{}\n`plimsoll check --explain CODE` says more.\n", sections.join("\n"))
}

/// `: did you mean R04?` for a code that does not exist; nothing if none is close.
pub fn meant(code: &str) -> String {
    let known: Vec<&str> = codes().collect();
    let close = config::meant(code, known);
    close.map_or_else(String::new, |close| format!(": did you mean {close}?"))
}

/// Every default that applies in a design: its value, its reason and source, and for which calls.
pub fn defaults(design: &Design) -> String {
    let mut text = String::new();
    for (default, calls) in applied(design, Design::call_in_words) {
        let title = format!("{}  {} = {}", default.code, default.key, default.value);
        paragraph(&mut text, "", &title);
        if !calls.is_empty() {
            paragraph(&mut text, "     ", &format!("for {}", calls.join(", ")));
        }
        paragraph(&mut text, "     ", default.reason);
        paragraph(&mut text, "     ", &format!("source: {}", default.source));
    }
    if text.is_empty() { "The file gives every value itself.\n".to_owned() } else { text }
}

/// The same as a JSON array.
pub fn defaults_json(design: &Design) -> Value {
    let row = |(default, calls): (config::defaults::Default, Vec<String>)| {
        json!({
            "code": default.code,
            "key": default.key,
            "value": default.value,
            "reason": default.reason,
            "source": default.source,
            "calls": calls,
        })
    };
    applied(design, Design::call_name).into_iter().map(row).collect()
}

/// The defaults that apply, in the order of their codes, each with the names of its calls.
fn applied(
    design: &Design,
    name: impl Fn(&Design, CallId) -> String,
) -> Vec<(config::defaults::Default, Vec<String>)> {
    let mut used: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for applied in &design.defaults_used {
        let calls = used.entry(applied.default).or_default();
        calls.extend(applied.call.map(|call| name(design, call)));
    }
    let known = |(code, calls)| Some((config::defaults::by_code(code)?, calls));
    used.into_iter().filter_map(known).collect()
}

fn of_rule(code: &str) -> Option<String> {
    let rule = rule_named(code)?;
    let mut text = format!("{}: {} ({})\n\n", rule.code, rule.title, rule.severity.name());
    paragraph(&mut text, "", rule.reason);
    example(&mut text, "This breaks the rule:", rule.failing);
    example(&mut text, "This does not:", &changed(rule));
    Some(text)
}

/// The lines of the passing design that the failing one does not have.
fn changed(rule: &Rule) -> String {
    let new = |line: &&str| !rule.failing.lines().any(|other| other == *line);
    let lines: Vec<&str> = rule.passing.lines().filter(new).collect();
    lines.join("\n")
}

fn of_problem(code: &str) -> Option<String> {
    let problem = config::codes::by_code(code)?;
    let mut text = format!("{}: {} ({})\n\n", problem.code, problem.title, problem.severity.name());
    paragraph(&mut text, "", problem.reason);
    example(&mut text, "Wrong:", problem.wrong);
    example(&mut text, "Right:", problem.right);
    Some(text)
}

fn of_default(code: &str) -> Option<String> {
    let code = code.to_ascii_uppercase();
    let default = config::defaults::by_code(&code)?;
    let mut text = format!("{code}: the default of {} is {}\n\n", default.key, default.value);
    paragraph(&mut text, "", default.reason);
    paragraph(&mut text, "", &format!("source: {}", default.source));
    Some(text)
}

fn of_gap(code: &str) -> Option<String> {
    let gap = GAPS.iter().find(|gap| code.eq_ignore_ascii_case(gap.code))?;
    let mut text = format!("{}: {} (error of `run`)\n\n", gap.code, gap.title);
    paragraph(&mut text, "", gap.reason);
    example(&mut text, "Refused:", gap.wrong);
    example(&mut text, "Carried:", gap.right);
    Some(text)
}

fn paragraph(text: &mut String, indent: &str, words: &str) {
    for line in wrap(words, PAGE - indent.len()) {
        let written = writeln!(text, "{indent}{line}");
        debug_assert!(written.is_ok(), "a string takes everything");
    }
}

fn example(text: &mut String, title: &str, lines: &str) {
    text.push_str(&format!("\n{title}\n\n"));
    for line in lines.trim_end().lines() {
        text.push_str(format!("    {line}").trim_end());
        text.push('\n');
    }
}
