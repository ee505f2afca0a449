//! The design file as every command takes it: read, understood, or refused with all that is wrong.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use checklist::Finding;
use config::diagnostic::{self, Diagnostic, Severity};
use config::{Beside, Design, LineIndex};
use serde_json::json;

use crate::output::{UNUSABLE, complain, errors_take_colour, show, warn};

/// A design that could be read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What the file is called, as it was given.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
    /// What it means.
    pub(crate) design: Design,
    /// What was found while reading it: warnings.
    pub(crate) remarks: Vec<Diagnostic>,
}

impl Loaded {
    /// The design, if every call of it answers the five questions: no answer is made up for a
    /// simulation. That an answer is a bad one is what a simulation is for.
    pub(crate) fn answered(self) -> Result<Self, Unusable> {
        let unanswered = checklist::review(&self.design).unanswered();
        if unanswered.iter().len() == 0 {
            return Ok(self);
        }
        let diagnostics = unanswered.iter().map(Finding::diagnostic).collect();
        Err(Unusable::Incomplete { name: self.name, text: self.text, diagnostics })
    }

    /// Says which faults of an incident, or of all, change nothing: before somebody waits for them.
    pub(crate) fn warn_of_idle_faults(&self, incident: Option<&str>) {
        let idle = self.idle_faults(incident);
        if !idle.is_empty() {
            let told = diagnostic::render(&idle, &self.name, &self.text, errors_take_colour());
            warn(format_args!("before it begins\n\n{}", told.trim_end()));
        }
    }

    fn idle_faults(&self, incident: Option<&str>) -> Vec<Diagnostic> {
        let incidents = self.design.incidents.iter();
        let chosen = incidents.filter(|one| incident.is_none_or(|name| one.name == name));
        let spans: Vec<_> = chosen.flat_map(|one| &one.entries).map(|entry| entry.span).collect();
        let is_idle = |told: &&Diagnostic| told.code == IDLE_FAULT && spans.contains(&told.span);
        self.remarks.iter().filter(is_idle).cloned().collect()
    }
}

/// Why a file is no design.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It cannot be read at all, or says nothing.
    Unreadable {
        /// What the file is called.
        name: String,
        /// What is in the way.
        why: String,
    },
    /// It can be read, and makes no sense.
    Wrong {
        /// What the file is called.
        name: String,
        /// Its text.
        text: String,
        /// All that is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// It is a design, and leaves open what a simulation would have to make up.
    Incomplete {
        /// What the file is called.
        name: String,
        /// Its text.
        text: String,
        /// The questions that nobody answered.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Reads a design.
///
/// # Errors
/// The file cannot be read, or does not say a design.
pub(crate) fn load(path: &Path) -> Result<Loaded, Unusable> {
    let name = path.display().to_string();
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let why = format!("cannot read `{name}`: {error}");
            return Err(Unusable::Unreadable { name, why });
        }
    };
    let loaded = config::load_bytes(&bytes, &Beside::new(path));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match loaded.design {
        Some(design) if design.nodes.is_empty() => {
            let nothing = "there is nothing to review, to simulate or to carry";
            let why = format!("`{name}` has no nodes: {nothing}");
            Err(Unusable::Unreadable { name, why })
        }
        Some(design) => Ok(Loaded { name, text, design, remarks: loaded.diagnostics }),
        None => Err(Unusable::Wrong { name, text, diagnostics: loaded.diagnostics }),
    }
}

/// A design is small: of a file without an end no more is read than is needed to refuse it.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    const ENOUGH: u64 = 16 << 20;
    let mut bytes = Vec::new();
    File::open(path)?.take(ENOUGH).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Unusable {
    /// Says what is wrong: to standard error for people, as one JSON object to standard output
    /// for programs.
    pub(crate) fn tell(&self, as_json: bool) -> ExitCode {
        match self {
            Self::Unreadable { name, why } if as_json => {
                About { name, text: "", diagnostics: &[] }.as_json(why)
            }
            Self::Unreadable { why, .. } => complain(why),
            Self::Wrong { name, text, diagnostics } => {
                let about = About { name, text, diagnostics };
                let why = format!("`{name}` cannot be used as a design");
                if as_json { about.as_json("not a design") } else { about.as_text(&why, "") }
            }
            Self::Incomplete { name, text, diagnostics } => {
                let about = About { name, text, diagnostics };
                let why = format!("`{name}` is incomplete: what its calls do would be made up");
                if as_json {
                    about.as_json("incomplete")
                } else {
                    about.as_text(&why, SPELL_IT_OUT)
                }
            }
        }
    }
}

const SPELL_IT_OUT: &str = "To see what a call without any of it does, spell that out:\n\
    timeout = \"none\", idempotent = true, on_failure = \"error\", in_flight = \"none\", \
    queue = \"none\", retry = \"none\"";

/// A file, and what is wrong with it.
struct About<'a> {
    name: &'a str,
    text: &'a str,
    diagnostics: &'a [Diagnostic],
}

impl About<'_> {
    fn as_json(&self, unusable: &str) -> ExitCode {
        let findings = diagnostic::json(self.diagnostics, self.name, self.text);
        let object = json!({ "unusable": unusable, "file": self.name, "findings": findings });
        show(&format!("{object:#}\n"), ExitCode::from(UNUSABLE))
    }

    /// `way_out` is for all of it together, and stands last.
    fn as_text(&self, why: &str, way_out: &str) -> ExitCode {
        let Self { name, text, diagnostics } = *self;
        let shown = &diagnostics[..diagnostics.len().min(MOST)];
        let told = diagnostic::render(shown, name, text, errors_take_colour());
        let told = [told.trim_end(), &summary(diagnostics, name, text), way_out].join("\n\n");
        warn(format_args!("{why}\n\n{}", told.trim_end()));
        ExitCode::from(UNUSABLE)
    }
}

/// What stands below all that is wrong, where somebody looks first: how much it is, and where to
/// begin.
fn summary(diagnostics: &[Diagnostic], name: &str, text: &str) -> String {
    let [first, _, ..] = diagnostics else {
        return String::new();
    };
    let count = |severity: Severity| {
        let count = diagnostics.iter().filter(|told| told.severity == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", severity.name()))
    };
    let counts: Vec<_> =
        [Severity::Error, Severity::Warning].into_iter().filter_map(count).collect();
    let line = LineIndex::new(text).line_of(first.span);
    let mut summary =
        format!("{}; begin with the first, in line {line}: {}", counts.join(", "), first.message);
    if diagnostics.len() > MOST {
        let more = diagnostics.len() - MOST;
        summary.push_str(&format!(
            "\n{more} more are not shown; `plimsoll check {name} --format json` has all"
        ));
    }
    summary
}

/// The code of a fault that changes nothing where it stands.
const IDLE_FAULT: &str = "P043";

/// More than are collected of a file that cannot be read.
const MOST: usize = 300;

#[cfg(test)]
mod tests {
    use config::NoFiles;

    use super::*;

    #[test]
    fn of_what_is_told_about_a_fault_only_that_it_changes_nothing_is_told_before_it_begins() {
        let read = config::load_bytes(IDLE.as_bytes(), &NoFiles);
        let [idle] = &*read.diagnostics else { panic!("{:#?}", read.diagnostics) };
        let other = Diagnostic { code: "P999", ..idle.clone() };
        let loaded = Loaded {
            name: String::new(),
            text: IDLE.to_owned(),
            design: read.design.unwrap(),
            remarks: vec![other, idle.clone()],
        };

        assert_eq!(loaded.idle_faults(None), std::slice::from_ref(idle));
        assert_eq!(loaded.idle_faults(Some("none")), []);
    }

    const IDLE: &str = r#"
[region.eu]
[client.users]
region = "eu"
traffic = "1/s"
requests = [{ share = "100%", path = "/" }]
[service.svc]
region = "eu"
[call.users.svc]
[[incident.idle]]
on = "svc"
kind = "slow"
times = 2
at = "1s"
"#;
}
