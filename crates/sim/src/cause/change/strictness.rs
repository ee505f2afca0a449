//! What fails where nothing has to: timeouts shorter than the work, limits below what is needed.

use base::{CallId, Duration, NodeId};
use config::Design;
use config::design::NodeKind;
use policy::admission;

use super::{Change, each_call, told};

/// Far longer than any work takes, for those calls that time out `too_often` when nobody waits, and
/// than any way, for those that get no connection in time.
pub(in crate::cause) fn lengthen_timeouts(
    design: &mut Design,
    too_often: impl Fn(CallId) -> bool,
    is_unconnected: impl Fn(CallId) -> bool,
) -> Option<Change> {
    let calls = each_call(design, |id, call| {
        let longer = |time: Duration| time.saturating_mul(100);
        let connect = call.rules.connect_timeout.filter(|_| is_unconnected(id)).map(longer);
        let deadline = &mut call.rules.deadline;
        let has_some = deadline.timeout.or(deadline.attempt_timeout).is_some();
        (connect.is_some() || (has_some && too_often(id))).then(|| {
            call.rules.connect_timeout = connect.or(call.rules.connect_timeout);
            deadline.timeout = deadline.timeout.map(longer);
            deadline.attempt_timeout = deadline.attempt_timeout.map(longer);
        })
    });
    told(&calls, |calls| {
        Change::new(
            format!("timeouts shorter than the work: {calls}"),
            format!("the short timeouts of {calls}"),
        )
    })
}

/// Which limits were in the way.
pub(in crate::cause) struct InTheWay<'a> {
    /// Of these calls, a rule turned away too much.
    pub(in crate::cause) sheds: &'a dyn Fn(CallId) -> bool,
    /// Of these, the called refused too many connections.
    pub(in crate::cause) is_refused: &'a dyn Fn(CallId) -> bool,
    /// Of these, as many tries were under way as there may be connections.
    pub(in crate::cause) is_crowded: &'a dyn Fn(CallId) -> bool,
}

/// Behind a limit that turns away too much may stand another, so all are lifted at once; and with
/// them those of full databases and of connections that all are in use.
pub(in crate::cause) fn lift_limits(design: &mut Design, limits: &InTheWay<'_>) -> Option<Change> {
    let calls = || (0..design.calls.len()).map(CallId::from_index);
    let refusing: Vec<NodeId> =
        calls().filter(|&id| (limits.is_refused)(id)).map(|id| design.call(id).to).collect();
    let is_shed = calls().any(limits.sheds);
    let mut names = each_call(design, |_, call| {
        let rules = &mut call.rules;
        let has_some = rules.admission.in_flight.or(rules.admission.queue).is_some();
        (is_shed && (has_some || rules.breaker.is_some())).then(|| {
            (rules.admission, rules.breaker) = (admission::Params::default(), None);
        })
    });
    let crowded = each_call(design, |id, call| {
        let most = if (limits.is_crowded)(id) { &mut call.connections.most } else { &mut None };
        most.take().map(|_| ())
    });
    names.extend(crowded.iter().map(|call| format!("connections of {call}")));
    for id in refusing {
        let node = &mut design.nodes[id.index()];
        if let NodeKind::Database(database) = &mut node.kind
            && database.connections.take().is_some()
        {
            names.push(format!("connections of {}", node.name));
        }
    }
    told(&names, |names| {
        Change::new(
            format!("limits and breakers that turn away what could be done: {names}"),
            format!("the limits and breakers of {names}"),
        )
    })
}
