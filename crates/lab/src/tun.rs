//! A network device whose packets come out of a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;

use crate::error::Error;
use crate::kernel;
use crate::namespace::Namespace;

/// The only device of a namespace, but for its loopback. It goes away when this is dropped.
#[derive(Debug)]
pub struct Tun {
    file: File,
}

const NAME: &str = "plimsoll0";

impl Tun {
    /// A device in this namespace with this address, the way to the other of a pair.
    ///
    /// # Errors
    ///
    /// Without root, without `/dev/net/tun`, or without the program `ip`.
    pub fn new(namespace: &Namespace, address: Ipv4Addr) -> Result<Self, Error> {
        let made = namespace.run(|| {
            let nonblock = OFlags::NONBLOCK.bits().cast_signed();
            let path = "/dev/net/tun";
            let file =
                OpenOptions::new().read(true).write(true).custom_flags(nonblock).open(path)?;
            kernel::make_tun(&file, NAME).map(|()| file)
        })?;
        let file = made.map_err(|why| Error::new("make a TUN device from /dev/net/tun", why))?;
        namespace.ip(&["address", "add", &format!("{address}/30"), "dev", NAME])?;
        namespace.ip(&["link", "set", NAME, "up"])?;
        Ok(Self { file })
    }

    /// The next packet that its kernel sends, if there is one.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match (&self.file).read(buffer) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Hands a packet to its kernel. One that the kernel does not take is lost.
    pub(crate) fn deliver(&self, packet: &[u8]) {
        let _lost = (&self.file).write(packet);
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
