//! What can be asked of the lines of any head, a request's or a response's.

use alloc::vec::Vec;

use super::fields::Fields;
use super::name::Name;

/// The field lines of a message, with the bytes they stand in.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    pub(super) fields: &'a Fields,
    pub(super) bytes: &'a [u8],
    /// Of the whole head.
    pub(super) length: usize,
}

impl<'a> Lines<'a> {
    /// The first field of this name, as a value without white space around it.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let mut fields = self.fields();
        fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first field of a known name.
    pub fn known(&self, name: Name) -> Option<&'a [u8]> {
        self.known_all(name).next()
    }

    /// All fields of a known name.
    pub fn known_all(&self, name: Name) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.fields.known(name, self.bytes)
    }

    /// All fields in order, names as they were written.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.fields.texts(self.bytes)
    }

    /// The values of all `Connection` fields as one list.
    pub(super) fn connection(&self) -> Vec<u8> {
        self.known_all(Name::Connection).collect::<Vec<_>>().join(&b","[..])
    }

    /// The head as it arrived, with the empty line.
    pub fn raw(&self) -> &'a [u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
