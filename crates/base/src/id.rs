//! Small numbers that stand for the things of a design.
//!
//! A number is a position in the resolved design; names stay with `config`. What must not depend
//! on positions (random streams, tie breaks) hangs on names instead: see [`crate::Random`].

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $repr);

        impl $name {
            /// As a position in a list.
            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "positions fit an address")]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// From a position in a list. A design has fewer things than the number can count:
            /// `config` refuses more.
            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "config bounds the counts")]
            pub const fn from_index(index: usize) -> Self {
                Self(index as $repr)
            }
        }
    };
}

id! {
    /// A node of the design: a client, balancer, service, database or cache.
    NodeId(u16)
}
id! {
    /// A region of the design.
    RegionId(u16)
}
id! {
    /// A call of the design: one node asking another, under one set of rules.
    CallId(u16)
}
id! {
    /// An endpoint among those of one call's target.
    EndpointId(u16)
}
id! {
    /// A worker (a core's event loop) of one balancer instance.
    WorkerId(u16)
}
id! {
    /// A request, unique within one run.
    RequestId(u64)
}
