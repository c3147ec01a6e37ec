//! Trees of others written anew: nothing is lost.

use crate::support::{Server, Told, at, files, read, stores};
use seedbed_catalog::{Hrefs, ItemLayout, RewriteOptions, Tree, diff, rewrite};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Nested catalogs and collections with odd names, unknown fields, numbers that
/// a parser would round, an item without a collection, one linked twice, one in
/// a catalog, a collection below a collection, items with the same id.
fn odd(folder: &Path) {
    let item = |id: &str, more: &str| {
        format!(
            r#"{{"stac_version":"1.0.0","type":"Feature","id":"{id}","foo:bar":{{"b":1.50,"big":123456789012345678901234567890}},
 "geometry":null,"properties":{{"datetime":"2003-01-01T00:00:00Z","odd":true}},{more}
 "assets":{{"d":{{"href":"../data/x.tif","foo":1,"alternate":{{"s3":{{"href":"s3://b/x.tif"}}}}}}}},
 "links":[{{"rel":"root","href":"../index.json","title":"R"}},{{"rel":"derived_from","href":"./other.json","why":[1]}},
  {{"rel":"license","href":"https://h.org/l","seen":null}}]}}"#
        )
    };
    let node = |kind: &str, id: &str, links: Value| {
        json!({"type": kind, "id": id, "stac_version": "1.0.0", "description": "d", "zeta": {"a": 1}, "license": "other",
            "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[null, null]]}},
            "assets": {"t": {"href": "thumb.png", "x": 2}}, "links": links})
        .to_string()
    };
    for (name, text) in [
        (
            "index.json",
            node(
                "Catalog",
                "r/r",
                json!([{"rel": "self", "href": "./index.json"},
            {"rel": "item", "href": "items/a.json", "note": "linked here"},
            {"rel": "child", "href": "c/here.json", "title": "C", "deep": {"x": 1}},
            {"rel": "child", "href": "c/same.json"}, {"rel": "about", "href": "./items/a.json"}]),
            ),
        ),
        (
            "c/here.json",
            node(
                "Collection",
                "c",
                json!([{"rel": "parent", "href": "../index.json"},
            {"rel": "child", "href": "../index.json"}, {"rel": "child", "href": "sub/s.json"},
            {"rel": "item", "href": "../items/a.json"}, {"rel": "item", "href": "../items/other.json"}]),
            ),
        ),
        ("c/same.json", node("Catalog", "c", json!([{"rel": "item", "href": "../items/twin.json"}]))),
        ("c/sub/s.json", node("Collection", "s", json!([{"rel": "item", "href": "../../items/b.json"}]))),
        ("items/a.json", item("a", "")),
        ("items/other.json", item("b", r#""collection":"c","#)),
        ("items/twin.json", item("b", "")),
        ("items/b.json", item("b", r#""collection":"s","#)),
    ] {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }
}

fn options(hrefs: Hrefs, item: ItemLayout) -> RewriteOptions {
    RewriteOptions { hrefs, item, by: None }
}

#[tokio::test]
async fn an_odd_tree_written_anew_is_the_same_tree() {
    let (old, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd(old.path());
    let index = at(&old.path().join("index.json"));
    let base: url::Url = "https://h.org/cat".parse().unwrap();
    for (hrefs, layout) in [
        (Hrefs::Relative, ItemLayout::default()),
        (Hrefs::Published(base.clone()), ItemLayout::flat()),
        (Hrefs::Published(base), ItemLayout::default()),
    ] {
        let new = tempfile::tempdir().unwrap();
        let options = options(hrefs, layout);
        let done = rewrite(&stores(), &index, &at(new.path()), &options, work.path()).await.unwrap();
        assert_eq!((done.catalogs, done.collections, done.items), (2, 2, 4));
        let root = at(&new.path().join("catalog.json"));
        let found = diff(&stores(), &index, &root, work.path()).await.unwrap();
        // A link between documents means the new document; nothing else differs.
        let mut wrong = Vec::new();
        for changed in found.changed.iter().chain(&found.collections_changed) {
            wrong.extend(
                changed.fields.iter().filter(|f| f.pointer != "/links" && !f.pointer.starts_with("/assets/")),
            );
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!((found.added.count, found.removed.count), (0, 0));
        assert!(found.nodes_added.is_empty() && found.nodes_removed.is_empty());
        let tree = Tree::read(&stores(), &root).await.unwrap();
        for item in tree.items() {
            let place = item.asset("d").unwrap().location().unwrap();
            assert_eq!(place, at(&old.path().join("data/x.tif")));
            let text = fs::read_to_string(item.location().unwrap().as_path().unwrap()).unwrap();
            assert!(text.contains(r#""foo:bar":{"b":1.50,"big":123456789012345678901234567890}"#), "{text}");
            let derived = item.links().find(|l| l["rel"] == "derived_from").unwrap();
            assert_eq!(derived["why"], json!([1]));
            let href = derived["href"].as_str().unwrap();
            let target = seedbed_catalog::resolve_href(item.location(), href).unwrap().absolute().unwrap();
            assert!(target.as_path().unwrap().starts_with(new.path()) && target.as_path().unwrap().exists());
        }
        let document = read(&new.path().join("catalog.json"));
        assert_eq!(
            (
                &document["zeta"],
                document["links"].as_array().unwrap().iter().filter(|l| l["note"] == "linked here").count()
            ),
            (&json!({"a": 1}), 1)
        );
        assert_eq!(document["assets"]["t"]["href"], old.path().join("thumb.png").to_str().unwrap());
        let before = files(new.path());
        let again = rewrite(&stores(), &index, &at(new.path()), &options, work.path()).await.unwrap();
        assert_eq!((again.written, again.unchanged), (0, 8));
        assert_eq!(files(new.path()), before);
    }
}

#[tokio::test]
async fn a_tree_over_http_comes_home() {
    let (old, new, work) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd(old.path());
    let root = old.path().to_owned();
    let server = Server::start(move |asked| match fs::read(root.join(asked.path.trim_start_matches('/'))) {
        Ok(bytes) => Told::ok(bytes),
        Err(_) => Told::status(404),
    })
    .await;
    let index: seedbed_storage::Location = format!("{}/index.json", server.url).parse().unwrap();
    let options = RewriteOptions::default();
    let done = rewrite(&stores(), &index, &at(new.path()), &options, work.path()).await.unwrap();
    assert_eq!((done.items, done.written), (4, 8));
    let tree = Tree::read(&stores(), &at(&new.path().join("catalog.json"))).await.unwrap();
    let data = tree.items()[0].asset("d").unwrap().location().unwrap().to_string();
    assert_eq!(data, format!("{}/data/x.tif", server.url));
}

#[tokio::test]
async fn a_tree_is_not_written_over_itself() {
    let (old, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd(old.path());
    let index = at(&old.path().join("index.json"));
    for to in [old.path().to_owned(), old.path().join("new"), old.path().parent().unwrap().to_owned()] {
        let error =
            rewrite(&stores(), &index, &at(&to), &RewriteOptions::default(), work.path()).await.unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("overlap"), "{error}");
    }
}

#[tokio::test]
async fn trees_of_pystac_are_written_anew_without_loss() {
    let Some(python) = std::env::var_os("SEEDBED_PYTHON") else {
        println!("skipped: SEEDBED_PYTHON is not set");
        return;
    };
    let write = r#"
import sys, datetime, pystac
root = pystac.Catalog("root", "d", title="Root", extra_fields={"odd": 1})
for k in range(2):
    e = pystac.Extent(pystac.SpatialExtent([[-180,-90,180,90]]), pystac.TemporalExtent([[None,None]]))
    c = pystac.Collection(f"c{k}", "d", e, keywords=["k"], extra_fields={"x:y": [1.5]})
    root.add_child(c)
    for n in range(4):
        i = pystac.Item(f"i{n}", {"type": "Point", "coordinates": [1, 2]}, [1, 2, 1, 2], datetime.datetime(2003 + n % 2, 1, 1), {"region": "na"})
        i.add_asset("data", pystac.Asset("https://h.org/x.tif", roles=["data"]))
        i.add_link(pystac.Link("cite-as", "https://h.org/doi", extra_fields={"why": "so"}))
        c.add_item(i)
root.generate_subcatalogs("${year}")
root.normalize_and_save(sys.argv[1], getattr(pystac.CatalogType, sys.argv[2]))
"#;
    let compare = r#"
import sys, pystac
a, b = [pystac.Catalog.from_file(p + "/catalog.json") for p in sys.argv[1:3]]
key = lambda i: (i.collection_id, i.id)
x, y = [sorted(t.get_items(recursive=True), key=key) for t in (a, b)]
assert len(x) == len(y) == 8
drop = {"root", "parent", "self", "collection"}
for i, j in zip(x, y):
    d, e = [o.to_dict(include_self_link=False, transform_hrefs=False) for o in (i, j)]
    d["links"], e["links"] = [[l for l in o["links"] if l["rel"] not in drop] for o in (d, e)]
    assert d == e, (d, e)
    assert [p.id for p in (i.get_parent(), i.get_root(), i.get_collection())] == [p.id for p in (j.get_parent(), j.get_root(), j.get_collection())]
    assert i.get_parent().get_self_href() != j.get_parent().get_self_href()
assert a.extra_fields == b.extra_fields and a.title == b.title
"#;
    let work = tempfile::tempdir().unwrap();
    for style in ["SELF_CONTAINED", "RELATIVE_PUBLISHED", "ABSOLUTE_PUBLISHED"] {
        let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let run = |code: &str, more: &str| {
            let done = Command::new(&python).args(["-c", code]).arg(old.path()).arg(more).output().unwrap();
            assert!(done.status.success(), "{style}: {}", String::from_utf8_lossy(&done.stderr));
        };
        run(write, style);
        let (from, to) = (at(old.path()), at(new.path()));
        rewrite(&stores(), &from, &to, &RewriteOptions::default(), work.path()).await.unwrap();
        run(compare, new.path().to_str().unwrap());
        let found = diff(&stores(), &from, &to, work.path()).await.unwrap();
        assert!(found.is_empty(), "{style}: {found:#?}");
    }
}
