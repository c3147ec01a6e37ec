//! Searching STAC APIs.

use crate::support::{Server, Told, item, stores};
use seedbed_catalog::{Item, Query, search, search_api};
use seedbed_storage::Location;
use serde_json::{Value, json};

fn features(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| item(id, 1, "./x.nc").into_value()).collect()
}

/// A landing page, and pages by POST whose `next` has a body to merge.
async fn api() -> Server {
    Server::start(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/api") => Told::json(&json!({
            "type": "Catalog", "id": "api", "stac_version": "1.0.0", "description": "d",
            "conformsTo": ["https://api.stacspec.org/v1.0.0/item-search"],
            "links": [{"rel": "search", "href": "/api/search", "method": "GET"},
                {"rel": "search", "href": "/api/search", "method": "POST"}]})),
        ("POST", "/api/search") => {
            let body: Value = serde_json::from_slice(&asked.body).unwrap();
            assert_eq!(body["collections"], json!(["c"]), "the merged body keeps the question");
            let page = body["token"].as_u64().unwrap_or(0);
            let mut links = vec![];
            if page < 2 {
                links.push(json!({"rel": "next", "href": "./search", "method": "POST", "merge": true,
                    "body": {"token": page + 1}, "headers": {"Authorization": "Bearer stolen"}}));
            }
            let ids = [format!("p{page}-a"), format!("p{page}-b")];
            let mut items = features(&[&ids[0], &ids[1]]);
            for item in &mut items {
                item["collection"] = json!("c");
            }
            Told::json(&json!({"type": "FeatureCollection", "features": items, "links": links}))
        }
        _ => Told::status(404),
    })
    .await
}

fn of_collection_c() -> Query {
    Query { collections: vec!["c".into()], ..Query::default() }
}

#[tokio::test]
async fn next_links_are_followed_with_their_body_merged() {
    let server = api().await;
    let landing: Location = format!("{}/api", server.url).parse().unwrap();
    let found = search(&stores(), &landing, &of_collection_c()).await.unwrap();
    let ids: Vec<&str> = found.items.iter().map(Item::id).collect();
    assert_eq!(ids, ["p0-a", "p0-b", "p1-a", "p1-b", "p2-a", "p2-b"]);
    let data = found.items[0].asset("data").unwrap().location().unwrap();
    assert_eq!(data.to_string(), format!("{}/api/x.nc", server.url));
}

#[tokio::test]
async fn the_limit_stops_the_paging_and_patterns_are_sifted_here() {
    let server = api().await;
    let url = format!("{}/api", server.url).parse().unwrap();
    let limited = Query { limit: Some(3), ..of_collection_c() };
    assert_eq!(search_api(&stores(), &url, &limited).await.unwrap().items.len(), 3);
    assert_eq!(server.hits(), 2);
    let globbed = Query { ids: vec!["*-b".into()], ..of_collection_c() };
    assert_eq!(search_api(&stores(), &url, &globbed).await.unwrap().items.len(), 3);
}

#[tokio::test]
async fn pages_by_get_are_followed_and_circles_refused() {
    let server = Server::start(|asked| {
        let next = match asked.path.as_str() {
            "/search?page=2" => "/search?page=3",
            _ => "/search?page=2",
        };
        Told::json(&json!({"type": "FeatureCollection", "features": features(&["a"]),
            "links": [{"rel": "next", "href": next}]}))
    })
    .await;
    let url = format!("{}/search", server.url).parse().unwrap();
    let error = search_api(&stores(), &url, &Query::default()).await.unwrap_err();
    assert!(error.to_string().contains("circles"), "{error}");
    assert_eq!(*server.asked.lock().unwrap(), ["POST /search", "GET /search?page=2", "GET /search?page=3"]);
}

#[tokio::test]
async fn an_answer_that_is_no_item_collection_is_an_error() {
    let server = Server::start(|_| Told::json(&json!({"code": "x"}))).await;
    let url = server.url.parse().unwrap();
    let error = search_api(&stores(), &url, &Query::default()).await.unwrap_err();
    assert!(error.to_string().contains("no item collection") && !error.retryable(), "{error}");

    let down = Server::start(|_| Told::status(503)).await;
    let url = down.url.parse().unwrap();
    assert!(search_api(&stores(), &url, &Query::default()).await.unwrap_err().retryable());
}
