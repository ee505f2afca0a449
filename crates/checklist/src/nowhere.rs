//! What `plimsoll run` needs and a simulation does without: where those are whom it asks.

use base::{CallId, RegionId};
use config::Design;
use config::diagnostic::{Diagnostic, Severity};

/// The code of a call that has no endpoint to go to.
pub const NOWHERE: &str = "N02";

/// Why `plimsoll run` refuses it.
pub(crate) const NOWHERE_REASON: &str = "`plimsoll run` carries real requests, and without an \
    endpoint every one of them would be answered 503. A simulation does without: there each instance \
    is a place of its own.";

/// What a call lacks that goes nowhere from this region.
pub fn nowhere(design: &Design, call: CallId, from: Option<RegionId>) -> Diagnostic {
    let to = design.node(design.call(call).to);
    let region = from.map(|region| design.regions[region.index()].name.as_str());
    let (span, message, way_out) = match region.filter(|_| !to.endpoints().is_empty()) {
        Some(region) => (
            design.call(call).span,
            format!(
                "{}: `{}` has no endpoint that this call may use from `{region}`",
                design.call_in_words(call),
                to.name
            ),
            format!(
                "write `endpoints = {{ {region} = [\"127.0.0.1:9001\"], … }}` with its addresses \
                 there, or in the call `regions = {{ spill = […], at_most = \"…%\" }}`"
            ),
        ),
        None => (
            to.span,
            format!("`{}` has no endpoints", to.name),
            "write `endpoints = [\"127.0.0.1:9001\"]`, with the addresses at which it listens"
                .to_owned(),
        ),
    };
    Diagnostic::new(NOWHERE, Severity::Error, span, message)
        .because(NOWHERE_REASON)
        .instead(way_out)
}
