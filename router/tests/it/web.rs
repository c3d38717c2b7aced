//! What is served beside the graph.

use bytes::Bytes;
use router::web::Mount;
use serde_json::json;

use crate::support::{Reply, TestRouter, send};

/// Every place that a page names is on this host.
#[track_caller]
fn names_no_other_host(reply: &Reply) {
    for attribute in ["src=\"", "href=\"", "url("] {
        for (at, _) in reply.text.match_indices(attribute) {
            let place = &reply.text[at + attribute.len()..];
            let place = place.split(['"', ')']).next().unwrap();
            assert!(!place.contains("//"), "{place}");
        }
    }
    let policy = reply.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe-eval") && !policy.contains("http"), "{policy}");
}

#[tokio::test]
async fn the_shop_is_at_the_root_leads_to_the_graph_and_to_nobody_else() {
    let router = TestRouter::start().await;
    let page = send(router.get("/")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.text.contains("/graphiql"));
    names_no_other_host(&page);
    let icon = send(router.get("/favicon.svg")).await;
    assert_eq!((icon.status, icon.header("content-type")), (200, "image/svg+xml"));
}

#[tokio::test]
async fn graphiql_comes_from_here_alone() {
    let router = TestRouter::start().await;
    let page = send(router.get("/graphiql/")).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("GraphiQL"), "{}", page.text);
    names_no_other_host(&page);
    assert_eq!(send(router.get("/graphiql")).await.header("location"), "/graphiql/");
    let visit = send(router.get("/graphql").header("accept", "text/html,*/*")).await;
    assert_eq!((visit.status, visit.header("location")), (303, "/graphiql"));
}

#[tokio::test]
async fn a_folder_is_served_with_validators_and_nothing_outside_it() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("site");
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    std::fs::write(parent.path().join("secret.txt"), "secret").unwrap();
    std::fs::write(folder.join("index.html"), "<h1>Shop</h1>").unwrap();
    std::fs::write(folder.join("assets/app-1a2b3c.js"), "plain").unwrap();
    std::fs::write(folder.join("assets/app-1a2b3c.js.br"), "small").unwrap();
    std::fs::write(folder.join(".env"), "secret").unwrap();
    std::os::unix::fs::symlink(parent.path().join("secret.txt"), folder.join("link.txt")).unwrap();
    let router = TestRouter::with(|options| {
        options.web = vec![Mount::folder("/shop", &folder).application()];
    })
    .await;

    let page = send(router.get("/shop/")).await;
    assert_eq!((page.text.as_str(), page.header("cache-control")), ("<h1>Shop</h1>", "no-cache"));
    let etag = page.header("etag").to_owned();
    let again = send(router.get("/shop/").header("if-none-match", &etag)).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(send(router.get("/shop/a/route/of/the/app")).await.text, "<h1>Shop</h1>");
    assert_eq!(send(router.get("/shop/missing.js")).await.status, 404);

    std::fs::write(folder.join("routes.txt"), "/a\n/a/:name\n").unwrap();
    let pages =
        [("/shop/", 200), ("/shop/a", 200), ("/shop/a/b", 200), ("/shop/b", 404), ("/shop/a/b/c", 404)];
    for (path, status) in pages {
        let page = send(router.get(path).header("if-none-match", &etag)).await;
        assert!(page.status == status || (page.status, status) == (304, 200), "{path}: {}", page.status);
        assert_eq!(page.text == "<h1>Shop</h1>", page.status != 304, "{path}");
    }

    let script = send(router.get("/shop/assets/app-1a2b3c.js")).await;
    assert_eq!(script.text, "plain");
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    let small = send(router.get("/shop/assets/app-1a2b3c.js").header("accept-encoding", "gzip, br")).await;
    assert_eq!((small.text.as_str(), small.header("content-encoding")), ("small", "br"));
    assert_eq!(small.header("content-type"), "text/javascript; charset=utf-8");

    let head = send(router.client().head(router.url("/shop/"))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("etag"), etag);
    assert_eq!(send(router.client().post(router.url("/shop/"))).await.status, 405);

    for path in ["/shop/%2e%2e/secret.txt", "/shop/..%2fsecret.txt", "/shop/link.txt", "/shop/.env", "/other"]
    {
        let reply = send(router.get(path)).await;
        assert!(reply.status == 404 && !reply.text.contains("secret"), "{path}: {reply:?}");
    }
}

#[tokio::test]
async fn health_keys_and_metrics_are_where_operators_look_for_them() {
    let router = TestRouter::with(|options| {
        options.jwks = Some(std::sync::Arc::new(|| Bytes::from_static(b"{\"keys\":[]}")));
        options.metrics = Some(std::sync::Arc::new(|| Bytes::from_static(b"shop_up 1\n")));
    })
    .await;
    assert_eq!(send(router.get("/health/live")).await.json(), json!({ "status": "ok" }));
    assert_eq!(send(router.get("/health/ready")).await.status, 200);
    assert_eq!(send(router.get("/.well-known/jwks.json")).await.json(), json!({ "keys": [] }));
    let metrics = send(router.get("/metrics")).await.text;
    assert!(
        metrics.contains("shop_up 1\n") && metrics.contains("larder_list_cache_hits_total 0\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_router_that_is_not_ready_says_so() {
    let router = TestRouter::with(|options| options.ready = Some(std::sync::Arc::new(|| false))).await;
    assert_eq!(send(router.get("/health/ready")).await.status, 503);
    assert_eq!(send(router.get("/health/live")).await.status, 200);
}
