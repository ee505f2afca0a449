//! What every run has to keep, whatever the design.

use config::{Design, NoFiles};

use super::*;
use crate::Options;
use crate::plan::Plan;

#[test]
fn every_request_ends_exactly_once_and_every_permit_comes_back() {
    for (file, incident) in DESIGNS {
        let design = design(file);
        let run = play(&design, incident);

        let edge = &run.stats.edge;
        let ended = edge.good() + edge.failed.iter().sum::<u64>() + edge.unanswered;
        assert_eq!(edge.offered, ended, "{file}");
        assert_eq!((edge.unanswered, run.permits), (0, 0), "{file}");
    }
}

const DESIGNS: [(&str, &str); 3] =
    [("balancer", "one-dies"), ("incident", "drift"), ("regions", "eu-lost")];

fn play(design: &Design, incident: &str) -> Run {
    let options = Options { incident: Some(incident.into()), ..Options::default() };
    let plan = Plan::new(design, &options).unwrap();
    World::new(&plan, 1).run()
}

fn design(file: &str) -> Design {
    let path = format!("{}/../../designs/{file}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    config::load_bytes(text.as_bytes(), &NoFiles).design.unwrap()
}
