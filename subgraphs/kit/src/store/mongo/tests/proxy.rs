//! A line to the server that a test can cut: before a write is sent, after it was made, or altogether.

use std::{collections::VecDeque, net::Ipv4Addr, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Passes,
    /// All are cut, and new ones at once.
    Gone,
    /// They are taken, and nothing comes back.
    Silent,
    /// The server says that it is well, and answers nothing else.
    Deaf,
}

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The line is cut before the server has it.
    Before,
    /// The server makes it, and its answer is lost.
    After,
}

pub(super) struct Proxy {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    line: watch::Sender<Line>,
    cuts: Mutex<VecDeque<Cut>>,
}

impl Proxy {
    /// A line to the server at this address; where it names several, to the first.
    pub(super) async fn to(url: &str) -> Self {
        let server = hosts(url).split(',').next().unwrap().to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { server, line: watch::Sender::new(Line::Passes), cuts: Mutex::default() });
        let accepting = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = accepting.clone();
                tokio::spawn(async move { shared.serve(client).await });
            }
        });
        let url = url.replacen(hosts(url), &address.to_string(), 1);
        // The driver would else go on to the hosts that the server itself names.
        let options = if url.contains('?') {
            "&"
        } else if url[10..].contains('/') {
            "?"
        } else {
            "/?"
        };
        Self { url: format!("{url}{options}directConnection=true"), shared }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn set(&self, line: Line) {
        self.shared.line.send_replace(line);
    }

    /// What happens to the next writes, one after the other.
    pub(super) fn cut(&self, cuts: impl IntoIterator<Item = Cut>) {
        self.shared.cuts.lock().extend(cuts);
    }

    /// How many writes are still to be cut.
    pub(super) fn left(&self) -> usize {
        self.shared.cuts.lock().len()
    }
}

/// The hosts in an address.
pub(super) fn hosts(url: &str) -> &str {
    let authority = url.trim_start_matches("mongodb://").split(['/', '?']).next().unwrap();
    authority.rsplit('@').next().unwrap()
}

impl Shared {
    async fn serve(&self, client: TcpStream) {
        let mut line = self.line.subscribe();
        if *line.borrow_and_update() == Line::Gone {
            return;
        }
        let Ok(server) = TcpStream::connect(&self.server).await else { return };
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        // Whether the answer to what was sent last is to be lost.
        let losing = Mutex::new(false);
        tokio::select! {
            () = self.requests(from_client, to_server, &losing) => {}
            () = self.answers(from_server, to_client, &losing) => {}
            _ = line.wait_for(|line| *line == Line::Gone) => {}
        }
    }

    async fn requests(&self, mut client: OwnedReadHalf, mut server: OwnedWriteHalf, losing: &Mutex<bool>) {
        while let Some(message) = message(&mut client).await {
            let cut = if is_any(&message, &WRITES) { self.cuts.lock().pop_front() } else { None };
            *losing.lock() = cut == Some(Cut::After);
            let swallowed = match *self.line.borrow() {
                Line::Silent => true,
                Line::Deaf => is_any(&message, &WRITES) || is_any(&message, &OTHERS),
                Line::Passes | Line::Gone => false,
            };
            if cut == Some(Cut::Before) || (!swallowed && server.write_all(&message).await.is_err()) {
                return;
            }
        }
    }

    async fn answers(&self, mut server: OwnedReadHalf, mut client: OwnedWriteHalf, losing: &Mutex<bool>) {
        while let Some(message) = message(&mut server).await {
            let silent = *self.line.borrow() == Line::Silent;
            if *losing.lock() || (!silent && client.write_all(&message).await.is_err()) {
                return;
            }
        }
    }
}

/// The next message, which begins with its length; none at the end.
async fn message(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await.ok()?;
    let mut message = vec![0; u32::from_le_bytes(length) as usize];
    message[..4].copy_from_slice(&length);
    from.read_exact(&mut message[4..]).await.ok()?;
    Some(message)
}

const WRITES: [&str; 3] = ["insert", "update", "delete"];
const OTHERS: [&str; 3] = ["find", "aggregate", "ping"];

/// Whether it is one of these commands, which is the first name in its body.
fn is_any(message: &[u8], commands: &[&str]) -> bool {
    // Header, flags, kind of section, length of the body, type of its first field.
    const COMMAND: usize = 16 + 4 + 1 + 4 + 1;
    let name = message.get(COMMAND..).and_then(|rest| rest.split(|byte| *byte == 0).next());
    name.is_some_and(|name| commands.iter().any(|command| command.as_bytes() == name))
}
