//! Any history of publishing, taking, acknowledging, failing and crashing: every event is handled at least once or is a dead
//! letter, and no event is given out while an earlier one of its key is still to be handled.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Events of these keys.
    Publish(Vec<u8>),
    /// One that was published before.
    Repeat(usize),
    Take(usize),
    Ack(usize),
    Retry(usize),
    GiveUp(usize),
    Replay(usize),
    Restart,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => proptest::collection::vec(0_u8..4, 1..5).prop_map(Step::Publish),
        1 => any::<usize>().prop_map(Step::Repeat),
        6 => (1_usize..5).prop_map(Step::Take),
        6 => any::<usize>().prop_map(Step::Ack),
        2 => any::<usize>().prop_map(Step::Retry),
        1 => any::<usize>().prop_map(Step::GiveUp),
        1 => any::<usize>().prop_map(Step::Replay),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What must be true of the bus, kept beside it.
struct Model {
    site: Box<dyn Site>,
    bus: Bus,
    published: Vec<Event>,
    handled: BTreeSet<EventId>,
    dead: BTreeSet<EventId>,
    held: Vec<EventId>,
    failures: BTreeMap<EventId, u32>,
    crashed: bool,
}

impl Model {
    async fn new(site: Box<dyn Site>) -> Self {
        let bus = site.open().await;
        bus.engine.join("group", TOPICS).await.unwrap();
        Self {
            site,
            bus,
            published: Vec::new(),
            handled: BTreeSet::new(),
            dead: BTreeSet::new(),
            held: Vec::new(),
            failures: BTreeMap::new(),
            crashed: false,
        }
    }

    async fn take(&mut self, limit: usize) -> Result<(), TestCaseError> {
        for (event, attempts) in self.bus.engine.take("group", limit, LEASE).await.unwrap() {
            let place = self.published.iter().position(|known| known.id == event.id).unwrap();
            prop_assert_eq!(&self.published[place], &*event);
            prop_assert!(!self.held.contains(&event.id), "given out twice");
            for earlier in self.published[..place].iter().filter(|earlier| earlier.key == event.key) {
                let done = self.handled.contains(&earlier.id) || self.dead.contains(&earlier.id);
                prop_assert!(done && !self.held.contains(&earlier.id), "out of order");
            }
            if !self.crashed {
                prop_assert!(!self.handled.contains(&event.id), "handled before");
                prop_assert_eq!(attempts, self.failures.get(&event.id).copied().unwrap_or(0));
            }
            self.held.push(event.id);
        }
        Ok(())
    }

    fn let_go(&mut self, n: usize) -> Option<EventId> {
        (!self.held.is_empty()).then(|| self.held.swap_remove(n % self.held.len()))
    }

    async fn reopen(&mut self) {
        self.bus = self.site.open().await;
        self.bus.engine.join("group", TOPICS).await.unwrap();
        self.held.clear();
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Publish(keys) => {
                let events: Vec<_> = keys.iter().map(|key| event(&key.to_string(), 0)).collect();
                self.bus.publish(&events).await.unwrap();
                self.published.extend(events);
            }
            Step::Repeat(n) if !self.published.is_empty() => {
                let repeated = self.published[n % self.published.len()].clone();
                self.bus.publish(&[repeated]).await.unwrap();
            }
            Step::Take(limit) => self.take(limit).await?,
            Step::Ack(n) => {
                if let Some(id) = self.let_go(n) {
                    self.bus.engine.ack("group", &[id]).await.unwrap();
                    self.handled.insert(id);
                }
            }
            Step::Retry(n) => {
                if let Some(id) = self.let_go(n) {
                    let wait = Duration::from_micros(n as u64 % 2_000);
                    self.bus.engine.fail("group", id, "again", Some(wait)).await.unwrap();
                    *self.failures.entry(id).or_default() += 1;
                }
            }
            Step::GiveUp(n) => {
                if let Some(id) = self.let_go(n) {
                    self.bus.engine.fail("group", id, "enough", None).await.unwrap();
                    self.dead.insert(id);
                }
            }
            Step::Replay(n) => {
                let letters = self.bus.dead_letters("group", 100).await.unwrap();
                if !letters.is_empty() {
                    let id = letters[n % letters.len()].event.id;
                    // One that is replayed may overtake what was behind it, so that it stays among the dead here.
                    prop_assert!(self.dead.contains(&id));
                    prop_assert!(self.bus.replay("group", id).await.unwrap());
                    self.failures.remove(&id);
                }
            }
            Step::Restart => {
                self.bus.close().await;
                self.reopen().await;
            }
            Step::Crash => {
                let bus = self.bus.clone();
                self.site.crash(bus).await;
                self.crashed = true;
                self.reopen().await;
            }
            Step::Repeat(_) => {}
        }
        Ok(())
    }

    async fn end(mut self) -> Result<(), TestCaseError> {
        while let Some(id) = self.let_go(0) {
            self.bus.engine.ack("group", &[id]).await.unwrap();
            self.handled.insert(id);
        }
        soon(async {
            while self.bus.lag("group").await.unwrap() > 0 {
                self.take(3).await?;
                while let Some(id) = self.let_go(0) {
                    self.bus.engine.ack("group", &[id]).await.unwrap();
                    self.handled.insert(id);
                }
                self.bus.engine.wait("group", Duration::from_millis(1)).await;
            }
            Ok::<_, TestCaseError>(())
        })
        .await?;
        let letters: BTreeSet<_> = self
            .bus
            .dead_letters("group", 1_000)
            .await
            .unwrap()
            .into_iter()
            .map(|letter| letter.event.id)
            .collect();
        for event in &self.published {
            prop_assert!(
                self.handled.contains(&event.id) || letters.contains(&event.id),
                "{} is lost",
                event.id
            );
        }
        prop_assert!(letters.is_subset(&self.dead));
        Ok(())
    }
}

fn live(site: Box<dyn Site>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut model = Model::new(site).await;
        for step in steps {
            model.step(step).await?;
        }
        model.end().await
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_event_is_handled_or_a_dead_letter_and_keys_keep_their_order(steps in steps()) {
        live(Box::new(SqliteSite::new()), steps)?;
    }

    #[test]
    fn every_event_is_handled_or_a_dead_letter_and_keys_keep_their_order_on_redis(steps in steps()) {
        live(Box::new(RedisSite::new()), steps)?;
    }
}
