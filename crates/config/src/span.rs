//! Where something stands in the file.

use std::ops::Range;

/// A range of bytes of the design file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A value with where it stands; an empty span stands for a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// A line and a column, both counted from one, as editors show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// Finds the line of a span, without reading the file again for each.
#[derive(Clone, Debug)]
pub struct LineIndex {
    /// The first byte of each line.
    starts: Vec<usize>,
}

impl LineIndex {
    /// Reads the file once.
    pub fn new(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        Self { starts: std::iter::once(0).chain(after_breaks.map(|(at, _)| at + 1)).collect() }
    }

    /// The line on which a span begins, counted from one; the last line if it lies behind it.
    pub fn line_of(&self, span: Span) -> usize {
        self.starts.partition_point(|&start| start <= span.start)
    }

    /// Line and column of the first byte of a span in the same text.
    pub fn position_of(&self, text: &str, span: Span) -> Position {
        let line = self.line_of(span);
        let before = text.get(self.line_start(line)..span.start).unwrap_or_default();
        Position { line, column: before.chars().count() + 1 }
    }

    /// The first byte of a line that is counted from one.
    pub fn line_start(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The byte after a line, its line break not included.
    pub fn line_end(&self, text: &str, line: usize) -> usize {
        self.starts.get(line).map_or(text.len(), |next| next - 1)
    }
}

impl Span {
    /// Whether it stands for nothing in the file.
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_from_one_and_in_characters() {
        let text = "a\nüb = 1\n";
        let index = LineIndex::new(text);

        let at = |start| index.position_of(text, Span { start, end: start + 1 });

        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(4), Position { line: 2, column: 2 });
        assert_eq!(index.line_of(Span { start: 999, end: 1_000 }), 3);
    }

    #[test]
    fn a_line_ends_before_its_break() {
        let text = "one\ntwo";
        let index = LineIndex::new(text);

        let lines = [1, 2].map(|line| &text[index.line_start(line)..index.line_end(text, line)]);

        assert_eq!(lines, ["one", "two"]);
    }
}
