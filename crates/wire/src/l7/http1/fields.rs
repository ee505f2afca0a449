//! The field lines of a head, as places in the buffer.
//!
//! The array is fixed and used again for every message: a head costs no allocation. The lines
//! stay where they are, one after the other, so that the ones to be forwarded can be copied in
//! runs and not one by one.

use core::ops::Range;

use alloc::vec::Vec;

use super::fault::Fault;
use super::limits::Limits;
use super::list::elements;
use super::name::{Name, Names, PROTECTED};
use super::scan::{self, FieldLine, LINE_END};
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

    /// Reads the field section that begins at `from`, to its empty line: where that ends. At most
    /// `most` fields. `None` while there is not all of it.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        from: usize,
        most: usize,
    ) -> Result<Option<usize>, Fault> {
        self.clear();
        let mut at = from;
        loop {
            if let Some(b'\r') | None = bytes.get(at) {
                self.end = Span::new(at, at).end;
                let ended = scan::ends_line(bytes, at, Fault::FieldName)?;
                return Ok(ended.then_some(at + LINE_END));
            }
            let Some(place) = self.list[..most].get_mut(usize::from(self.len)) else {
                return Err(Fault::TooManyFields);
            };
            let Some(FieldLine { name, known, value, end }) = scan::field_line(bytes, at)? else {
                return Ok(None);
            };
            let (name, value) =
                (Span::new(name.start, name.end), Span::new(value.start, value.end));
            *place = Field { name, value, known, nominated: false };
            self.seen = self.seen.with(known);
            self.len += 1;
            at = end;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.list.iter().take(usize::from(self.len))
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
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
            let tidy = is_tidy(field, &line, bytes);
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

fn is_tidy(field: &Field, line: &Range<usize>, bytes: &[u8]) -> bool {
    let between = usize::from(field.name.end)..usize::from(field.value.start);
    bytes.get(between) == Some(b": ") && usize::from(field.value.end) + LINE_END == line.end
}
