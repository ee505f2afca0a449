//! The sessions that are open when a run begins.

use base::{Instant, Random};

use super::super::World;
use super::super::event::Event;
use super::super::slab::Handle;
use super::Session;
use crate::stats::mix;

impl World<'_> {
    /// The sessions that are open when the run begins, and the end of all when it ends.
    pub(in crate::world) fn start_sessions(&mut self) {
        let plan = self.plan;
        if plan.requests.kinds.iter().all(|kind| kind.holds.is_none()) {
            return;
        }
        self.push_own(Instant::ZERO, Event::StandSessions);
        self.push_own(plan.times.end, Event::CloseSessions);
    }

    /// One after the other, each on all its way: as many stand as fit. If all took their first hop
    /// before any took its second, there would be no room left for that.
    pub(in crate::world) fn on_stand_sessions(&mut self) {
        let plan = self.plan;
        for (client, asker) in (0_u16..).zip(&plan.requests.clients) {
            let node = plan.design.node(asker.node);
            for (kind, rate) in asker.rates(plan.design) {
                let name = format!("standing {}", plan.requests.name(asker, kind));
                let mut chance = Random::of(self.seed, &node.name, &name);
                self.stand_from_the_start(client, kind, rate, &mut chance);
            }
        }
    }

    fn stand_from_the_start(&mut self, client: u16, kind: u16, rate: f64, chance: &mut Random) {
        let plan = self.plan;
        let spec = &plan.requests.kinds[usize::from(kind)];
        let Some(holding) = spec.holds else { return };
        let node = plan.requests.clients[usize::from(client)].node;
        for number in 0..holding.draw_open(rate, chance) {
            let mut draws = chance.child(number);
            let id = mix(draws.bits());
            let holds = holding.remaining(&mut draws);
            let crowd = u64::from(plan.instance_count(node));
            let from = u32::try_from(draws.below(crowd)).unwrap_or(0);
            self.open_session(
                Instant::ZERO,
                Session {
                    id,
                    client,
                    from: plan.instance(node, from),
                    kind,
                    item: spec.item(&mut draws),
                    chance: draws.bits(),
                    holds,
                    ends: Instant::NEVER,
                    since: None,
                    flight: Handle::NOBODY,
                    reconnects: 0,
                    failures: 0,
                    is_asked: false,
                    next_beat: Instant::NEVER,
                },
            );
            self.play_out_the_start();
        }
    }

    /// All that happens at time zero because of what did.
    fn play_out_the_start(&mut self) {
        while self.queue.next_at() == Some(Instant::ZERO) {
            if let Some((now, &event)) = self.queue.pop() {
                self.events += 1;
                self.turn(now, event);
            }
        }
    }

    /// What is wanted of a kind as the run begins, by name.
    #[cfg(test)]
    pub(super) fn standing_of(&self, kind: u16) -> Vec<(u64, base::Duration)> {
        let of_kind = self.sessions.iter().filter(|(_, session)| session.kind == kind);
        let mut all: Vec<_> = of_kind.map(|(_, session)| (session.id, session.holds)).collect();
        all.sort_unstable();
        all
    }
}
