//! The gate between a design that can be read and one that may carry traffic.
//!
//! A design file can say anything, because a simulation has to show what bad designs do. The live
//! plane takes a [`SoundDesign`] and nothing else, and [`sound`] is the only way to one. There,
//! every call that we carry has all five questions answered, a timeout (a stream or tunnel an idle
//! timeout instead), an end to its queue, jitter in its backoff and a budget for its retries: each
//! of these is a rule of error level.
//!
//! What other people's code does (the calls of clients and services, the load on a service that is
//! only modelled) is reviewed too, and `plimsoll check` says what is wrong with it. It does not
//! stop us from carrying our part: the traffic comes anyway, and a balancer that refuses to start
//! mends nobody's retries. So only errors about balancers and their calls are in the way. A call of
//! ours that lasts longer than a client waits is one of them: the work for nobody would be ours.

use std::ops::Deref;

use config::Design;

use crate::{Findings, review};

/// A design that the live plane may carry.
#[derive(Clone, Debug)]
pub struct SoundDesign {
    design: Design,
}

/// # Errors
/// The findings of error level about what we would carry.
pub fn sound(design: Design) -> Result<SoundDesign, Findings> {
    let blocking = review(&design).blocking(&design);
    if blocking.is_clean() { Ok(SoundDesign { design }) } else { Err(blocking) }
}

impl Deref for SoundDesign {
    type Target = Design;

    fn deref(&self) -> &Design {
        &self.design
    }
}
