//! Carries port 8080 to the upstreams given: all rules of the example design, for trying.
use base::*;
use config::Traced;
use config::design::*;
use engine::Rules;
use plimsoll_live as live;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let ms = Duration::from_millis;
    let rules = Rules {
        deadline: policy::deadline::Params::new(Some(ms(800)), Some(ms(350))).unwrap(),
        idempotence: engine::Idempotence::ByMethod,
        admission: policy::admission::Params::new(Some(256), Some(64)).unwrap(),
        retry: policy::retry::Params::new(2, None, policy::retry::Causes::CONNECT).unwrap(),
        budget: Some(
            policy::retry::budget::Params::new(Share::percent(10), Rate::per_sec(1), 10, 10)
                .unwrap(),
        ),
        ..Rules::default()
    };
    let node = |name: &str, kind| Node {
        name: name.into(),
        instances: vec![(RegionId(0), 1)],
        owner: None,
        descriptors: None,
        kind,
        span: Default::default(),
    };
    let endpoints = args[2..]
        .iter()
        .map(|a| Endpoint { address: a.clone(), region: None, weight: 1, span: Default::default() })
        .collect();
    let design = Design {
        regions: vec![Region { name: "eu".into(), at: None, span: Default::default() }],
        nodes: vec![
            node(
                "lb",
                NodeKind::Balancer(Balancer {
                    listen: vec![Listen {
                        address: args[1].parse().unwrap(),
                        protocol: Protocol::Http,
                        tls: None,
                        routes: vec![Route {
                            host: None,
                            takes: Takes::Path("/".into()),
                            call: CallId(0),
                            span: Default::default(),
                        }],
                        span: Default::default(),
                    }],
                }),
            ),
            node(
                "svc",
                NodeKind::Service(Service { endpoints, model: None, steps: vec![], schema: None }),
            ),
        ],
        links: vec![],
        calls: vec![Call {
            from: NodeId(0),
            to: NodeId(1),
            only: None,
            protocol: Protocol::Http,
            rules,
            answers: Default::default(),
            on_failure: Traced { value: OnFailure::Error, span: Default::default() },
            cancel: false,
            stream: false,
            connections: Connections {
                most: None,
                streams: 1,
                idle_timeout: Duration::from_secs(30),
            },
            health_path: None,
            spill: vec![],
            stuck_timeout: None,
            span: Default::default(),
        }],
        incidents: vec![],
        objective: Objective::default(),
        defaults_used: vec![],
    };
    let running =
        live::start(&design, &live::Options { workers: Some(1), ..Default::default() }).unwrap();
    println!("{:?}", running.addresses());
    running.wait().unwrap();
}
