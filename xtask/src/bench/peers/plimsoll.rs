//! Plimsoll, with every rule of `designs/balancer.toml` on.

use std::fs;
use std::process::Command;

use super::{Peer, Site};
use crate::shell::{Outcome, output_of, program, root, run, target};

pub(super) const PEER: Peer = Peer { name: "plimsoll", needs: &[], version, command };

fn version() -> Outcome<String> {
    run(&mut crate::shell::cargo("build --release -p plimsoll-cli"))?;
    let commit = output_of(program("git").args(["rev-parse", "--short", "HEAD"]))?;
    Ok(format!("commit {}", commit.trim()))
}

fn command(site: &Site) -> Outcome<Command> {
    let example = root().join("designs/balancer.toml");
    let example = fs::read_to_string(example).map_err(|e| format!("designs/balancer.toml: {e}"))?;
    let file = site.write("plimsoll.toml", &design(&example, site)?)?;
    let log = site.log.as_ref().map_or_else(|| "none".into(), |log| log.display().to_string());
    let mut command = program(target().join("release/plimsoll"));
    command.arg("run").arg(file).args(["--workers", "1", "--log", &log]);
    command.args(["--admin", &format!("127.0.0.1:{}", site.admin)]);
    Ok(command)
}

/// The example as it stands, with the ports and routes of this run.
fn design(example: &str, site: &Site) -> Outcome<String> {
    let routes: Vec<_> =
        (0..site.routes).map(|n| format!("{{ path = \"/r{n}\", to = \"svc\" }}")).collect();
    let routes = if site.routes > 1 { routes.join(", ") } else { ONE_ROUTE.into() };
    let endpoints: Vec<_> = site.upstreams.iter().map(|to| format!("\"{to}\"")).collect();
    let changes = [
        ("127.0.0.1:8080".to_owned(), format!("127.0.0.1:{}", site.port)),
        (ENDPOINTS.to_owned(), endpoints.join(", ")),
        (ONE_ROUTE.to_owned(), routes),
    ];
    changes.into_iter().try_fold(example.to_owned(), |text, (from, to)| {
        if !text.contains(&from) {
            return Err(format!("designs/balancer.toml no longer says {from}"));
        }
        Ok(text.replace(&from, &to))
    })
}

const ENDPOINTS: &str = r#""127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003""#;
const ONE_ROUTE: &str = r#"{ path = "/", to = "svc" }"#;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_example_gets_the_ports_and_routes_of_the_run_and_nothing_else() {
        let example = fs::read_to_string(root().join("designs/balancer.toml")).unwrap();

        let design = design(&example, &site(2)).unwrap();

        assert!(design.contains(r#"address = "127.0.0.1:7000""#));
        assert!(design.contains(r#"endpoints = ["127.0.0.1:7001", "127.0.0.1:7002"]"#));
        assert!(design.contains(r#"{ path = "/r0", to = "svc" }, { path = "/r1", to = "svc" }"#));
        assert_eq!(design.lines().count(), example.lines().count());
    }

    #[test]
    fn an_example_that_was_changed_is_noticed() {
        assert!(design("[balancer.lb]", &site(1)).is_err());
    }

    fn site(routes: usize) -> Site {
        Site {
            folder: PathBuf::new(),
            port: 7000,
            admin: 7009,
            upstreams: [7001, 7002].map(|port| ([127, 0, 0, 1], port).into()).into(),
            log: None,
            routes,
        }
    }
}
