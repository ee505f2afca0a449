//! The order of things: bytes, tree, names, nodes, calls, the whole.

use std::path::Path;

use base::Share;

use crate::calls;
use crate::codes::OUT_OF_BOUNDS;
use crate::defaults;
use crate::design::{Design, Objective};
use crate::diagnostic::Diagnostic;
use crate::files::{Beside, Files};
use crate::idle_faults;
use crate::incidents;
use crate::index::{Index, KINDS};
use crate::links;
use crate::listeners;
use crate::nodes;
use crate::reach;
use crate::read::{Table, parse, to_text};
use crate::report::Report;
use crate::span::Span;

/// What a file says, and what it is told.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The design, if nothing of error level was found.
    pub design: Option<Design>,
    /// The design as far as it could be understood, when something was: for looking at, not for
    /// running.
    pub sketch: Option<Design>,
    /// All that was found, errors first.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a design file; files that it names lie beside it. `name` is its path.
pub fn load(name: &str, text: &str) -> Loaded {
    load_bytes(text.as_bytes(), &Beside::new(Path::new(name)))
}

/// Reads a design from whatever bytes there are.
pub fn load_bytes(bytes: &[u8], files: &dyn Files) -> Loaded {
    match to_text(bytes) {
        Ok(text) => read(text, files),
        Err(diagnostic) => Loaded { design: None, sketch: None, diagnostics: vec![*diagnostic] },
    }
}

fn read(text: &str, files: &dyn Files) -> Loaded {
    let mut report = Report::default();
    let tree = parse(text, &mut report);
    let root = Table::new("", Span::default(), tree.get_ref());
    let design = resolve(&root, files, &mut report);
    report.drop_consequences();
    let diagnostics = report.into_diagnostics();
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Loaded { design: None, sketch: Some(design), diagnostics };
    }
    Loaded { design: Some(design), sketch: None, diagnostics }
}

const SECTIONS: &[&str] = &["region", "link", "call", "rules", "incident", "objective"];

fn resolve(root: &Table<'_>, files: &dyn Files, report: &mut Report) -> Design {
    root.allow(&[SECTIONS, &KINDS.map(|(section, _)| section)], report);
    let index = Index::read(root, SECTIONS, report);
    let links = links::read(root, &index, report);
    let nodes = nodes::read(&index, files, report);
    let calls = calls::read(root, &index, &nodes, report);
    let incidents = incidents::read(root, &index, &nodes, report);
    let objective = objective(root, report);
    let mut design = Design {
        regions: index.regions,
        nodes,
        links,
        calls,
        incidents,
        objective,
        defaults_used: Vec::new(),
    };
    reach::check(&design, report);
    listeners::check(&design, report);
    idle_faults::check(&design, report);
    design.defaults_used = report.take_used();
    design
}

fn objective(root: &Table<'_>, report: &mut Report) -> Objective {
    let table = root.get("objective").and_then(|value| value.table(report));
    if let Some(table) = &table {
        table.allow(&[&["goodput"]], report);
    }
    let Some(value) = table.and_then(|table| table.get("goodput")) else {
        return Objective { goodput: report.assume(&defaults::GOODPUT, None) };
    };
    let goodput = value.share(report);
    if goodput == Some(Share::NONE) {
        report.push(
            value
                .wrong(&OUT_OF_BOUNDS, "asks for nothing")
                .because("every design reaches an objective of nothing, so it shows nothing")
                .instead("write \"99%\""),
        );
    }
    Objective { goodput: goodput.unwrap_or(defaults::GOODPUT.value) }
}
