//! A host that is no machine: its own devices, addresses and TCP settings, in the same kernel.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::{io, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::Error;
use crate::kernel;

/// A network namespace without a name. It lives as long as this does, and the threads in it.
#[derive(Debug)]
pub struct Namespace {
    door: File,
}

impl Namespace {
    /// An empty one, with its loopback up.
    ///
    /// # Errors
    ///
    /// Without root, or without the program `ip`.
    pub fn new() -> Result<Self, Error> {
        let made = thread::scope(|scope| {
            let inside = scope.spawn(|| {
                kernel::leave_network()?;
                File::open("/proc/thread-self/ns/net")
            });
            inside.join().unwrap_or_else(|_| Err(io::Error::other("its first thread panicked")))
        });
        let door = made.map_err(|why| Error::new("make a network namespace", why))?;
        let namespace = Self { door };
        namespace.ip(&["link", "set", "lo", "up"])?;
        // Nobody else is to speak on the cable.
        namespace.set("net/ipv6/conf/all/disable_ipv6", "1")?;
        Ok(namespace)
    }

    /// Does something in it, on a thread of its own: sockets that are made there are its sockets,
    /// and threads that are started there are in it as well.
    ///
    /// # Errors
    ///
    /// Without the right to enter, or if the thread panicked.
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let entered = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(self.door.as_fd(), network)?;
                Ok(inside())
            });
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread in it panicked")))
        });
        entered.map_err(|why| Error::new("enter a network namespace", why))
    }

    /// Sets one of its kernel's parameters, by its path under `/proc/sys`.
    ///
    /// # Errors
    ///
    /// If there is no such parameter, or the kernel does not take the value.
    pub fn set(&self, parameter: &str, value: &str) -> Result<(), Error> {
        let path = format!("/proc/sys/{parameter}");
        let written = self.run(|| fs::write(path, value))?;
        written.map_err(|why| Error::new(format!("set {parameter} to {value} in a namespace"), why))
    }

    /// Runs `ip` in it.
    pub(crate) fn ip(&self, arguments: &[&str]) -> Result<(), Error> {
        let ran = self.run(|| Command::new("ip").args(arguments).stdin(Stdio::null()).output())?;
        let output = ran.map_err(|why| Error::new("run `ip` (Debian's iproute2)", why))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::new("configure a network namespace", io::Error::other(said)))
    }
}
