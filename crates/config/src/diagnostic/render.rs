//! Diagnostics for people, in the manner of the Rust compiler, and for programs, as JSON.

use std::collections::BTreeSet;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::{Diagnostic, Severity};
use crate::span::{LineIndex, Position, Span};

/// As text: each with the lines it is about, its reason as a note and its way out as a help. A
/// reason that was given is not given again.
///
/// `name` is what the file is called in the text; `colour` adds ANSI escapes.
pub fn render(diagnostics: &[Diagnostic], name: &str, text: &str, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let page = Page { name, text, lines: LineIndex::new(text) };
    let mut rendered = String::new();
    let mut given = BTreeSet::new();
    for diagnostic in diagnostics {
        let reason = given.insert(&diagnostic.reason).then_some(&*diagnostic.reason);
        rendered.push_str(&renderer.render(&page.report(diagnostic, reason)));
        rendered.push_str("\n\n");
    }
    rendered
}

/// As JSON: an array with an object for each.
pub fn json(diagnostics: &[Diagnostic], name: &str, text: &str) -> serde_json::Value {
    let lines = LineIndex::new(text);
    let place = |span: Span| Place::new(name, text, &lines, span);
    let rows = diagnostics.iter().map(|diagnostic| Row {
        code: diagnostic.code,
        severity: diagnostic.severity.name(),
        place: place(diagnostic.span),
        message: &diagnostic.message,
        reason: &diagnostic.reason,
        way_out: &diagnostic.way_out,
        related: diagnostic
            .related
            .iter()
            .map(|(span, message)| Related { place: place(*span), message })
            .collect(),
    });
    let rows: Vec<Row<'_>> = rows.collect();
    serde_json::json!(rows)
}

#[derive(Serialize)]
struct Row<'d> {
    code: &'static str,
    severity: &'static str,
    #[serde(flatten)]
    place: Place<'d>,
    message: &'d str,
    reason: &'d str,
    way_out: &'d str,
    related: Vec<Related<'d>>,
}

#[derive(Serialize)]
struct Related<'d> {
    #[serde(flatten)]
    place: Place<'d>,
    message: &'d str,
}

/// Line and column count from one, bytes from nought; a diagnostic about the whole file has none.
#[derive(Serialize)]
struct Place<'d> {
    file: &'d str,
    line: Option<usize>,
    column: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
}

impl<'d> Place<'d> {
    fn new(file: &'d str, text: &str, lines: &LineIndex, span: Span) -> Self {
        let inside = (!span.is_empty()).then_some(span);
        let position = inside.map(|span| lines.position_of(text, span));
        Self {
            file,
            line: position.map(|Position { line, .. }| line),
            column: position.map(|Position { column, .. }| column),
            start: inside.map(|span| span.start),
            end: inside.map(|span| span.end),
        }
    }
}

struct Page<'p> {
    name: &'p str,
    text: &'p str,
    lines: LineIndex,
}

/// Lines that are further apart than this are shown as pieces of their own.
const NEAR: usize = 12;
/// So many other places are shown of one diagnostic.
const MOST_PLACES: usize = 6;

impl Page<'_> {
    fn report<'d>(&'d self, diagnostic: &'d Diagnostic, reason: Option<&str>) -> [Group<'d>; 1] {
        let title = level(diagnostic.severity).primary_title(&*diagnostic.message);
        let mut group = title.id(diagnostic.code).elements(self.snippets(diagnostic));
        let more = diagnostic.related.len().saturating_sub(MOST_PLACES);
        let more = (more > 0).then(|| format!("and in {more} more places"));
        let notes: Vec<&str> = reason.into_iter().chain(more.as_deref()).collect();
        let notes = wrapped(&notes.join("\n"));
        if !notes.is_empty() {
            group = group.element(Level::NOTE.message(notes));
        }
        if !diagnostic.way_out.is_empty() {
            group = group.element(Level::HELP.message(wrapped(&diagnostic.way_out)));
        }
        [group]
    }

    /// The lines that the diagnostic is about, and only those: a long file is not copied around.
    fn snippets<'d>(&'d self, diagnostic: &'d Diagnostic) -> Vec<Snippet<'d, Annotation<'d>>> {
        let primary = (diagnostic.span, None);
        let related = diagnostic.related.iter().take(MOST_PLACES);
        let related = related.map(|(span, words)| (*span, Some(words.as_str())));
        let mut marks: Vec<_> = std::iter::once(primary)
            .chain(related)
            .map(|(span, words)| (self.inside(span), words))
            .filter(|(span, _)| !span.is_empty())
            .collect();
        let first = marks.first().map(|&(span, _)| span);
        marks.sort_by_key(|(span, _)| span.start);
        let near = |a: &(Span, _), b: &(Span, _)| {
            self.lines.line_of(a.0).abs_diff(self.lines.line_of(b.0)) <= NEAR
        };
        let mut pieces: Vec<_> = marks.chunk_by(near).collect();
        pieces.sort_by_key(|piece| !piece.iter().any(|&(span, _)| Some(span) == first));
        pieces.into_iter().map(|piece| self.snippet(piece, first)).collect()
    }

    fn snippet<'d>(
        &'d self,
        marks: &[(Span, Option<&'d str>)],
        first: Option<Span>,
    ) -> Snippet<'d, Annotation<'d>> {
        let start_line = marks.iter().map(|(span, _)| self.lines.line_of(*span)).min().unwrap_or(1);
        let start = self.lines.line_start(start_line);
        let last = marks.iter().map(|(span, _)| self.last_line(*span)).max().unwrap_or(start_line);
        let end = self.lines.line_end(self.text, last).max(start);
        let annotations = marks.iter().map(|&(span, words)| {
            let is_primary = Some(span) == first && words.is_none();
            let kind = if is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(span.start - start..span.end.min(end) - start);
            words.map_or(annotation.clone(), |words| annotation.label(words))
        });
        Snippet::source(self.text.get(start..end).unwrap_or_default())
            .path(self.name)
            .line_start(start_line)
            .annotations(annotations.collect::<Vec<_>>())
    }

    fn last_line(&self, span: Span) -> usize {
        self.lines.line_of(Span { start: span.end - 1, end: span.end })
    }

    /// Cut to the text and to its characters: a span may come from another version of the file.
    /// A mark over many lines shows nothing, so it ends with its first line.
    fn inside(&self, span: Span) -> Span {
        let start = self.text.floor_char_boundary(span.start.min(self.text.len()));
        let line_end =
            self.lines.line_end(self.text, self.lines.line_of(Span { start, end: start }));
        let end = span.end.min(line_end.max(start));
        Span { start, end: self.text.ceil_char_boundary(end) }
    }
}

/// Lines of a note are no longer than this.
const WIDTH: usize = 88;

/// Breaks lines that are too long, and keeps the breaks that are there.
fn wrapped(text: &str) -> String {
    let mut wrapped = String::with_capacity(text.len());
    for line in text.lines() {
        let words = line.trim_start_matches(' ');
        let indent = line.len() - words.len();
        wrapped.extend(std::iter::repeat_n(' ', indent));
        let mut width = 0;
        for word in words.split(' ') {
            let length = word.chars().count();
            if width > 0 {
                let is_full = width + 1 + length > WIDTH;
                wrapped.push(if is_full { '\n' } else { ' ' });
                width = if is_full { 0 } else { width + 1 };
            }
            wrapped.push_str(word);
            width += length;
        }
        wrapped.push('\n');
    }
    wrapped.truncate(wrapped.trim_end().len());
    wrapped
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\nbb = \"ü\"\n";

    fn of(start: usize, end: usize) -> Diagnostic {
        Diagnostic::new("P999", Severity::Error, Span { start, end }, "this is wrong")
            .because("it matters")
            .instead("write something else")
    }

    #[test]
    fn a_person_sees_the_line_the_reason_and_the_way_out() {
        insta::assert_snapshot!(render(&[of(6, 8)], "design.toml", TEXT, false), @r#"
        error[P999]: this is wrong
         --> design.toml:2:1
          |
        2 | bb = "ü"
          | ^^
          |
          = note: it matters
          = help: write something else
        "#);
    }

    #[test]
    fn a_long_reason_is_broken_between_words_and_a_written_break_stays() {
        let long = "a word ".repeat(20);

        let lines: Vec<String> = wrapped(&long).lines().map(str::to_owned).collect();

        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert_eq!(wrapped("write:\n  [call.a.b]"), "write:\n  [call.a.b]");
    }

    #[test]
    fn a_program_sees_line_column_and_bytes() {
        let rows = json(&[of(6, 8)], "design.toml", TEXT);

        assert_eq!(rows[0]["line"], 2);
        assert_eq!(rows[0]["column"], 1);
        assert_eq!(rows[0]["start"], 6);
        assert_eq!(rows[0]["way_out"], "write something else");
    }

    #[test]
    fn a_span_outside_the_file_or_inside_a_character_is_no_reason_to_fall_over() {
        for (start, end) in [(900, 901), (12, 13), (13, 14), (8, 2), (0, 900), (15, 16)] {
            let about = of(start, end).see(Span { start: end, end: start }, "and here");
            assert!(render(&[about], "design.toml", TEXT, true).contains("this is wrong"));
        }
    }

    #[test]
    fn what_is_about_the_whole_file_has_no_line() {
        let rendered = render(&[of(0, 0)], "design.toml", TEXT, false);

        assert!(!rendered.contains("-->"), "{rendered}");
        assert_eq!(json(&[of(0, 0)], "design.toml", TEXT)[0]["line"], serde_json::Value::Null);
    }
}
