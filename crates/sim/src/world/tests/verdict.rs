//! Runs of which only the verdict is wanted say what whole runs say.

use base::Duration;

use super::options;
use crate::examples::variant;
use crate::plan::Plan;
use crate::world::{Run, World};
use crate::{Fidelity, Options};

#[test]
fn a_run_that_ends_early_says_what_the_whole_run_says() {
    let factors = ["300/s", "500/s", "650/s", "800/s", "1100/s"];
    for (traffic, seed) in factors.into_iter().zip(1..) {
        let design =
            variant("incident", &[("traffic = \"800/s\"", &format!("traffic = \"{traffic}\""))]);
        let plan = Plan::new(&design, &options("drift")).unwrap();
        let whole = World::new(&plan, seed).run();
        let mut world = World::new(&plan, seed);
        world.end_early();
        let short = world.run();

        let objective = design.objective.goodput;
        let verdict = |run: &Run| crate::judge::is_answered_well(run, objective);
        assert_eq!(verdict(&short), verdict(&whole), "{traffic}");
        assert!(short.events < whole.events, "{traffic}");
    }
}

/// So it is close to the line of other designs, where what is under way varies most.
#[test]
fn close_to_a_line_a_run_that_ends_early_says_what_the_whole_run_says() {
    let cases =
        [("balancer", "one-dies", "300/s", "3900/s"), ("demo", "slow-shop", "300/s", "390/s")];
    for (file, incident, today, traffic) in cases {
        let [today, traffic] = [today, traffic].map(|rate| format!("traffic = \"{rate}\""));
        let design = variant(file, &[(&today, &traffic)]);
        let plan = Plan::new(&design, &options(incident)).unwrap();
        let mut short = World::new(&plan, 1);
        short.end_early();
        let (short, whole) = (short.run(), World::new(&plan, 1).run());

        let verdict = |run: &Run| crate::judge::is_answered_well(run, design.objective.goodput);
        assert_eq!(verdict(&short), verdict(&whole), "{file}");
        assert!(short.events < whole.events * 2 / 3, "{file}: {} {}", short.events, whole.events);
    }
}

/// A balancer that comes back after five seconds finds the sessions that it had at the other one,
/// which then refuses some of those that come next.
#[test]
fn where_sessions_are_held_no_run_ends_early_as_recovered() {
    let traffic = ("traffic = \"200/s\"", "traffic = \"580/s\"");
    let design = variant("grpc", &[traffic]);
    let options = Options { fidelity: Fidelity::Message, ..options("restart") };
    let plan = Plan::new(&design, &options).unwrap();
    let mut world = World::new(&plan, 1);
    world.end_early();

    assert_eq!(world.run().decided, None);
}

/// On an ordinary day, and whatever happens to those who hold sessions: whether they reset what they
/// had, say goodbye, or keep it and answer nobody.
#[test]
fn what_sessions_say_changes_nothing_but_the_number_of_events() {
    let usual = "on = \"edge\"\nshare = \"1 of 2\"\nkind = \"restart\"";
    let faults = [
        (usual, true),
        ("on = \"chat\"\nshare = \"1 of 2\"\nkind = \"restart\"", true),
        ("on = \"edge\"\nkind = \"crash\"\nlasts = \"20s\"", true),
        ("on = \"edge\"\nshare = \"1 of 2\"\nkind = \"drain\"\nlasts = \"40s\"", true),
        ("on = \"chat\"\nshare = \"1 of 2\"\nkind = \"hang\"\nlasts = \"20s\"", false),
        ("on = \"edge\"\nkind = \"descriptors\"\nleft = 50\nlasts = \"20s\"", false),
        ("on = \"phones\"\nkind = \"spike\"\ntimes = 3.0\nlasts = \"20s\"", false),
    ];
    let day = ("none", usual, false);
    for (incident, fault, loses) in
        faults.map(|(fault, loses)| ("restart", fault, loses)).into_iter().chain([day])
    {
        let [terse, whole] = terse_and_whole(incident, Some((usual, fault)));

        assert!(terse.events * 2 < whole.events, "{} {}", terse.events, whole.events);
        assert_eq!(told_of_sessions(&terse), told_of_sessions(&whole), "{incident} {fault}");
        assert_eq!(terse.stats.sessions.lost > 0, loses, "{incident} {fault}");
        let [few, all] =
            [&terse, &whole].map(|run| (run.stats.edge.answers, run.stats.edge.failed));
        assert_eq!(few, all, "{incident} {fault}");
    }
}

/// A balancer that goes resets thousands of connections in one moment, more than its card's queue
/// holds. Who does not get his reset asks for the session anew when he has something to say.
#[test]
fn whose_reset_is_lost_learns_of_it_when_he_says_something() {
    let design = variant(
        "grpc",
        &[
            ("traffic = \"200/s\"", "traffic = \"625/s\""),
            ("messages = \"0.5/s\"", "messages = \"0.1/s\""),
            ("at = \"60s\"", "at = \"5s\""),
        ],
    );
    let fidelity = Fidelity::Packet;
    let options = Options { fidelity, lasts: Some(Duration::from_secs(25)), ..options("restart") };
    let plan = Plan::new(&design, &options).unwrap();
    let mut terse = World::new(&plan, 1);
    terse.be_terse();

    let [terse, whole] = [terse.run(), World::new(&plan, 1).run()];

    assert!(terse.stats.sessions.lost > 6_000, "{:?}", terse.stats.sessions);
    assert_eq!(terse.stats.sessions.lost, whole.stats.sessions.lost);
}

/// When a region is gone without a word, only who talks to it finds out, and who has talked before
/// knows how long to wait for an answer.
#[test]
fn where_a_region_is_lost_all_that_sessions_say_is_played() {
    let lost = (
        "on = \"edge\"\nshare = \"1 of 2\"\nkind = \"restart\"",
        "on = \"eu\"\nkind = \"region-loss\"\nlasts = \"50s\"",
    );
    let [terse, whole] = terse_and_whole("restart", Some(lost));

    assert!(whole.stats.sessions.lost > 0);
    assert_eq!(told_of_sessions(&terse), told_of_sessions(&whole));
    assert_eq!(terse.events, whole.events);
}

/// The same run without what sessions say where it would arrive, and with it.
fn terse_and_whole(incident: &str, change: Option<(&str, &str)>) -> [Run; 2] {
    let traffic = ("traffic = \"200/s\"", "traffic = \"40/s\"");
    let changes: Vec<_> = [traffic].into_iter().chain(change).collect();
    let design = variant("grpc", &changes);
    let options = Options { fidelity: Fidelity::Packet, ..options(incident) };
    let plan = Plan::new(&design, &options).unwrap();
    let mut terse = World::new(&plan, 1);
    terse.be_terse();
    [terse.run(), World::new(&plan, 1).run()]
}

fn told_of_sessions(run: &Run) -> [u64; 4] {
    let sessions = run.stats.sessions;
    [sessions.at_start, sessions.lost, sessions.refused, sessions.at_end]
}
