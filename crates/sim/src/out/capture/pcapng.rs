//! The capture format: blocks of typed options (draft-ietf-opsawg-pcapng).

use base::Instant;

use crate::out::since_epoch;

/// A capture that grows: one section, its interfaces first.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    out: Vec<u8>,
    interfaces: u32,
}

impl Pcapng {
    /// A section that says which program wrote it.
    pub(super) fn new(program: &str) -> Self {
        let mut capture = Self::default();
        capture.block(SECTION, |out| {
            out.extend(0x1a2b_3c4d_u32.to_le_bytes());
            out.extend(1_u16.to_le_bytes());
            out.extend(0_u16.to_le_bytes());
            // How long the section is, nobody needs to know.
            out.extend((-1_i64).to_le_bytes());
            option(out, SECTION_PROGRAM, program.as_bytes());
            end_of_options(out);
        });
        capture
    }

    /// One more interface, of IPv4 datagrams without a link's head, with times in nanoseconds.
    /// Returns its number.
    pub(super) fn interface(&mut self, name: &str, address: [u8; 4]) -> u32 {
        self.block(INTERFACE, |out| {
            out.extend(IPV4_ALONE.to_le_bytes());
            out.extend(0_u16.to_le_bytes());
            // Packets are kept whole.
            out.extend(0_u32.to_le_bytes());
            option(out, INTERFACE_NAME, name.as_bytes());
            let [a, b, c, d] = address;
            option(out, INTERFACE_ADDRESS, &[a, b, c, d, 255, 255, 255, 255]);
            option(out, INTERFACE_RESOLUTION, &[9]);
            end_of_options(out);
        });
        self.interfaces += 1;
        self.interfaces - 1
    }

    /// A packet as it left by an interface.
    pub(super) fn packet(
        &mut self,
        at: Instant,
        interface: u32,
        bytes: &[u8],
        comments: &[String],
    ) {
        let nanos = since_epoch(at);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.block(PACKET, |out| {
            out.extend(interface.to_le_bytes());
            out.extend(((nanos >> 32) as u32).to_le_bytes());
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            out.extend((nanos as u32).to_le_bytes());
            out.extend(length.to_le_bytes());
            out.extend(length.to_le_bytes());
            out.extend_from_slice(bytes);
            pad(out, bytes.len());
            for comment in comments {
                option(out, COMMENT, comment.as_bytes());
            }
            option(out, PACKET_FLAGS, &OUTBOUND.to_le_bytes());
            end_of_options(out);
        });
    }

    /// How long it is by now.
    pub(super) const fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// The length stands before and behind what is in it.
    fn block(&mut self, kind: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.out.len();
        self.out.extend(kind.to_le_bytes());
        self.out.extend([0; 4]);
        write(&mut self.out);
        let length = u32::try_from(self.out.len() - begin + 4).unwrap_or(u32::MAX).to_le_bytes();
        self.out[begin + 4..begin + 8].copy_from_slice(&length);
        self.out.extend(length);
    }
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    out.extend(code.to_le_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(value);
    pad(out, value.len());
}

fn end_of_options(out: &mut Vec<u8>) {
    out.extend([0; 4]);
}

/// Everything begins at a multiple of four.
fn pad(out: &mut Vec<u8>, written: usize) {
    out.resize(out.len() + written.next_multiple_of(4) - written, 0);
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const COMMENT: u16 = 1;
const SECTION_PROGRAM: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_ADDRESS: u16 = 4;
const INTERFACE_RESOLUTION: u16 = 9;
const PACKET_FLAGS: u16 = 2;
const OUTBOUND: u32 = 2;
/// `LINKTYPE_IPV4`.
const IPV4_ALONE: u16 = 228;
