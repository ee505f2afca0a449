//! All rules of the review, one file each.
//!
//! A letter says what a rule is about: `A` the five answers, `T` time, `R` retries, `Q` queues and
//! limits, `H` health, `F` failure domains, `L` long-lived connections, `G` geography, `C`
//! capacity, `W` ways. A number is never used twice. What a file alone can get wrong has a `P` code
//! of `config`.
//!
//! Of the nineteen well-known traps in failure handling, three cannot be seen in a file, because
//! the deciding code does not fall into them whatever the file says: the budget is charged when a
//! retry is decided (2), what a peer asks for by `Retry-After` is capped by the remaining time
//! (10), and a reload carries budgets and breakers over (18).

use crate::Rule;

mod breaker_never_opens;
mod declared_idempotent;
mod ejection_empties_pool;
mod ejection_never_acts;
mod endless_call;
mod endless_queue;
mod endless_queue_in_service;
mod endless_savings;
mod failover_overloads;
mod faster_than_light;
mod first_try_takes_all;
mod floor_above_share;
mod grpc_across_owners;
mod half_a_budget;
mod incident_overloads;
mod l4_before_streams;
mod layers_multiply;
mod layers_multiply_within_budgets;
mod link_faster_than_light;
mod more_than_connections;
mod no_backoff;
mod no_budget;
mod no_limit;
mod no_time_to_connect;
mod not_idempotent;
mod only_for_nobody;
mod outlasts_caller;
mod overloaded;
mod patient_health_check;
mod probes_are_a_flood;
mod queue_outlasts_patience;
mod queue_outlasts_timeout;
mod retries_hold_it_down;
mod retries_over_udp;
mod sessions_do_not_fit;
mod single_balancer;
mod single_instance;
mod steps_outlast_caller;
mod stream_without_idle;
mod too_many_connections;
mod tries_do_not_fit;
mod try_ends_before_answer;
mod try_shorter_than_work;
mod tunnel_without_idle;
mod unanswered_amplification;
mod unanswered_backpressure;
mod unanswered_failure;
mod unanswered_idempotence;
mod unanswered_timeout;
mod uncancelled;
mod unrouted;
mod writes_across_regions;

/// Every rule, in the order of the codes.
pub static ALL: &[&Rule] = &[
    &unanswered_timeout::RULE,
    &unanswered_idempotence::RULE,
    &unanswered_failure::RULE,
    &unanswered_backpressure::RULE,
    &unanswered_amplification::RULE,
    &endless_call::RULE,
    &stream_without_idle::RULE,
    &tries_do_not_fit::RULE,
    &first_try_takes_all::RULE,
    &outlasts_caller::RULE,
    &steps_outlast_caller::RULE,
    &try_ends_before_answer::RULE,
    &try_shorter_than_work::RULE,
    &tunnel_without_idle::RULE,
    &not_idempotent::RULE,
    &declared_idempotent::RULE,
    &no_backoff::RULE,
    &no_budget::RULE,
    &half_a_budget::RULE,
    &floor_above_share::RULE,
    &layers_multiply::RULE,
    &layers_multiply_within_budgets::RULE,
    &uncancelled::RULE,
    &retries_over_udp::RULE,
    &endless_savings::RULE,
    &no_limit::RULE,
    &endless_queue::RULE,
    &endless_queue_in_service::RULE,
    &queue_outlasts_patience::RULE,
    &queue_outlasts_timeout::RULE,
    &more_than_connections::RULE,
    &probes_are_a_flood::RULE,
    &ejection_never_acts::RULE,
    &ejection_empties_pool::RULE,
    &patient_health_check::RULE,
    &breaker_never_opens::RULE,
    &single_instance::RULE,
    &single_balancer::RULE,
    &grpc_across_owners::RULE,
    &failover_overloads::RULE,
    &l4_before_streams::RULE,
    &too_many_connections::RULE,
    &sessions_do_not_fit::RULE,
    &faster_than_light::RULE,
    &link_faster_than_light::RULE,
    &writes_across_regions::RULE,
    &no_time_to_connect::RULE,
    &overloaded::RULE,
    &retries_hold_it_down::RULE,
    &incident_overloads::RULE,
    &unrouted::RULE,
    &only_for_nobody::RULE,
];

/// The rule of this code, written in any case.
pub fn rule_named(code: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.code.eq_ignore_ascii_case(code))
}
