//! The five designs of the repository are the specification by example.

use plimsoll_config::{NoFiles, load_bytes, render};

const DESIGNS: [(&str, &str); 5] = [
    ("balancer.toml", include_str!("../../../designs/balancer.toml")),
    ("grpc.toml", include_str!("../../../designs/grpc.toml")),
    ("incident.toml", include_str!("../../../designs/incident.toml")),
    ("postgres.toml", include_str!("../../../designs/postgres.toml")),
    ("regions.toml", include_str!("../../../designs/regions.toml")),
];

#[test]
fn each_design_of_the_repository_is_read_without_a_word() {
    for (name, text) in DESIGNS {
        let loaded = load_bytes(text.as_bytes(), &NoFiles);
        assert!(
            loaded.diagnostics.is_empty(),
            "{}",
            render(&loaded.diagnostics, name, text, false)
        );
        assert!(loaded.design.is_some());
    }
}
