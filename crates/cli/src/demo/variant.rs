//! The naive variant of a design: the same file with its balancers taken out.
//!
//! Whoever asked a balancer asks the service behind it, under `[rules.naive]`. That is a change of
//! the file and nothing else, so both variants are read, simulated and played by the same code.

use std::fmt;

use toml::{Table, Value};

/// Why a file has no naive variant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoVariant {
    /// It is not TOML; whoever reads it as a design says more.
    NotToml,
    /// It has no balancer: there is nothing to take out.
    NoBalancer,
    /// It does not say what naive callers do.
    NoNaiveRules,
    /// Without this balancer nobody would know which of its services to ask.
    SeveralServices(String),
}

/// The file without its balancers.
///
/// # Errors
/// There is no such variant.
pub(super) fn naive(text: &str) -> Result<String, NoVariant> {
    let mut file: Table = text.parse().map_err(|_| NoVariant::NotToml)?;
    let naive = file.get("rules").and_then(|rules| rules.get("naive"));
    if naive.is_none() {
        return Err(NoVariant::NoNaiveRules);
    }
    let Some(Value::Table(balancers)) = file.remove("balancer") else {
        return Err(NoVariant::NoBalancer);
    };
    for (name, balancer) in &balancers {
        let service = only_service(name, balancer)?;
        take_out(&mut file, name, &service);
    }
    Ok(file.to_string())
}

/// The one service that all routes of a balancer lead to.
fn only_service(name: &str, balancer: &Value) -> Result<String, NoVariant> {
    let listeners = balancer.get("listen").and_then(Value::as_array).into_iter().flatten();
    let routes = listeners.filter_map(|listen| listen.get("routes")?.as_array()).flatten();
    let mut services: Vec<_> = routes.filter_map(|route| route.get("to")?.as_str()).collect();
    services.sort_unstable();
    services.dedup();
    match services.as_slice() {
        [only] => Ok((*only).to_owned()),
        _ => Err(NoVariant::SeveralServices(name.to_owned())),
    }
}

/// Calls to the balancer lead to the service, its own calls and its incidents are gone.
fn take_out(file: &mut Table, balancer: &str, service: &str) {
    if let Some(Value::Table(calls)) = file.get_mut("call") {
        calls.remove(balancer);
        for (_, to) in calls.iter_mut() {
            let Value::Table(to) = to else { continue };
            if to.remove(balancer).is_some() {
                let rules = Table::from_iter([("rules".to_owned(), "naive".into())]);
                to.insert(service.to_owned(), rules.into());
            }
        }
    }
    if let Some(Value::Table(incidents)) = file.get_mut("incident") {
        for (_, entries) in incidents.iter_mut() {
            let Value::Array(entries) = entries else { continue };
            entries.retain(|entry| entry.get("on").and_then(Value::as_str) != Some(balancer));
        }
    }
}

impl fmt::Display for NoVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotToml => f.write_str("the file is not TOML"),
            Self::NoBalancer => {
                f.write_str("the design has no balancer, and a demo shows what one is good for")
            }
            Self::NoNaiveRules => f.write_str(
                "the design has no [rules.naive]: say what callers do that have no balancer",
            ),
            Self::SeveralServices(name) => write!(
                f,
                "the balancer `{name}` has routes to several services, or none; without it \
                 callers would not know whom to ask"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use base::CallId;

    use super::*;

    #[test]
    fn without_its_balancer_the_users_ask_the_shop_themselves() {
        let naive = naive(super::super::EXAMPLE).unwrap();

        let loaded = config::load_bytes(naive.as_bytes(), &config::NoFiles);

        let design = loaded.design.unwrap();
        assert_eq!(design.calls.len(), 1, "{naive}");
        assert_eq!(design.call_name(CallId(0)), "users.shop");
        assert!(design.calls[0].rules.budget.is_none());
        assert_eq!(design.calls[0].rules.retry.attempts, 4);
        assert_eq!(design.incidents[0].entries.len(), 1);
    }

    #[test]
    fn a_file_that_cannot_do_without_its_balancer_is_told_why() {
        let without = |part: &str| naive(&super::super::EXAMPLE.replace(part, "[rules.other]"));

        assert_eq!(without("[rules.naive]"), Err(NoVariant::NoNaiveRules));
        assert_eq!(naive("[rules.naive]"), Err(NoVariant::NoBalancer));
        assert_eq!(naive("="), Err(NoVariant::NotToml));
        let two = super::super::EXAMPLE.replace(
            r#"{ path = "/", to = "shop" }"#,
            r#"{ path = "/", to = "shop" }, { path = "/x", to = "other" }"#,
        );
        assert_eq!(naive(&two), Err(NoVariant::SeveralServices("lb".into())));
    }
}
