//! nginx, as Debian packages it.

use std::path::Path;
use std::process::Command;

use super::{Peer, Site};
use crate::needs::Need;
use crate::shell::{Outcome, output_of, program};

pub(super) const PEER: Peer = Peer {
    name: "nginx",
    needs: &[Need::Debian { program: "nginx", package: "nginx-light" }],
    version,
    command,
};

fn version() -> Outcome<String> {
    // It speaks on its standard error only.
    let said = output_of(program("sh").args(["-c", "nginx -v 2>&1"]))?;
    Ok(said.trim().rsplit('/').next().unwrap_or_default().into())
}

fn command(site: &Site) -> Outcome<Command> {
    let file = site.write("nginx.conf", &configuration(site))?;
    let mut command = program("nginx");
    command.arg("-p").arg(&site.folder).arg("-c").arg(file).args(["-e", "stderr"]);
    Ok(command)
}

/// The buffers hold a whole 64 KiB answer: the defaults would send it through a file.
fn configuration(site: &Site) -> String {
    let log = site.log.as_deref().map_or("off".into(), |log: &Path| log.display().to_string());
    let servers = site.each_upstream(|_, to| format!("server {to}; "));
    format!(
        "daemon off; worker_processes 1; pid nginx.pid; error_log stderr warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
  access_log {log};
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  keepalive_timeout 600s; keepalive_requests 1000000000; proxy_buffers 16 8k;
  upstream up {{ {servers}keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection \"\";
    }}
  }}
}}
",
        port = site.port
    )
}
