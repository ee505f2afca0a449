//! The example designs, and how a test reads one.

#![allow(dead_code, reason = "each test file uses some of them")]

use config::Design;

pub(crate) const BALANCER: &str = include_str!("../../../../designs/balancer.toml");
pub(crate) const GRPC: &str = include_str!("../../../../designs/grpc.toml");
pub(crate) const INCIDENT: &str = include_str!("../../../../designs/incident.toml");
pub(crate) const POSTGRES: &str = include_str!("../../../../designs/postgres.toml");
pub(crate) const REGIONS: &str = include_str!("../../../../designs/regions.toml");
pub(crate) const SPELLINGS: &str = include_str!("../../../config/tests/spellings.toml");

/// A design that reads without an error.
pub(crate) fn read(text: &str) -> Design {
    let loaded = config::load_bytes(text.as_bytes(), &config::NoFiles);
    let told: Vec<_> = loaded.diagnostics.iter().map(|told| (told.code, &told.message)).collect();
    loaded.design.unwrap_or_else(|| panic!("{told:?} in\n{text}"))
}
