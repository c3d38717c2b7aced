//! A load of HTTP requests over kept connections, from this process, to loopback: bounded in count, every body looked at.
//!
//! The client is as thin as can be, since it shares two cores with what it measures: one request is one write of bytes made
//! beforehand, one answer is read up to its `content-length`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One run of a load.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// How long it took.
    pub(crate) took: Duration,
    /// How long each request took, sorted.
    pub(crate) latencies: Vec<Duration>,
}

impl Run {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// The time within which this share of the requests was answered.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(((last as f64) * share).round() as usize).copied().unwrap_or_default()
    }

    /// How many times as long as the middle one the slowest of a hundred requests took.
    pub(crate) fn tail(&self) -> f64 {
        self.percentile(0.99).as_secs_f64() / self.percentile(0.5).as_secs_f64()
    }
}

/// The bytes of a GraphQL POST.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    let mut text = format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    text.into_bytes()
}

/// A kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `127.0.0.1:port`.
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and gives the body of the answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed");
            }
            if let Some((start, length)) = head(&self.buffer)? {
                while self.buffer.len() < start + length {
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        bail!("the connection was closed within an answer");
                    }
                }
                return Ok(&self.buffer[start..start + length]);
            }
        }
    }
}

/// Where the body starts and how long it is, once the head is complete.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).context("the head of the answer")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.with_context(|| format!("no content-length in {head}"))?;
    Ok(Some((end + 4, length)))
}

/// What a client sends and what it makes of the answer.
pub(crate) trait Script: Send + Sync + 'static {
    /// The bytes of request `n`.
    fn request(&self, n: u64) -> std::borrow::Cow<'_, [u8]>;
    /// Whether the answer is right.
    ///
    /// # Errors
    /// When it is not.
    fn check(&self, n: u64, body: &[u8]) -> Result<()>;
}

/// The same request each time, and the same answer.
pub(crate) struct Same {
    /// The request.
    pub(crate) request: Vec<u8>,
    /// The body that every answer must have.
    pub(crate) body: Vec<u8>,
}

impl Script for Same {
    fn request(&self, _: u64) -> std::borrow::Cow<'_, [u8]> {
        (&self.request).into()
    }

    fn check(&self, _: u64, body: &[u8]) -> Result<()> {
        if body != self.body {
            bail!("another answer than expected: {}", String::from_utf8_lossy(body));
        }
        Ok(())
    }
}

/// Sends `requests` in all over `clients` connections.
pub(crate) async fn run(port: u16, clients: usize, requests: u64, script: Arc<dyn Script>) -> Result<Run> {
    let next = Arc::new(AtomicU64::new(0));
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(Connection::open(port).await?);
    }
    let started = Instant::now();
    let mut tasks = Vec::new();
    for mut connection in connections {
        let (next, script) = (next.clone(), script.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= requests {
                    return Ok::<_, anyhow::Error>(latencies);
                }
                let request = script.request(n);
                let sent = Instant::now();
                let body = connection.send(&request).await?;
                latencies.push(sent.elapsed());
                script.check(n, body)?;
            }
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let took = started.elapsed();
    latencies.sort_unstable();
    Ok(Run { took, latencies })
}
