//! The end of a router's life: what is in flight is answered, its clients are told to go elsewhere, and idle connections are
//! closed at once.
//!
//! The server's own graceful stop alone does not do: whether it waits depends on which connections were closed before, and
//! it takes in new ones meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use ntex::{
    Middleware, SharedCfg,
    http::ConnectionType,
    server::Server,
    service::{Service, ServiceCtx},
    web::{self, DefaultError},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long requests are still taken from connections that are open: one may be on its way when the end begins.
const LINGER: Duration = Duration::from_millis(250);

/// What the parts of a router share about its end.
#[derive(Clone, Default)]
pub(crate) struct Drain(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Somebody asked for the end.
    asked: CancellationToken,
    /// It is over.
    ended: CancellationToken,
    stopping: AtomicBool,
    in_flight: AtomicUsize,
    answered: Notify,
}

impl Drain {
    /// Asks for the end and waits for it.
    pub(crate) async fn stop(&self) {
        self.0.asked.cancel();
        self.0.ended.cancelled().await;
    }

    /// Whether the router takes no more work.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.load(SeqCst)
    }

    /// Ends this server when it is asked to or, where `signals` says so, on SIGTERM and SIGINT.
    pub(crate) async fn run(self, server: Server, signals: bool, patience: Duration) {
        tokio::select! {
            () = self.0.asked.cancelled() => {}
            () = kit::server::stop_asked(), if signals => {}
        }
        self.0.stopping.store(true, SeqCst);
        server.pause().await;
        tokio::time::sleep(LINGER).await;
        if tokio::time::timeout(patience, self.empty()).await.is_err() {
            let left = self.0.in_flight.load(SeqCst);
            tracing::warn!(left, "requests were cut off: they took longer than a stop may take");
        }
        server.stop(true).await;
    }

    /// Tells those who wait that it is over.
    pub(crate) fn ended(&self) {
        self.0.ended.cancel();
    }

    async fn empty(&self) {
        loop {
            let answered = self.0.answered.notified();
            if self.0.in_flight.load(SeqCst) == 0 {
                return;
            }
            answered.await;
        }
    }

    fn enter(&self) -> InFlight {
        self.0.in_flight.fetch_add(1, SeqCst);
        InFlight(self.0.clone())
    }
}

/// A request that is being answered.
struct InFlight(Arc<Inner>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
        // There is one who waits; a permit that nobody takes is harmless, as the count is read again.
        self.0.answered.notify_one();
    }
}

impl<S> Middleware<S, SharedCfg> for Drain {
    type Service = Counted<S>;

    fn create(&self, service: S, _: SharedCfg) -> Self::Service {
        Counted { service, drain: self.clone() }
    }
}

pub(crate) struct Counted<S> {
    service: S,
    drain: Drain,
}

impl<S> Service<web::WebRequest<DefaultError>> for Counted<S>
where
    S: Service<web::WebRequest<DefaultError>, Response = web::WebResponse, Error = web::Error>,
{
    type Response = web::WebResponse;
    type Error = S::Error;

    ntex::forward_ready!(service);

    async fn call(
        &self,
        request: web::WebRequest<DefaultError>,
        ctx: ServiceCtx<'_, Self>,
    ) -> Result<Self::Response, Self::Error> {
        let _in_flight = self.drain.enter();
        let mut response = ctx.call(&self.service, request).await?;
        if self.drain.is_stopping() {
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        Ok(response)
    }
}
