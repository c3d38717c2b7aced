//! kill -9: what was answered is there, whole, and its events are delivered.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use async_trait::async_trait;
use rand::RngExt as _;

use super::{
    super::{
        Collection, Document as _, Find, Index, Outbox, Store, codec,
        engine::{CollectionSpec, REMEMBERED_WRITES},
    },
    lab::{self, Book, BookId, Database, Recorder, Refused, event},
};
use crate::bus::{Event, Sink};

/// Tells the child its database and its ledger.
const ADDRESS: &str = "LARDER_TEST_CRASH_ADDRESS";
const LEDGER: &str = "LARDER_TEST_CRASH_LEDGER";

/// Appends what it is given to a file, which outlives the process.
struct Ledger(PathBuf);

impl Ledger {
    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        // The last line may be torn; only what ends with a line break was taken.
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }
}

#[async_trait]
impl Sink for Ledger {
    async fn deliver(&self, events: &[Event]) -> crate::Result<()> {
        let text: String = events.iter().map(|event| format!("{} {}\n", event.key, event.topic)).collect();
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
        file.write_all(text.as_bytes()).map_err(crate::Error::internal)
    }
}

fn lend(book: &mut Book, outbox: &mut Outbox<'_>) -> Result<i64, Refused> {
    book.lent += 1;
    outbox.push(event(&format!("lent-{}", book.lent), book.id));
    Ok(book.lent)
}

/// Writes until it is killed, and tells what was answered, one line each.
async fn write_for_ever(books: Collection<Book>) {
    fn tell(id: BookId, lent: i64) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "answered {id} {lent}").and_then(|()| out.flush()).unwrap();
    }
    let hot = Book::new("hot", "s", 1);
    books.insert(&hot, vec![event("lent-0", hot.id)]).await.unwrap();
    tell(hot.id, 0);
    let writers = (0..6).map(|_| {
        let (books, hot) = (books.clone(), hot.id);
        async move {
            for n in 0.. {
                let book = Book::new("own", "s", n);
                let own = book.id.to_string();
                let book = Book { shelf: own.clone(), ..book.with_isbn(&own) };
                books.insert(&book, vec![event("lent-0", book.id)]).await.unwrap();
                tell(book.id, 0);
                for id in [book.id, hot, book.id] {
                    tell(id, books.update(&id, lend).await.unwrap());
                }
            }
        }
    });
    futures::future::join_all(writers).await;
}

/// The child process of the test below; by itself it has nothing to do.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let ledger = Ledger(std::env::var_os(LEDGER).unwrap().into());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::on(lab::open(&address).await, vec![Arc::new(ledger)]);
        write_for_ever(store.collection().await.unwrap()).await;
    });
}

/// Starts the child, lets it answer that many writes, kills it, and gives the last answer for each document.
fn answered_before_death(address: &str, ledger: &Path, answers: usize) -> HashMap<String, i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            concat!(module_path!(), "::child_that_writes_until_it_is_killed").split_once("::").unwrap().1,
        ])
        .arg("--nocapture")
        .env(ADDRESS, address)
        .env(LEDGER, ledger)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answered = HashMap::new();
    let mut note = |line: &str| {
        let Some(rest) = line.split_once("answered ").map(|(_, rest)| rest) else { return false };
        let (id, lent) = rest.split_once(' ').unwrap();
        let last = answered.entry(id.to_owned()).or_insert(0);
        *last = lent.parse::<i64>().unwrap().max(*last);
        true
    };
    let mut seen = 0;
    while seen < answers {
        let line = lines.next().expect("the child ended by itself").unwrap();
        seen += usize::from(note(&line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had told before it died, and we had not read.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    for line in rest.iter().filter(|line| line.ends_with(|last: char| last.is_ascii_digit())) {
        note(line);
    }
    answered
}

pub(super) async fn no_answered_write_is_lost_when_the_process_is_killed(
    database: impl Fn() -> Box<dyn Database>,
) {
    let database = database();
    let address = database.address().await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    let mut answered: HashMap<String, i64> = HashMap::new();
    // Again and again on the same database, so that recovery is killed as well.
    for _ in 0..4 {
        let answers = rand::rng().random_range(1..400);
        let (address, ledger) = (address.clone(), ledger.clone());
        let killed = tokio::task::spawn_blocking(move || answered_before_death(&address, &ledger, answers));
        let new = killed.await.unwrap();
        answered.extend(new);
    }
    let sink = Recorder::new();
    let store = database.store(vec![sink.clone()]).await;
    let books = store.collection::<Book>().await.unwrap();
    for (id, lent) in &answered {
        let book = books.get(&id.parse().unwrap()).await.unwrap().expect("an answered insert is there");
        assert!(book.lent >= *lent, "{id}: {} after {lent} was answered", book.lent);
    }
    store.settled().await;
    let mut delivered: HashMap<String, Vec<String>> = sink.by_key();
    for line in Ledger(ledger).lines() {
        let (key, topic) = line.split_once(' ').unwrap();
        delivered.entry(key.to_owned()).or_default().push(topic.to_owned());
    }
    let all = books.find(Find::by(&Index::ID).limit(100_000)).await.unwrap().into_documents();
    assert!(all.len() >= answered.len());
    for book in &all {
        let topics = &delivered[&book.id.to_string()];
        for n in 0..=book.lent {
            assert!(topics.contains(&format!("lent-{n}")), "an event of {} is missing", book.id);
        }
    }
    drop((store, books));
    check_versions(&*database, &all).await;
}

/// Every write since the first is counted in the version, and the latest are remembered.
async fn check_versions(database: &dyn Database, all: &[Book]) {
    let spec = CollectionSpec {
        name: Book::COLLECTION,
        schema: Book::SCHEMA,
        indexes: Book::INDEXES,
        keys: codec::keys_of::<Book>,
    };
    let engine = database.engine().await;
    for book in all {
        let envelope = engine.get(spec, vec![book.id.to_string()]).await.unwrap().remove(0);
        let writes = usize::try_from(envelope.version).unwrap().min(REMEMBERED_WRITES);
        assert_eq!(envelope.writes.len(), writes);
        assert!(envelope.outbox.is_empty());
    }
}
