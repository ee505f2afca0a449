//! From bytes to a tree, whatever the bytes are.

use toml::Spanned;
use toml::de::DeTable;

use super::twice;
use crate::codes::{SYNTAX, UNREADABLE};
use crate::diagnostic::Diagnostic;
use crate::report::Report;
use crate::span::Span;

/// The largest file that is read: far more than a design, far less than hurts.
const LARGEST: usize = 4 << 20;

/// As text, if it is some. What is no UTF-8 is shown with replacement characters.
pub(crate) fn to_text(bytes: &[u8]) -> Result<&str, Box<Diagnostic>> {
    if bytes.len() > LARGEST {
        let size = bytes.len() as f64 / f64::from(1 << 20);
        let message = format!("the file has {size:.1} MiB; a design has at most 4");
        return Err(whole_file(message, "check that this is the design file"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("{} is not UTF-8", place(bytes, error.valid_up_to()));
        whole_file(message, "save the file as UTF-8, without a byte order mark of UTF-16")
    })?;
    match text.find('\0') {
        None => Ok(text),
        Some(at) => {
            let message = format!("{} is a NUL", place(bytes, at));
            Err(whole_file(message, "check that this is a text file"))
        }
    }
}

/// Where a byte is, for people and for programs that show bytes; both count from one.
fn place(bytes: &[u8], at: usize) -> String {
    let before = &bytes[..at];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    format!("byte {} of line {line}", at - start + 1)
}

/// The tree, as far as it could be read; what could not is reported.
pub(crate) fn parse<'t>(text: &'t str, report: &mut Report) -> Spanned<DeTable<'t>> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    let mut told_until = 0;
    for error in errors {
        let span = error.span().map_or(Span::default(), |range| visible(text, range.into()));
        let message = error.message();
        if !message.contains(TWICE) {
            report.push(SYNTAX.at(span, message.to_owned()).instead(way_out(message)));
        } else if span.start >= told_until && !report.is_full() {
            told_until = twice::end_of_table(text, span).unwrap_or(told_until);
            let what = twice::what(text, span);
            let told = SYNTAX.at(span, format!("{message}: {what}")).instead(way_out(message));
            report.push(match twice::first(text, tree.get_ref(), span) {
                Some(first) => told.see(first, "here it is already"),
                None => told,
            });
        }
    }
    tree
}

/// Of what the file has said already.
const TWICE: &str = "duplicate key";

/// An error at the end of a line or of the file needs a place that can be shown: the last
/// character before it that is more than white space.
fn visible(text: &str, span: Span) -> Span {
    let marked = text.get(span.start..span.end).unwrap_or_default();
    if !marked.trim().is_empty() {
        return span;
    }
    let before = text.get(..span.start).unwrap_or(text).trim_end();
    before.char_indices().next_back().map_or(span, |(start, _)| Span { start, end: before.len() })
}

fn way_out(message: &str) -> &'static str {
    if message.contains(TWICE) {
        "keep one of the two; a table is opened once, with all its keys"
    } else if message.contains("unclosed") {
        "close it on the same line"
    } else if message.contains("carriage return") {
        "end lines with a line feed, alone or behind a carriage return; editors call it LF or CRLF"
    } else if message.contains("recurs") {
        "a design needs a handful of levels, not dozens"
    } else {
        "text, times, rates and addresses stand in quotes: \"800ms\""
    }
}

fn whole_file(message: String, way_out: &str) -> Box<Diagnostic> {
    Box::new(UNREADABLE.at(Span::default(), message).instead(way_out))
}
