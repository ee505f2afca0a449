//! What is allocated for each segment: nothing.

use netsim::l3::{Loss, Params};
use netsim::l4::tcp::Profile;

use base::Share;

use crate::world::{CLIENT, SERVER, World, at, delay};

#[test]
fn a_transfer_that_is_under_way_allocates_nothing_even_when_it_loses_segments() {
    let link = Params { loss: Loss::Independent(Share::from_millionths(1_000)), ..delay(10) };
    let mut world = World::pair(1, Profile::linux(), link, delay(10));
    world.seen.keeps = false;
    world.ends[0].says = u64::MAX / 4;
    world.pump(0);
    world.run_until(at(60_000));

    let before = world.seen.sent;
    let allocated = allocation_counter::measure(|| world.run_until(at(70_000)));

    assert!(world.seen.sent - before > 10_000);
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn a_connection_that_rests_holds_nothing_besides_itself() {
    let mut world = World::pair(1, Profile::linux(), delay(10), delay(10));
    let allocated = allocation_counter::measure(|| {
        world.seen.keeps = false;
        world.exchange(100, 100_000);
        world.run_until(at(1_000));
        assert_eq!(world.ends[CLIENT].delivered, 100_000);
    });
    assert!(allocated.bytes_current > 0);

    let freed = allocation_counter::measure(|| {
        for end in [CLIENT, SERVER] {
            world.ends[end].tcp.as_mut().expect("it stands").rest();
        }
    });
    assert!(freed.bytes_current < 0, "both flights have given their room back");
    let again = allocation_counter::measure(|| {
        world.ends[CLIENT].tcp.as_mut().expect("it stands").rest();
    });
    assert_eq!(again.bytes_current, 0);
}
