//! The two system calls that need `unsafe`, each in a function that does not.

use std::fs::File;
use std::io;

use rustix::ioctl::{Opcode, Setter, ioctl, opcode};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Gives the calling thread a network of its own: no devices but a loopback that is down.
pub(crate) fn leave_network() -> io::Result<()> {
    // SAFETY: what makes `unshare` unsafe is a thread that leaves the table of file descriptors
    // (CLONE_FILES), since its descriptors would mean something else to other threads. Only the
    // network is left here.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
    Ok(())
}

/// Turns an open `/dev/net/tun` into the device `name`: IP packets, and nothing before them.
///
/// The device goes away with the descriptor.
pub(crate) fn make_tun(clone: &File, name: &str) -> io::Result<()> {
    let mut request = Request { name: [0; NAME], flags: IFF_TUN | IFF_NO_PI, rest: [0; REST] };
    let fits = name.len() < NAME;
    if !fits {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a device's name is too long"));
    }
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: TUNSETIFF reads a `struct ifreq`, which `Request` is in size and layout (see the
    // test), and keeps no pointer to it. It writes the device's name back into the same struct;
    // `Setter` passes the address of its own copy, which lives until the call returns.
    unsafe { ioctl(clone, Setter::<TUNSETIFF, Request>::new(request)) }?;
    Ok(())
}

/// `struct ifreq` of `linux/if.h`: a name, and a union of which this call reads the flags.
#[repr(C)]
struct Request {
    name: [u8; NAME],
    flags: u16,
    rest: [u8; REST],
}

/// IFNAMSIZ.
const NAME: usize = 16;
/// The largest member of the union has 24 bytes.
const REST: usize = 22;
const IFF_TUN: u16 = 0x0001;
const IFF_NO_PI: u16 = 0x1000;
/// `_IOW('T', 202, int)`: the type is a historical mistake of the kernel's, not ours.
const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_as_large_as_the_kernels_and_its_number_is_that_of_the_header() {
        assert_eq!(size_of::<Request>(), 40);
        assert_eq!(std::mem::offset_of!(Request, flags), 16);
        assert_eq!(TUNSETIFF, 0x4004_54ca);
    }
}
