//! The one promise that matters, under all orders of events that chance finds: no reader gets an answer computed before a
//! raise that was complete before the reader came.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use proptest::prelude::*;

use super::{memory::Timed, *};

type Entering<'a> = Pin<Box<dyn Future<Output = Entry> + Send + 'a>>;

/// As far as the caller gets at once.
fn step(call: &mut Entering<'_>) -> Option<Entry> {
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(entry) => Some(entry),
        Poll::Pending => None,
    }
}

const KEYS: [&str; 2] = ["list", "page"];
const ROWS: usize = 3;

/// What the rows are, and what they must at least be in an answer to somebody who comes now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Rows([u8; ROWS]);

impl Rows {
    fn bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }

    fn is_at_least(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(mine, theirs)| *mine >= theirs)
    }
}

fn row_tags() -> Vec<String> {
    (0..ROWS).map(|row| format!("row-{row}")).collect()
}

#[derive(Debug, Clone)]
enum Step {
    /// The row changes; the raise of its tag follows some time later.
    Write(usize),
    /// The oldest change whose tag was not raised: now.
    Raise,
    /// Somebody comes for the key.
    Come(usize),
    /// One of those who wait gets on as far as he can.
    Go(usize),
    /// One of those who have the task reads the rows.
    Read(usize),
    /// One of those who have read puts.
    Put(usize),
    /// One of those who have the task gives up.
    GiveUp(usize),
    /// Time passes (milliseconds).
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..ROWS).prop_map(Step::Write),
        3 => Just(Step::Raise),
        5 => (0..KEYS.len()).prop_map(Step::Come),
        5 => any::<usize>().prop_map(Step::Go),
        4 => any::<usize>().prop_map(Step::Read),
        4 => any::<usize>().prop_map(Step::Put),
        1 => any::<usize>().prop_map(Step::GiveUp),
        1 => (0_u64..7_000).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..120)
}

struct Waiting<'a> {
    call: Entering<'a>,
    due: Rows,
}

struct Making {
    fill: Fill,
    read: Option<Rows>,
}

/// The shop as it should be: rows, and those who come for them.
struct World<'a> {
    timed: &'a Timed,
    rows: Rows,
    raised: Rows,
    written: VecDeque<usize>,
    waiting: Vec<Waiting<'a>>,
    making: Vec<Making>,
}

impl<'a> World<'a> {
    fn arrived(&mut self, entry: Entry, due: Rows) -> Result<(), TestCaseError> {
        match entry {
            Entry::Hit(bytes) => {
                let got = Rows(bytes[..].try_into().unwrap());
                prop_assert!(got.is_at_least(&due), "{:?} is older than {:?}", got, due);
            }
            Entry::Fill(fill) => self.making.push(Making { fill, read: None }),
            Entry::Bypass => {}
        }
        Ok(())
    }

    fn go(&mut self, mut one: Waiting<'a>) -> Result<(), TestCaseError> {
        match step(&mut one.call) {
            Some(entry) => self.arrived(entry, one.due),
            None => {
                self.waiting.push(one);
                Ok(())
            }
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Write(row) => {
                self.rows.0[row] += 1;
                self.written.push_back(row);
            }
            Step::Raise => {
                if let Some(row) = self.written.pop_front() {
                    // What the writer had written when he raised.
                    let now = self.rows.0[row];
                    futures::executor::block_on(self.timed.cache.raise(&[format!("row-{row}")])).unwrap();
                    self.raised.0[row] = now;
                }
            }
            Step::Come(key) => {
                let call: Entering<'a> = Box::pin(self.timed.cache.enter(KEYS[key]));
                self.go(Waiting { call, due: self.raised })?;
            }
            Step::Go(n) if !self.waiting.is_empty() => {
                let one = self.waiting.swap_remove(n % self.waiting.len());
                self.go(one)?;
            }
            Step::Read(n) if !self.making.is_empty() => {
                let n = n % self.making.len();
                self.making[n].read = Some(self.rows);
            }
            Step::Put(n) if !self.making.is_empty() => {
                let n = n % self.making.len();
                if let Some(rows) = self.making[n].read {
                    let fill = self.making.swap_remove(n).fill;
                    futures::executor::block_on(fill.put(rows.bytes(), row_tags(), TTL));
                }
            }
            Step::GiveUp(n) if !self.making.is_empty() => {
                drop(self.making.swap_remove(n % self.making.len()));
            }
            Step::Pass(millis) => self.timed.pass(Duration::from_millis(millis)),
            _ => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_reader_gets_an_answer_from_before_a_raise_that_was_complete_when_he_came(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _inside = runtime.enter();
        let timed = Timed::new(1 << 20);
        let mut world = World {
            timed: &timed,
            rows: Rows::default(),
            raised: Rows::default(),
            written: VecDeque::new(),
            waiting: Vec::new(),
            making: Vec::new(),
        };
        for step in &steps {
            world.take(step)?;
        }
    }
}

/// The same with real threads, for the orders that only the machine finds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_readers_and_writers_see_nothing_old() {
    let cache = Cache::memory(1 << 20);
    race([cache.clone(), cache]).await;
    // So little room that floods of tags and evictions are part of the race.
    let cache = Cache::on(Memory::with(2_048, 64, Ticker::System(Instant::now())), MAX_WAIT);
    race([cache.clone(), cache]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_readers_and_writers_of_two_processes_see_nothing_old() {
    let options = server::options();
    race([server::open(&options).await, server::open(&options).await]).await;
    let options = redis::Options { max_epochs: 64, ..server::options() };
    race([server::open(&options).await, server::open(&options).await]).await;
}

/// Two handles on one cache: what is raised by one kills what the other has.
async fn race(caches: [Cache; 2]) {
    const CHANGES: u64 = 500;
    let row = Arc::new(AtomicU64::new(0));
    let raised = Arc::new(AtomicU64::new(0));
    let seen = Arc::new(AtomicU64::new(0));
    let writer = {
        let (cache, row, raised, seen) = (caches[0].clone(), row.clone(), raised.clone(), seen.clone());
        tokio::spawn(async move {
            for change in 1..=CHANGES {
                row.store(change, SeqCst);
                // Many at once, so that a reader may come in the middle.
                let mut names: Vec<_> = (0..200).map(|n| format!("noise-{n}")).collect();
                names.push("row".to_owned());
                cache.raise(&names).await.unwrap();
                raised.store(change, SeqCst);
                // An answer is in the cache again when the next change comes.
                while seen.load(SeqCst) < change {
                    tokio::task::yield_now().await;
                }
            }
        })
    };
    let readers: Vec<_> = (0..4)
        .map(|reader| {
            let cache = caches[usize::from(reader % 2 == 1)].clone();
            let (row, raised, seen) = (row.clone(), raised.clone(), seen.clone());
            tokio::spawn(async move {
                let mut key = reader;
                while seen.load(SeqCst) < CHANGES {
                    key = (key + 1) % 3;
                    let due = raised.load(SeqCst);
                    let got = cache
                        .get_or_fill(&format!("key-{key}"), TTL, || async {
                            let read = row.load(SeqCst);
                            tokio::task::yield_now().await;
                            Ok::<_, CacheError>((Bytes::copy_from_slice(&read.to_be_bytes()), tags(&["row"])))
                        })
                        .await
                        .unwrap();
                    let got = u64::from_be_bytes(got[..].try_into().unwrap());
                    assert!(got >= due, "{got} was read when {due} had been raised");
                    seen.fetch_max(got, SeqCst);
                    // A hit never waits; without this the readers would leave no thread to the writer.
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    // The readers first: where one finds something old, the writer may wait for ever.
    for reader in readers {
        reader.await.unwrap();
    }
    writer.await.unwrap();
    assert!(caches.iter().all(|cache| cache.stats().hits > 0));
}
