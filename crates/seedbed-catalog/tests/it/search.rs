//! Searching STAC APIs.

use crate::support::{Server, Told, at, builder, item, stores};
use seedbed_catalog::{
    Area, Asking, CatalogError, Fields, Item, ItemWriter, Query, Search, Searched, SortBy, search,
    search_api, search_each,
};
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
    assert_eq!(server.hits(), 3, "the landing page and two of items");
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
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        ["GET /", "POST /search", "GET /search?page=2"],
        "the second page holds what the first did"
    );
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

const SORTS: &str = "https://api.stacspec.org/v1.0.0/item-search#sort";
const FILTERS: &str = "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text";

fn landing(classes: &[&str]) -> Told {
    Told::json(&json!({"type": "Catalog", "id": "api", "stac_version": "1.0.0", "description": "d",
        "conformsTo": classes, "links": [{"rel": "search", "href": "/search"}]}))
}

fn page(ids: &[&str], next: Option<Value>) -> Told {
    let links: Vec<Value> = next.into_iter().collect();
    Told::json(&json!({"type": "FeatureCollection", "features": features(ids), "links": links}))
}

async fn found(at: &Location, search: &Search) -> Result<(Vec<Item>, Searched), CatalogError> {
    let mut items = Vec::new();
    let searched = search_each(&stores(), at, search, &mut |item| {
        items.push(item);
        Ok(())
    })
    .await?;
    Ok((items, searched))
}

fn ids(items: &[Item]) -> Vec<&str> {
    items.iter().map(Item::id).collect()
}

#[tokio::test]
async fn an_api_that_refuses_post_is_asked_by_get_on_every_page() {
    for refusal in [405, 404, 400] {
        let server = Server::start(move |asked| match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/") => landing(&[FILTERS, SORTS]),
            ("POST", _) => Told::status(refusal),
            ("GET", path) if path.contains("token=1") => {
                assert!(path.contains("collections=c%2Cd"), "the question is kept: {path}");
                page(&["c"], Some(json!({"rel": "next", "href": "?token=2"})))
            }
            ("GET", "/search?token=2") => page(&["d"], None),
            ("GET", path) if path.starts_with("/search?limit=250") => {
                for part in
                    ["sortby=-datetime", "filter-lang=cql2-text", "gsd", "bbox=-80.0%2C30.0%2C-70.0%2C50.0"]
                {
                    assert!(path.contains(part), "{part}: {path}");
                }
                // It forgets that it takes no POST.
                page(
                    &["a", "b"],
                    Some(json!({"rel": "next", "href": "/search", "method": "POST", "merge": true,
                    "body": {"token": 1}})),
                )
            }
            _ => Told::status(500),
        })
        .await;
        let query = Query {
            collections: vec!["c".into(), "d".into()],
            bbox: Some("-80,30,-70,50".parse().unwrap()),
            filter: Some("gsd > 3".parse().unwrap()),
            ..Query::default()
        };
        let landing: Location = server.url.parse().unwrap();
        let search = Search { query, sort: "-datetime".parse().unwrap(), ..Search::default() };
        // Items of these collections: none of ours says so, so nothing is found, but all pages are read.
        let (_, searched) = found(&landing, &search).await.unwrap();
        let asked = searched.api.unwrap();
        assert_eq!((asked.method, asked.pages), (Asking::Get, 3), "{refusal}");
        assert!(searched.notes.iter().any(|note| note.contains("refused POST")), "{:?}", searched.notes);
        let posts = server.asked.lock().unwrap().iter().filter(|a| a.starts_with("POST")).count();
        assert_eq!(posts, 1);
    }
}

#[tokio::test]
async fn a_method_that_was_asked_for_is_not_changed() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "POST" => Told::status(405),
        _ if asked.path == "/" => landing(&[]),
        _ => page(&["a"], None),
    })
    .await;
    let at: Location = server.url.parse().unwrap();
    let post = Search { asking: Asking::Post, ..Search::default() };
    assert!(found(&at, &post).await.unwrap_err().to_string().contains("/search"));
    let get = Search { asking: Asking::Get, ..Search::default() };
    assert_eq!(ids(&found(&at, &get).await.unwrap().0), ["a"]);
}

#[tokio::test]
async fn one_bad_moment_does_not_end_the_paging_and_repeated_items_are_taken_once() {
    let failed = std::sync::atomic::AtomicBool::new(false);
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/" => landing(&[]),
        "/search" => page(&["a", "b"], Some(json!({"rel": "next", "href": "search?page=2"}))),
        "/search?page=2" if !failed.swap(true, std::sync::atomic::Ordering::SeqCst) => Told::status(503),
        "/search?page=2" => page(&["b", "c"], Some(json!({"rel": "next", "href": "/search?page=3"}))),
        "/search?page=3" => page(&["d"], None),
        _ => Told::status(404),
    })
    .await;
    let (items, searched) = found(&server.url.parse().unwrap(), &Search::default()).await.unwrap();
    assert_eq!(ids(&items), ["a", "b", "c", "d"]);
    assert!(
        searched.notes.iter().any(|note| note.starts_with("1 items came more than once")),
        "{searched:?}"
    );
}

#[tokio::test]
async fn what_the_api_cannot_do_is_done_here_and_said() {
    let server = Server::start(|asked| {
        if asked.path.as_str() == "/" {
            landing(&[])
        } else {
            let body: Value = serde_json::from_slice(&asked.body).unwrap();
            let known = ["filter", "sortby", "fields", "ids"].iter().any(|name| body.get(name).is_some());
            assert!(!known && body["limit"] == 250, "{body}");
            let mut all = features(&["a", "b", "c"]);
            for (item, gsd) in all.iter_mut().zip([30, 10, 20]) {
                item["properties"]["gsd"] = json!(gsd);
            }
            Told::json(&json!({"type": "FeatureCollection", "features": all}))
        }
    })
    .await;
    let search = Search {
        query: Query {
            filter: Some("gsd >= 20".parse().unwrap()),
            ids: vec!["?".into()],
            limit: Some(1),
            ..Query::default()
        },
        sort: "gsd".parse().unwrap(),
        fields: "-assets".parse().unwrap(),
        ..Search::default()
    };
    let (items, searched) = found(&server.url.parse().unwrap(), &search).await.unwrap();
    assert_eq!(ids(&items), ["c"]);
    assert!(items[0].as_value().get("assets").is_none() && items[0].property("gsd").is_none());
    let notes = searched.notes.join("\n");
    for what in ["filtering", "sorting", "choosing fields", "patterns of ids"] {
        assert!(notes.contains(what), "{what}: {notes}");
    }
}

#[tokio::test]
async fn headers_go_to_the_apis_own_host_and_are_never_shown() {
    let other = Server::start(|asked| {
        assert!(!asked.head.to_ascii_lowercase().contains("x-key"), "{}", asked.head);
        page(&["b"], None)
    })
    .await;
    let next = format!("{}/search?page=2", other.url);
    let server = Server::start(move |asked| {
        assert!(asked.head.contains("s3cret"), "{}", asked.head);
        if asked.path == "/" {
            landing(&[])
        } else {
            page(&["a"], Some(json!({"rel": "next", "href": next})))
        }
    })
    .await;
    let search = Search { headers: vec!["X-Key=s3cret".parse().unwrap()], ..Search::default() };
    let (items, _) = found(&server.url.parse().unwrap(), &search).await.unwrap();
    assert_eq!((ids(&items), other.hits()), (vec!["a", "b"], 1));
    assert!(!format!("{search:?}").contains("s3cret"));
    assert!(!"s3cret".parse::<seedbed_catalog::ApiHeader>().unwrap_err().contains("s3cret"));
}

#[tokio::test]
async fn static_trees_and_files_are_searched_with_the_same_questions() {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<Item> = (1..=6)
        .map(|n| {
            let mut item = item(&format!("i{n}"), n, "https://h.org/x.nc");
            item.set_property("gsd", json!(n % 3));
            item
        })
        .collect();
    let tree = folder.path().join("catalog");
    builder(items).save(&stores(), &at(&tree)).await.unwrap();
    let wanted = Search {
        query: Query {
            datetime: Some(seedbed_catalog::parse_interval("2003-02/..").unwrap()),
            intersects: Some("POLYGON((-75 40, -74 40, -74 41, -75 40))".parse::<Area>().unwrap()),
            limit: Some(3),
            ..Query::default()
        },
        sort: "gsd,-datetime".parse::<SortBy>().unwrap(),
        fields: "gsd".parse::<Fields>().unwrap(),
        ..Search::default()
    };
    let mut places = vec![tree.clone()];
    for name in ["items.json", "items.ndjson", "items.parquet"] {
        let path = folder.path().join(name);
        let mut writer = ItemWriter::begin(&at(&path)).unwrap();
        search_each(&stores(), &at(&tree), &Search::default(), &mut |item| writer.put(&item)).await.unwrap();
        assert_eq!(writer.finish(&stores()).await.unwrap().items, 6);
        places.push(path);
    }
    for place in places {
        let (items, searched) = found(&at(&place), &wanted).await.unwrap();
        assert_eq!(ids(&items), ["i6", "i3", "i4"], "{}", place.display());
        assert_eq!(searched.items, 3);
        assert!(items[0].property("gsd").is_some() && items[0].as_value().get("stac_extensions").is_none());
        assert_eq!(items[0].asset("data").unwrap().href(), "https://h.org/x.nc");
    }
}

#[tokio::test]
async fn a_limit_stops_the_reading_of_a_tree() {
    let folder = tempfile::tempdir().unwrap();
    let items = (1..=3).map(|n| item(&format!("i{n}"), n, "https://h.org/x.nc")).collect();
    builder(items).save(&stores(), &at(folder.path())).await.unwrap();
    // What comes after the limit isn't even looked at.
    std::fs::write(folder.path().join("c/i3/i3.json"), "{").unwrap();
    let limited = Search { query: Query { limit: Some(2), ..Query::default() }, ..Search::default() };
    assert_eq!(found(&at(folder.path()), &limited).await.unwrap().0.len(), 2);
    let (items, searched) = found(&at(folder.path()), &Search::default()).await.unwrap();
    assert_eq!((items.len(), searched.broken.len()), (2, 1));
}

/// Two pages of two items each, of which four, or `announced`, are announced.
async fn counting_api(announced: u64, second: fn() -> Told) -> Server {
    Server::start(move |asked| match asked.path.as_str() {
        "/api/search?page=2" => second(),
        "/api/search" => Told::json(&json!({"type": "FeatureCollection", "features": features(&["a", "b"]),
            "numberMatched": announced, "links": [{"rel": "next", "href": "./search?page=2"}]})),
        _ => Told::status(404),
    })
    .await
}

async fn searched(server: &Server, limit: Option<usize>) -> Result<Searched, CatalogError> {
    let at: Location = format!("{}/api/search", server.url).parse().unwrap();
    let search = Search { query: Query { limit, ..Query::default() }, ..Search::default() };
    search_each(&stores(), &at, &search, &mut |_| Ok(())).await
}

#[tokio::test]
async fn fewer_items_than_an_api_announces_are_told() {
    let last = || Told::json(&json!({"features": features(&["c"]), "links": []}));
    for (announced, limit, short) in
        [(3, None, false), (2, None, false), (500, None, true), (500, Some(3), false)]
    {
        let server = counting_api(announced, last).await;
        let found = searched(&server, limit).await.unwrap();
        assert_eq!(found.items, 3, "{announced}");
        assert_eq!(found.short.map(|s| (s.announced, s.came)), short.then_some((500, 3)), "{announced}");
    }
}

#[tokio::test]
async fn a_page_that_is_none_is_the_servers_fault() {
    let pages: [(fn() -> Told, bool); 3] = [
        (|| Told::ok("<html>Log in</html>"), false),
        (|| Told::ok(""), true),
        (|| Told::ok("{\"type\": \"FeatureCollection\", \"features\": ["), true),
    ];
    for (page, retryable) in pages {
        let server = counting_api(3, page).await;
        let error = searched(&server, None).await.unwrap_err();
        assert_eq!((error.is_usage(), error.retryable()), (false, retryable), "{error}");
        assert!(error.to_string().contains("page 2"), "{error}");
    }
}
