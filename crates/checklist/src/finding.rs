//! What the review found, and where.

use std::cmp::Reverse;

use base::{CallId, NodeId};
use config::design::NodeKind;
use config::diagnostic::Diagnostic;
use config::{Design, Span};
use engine::Carrier;

use crate::{Facts, Question, Rule, Severity};

/// One place where a design breaks a rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What breaks it.
    pub place: Place,
    /// The same as people read it: `lb -> svc`.
    pub name: String,
    /// Where in the file.
    pub span: Span,
    /// What is so, with the numbers of this design.
    pub message: String,
    /// What would mend it.
    pub way_out: String,
}

impl Finding {
    /// In the form in which all problems of a design are shown.
    pub fn diagnostic(&self) -> Diagnostic {
        let message = format!("{}: {}", self.name, self.message);
        Diagnostic::new(self.rule.code, self.rule.severity, self.span, message)
            .because(self.rule.reason)
            .instead(self.way_out.as_str())
    }
}

/// The part of a design that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A call.
    Call(CallId),
    /// A node.
    Node(NodeId),
    /// A way between regions.
    Link(usize),
}

impl Place {
    /// Whether it is about what we carry: a call of a balancer, or the balancer itself. The rest
    /// is other people's code, which our refusing to run would not mend.
    pub fn is_ours(self, design: &Design) -> bool {
        match self {
            Self::Call(call) => design.call(call).rules.carrier == Carrier::Plimsoll,
            Self::Node(node) => matches!(design.node(node).kind, NodeKind::Balancer(_)),
            Self::Link(_) => false,
        }
    }
}

/// All findings of a review: errors first, then in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn sorted(mut found: Vec<Finding>) -> Self {
        found.sort_by_key(|finding| {
            (Reverse(finding.rule.severity), finding.span.start, finding.rule.code)
        });
        Self(found)
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Finding> {
        self.0.iter()
    }

    /// How many are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|finding| finding.rule.severity == severity).count()
    }

    /// Whether the design is free of errors; there may be warnings.
    pub fn is_clean(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// Questions without an answer: with them a design is incomplete, and even a simulation would
    /// have to make up what its calls do.
    #[must_use]
    pub fn unanswered(&self) -> Self {
        let asks =
            |finding: &&Finding| Question::ALL.iter().any(|one| one.code() == finding.rule.code);
        Self(self.iter().filter(asks).cloned().collect())
    }

    /// Those that keep the live plane from carrying the design.
    #[must_use]
    pub fn blocking(&self, design: &Design) -> Self {
        let blocks = |finding: &&Finding| {
            finding.rule.severity == Severity::Error && finding.place.is_ours(design)
        };
        Self(self.iter().filter(blocks).cloned().collect())
    }
}

/// Where a rule writes down what it finds.
#[derive(Debug)]
pub struct Notes<'a> {
    rule: &'static Rule,
    facts: &'a Facts<'a>,
    found: &'a mut Vec<Finding>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(
        rule: &'static Rule,
        facts: &'a Facts<'a>,
        found: &'a mut Vec<Finding>,
    ) -> Self {
        Self { rule, facts, found }
    }

    /// A call breaks the rule by its value of `key`; the whole call if the file has no such line.
    pub fn on_call(&mut self, call: CallId, key: &str, message: String, way_out: String) {
        let span = self.facts.span_of(call, key);
        self.note(Place::Call(call), self.facts.design.call_in_words(call), span, message, way_out);
    }

    /// A node breaks the rule.
    pub fn on_node(&mut self, node: NodeId, message: String, way_out: String) {
        let span = self.facts.design.node(node).span;
        self.on_node_at(node, span, message, way_out);
    }

    /// A node breaks the rule, by what stands elsewhere in the file.
    pub fn on_node_at(&mut self, node: NodeId, span: Span, message: String, way_out: String) {
        let name = self.facts.design.node(node).name.clone();
        self.note(Place::Node(node), name, span, message, way_out);
    }

    /// A way between two regions breaks the rule.
    pub fn on_link(&mut self, at: usize, message: String, way_out: String) {
        let design = self.facts.design;
        let link = &design.links[at];
        let end = |region: base::RegionId| design.regions[region.index()].name.clone();
        let name = format!("{} -> {}", end(link.from), end(link.to));
        self.note(Place::Link(at), name, link.span, message, way_out);
    }

    fn note(&mut self, place: Place, name: String, span: Span, message: String, way_out: String) {
        self.found.push(Finding { rule: self.rule, place, name, span, message, way_out });
    }
}
