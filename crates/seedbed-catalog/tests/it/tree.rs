//! Trees written, read, and merged.

use crate::support::{Server, Told, at, builder, collection, files, item, read, stores};
use seedbed_catalog::{
    Absent, CatalogError, Hrefs, ItemCollection, Merge, Query, Tree, TreeBuilder, TreeWriter, WriteOptions,
    copy, search,
};
use serde_json::{Value, json};
use std::fs;

#[tokio::test]
async fn saving_again_changes_no_byte_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<_> = (1..=6).map(|m| item(&format!("i{m}"), m, "https://h.org/x.nc")).collect();
    let saved = builder(items.clone()).save(&stores(), &at(folder.path())).await.unwrap();
    assert_eq!((saved.written, saved.added, saved.unchanged), (8, 6, 0));
    let first = files(folder.path());

    let mut shuffled = items;
    shuffled.reverse();
    let saved = builder(shuffled).save(&stores(), &at(folder.path())).await.unwrap();
    assert_eq!((saved.written, saved.added, saved.unchanged), (0, 0, 6));
    assert_eq!(files(folder.path()), first);

    let other = tempfile::tempdir().unwrap();
    let read_back = ItemCollection::read(&stores(), &at(folder.path())).await.unwrap().items;
    builder(read_back).save(&stores(), &at(other.path())).await.unwrap();
    assert_eq!(files(other.path()), first, "a tree read and written elsewhere is the same tree");
}

#[tokio::test]
async fn a_killed_save_is_finished_by_the_next_without_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<_> = (1..=3).map(|m| item(&format!("i{m}"), m, "https://h.org/x.nc")).collect();
    builder(items.clone()).save(&stores(), &at(folder.path())).await.unwrap();
    let whole = files(folder.path());
    // As a kill between writing and renaming leaves it.
    let document = folder.path().join("c/i2/i2.json");
    fs::rename(&document, document.with_file_name(".i2.json.0123456789abcdef.tmp")).unwrap();
    fs::remove_file(folder.path().join("catalog.json")).unwrap();
    // And as a power cut may leave a document that was renamed before it was on disk.
    fs::write(folder.path().join("c/i3/i3.json"), "").unwrap();
    builder(items).save(&stores(), &at(folder.path())).await.unwrap();
    assert_eq!(files(folder.path()), whole);
}

#[tokio::test]
async fn a_tree_has_relative_hrefs_inside_and_absolute_ones_outside() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("c/i/x.nc");
    let mut i = item("i", 1, inside.to_str().unwrap());
    i.set_asset("far", json!({"href": "https://h.org/y.nc"}));
    i.add_link(json!({"rel": "derived_from", "href": "https://h.org/i.json"}));
    i.add_link(json!({"rel": "self", "href": "https://h.org/api/i"}));
    builder(vec![i]).save(&stores(), &at(folder.path())).await.unwrap();
    let document = read(&folder.path().join("c/i/i.json"));
    assert_eq!(document["assets"]["data"]["href"], "./x.nc");
    assert_eq!(document["assets"]["far"]["href"], "https://h.org/y.nc");
    let links: Vec<(&str, &str)> = document["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["rel"].as_str().unwrap(), l["href"].as_str().unwrap()))
        .collect();
    assert_eq!(
        links,
        [
            ("root", "../../catalog.json"),
            ("parent", "../collection.json"),
            ("collection", "../collection.json"),
            ("derived_from", "https://h.org/i.json"),
            ("via", "https://h.org/api/i"),
        ]
    );
    let back = ItemCollection::read(&stores(), &at(folder.path())).await.unwrap();
    assert_eq!(back.items[0].asset("data").unwrap().location().unwrap(), at(&inside));
}

#[tokio::test]
async fn a_new_item_touches_only_its_collection() {
    let folder = tempfile::tempdir().unwrap();
    let first = vec![item("i1", 1, "https://h.org/1.nc")];
    builder(first.clone()).save(&stores(), &at(folder.path())).await.unwrap();
    let second = vec![item("i2", 2, "https://h.org/2.nc")];
    let saved = builder(second.clone()).save(&stores(), &at(folder.path())).await.unwrap();
    assert_eq!((saved.written, saved.added, saved.absent.first), (2, 1, vec!["i1".to_owned()]));

    // In two steps or at once: the same tree.
    let at_once = tempfile::tempdir().unwrap();
    let both = vec![first[0].clone(), second[0].clone()];
    builder(both).save(&stores(), &at(at_once.path())).await.unwrap();
    assert_eq!(files(folder.path()), files(at_once.path()));

    let saved = builder(second).absent(Absent::Remove).save(&stores(), &at(folder.path())).await.unwrap();
    assert_eq!((saved.removed, saved.absent.count), (1, 1));
    assert!(!folder.path().join("c/i1").exists());
    let left = ItemCollection::read(&stores(), &at(folder.path())).await.unwrap();
    assert_eq!(left.items.len(), 1);
}

#[tokio::test]
async fn assets_that_are_not_given_any_more_are_told_and_removed_as_items_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = item("i", 1, "https://h.org/1.nc");
    before.set_asset("more", json!({"href": "https://h.org/2.nc"}));
    before.set_asset(
        "more.2003",
        json!({"href": "https://h.org/2.nc", "roles": ["superseded"], "deprecated": true, "version": "2003"}),
    );
    builder(vec![before]).save(&stores(), &at(folder.path())).await.unwrap();
    let save = async |absent| {
        let after = vec![item("i", 1, "https://h.org/1.nc")];
        let builder = builder(after).merging(Merge::KeepCopies).absent(absent);
        builder.save(&stores(), &at(folder.path())).await.unwrap()
    };
    let keys = async || {
        let read = ItemCollection::read(&stores(), &at(folder.path())).await.unwrap();
        read.items[0].assets().map(|(key, _)| key.to_owned()).collect::<Vec<_>>()
    };
    let saved = save(Absent::Keep).await;
    assert_eq!((saved.absent.count, &saved.absent_assets.first[..]), (0, &["i more".to_owned()][..]));
    assert_eq!(
        (saved.unchanged, keys().await),
        (1, vec!["data".to_owned(), "more".into(), "more.2003".into()])
    );
    let saved = save(Absent::Remove).await;
    assert_eq!((saved.changed, saved.absent_assets.count), (1, 1));
    assert_eq!(keys().await, ["data", "more.2003"]);
    assert_eq!(save(Absent::Remove).await.absent_assets.count, 0);
}

#[tokio::test]
async fn other_collections_of_the_root_stay() {
    let folder = tempfile::tempdir().unwrap();
    builder(vec![item("i", 1, "https://h.org/1.nc")]).save(&stores(), &at(folder.path())).await.unwrap();
    let more = vec![item("j", 1, "https://h.org/2.nc")];
    let other = TreeBuilder::new("ignored", "ignored").with(collection("b", &more), more);
    other.save(&stores(), &at(folder.path())).await.unwrap();
    let tree = Tree::read(&stores(), &at(&folder.path().join("catalog.json"))).await.unwrap();
    assert_eq!(tree.root.id(), "root");
    let ids: Vec<String> = tree.collections().iter().map(|(c, _)| c.id().to_owned()).collect();
    assert_eq!(ids, ["b", "c"]);
    assert_eq!(tree.items().len(), 2);
}

#[tokio::test]
async fn a_new_crawl_undoes_a_copy_unless_told_to_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("x.nc");
    fs::write(&source, b"CDF\x01 and so on").unwrap();
    let crawl = || builder(vec![item("i", 1, source.to_str().unwrap())]);
    let catalog = at(&folder.path().join("cat"));
    crawl().save(&stores(), &catalog).await.unwrap();
    let request = copy::CopyRequest {
        items: ItemCollection::read(&stores(), &catalog).await.unwrap().items,
        collections: vec![],
        assets: vec!["data".into()],
        to: at(&folder.path().join("cat/files")),
        template: copy::Template::default(),
        out: None,
        names: None,
    };
    let plan = copy::plan(&stores(), &request).await.unwrap();
    copy::execute(&stores(), &plan, 1, copy::OnError::Stop, &copy::Silent).await.unwrap();
    let copied = files(folder.path());

    let saved = crawl().merging(Merge::KeepCopies).save(&stores(), &catalog).await.unwrap();
    assert_eq!((saved.written, files(folder.path())), (0, copied));
    crawl().save(&stores(), &catalog).await.unwrap();
    let href = &read(&folder.path().join("cat/c/i/i.json"))["assets"]["data"]["href"];
    assert_eq!(href, source.to_str().unwrap());
}

#[tokio::test]
async fn a_crawl_of_other_variables_adds_to_those_crawled_before() {
    let folder = tempfile::tempdir().unwrap();
    let of = |keys: &[&str]| {
        let mut i = item("i", 1, "https://h.org/data.nc");
        i.set_field("assets", json!({}));
        for key in keys {
            i.set_asset(
                key,
                json!({"href": format!("https://h.org/{key}.nc"), "type": "a/b", "roles": ["data"]}),
            );
        }
        builder(vec![i]).merging(Merge::KeepCopies)
    };
    of(&["ppt", "tmin"]).save(&stores(), &at(folder.path())).await.unwrap();
    of(&["tmax"]).save(&stores(), &at(folder.path())).await.unwrap();
    let keys = |document: &Value, of: &str| -> Vec<String> {
        document[of].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&read(&folder.path().join("c/i/i.json")), "assets"), ["ppt", "tmin", "tmax"]);
    let mut all = keys(&read(&folder.path().join("c/collection.json")), "item_assets");
    all.sort();
    assert_eq!(all, ["ppt", "tmax", "tmin"]);
    for again in [&["tmax"][..], &["ppt", "tmin"], &["tmin"]] {
        let saved = of(again).save(&stores(), &at(folder.path())).await.unwrap();
        assert_eq!(saved.written, 0, "crawling {again:?} again changes nothing");
    }
}

#[tokio::test]
async fn names_that_collide_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let items = vec![item("a/b", 1, "https://h.org/1.nc"), item("a b", 2, "https://h.org/2.nc")];
    let error = builder(items).save(&stores(), &at(folder.path())).await.unwrap_err();
    assert!(matches!(error, CatalogError::Collision { .. }), "{error}");
    assert!(files(folder.path()).is_empty());
    let twice = vec![item("a", 1, "https://h.org/1.nc"), item("a", 2, "https://h.org/2.nc")];
    assert!(builder(twice).save(&stores(), &at(folder.path())).await.is_err());
}

/// A tree as others write it: nested catalogs, odd file names, unknown fields,
/// two links to one item, a link back up.
fn foreign(folder: &std::path::Path) -> Value {
    let item = json!({"stac_version": "1.0.0", "type": "Feature", "id": "x", "foo:bar": {"b": 1, "a": [1.5, null]},
        "geometry": null, "properties": {"datetime": "2003-01-01T00:00:00Z", "odd": true},
        "assets": {"d": {"href": "../../data/x.tif", "foo": 1}}, "links": [{"rel": "root", "href": "../../index.json"}]});
    for (name, document) in [
        (
            "index.json",
            json!({"type": "Catalog", "id": "r", "stac_version": "1.0.0", "description": "d", "zeta": 1,
            "links": [{"rel": "self", "href": "./index.json"}, {"rel": "child", "href": "2003/catalog.json"},
                {"rel": "item", "href": "2003/01/x.item.json"}]}),
        ),
        (
            "2003/catalog.json",
            json!({"type": "Catalog", "id": "y", "stac_version": "1.0.0", "description": "d",
            "links": [{"rel": "parent", "href": "../index.json"}, {"rel": "child", "href": "../index.json"},
                {"rel": "item", "href": "./01/x.item.json"}]}),
        ),
        ("2003/01/x.item.json", item.clone()),
    ] {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), document.to_string()).unwrap();
    }
    item
}

#[tokio::test]
async fn a_foreign_tree_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let original = foreign(folder.path());
    let index = at(&folder.path().join("index.json"));
    let tree = Tree::read(&stores(), &index).await.unwrap();
    let items = tree.items();
    assert_eq!(items.len(), 1, "an item with two links is read once, and a circle ends");
    assert_eq!(items[0].as_value().to_string(), original.to_string());
    assert_eq!(items[0].asset("d").unwrap().location().unwrap(), at(&folder.path().join("data/x.tif")));
    assert_eq!(tree.root.document["zeta"], 1);
}

#[tokio::test]
async fn a_tree_is_read_over_http_too() {
    let folder = tempfile::tempdir().unwrap();
    foreign(folder.path());
    let root = folder.path().to_owned();
    let server = Server::start(move |asked| match fs::read(root.join(asked.path.trim_start_matches('/'))) {
        Ok(bytes) => Told::ok(bytes),
        Err(_) => Told::status(404),
    })
    .await;
    let index: seedbed_storage::Location = format!("{}/index.json", server.url).parse().unwrap();
    let found = search(&stores(), &index, &Query::default()).await.unwrap();
    let data = found.items[0].asset("d").unwrap().location().unwrap();
    assert_eq!(data.to_string(), format!("{}/data/x.tif", server.url));
    assert_eq!(server.hits(), 3);
}

#[tokio::test]
async fn a_broken_link_names_both_documents() {
    let folder = tempfile::tempdir().unwrap();
    foreign(folder.path());
    fs::remove_file(folder.path().join("2003/01/x.item.json")).unwrap();
    let error = Tree::read(&stores(), &at(&folder.path().join("2003/catalog.json"))).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("x.item.json") && text.contains("`item`"), "{text}");
}

#[tokio::test]
async fn items_are_read_from_every_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<_> = (1..=3).map(|m| item(&format!("i{m}"), m, "data/x.nc")).collect();
    let place = at(folder.path());
    let all =
        ItemCollection::from(items.into_iter().map(|i| i.at(place.join("here.json"))).collect::<Vec<_>>());
    for name in ["items.json", "items.ndjson", "by-another-name.json"] {
        let to = place.join(name);
        if name == "items.json" {
            all.write_json(&stores(), &to).await.unwrap();
        } else {
            all.write_ndjson(&stores(), &to).await.unwrap();
        }
        let back = ItemCollection::read(&stores(), &to).await.unwrap();
        assert_eq!(back.items.len(), 3, "{name}");
        // Hrefs were made absolute, so they mean the same from anywhere.
        assert_eq!(back.items[2].asset("data").unwrap().location().unwrap(), place.join("data/x.nc"));
    }
    fs::write(folder.path().join("one.json"), all.items[0].as_value().to_string()).unwrap();
    let many = [place.join("one.json"), place.join("items.json")];
    assert_eq!(ItemCollection::read_all(&stores(), &many).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn errors_name_the_file_and_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let place = at(folder.path());
    let good = item("i", 1, "x").as_value().to_string();
    for (name, text, said) in [
        ("bad.ndjson", format!("{good}\n\n{{\"type\": \"Feature\"\n"), "bad.ndjson is no JSON (line 3)"),
        ("odd.ndjson", format!("{good}\n{{\"type\": \"Point\"}}\n"), "odd.ndjson (line 2)"),
        ("bad.json", "{".to_owned(), "bad.json is no JSON"),
        ("odd.json", "{\"type\": \"Topology\"}".to_owned(), "odd.json: this is no STAC document"),
        ("gone.json", String::new(), "gone.json"),
    ] {
        if name != "gone.json" {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let error = ItemCollection::read(&stores(), &place.join(name)).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

async fn write(
    folder: &std::path::Path,
    options: WriteOptions,
    items: Vec<seedbed_catalog::Item>,
) -> Result<seedbed_catalog::Saved, CatalogError> {
    let work = tempfile::tempdir().unwrap();
    let stores = stores();
    let mut writer =
        TreeWriter::begin(&stores, &at(folder), collection("c", &[]), options, work.path()).await?;
    for item in items {
        writer.put(item).await?;
    }
    writer.finish().await
}

#[tokio::test]
async fn a_writer_nests_collections_and_keeps_to_an_address() {
    let url: url::Url = "https://h.org/cat/".parse().unwrap();
    for (hrefs, root, own) in [
        (Hrefs::Relative, "../../../../../catalog.json", None),
        (
            Hrefs::Published(url.clone()),
            "../../../../../catalog.json",
            Some("https://h.org/cat/a/b/c/2003/i1/i1.json"),
        ),
        (
            Hrefs::Absolute(url),
            "https://h.org/cat/catalog.json",
            Some("https://h.org/cat/a/b/c/2003/i1/i1.json"),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let options = WriteOptions {
            id: "r".into(),
            description: "d".into(),
            under: vec!["a".into(), "b".into()],
            by: Some("${year}".parse().unwrap()),
            hrefs: hrefs.clone(),
            ..WriteOptions::default()
        };
        let items: Vec<_> = (1..=3).map(|m| item(&format!("i{m}"), m, "https://h.org/x.nc")).collect();
        let saved = write(folder.path(), options.clone(), items.clone()).await.unwrap();
        assert_eq!((saved.added, saved.written), (3, 8));
        let document = read(&folder.path().join("a/b/c/2003/i1/i1.json"));
        let href = |rel: &str| {
            document["links"]
                .as_array()
                .unwrap()
                .iter()
                .find(|l| l["rel"] == rel)
                .map(|l| l["href"].as_str().unwrap())
        };
        assert_eq!((href("root"), href("self")), (Some(root), own));
        let before = files(folder.path());
        // Where the collection is need not be told again, and it can't be told otherwise.
        let untold = WriteOptions { under: Vec::new(), ..options.clone() };
        let elsewhere = WriteOptions { under: vec!["x".into()], ..options.clone() };
        for options in [options, untold] {
            let saved = write(folder.path(), options, items.clone()).await.unwrap();
            assert_eq!((saved.unchanged, saved.written), (3, 0), "{hrefs:?}");
            assert_eq!(files(folder.path()), before);
        }
        let error = write(folder.path(), elsewhere, items).await.unwrap_err();
        assert!(error.to_string().contains("a/b/c/collection.json") && error.is_usage(), "{error}");
        assert_eq!(files(folder.path()), before);
    }
}

#[tokio::test]
async fn a_writer_gathers_summaries_and_refuses_disorder() {
    let folder = tempfile::tempdir().unwrap();
    let mut items: Vec<_> = (1..=3).map(|m| item(&format!("i{m}"), m, "https://h.org/x.nc")).collect();
    for (n, item) in items.iter_mut().enumerate() {
        item.set_property("year", json!(2001 + n));
        item.set_property("platform", json!("terra"));
    }
    write(folder.path(), WriteOptions::default(), items.clone()).await.unwrap();
    let document = read(&folder.path().join("c/collection.json"));
    assert_eq!(
        document["summaries"],
        json!({"platform": ["terra"], "year": {"minimum": 2001, "maximum": 2003}})
    );
    assert_eq!(
        document["extent"]["temporal"]["interval"],
        json!([["2003-01-01T12:00:00Z", "2003-03-01T12:00:00Z"]])
    );
    items.reverse();
    let error = write(folder.path(), WriteOptions::default(), items).await.unwrap_err();
    assert!(matches!(error, CatalogError::Order { .. }), "{error}");
    let twice = vec![item("i1", 1, "https://h.org/x.nc"), item("i1", 1, "https://h.org/x.nc")];
    let error = write(folder.path(), WriteOptions::default(), twice).await.unwrap_err();
    assert!(matches!(error, CatalogError::Collision { .. }), "{error}");
}

#[tokio::test]
async fn items_removed_from_sub_catalogs_leave_no_broken_link() {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<_> = (1..=4).map(|m| item(&format!("i{m}"), m, "https://h.org/x.nc")).collect();
    let options = WriteOptions { by: Some("${month}".parse().unwrap()), ..WriteOptions::default() };
    write(folder.path(), options.clone(), items.clone()).await.unwrap();
    let options = WriteOptions { absent: Absent::Remove, ..options };
    let saved = write(folder.path(), options, items[1..3].to_vec()).await.unwrap();
    assert_eq!((saved.unchanged, saved.absent.count), (2, 2));
    let left = Tree::read(&stores(), &at(&folder.path().join("catalog.json"))).await.unwrap();
    assert_eq!((left.items().len(), left.nodes().len()), (2, 4), "empty sub-catalogs are gone");
    assert!(!folder.path().join("c/1").exists());
}

#[tokio::test]
async fn a_new_release_makes_copies_stale_and_copying_again_keeps_both() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("x.nc");
    let catalog = folder.path().join("cat");
    let crawl = |release: &str| {
        let mut i = item("i", 1, source.to_str().unwrap());
        i.asset_mut("data").unwrap().insert("updated".into(), json!(release));
        builder(vec![i]).merging(Merge::KeepCopies)
    };
    let copy = async || {
        let request = copy::CopyRequest {
            items: ItemCollection::read(&stores(), &at(&catalog)).await.unwrap().items,
            collections: vec![],
            assets: vec!["data".into()],
            to: at(&catalog),
            template: copy::Template::default(),
            out: None,
            names: None,
        };
        let plan = copy::plan(&stores(), &request).await.unwrap();
        copy::execute(&stores(), &plan, 1, copy::OnError::Stop, &copy::Silent).await.unwrap().copied
    };
    fs::write(&source, b"CDF\x01 first").unwrap();
    crawl("2003-02-01T00:00:00Z").save(&stores(), &at(&catalog)).await.unwrap();
    assert_eq!(copy().await, 1);
    fs::write(&source, b"CDF\x01 second").unwrap();
    let saved = crawl("2003-08-01T00:00:00Z").save(&stores(), &at(&catalog)).await.unwrap();
    assert_eq!((saved.changed, saved.stale.first), (1, vec!["i".to_owned()]));
    let document = read(&catalog.join("c/i/i.json"));
    assert_eq!(document["assets"]["data"]["href"], source.to_str().unwrap());
    let old = &document["assets"]["data.2003-02-01"];
    assert_eq!(
        (&old["href"], &old["version"], &old["deprecated"], &old["roles"]),
        (&json!("./x.nc"), &json!("2003-02-01"), &json!(true), &json!(["superseded"]))
    );
    let saved = crawl("2003-08-01T00:00:00Z").save(&stores(), &at(&catalog)).await.unwrap();
    assert_eq!((saved.written, saved.stale.count), (0, 0), "told once");

    assert_eq!((copy().await, copy().await), (1, 0));
    assert_eq!(fs::read(catalog.join("c/i/x.nc")).unwrap(), b"CDF\x01 first");
    assert_eq!(fs::read(catalog.join("c/i/x.2003-08-01.nc")).unwrap(), b"CDF\x01 second");
    let document = read(&catalog.join("c/i/i.json"));
    assert_eq!(document["assets"]["data"]["href"], "./x.2003-08-01.nc");
}
