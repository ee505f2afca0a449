//! What stands now, read from the numbers that the workers share.

use engine::Shared;
use event::{Description, Kind, Unit};
use observe::metrics::Levels;

/// The levels of a call.
pub(crate) fn of(shared: &Shared) -> Levels {
    Levels {
        in_flight: shared.in_flight(),
        queued: shared.queued(),
        probes: shared.probes(),
        retries_in_flight: shared.retries_in_flight(),
        budget: shared.budget_level(),
    }
}

/// Not an event of the system that is balanced, so it is described here.
pub(crate) static LOG_DROPPED: Description = Description {
    name: "log_lines_dropped",
    kind: Kind::Counter,
    unit: Unit::Count,
    help: "Lines of the access log that could not be written.",
};
