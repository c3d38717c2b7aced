//! The front of the router: what happens to a request before Hive's pipeline sees it. It finds out where the request
//! comes from and who sent it, takes out the headers that a client may not set, and answers a warm hit of the list cache
//! from the request's own bytes. Everything else goes on to the pipeline as it came.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use kit::identity::Caller;
use ntex::{
    Middleware, SharedCfg,
    http::{
        Method, Payload,
        error::PayloadError,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    service::{Service, ServiceCtx},
    time::timeout,
    util::{Bytes, BytesMut},
    web::{self, DefaultError, HttpResponse},
};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::plugins::{
    Facts, Progress, State, errors,
    list_cache::{self, Found, KNOWN_BODY, ListCache},
};

/// Where the router tells the subgraphs the client's address. A client's own value is thrown away.
pub(crate) const CLIENT_ADDRESS: &str = kit::subgraph::CLIENT_IP;
/// What joins a request's log lines. A client's own value is taken if it is short and plain.
pub(crate) const REQUEST_ID: &str = kit::subgraph::REQUEST_ID;

/// How long a small body may take to arrive before the pipeline, with its own time limit, takes over.
const BODY_PATIENCE: Duration = Duration::from_secs(5);

/// What the front needs to know.
pub(crate) struct FrontConfig {
    pub(crate) state: Arc<State>,
    pub(crate) graphql_path: String,
    pub(crate) trusted_proxies: usize,
    pub(crate) header_bytes: usize,
    /// Whether answers get CORS headers, which depend on the origin.
    pub(crate) cors: bool,
    /// Where a person is sent who opens the endpoint in a browser.
    pub(crate) explorer: Option<String>,
}

/// The middleware.
#[derive(Clone)]
pub(crate) struct Front(pub(crate) Arc<FrontConfig>);

impl<S> Middleware<S, SharedCfg> for Front {
    type Service = FrontService<S>;

    fn create(&self, service: S, _: SharedCfg) -> Self::Service {
        FrontService { service, config: self.0.clone() }
    }
}

pub(crate) struct FrontService<S> {
    service: S,
    config: Arc<FrontConfig>,
}

type WebRequest = web::WebRequest<DefaultError>;

impl<S> Service<WebRequest> for FrontService<S>
where
    S: Service<WebRequest, Response = web::WebResponse, Error = web::Error>,
{
    type Response = web::WebResponse;
    type Error = S::Error;

    ntex::forward_ready!(service);

    async fn call(
        &self,
        mut request: WebRequest,
        ctx: ServiceCtx<'_, Self>,
    ) -> Result<Self::Response, Self::Error> {
        let config = &self.config;
        let is_graphql = request.path() == config.graphql_path;
        if let Some(explorer) = config.explorer.as_deref().filter(|_| is_graphql && is_a_visit(&request)) {
            let see = HttpResponse::SeeOther().header(header::LOCATION, explorer).finish();
            return Ok(request.into_response(see));
        }

        // Done for every path: what the pipeline takes for its own is decided by its routes, not here.
        let client = client_address(&request, config.trusted_proxies);
        let (caller, refusal) = match config.state.door.caller(request.headers()).await {
            Ok(caller) => (caller, None),
            Err(refusal) => {
                if let Some(cause) = refusal.cause_chain() {
                    tracing::error!(cause, "a caller could not be verified");
                }
                (Caller::Nobody, Some(refusal))
            }
        };
        let mut progress = Progress::default();
        if let Some(list_cache) = &config.state.list_cache
            && is_graphql
            && refusal.is_none()
            && self.may_be_known(request.headers(), request.method())
        {
            match self.look_up(list_cache, &mut request, client, &mut progress).await {
                Ok(Some(hit)) => return Ok(request.into_response(hit)),
                Ok(None) => {}
                Err(error) => return Ok(request.into_response(errors::response(&error))),
            }
        }

        let request_id = request_id(request.headers());
        let headers = request.headers_mut();
        set(headers, CLIENT_ADDRESS, &client.to_string());
        set(headers, REQUEST_ID, &request_id);
        let facts = Facts { client, caller, request_id, refusal, progress: Mutex::new(progress) };
        let facts = Arc::new(facts);
        request.extensions_mut().insert(facts.clone());
        let mut response = ctx.call(&self.service, request).await?;
        set(response.headers_mut(), REQUEST_ID, &facts.request_id);
        Ok(response)
    }
}

impl<S> FrontService<S> {
    /// Whether a request is of the plain kind whose answer depends on nothing but its body and `Accept`, and that the
    /// pipeline would let through to the cache: everything that it checks before is checked here too.
    fn may_be_known(&self, headers: &HeaderMap, method: &Method) -> bool {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
        *method == Method::POST
            && length.is_some_and(|length| (1..=KNOWN_BODY).contains(&length))
            && text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"))
            && !headers.contains_key(header::CONTENT_ENCODING)
            && !(self.config.cors && headers.contains_key(header::ORIGIN))
            && headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
                <= self.config.header_bytes
    }

    /// Answers from the cache, if the request is known. The body is read, and put back if the pipeline is to have it.
    async fn look_up(
        &self,
        list_cache: &ListCache,
        request: &mut WebRequest,
        client: IpAddr,
        progress: &mut Progress,
    ) -> kit::Result<Option<HttpResponse>> {
        let body = match read(request.take_payload()).await {
            Ok(body) => body,
            Err(rest) => {
                request.set_payload(rest);
                return Ok(None);
            }
        };
        let accept = request.headers().get(header::ACCEPT).map_or(&b""[..], HeaderValue::as_bytes);
        let bytes = list_cache::request_bytes(&body, accept);
        if let Some(known) = list_cache.known(&bytes) {
            self.config.state.limiter.admit_read(client).await?;
            progress.counted = true;
            match list_cache.find(&known.key).await {
                Found::Answer(answer) => {
                    return Ok(Some(
                        HttpResponse::Ok()
                            .content_type(&*known.content_type)
                            .body(Bytes::copy_from_slice(&answer)),
                    ));
                }
                Found::Fetch(held) => progress.held = Some(held),
                Found::Nothing => {}
            }
        }
        progress.request = Some(bytes);
        request.set_payload(whole(body));
        Ok(None)
    }
}

/// Reads a small body. When it does not arrive, what came of it is given back with the rest still to come.
async fn read(mut payload: Payload) -> Result<Bytes, Payload> {
    let mut body = BytesMut::new();
    loop {
        match timeout(BODY_PATIENCE, payload.recv()).await {
            Ok(Some(Ok(chunk))) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Ok(Some(Err(error))) => return Err(broken(body.freeze(), error)),
            Err(()) => {
                let begun = futures::stream::once(std::future::ready(Ok(body.freeze())));
                return Err(Payload::from_stream(futures::StreamExt::chain(begun, payload)));
            }
        }
    }
}

fn whole(body: Bytes) -> Payload {
    Payload::from_stream(futures::stream::once(std::future::ready(Ok(body))))
}

fn broken(body: Bytes, error: PayloadError) -> Payload {
    Payload::from_stream(futures::stream::iter([Ok(body), Err(error)]))
}

/// A person with a browser, rather than a client with a query.
fn is_a_visit(request: &WebRequest) -> bool {
    let accepts = |kind: &str| {
        request
            .headers()
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains(kind))
    };
    *request.method() == Method::GET
        && request.query_string().is_empty()
        && accepts("text/html")
        && !request.headers().contains_key(header::UPGRADE)
}

/// The address that the outermost trusted proxy saw, or the peer's.
fn client_address(request: &WebRequest, trusted_proxies: usize) -> IpAddr {
    let peer =
        request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical());
    if trusted_proxies == 0 {
        return peer;
    }
    let lines = request.headers().get_all("x-forwarded-for").filter_map(|line| line.to_str().ok());
    let chain: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    forwarded(&chain, trusted_proxies).unwrap_or(peer)
}

/// The client in a chain of addresses to which each trusted proxy has appended one. A shorter chain did not come through
/// all of them, so none of it is believed.
fn forwarded(chain: &[&str], trusted_proxies: usize) -> Option<IpAddr> {
    let entry = chain.len().checked_sub(trusted_proxies).and_then(|at| chain.get(at))?;
    let bare = entry.trim_start_matches('[').split(']').next()?;
    entry
        .parse::<IpAddr>()
        .or_else(|_| bare.parse())
        .or_else(|_| entry.parse::<std::net::SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

fn request_id(headers: &HeaderMap) -> String {
    let plain = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(plain);
    given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(forwarded(&["192.0.2.9"], 1), address("192.0.2.9"));
        assert_eq!(forwarded(&["forged", "192.0.2.9"], 1), address("192.0.2.9"));
        assert_eq!(forwarded(&["192.0.2.9", "10.0.0.1"], 2), address("192.0.2.9"));
        assert_eq!(forwarded(&["192.0.2.9"], 2), None, "it did not come through both");
        assert_eq!(forwarded(&["unknown"], 1), None);
        assert_eq!(forwarded(&["[2001:db8::1]:443"], 1), address("2001:db8::1"));
        assert_eq!(forwarded(&["192.0.2.9:1234"], 1), address("192.0.2.9"));
    }

    #[test]
    fn a_request_id_is_taken_if_it_is_plain() {
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            set(&mut headers, REQUEST_ID, id);
            request_id(&headers)
        };
        assert_eq!(with("abc-123_Z"), "abc-123_Z");
        assert_ne!(with("a b"), "a b");
        assert_ne!(with(&"a".repeat(65)), "a".repeat(65));
    }
}
