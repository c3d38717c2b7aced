//! Static pages: from the binary or a folder, with validators, caching by name, Brotli where it was made at build time, a
//! Content-Security-Policy, and no way out of the folder. What the pages are is their own business.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use ntex::{
    http::{Method, ResponseBuilder, StatusCode, header},
    util::Bytes,
    web::{HttpRequest, HttpResponse},
};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Pages of a shop's own front end: everything from here, nothing inline.
pub const STRICT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// GraphiQL's editor writes its colours into style elements and runs its language services as workers.
const GRAPHIQL: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where an application says which paths are its pages: one to a line, a segment that begins with `:` stands for any one.
const ROUTES: &str = "routes.txt";

/// Finds a file that is in the binary, by its path below the mount.
type Lookup = fn(&str) -> Option<EmbeddedFile>;

/// Where a mount's files are.
#[derive(Debug, Clone)]
enum Files {
    Embedded(Lookup),
    Folder(PathBuf),
}

/// Files under a path.
#[derive(Debug, Clone)]
pub struct Mount {
    prefix: String,
    files: Files,
    csp: &'static str,
    application: bool,
}

impl Mount {
    /// Files that were put into the binary when it was built. `prefix` is `/` or `/name`.
    #[must_use]
    pub fn embedded<E: RustEmbed>(prefix: &str) -> Self {
        Self::new(prefix, Files::Embedded(E::get))
    }

    /// The files of a folder.
    #[must_use]
    pub fn folder(prefix: &str, folder: impl Into<PathBuf>) -> Self {
        Self::new(prefix, Files::Folder(folder.into()))
    }

    fn new(prefix: &str, files: Files) -> Self {
        let prefix = prefix.trim_end_matches('/').to_owned();
        Self { prefix, files, csp: STRICT, application: false }
    }

    /// With another Content-Security-Policy than [`STRICT`].
    #[must_use]
    pub const fn with_csp(mut self, csp: &'static str) -> Self {
        self.csp = csp;
        self
    }

    /// As an application that has its routes itself: a path without an extension gives its `index.html`. Where the files have a
    /// `routes.txt`, a path that is none of those gives it too, and is a 404.
    #[must_use]
    pub const fn application(mut self) -> Self {
        self.application = true;
        self
    }

    /// Whether the mount is the one under that prefix.
    #[must_use]
    pub fn serves(&self, prefix: &str) -> bool {
        self.prefix == prefix
    }
}

/// The pages that the router has itself: the storefront at `/` and GraphiQL at `/graphiql`.
#[must_use]
pub fn builtin() -> Vec<Mount> {
    let graphiql = match Graphiql::get("index.html") {
        Some(_) => Mount::embedded::<Graphiql>("/graphiql"),
        None => Mount::embedded::<WithoutGraphiql>("/graphiql"),
    };
    let shop = match Storefront::get("index.html") {
        Some(_) => Mount::embedded::<Storefront>("/").application(),
        None => Mount::embedded::<Entrance>("/"),
    };
    vec![shop, graphiql.with_csp(GRAPHIQL)]
}

/// The bundle that `make web` makes. Without one there is a page at `/` that leads to the graph.
#[derive(RustEmbed)]
#[folder = "../frontend/dist"]
#[allow_missing = true]
struct Storefront;

#[derive(RustEmbed)]
#[folder = "pages/entrance"]
struct Entrance;

/// The bundle that `make web` makes. Without one the router still builds, and its page says what to run.
#[derive(RustEmbed)]
#[folder = "graphiql/dist"]
#[allow_missing = true]
struct Graphiql;

#[derive(RustEmbed)]
#[folder = "pages/graphiql-missing"]
struct WithoutGraphiql;

/// All mounts of a router.
pub(crate) struct Site {
    /// The longest prefix first.
    mounts: Vec<Mount>,
}

/// A file that was found.
struct Found {
    content: Cow<'static, [u8]>,
    etag: String,
    brotli: bool,
}

impl Site {
    pub(crate) fn new(mut mounts: Vec<Mount>) -> Self {
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.prefix.len()));
        Self { mounts }
    }

    /// Answers a request for a page.
    pub(crate) async fn answer(&self, request: &HttpRequest) -> HttpResponse {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET. The graph takes POST at /graphql.\n");
        }
        let Some(path) = decoded(request.path()) else { return not_found() };
        for mount in &self.mounts {
            let Some(rest) = below(&path, &mount.prefix) else { continue };
            let Some(rest) = rest else {
                // The mount's own name: its pages' relative links need the slash.
                let to = format!("{}/", mount.prefix);
                return HttpResponse::MovedPermanently().header(header::LOCATION, to).finish();
            };
            return mount.answer(request, rest).await;
        }
        not_found()
    }
}

impl Mount {
    async fn answer(&self, request: &HttpRequest, rest: &str) -> HttpResponse {
        let named = if rest.is_empty() { "index.html" } else { rest };
        if !is_safe(named) {
            return not_found();
        }
        let brotli = accepts_brotli(request);
        let has_extension = named.rsplit('/').next().is_some_and(|file| file.contains('.'));
        match self.find(named, brotli).await {
            Some(found) => self.send(request, named, found),
            None if self.application && !has_extension => match self.find("index.html", brotli).await {
                Some(found) if self.is_page(named).await => self.send(request, "index.html", found),
                Some(found) => self.content(HttpResponse::NotFound(), "index.html", found),
                None => not_found(),
            },
            None => not_found(),
        }
    }

    /// Whether an application has a page there, as far as it says.
    async fn is_page(&self, path: &str) -> bool {
        let Some(routes) = self.find(ROUTES, false).await else { return true };
        String::from_utf8_lossy(&routes.content).lines().any(|route| fits(path, route))
    }

    async fn find(&self, path: &str, brotli: bool) -> Option<Found> {
        let compressed = format!("{path}.br");
        match &self.files {
            Files::Embedded(find) => {
                let plain = find(path)?;
                let (file, brotli) = match brotli.then(|| find(&compressed)).flatten() {
                    Some(file) => (file, true),
                    None => (plain, false),
                };
                let hash = file.metadata.sha256_hash();
                let etag = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
                Some(Found { content: file.data, etag: format!("\"{etag}\""), brotli })
            }
            Files::Folder(folder) => {
                if brotli
                    && folder.join(path).is_file()
                    && let Some(found) = read(folder, &compressed).await
                {
                    return Some(Found { brotli: true, ..found });
                }
                read(folder, path).await
            }
        }
    }

    fn send(&self, request: &HttpRequest, path: &str, found: Found) -> HttpResponse {
        let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        let unchanged = known
            .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == found.etag));
        let mut response =
            HttpResponse::build(if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        response.header(header::ETAG, found.etag.as_str());
        if unchanged {
            return self.about(&mut response, path).finish();
        }
        self.content(response, path, found)
    }

    /// The headers of every answer of this mount.
    fn about<'a>(&self, response: &'a mut ResponseBuilder, path: &str) -> &'a mut ResponseBuilder {
        response
            .header(header::CACHE_CONTROL, caching(path))
            .header(header::VARY, "accept-encoding")
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::CONTENT_SECURITY_POLICY, self.csp)
            .header(header::REFERRER_POLICY, "same-origin")
    }

    fn content(&self, mut response: ResponseBuilder, path: &str, found: Found) -> HttpResponse {
        self.about(&mut response, path);
        if found.brotli {
            response.header(header::CONTENT_ENCODING, "br");
        }
        let content = match found.content {
            Cow::Borrowed(content) => Bytes::from_static(content),
            Cow::Owned(content) => Bytes::from(content),
        };
        response.content_type(content_type(path)).body(content)
    }
}

async fn read(folder: &Path, path: &str) -> Option<Found> {
    // A link may lead out of the folder even where the name does not.
    let file = tokio::fs::canonicalize(folder.join(path)).await.ok()?;
    if !file.starts_with(tokio::fs::canonicalize(folder).await.ok()?) {
        return None;
    }
    let about = tokio::fs::metadata(&file).await.ok().filter(std::fs::Metadata::is_file)?;
    let changed = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let etag = format!("\"{:x}-{:x}\"", about.len(), changed.as_nanos());
    Some(Found { content: tokio::fs::read(&file).await.ok()?.into(), etag, brotli: false })
}

/// Whether a path is of a route, segment by segment.
fn fits(path: &str, route: &str) -> bool {
    let mut route = route.trim().trim_start_matches('/').split('/');
    let fits =
        path.split('/').all(|part| route.next().is_some_and(|here| here == part || here.starts_with(':')));
    fits && route.next().is_none()
}

/// What lies below a prefix; nothing in the inner option for the prefix itself without a slash.
fn below<'a>(path: &'a str, prefix: &str) -> Option<Option<&'a str>> {
    let rest = path.strip_prefix(prefix)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(Some(rest)),
        None => rest.is_empty().then_some(None),
    }
}

/// Names that can only be below the folder, and not hidden in it.
fn is_safe(path: &str) -> bool {
    !path.ends_with(".br")
        && path
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0']))
}

fn decoded(path: &str) -> Option<String> {
    String::from_utf8(percent_decoded(path)).ok().filter(|path| !path.contains('%'))
}

/// Resolves percent-encoding; what is none stays as it is.
pub(crate) fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = (byte == b'%').then(|| after.get(..2)).flatten();
        let encoded = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match encoded {
            Some(encoded) => {
                bytes.push(encoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    bytes
}

/// Names under `assets/` carry a hash of their content, so that they never change.
fn caching(path: &str) -> &'static str {
    if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else if path.ends_with(".html") {
        "no-cache"
    } else {
        "public, max-age=3600"
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "graphql" | "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

fn accepts_brotli(request: &HttpRequest) -> bool {
    request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(
        |value| {
            value.split(',').any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                parts.next() == Some("br") && parts.next() != Some("q=0")
            })
        },
    )
}

fn not_found() -> HttpResponse {
    plain(
        StatusCode::NOT_FOUND,
        "There is nothing here. The shop starts at / and its graph is at /graphql.\n",
    )
}

fn plain(status: StatusCode, text: &'static str) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.header(header::ALLOW, "GET, HEAD");
    }
    response
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'")
        .content_type("text/plain; charset=utf-8")
        .body(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_a_folder() {
        for path in [
            "../x",
            "a/../x",
            "a//x",
            "/etc/passwd",
            ".env",
            "a/.git/x",
            "a\\..\\x",
            "c:x",
            "a\0",
            "x.js.br",
            "",
        ] {
            assert!(!is_safe(path), "{path:?}");
        }
        assert!(is_safe("assets/index-a1b2.js") && is_safe("a b/c.png"));
        assert_eq!(decoded("/%2e%2e/x").as_deref(), Some("/../x"));
        assert_eq!(decoded("/%zz"), None);
        assert_eq!(decoded("/%f"), None);
        assert_eq!(decoded("/%ff"), None, "not UTF-8");
    }

    #[test]
    fn a_route_is_a_path_of_as_many_segments() {
        assert!(fits("products", "/products") && fits("products/milk", "/products/:slug"));
        assert!(!fits("products/milk/1", "/products/:slug") && !fits("products", "/products/:slug"));
        assert!(!fits("product", "/products") && !fits("products", ""));
    }

    #[test]
    fn a_prefix_is_a_whole_path_segment() {
        assert_eq!(below("/graphiql/a.js", "/graphiql"), Some(Some("a.js")));
        assert_eq!(below("/graphiql", "/graphiql"), Some(None));
        assert_eq!(below("/graphiqlx", "/graphiql"), None);
        assert_eq!(below("/", ""), Some(Some("")));
    }
}
