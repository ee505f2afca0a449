//! The field lines of a head, as places in the buffer.
//!
//! The array is fixed and used again for every message: a head costs no allocation. The lines
//! stay where they are, one after the other, so that the ones to be forwarded can be copied in
//! runs and not one by one.

use core::ops::Range;

use alloc::vec::Vec;

use super::limits::Limits;
use super::list::elements;
use super::name::{Name, Names, PROTECTED};
use super::refusal::Refusal;
use super::span::Span;
use super::write;

#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: Span,
    pub(super) value: Span,
    pub(super) known: Name,
    /// `Connection` names it, so it goes no further.
    nominated: bool,
}

/// The fields of one message.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    list: [Field; Limits::MAX_FIELDS],
    len: u8,
    /// Where the last line ends.
    end: u16,
    seen: Names,
}

impl Fields {
    pub(super) const fn new() -> Self {
        let none =
            Field { name: Span::EMPTY, value: Span::EMPTY, known: Name::Other, nominated: false };
        Self { list: [none; Limits::MAX_FIELDS], len: 0, end: 0, seen: Names::of(&[]) }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.seen = Names::default();
    }

    /// Takes what httparse found in `bytes[..consumed]`. It accepts a bare LF as a line end, so
    /// the bytes before each line are looked at here.
    ///
    /// # Errors
    ///
    /// A line does not end in CR LF.
    pub(super) fn store(
        &mut self,
        bytes: &[u8],
        found: &[httparse::Header<'_>],
        consumed: usize,
    ) -> Result<(), Refusal> {
        self.clear();
        for (field, header) in self.list.iter_mut().zip(found) {
            let name = Span::of(header.name.as_bytes(), bytes);
            line_end_before(usize::from(name.start), bytes)?;
            let known = Name::of(header.name.as_bytes());
            *field = Field { name, value: Span::of(header.value, bytes), known, nominated: false };
            self.seen = self.seen.with(known);
            self.len += 1;
        }
        line_end_before(consumed, bytes)?;
        let end = consumed.saturating_sub(LINE_END);
        line_end_before(end, bytes)?;
        self.end = Span::new(end, end).end;
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.list.iter().take(usize::from(self.len))
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Where the first line begins, or the empty line if there is none.
    pub(super) fn start(&self) -> usize {
        usize::from(self.iter().next().map_or(self.end, |field| field.name.start))
    }

    /// All fields as name and value.
    pub(super) fn texts<'a>(
        &'a self,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.iter().map(move |field| (field.name.text(bytes), field.value.bytes(bytes)))
    }

    /// The values of a known field, in order.
    pub(super) fn known<'a>(
        &'a self,
        name: Name,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = &'a [u8]> {
        let any = if self.seen.has(name) { self.len() } else { 0 };
        self.list
            .iter()
            .take(any)
            .filter(move |field| field.known == name)
            .map(|field| field.value.bytes(bytes))
    }

    /// Marks the fields that any `Connection` field names.
    pub(super) fn nominate_all(&mut self, bytes: &[u8]) {
        for at in 0..self.len() {
            let Field { known, value, .. } = self.list[at];
            if known == Name::Connection {
                elements(value.bytes(bytes)).for_each(|option| self.nominate(option, bytes));
            }
        }
    }

    fn nominate(&mut self, option: &[u8], bytes: &[u8]) {
        let len = self.len();
        for field in self.list.iter_mut().take(len) {
            let named = field.name.bytes(bytes).eq_ignore_ascii_case(option);
            field.nominated |= named && !PROTECTED.has(field.known);
        }
    }

    /// Copies the lines to be forwarded: all but the nominated ones and the `dropped`.
    ///
    /// Lines side by side that read `Name: value` already are copied in one piece. White space
    /// anywhere else is not passed on: the next reader may see something else in it.
    pub(super) fn copy_to(
        &self,
        out: &mut Vec<u8>,
        bytes: &[u8],
        dropped: impl Fn(&Field) -> bool,
    ) {
        let mut run = 0..0;
        for (at, field) in self.iter().enumerate() {
            if field.nominated || dropped(field) {
                continue;
            }
            let line = self.line(at, field);
            let tidy = is_tidy(field, &line);
            if tidy && run.end == line.start {
                run.end = line.end;
                continue;
            }
            out.extend_from_slice(bytes.get(run).unwrap_or_default());
            run = if tidy { line } else { 0..0 };
            if !tidy {
                write::field(out, field.name.text(bytes), field.value.bytes(bytes));
            }
        }
        out.extend_from_slice(bytes.get(run).unwrap_or_default());
    }

    fn line(&self, at: usize, field: &Field) -> Range<usize> {
        let next = self.list.get(at + 1).filter(|_| at + 1 < self.len());
        let end = next.map_or(self.end, |next| next.name.start);
        usize::from(field.name.start)..usize::from(end)
    }
}

fn is_tidy(field: &Field, line: &Range<usize>) -> bool {
    field.value.start == field.name.end + 2 && usize::from(field.value.end) + 2 == line.end
}

/// Trailers have no line before their first.
fn line_end_before(at: usize, bytes: &[u8]) -> Result<(), Refusal> {
    if at == 0 || bytes[..at].ends_with(b"\r\n") { Ok(()) } else { Err(Refusal::BareLf) }
}

const LINE_END: usize = "\r\n".len();
