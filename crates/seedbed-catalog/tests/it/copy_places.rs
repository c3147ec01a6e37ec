//! Where a copy's files and documents are, and how they name one another.

use crate::support::{at, builder, collection, files, item, items_of, read, request, stores};
use seedbed_catalog::copy::{CopyReport, CopyRequest, Names, OnError, Silent, Template, execute, plan};
use seedbed_catalog::{CatalogError, Collection, Item, TreeBuilder, validate::Validator};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

async fn copy(items: Vec<Item>, to: &Path, out: Option<&Path>) -> CopyReport {
    done(&request(items, to, out)).await
}

async fn done(request: &CopyRequest) -> CopyReport {
    let plan = plan(&stores(), request).await.unwrap();
    let report = execute(&stores(), &plan, 2, OnError::KeepGoing, &Silent).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    report
}

/// A tree of two items whose `data` are files in `top/src`, written by `builder`.
async fn tree(top: &Path, folder: &Path, builder: fn(Vec<Item>) -> TreeBuilder) {
    let items = (0..2).map(|n| {
        let source = top.join(format!("src/{n}.dat"));
        fs::create_dir_all(source.parent().unwrap()).unwrap();
        fs::write(&source, format!("data {n}")).unwrap();
        item(&format!("i{n}"), n + 1, source.to_str().unwrap())
    });
    builder(items.collect()).save(&stores(), &at(folder)).await.unwrap();
}

#[tokio::test]
async fn a_catalog_named_by_a_link_points_at_its_copies_from_its_own_place_too() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    tree(top.path(), &path("far/proj/u/cat"), builder).await;
    fs::create_dir(path("home")).unwrap();
    symlink("../far/proj/u", path("home/scratch")).unwrap();
    let named = path("home/scratch/cat");
    let report = copy(items_of(&named).await, &path("store"), None).await;
    assert_eq!((report.copied, report.updated), (2, 2));
    let report = copy(items_of(&named).await, &path("store"), Some(&path("home/scratch/new"))).await;
    assert_eq!((report.present, report.copied), (2, 0));
    let report =
        copy(items_of(&named).await, &path("home/scratch/in/data"), Some(&path("home/scratch/in"))).await;
    assert_eq!(report.copied, 2);
    for (catalog, copies) in [("cat", "store"), ("new", "store"), ("in", "far/proj/u/in/data")] {
        for item in items_of(&path("far/proj/u").join(catalog)).await {
            let file = item.asset("data").unwrap().location().unwrap();
            let found = fs::canonicalize(file.as_path().unwrap()).unwrap();
            assert!(found.starts_with(path(copies).canonicalize().unwrap()), "{catalog}: {file}");
        }
    }
    let href = |document: &str| read(&path(document))["assets"]["data"]["href"].as_str().unwrap().to_owned();
    assert_eq!(href("far/proj/u/cat/c/i0/i0.json"), path("store/c/i0/0.dat").to_str().unwrap());
    assert_eq!(href("far/proj/u/new/c/i0/i0.json"), path("store/c/i0/0.dat").to_str().unwrap());
    assert_eq!(href("far/proj/u/in/c/i0/i0.json"), "../../data/c/i0/0.dat");
}

#[tokio::test]
async fn catalog_and_copies_beside_it_are_moved_together_and_found_through_a_link() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    tree(top.path(), &path("project/cat"), builder).await;
    assert_eq!(copy(items_of(&path("project/cat")).await, &path("project/data"), None).await.copied, 2);
    fs::rename(path("project"), path("moved")).unwrap();
    symlink("moved/cat", path("link")).unwrap();
    for named in ["moved/cat", "link"] {
        for item in items_of(&path(named)).await {
            let file = item.asset("data").unwrap().location().unwrap();
            assert!(file.as_path().unwrap().is_file(), "{named}: {file}");
        }
    }
    // A new catalog far away names the files where they are.
    let report = copy(items_of(&path("link")).await, &path("moved/data"), Some(&path("a/b/new"))).await;
    assert_eq!((report.present, report.copied), (2, 0));
    for item in items_of(&path("a/b/new")).await {
        assert!(item.asset("data").unwrap().location().unwrap().as_path().unwrap().is_file());
    }
}

#[tokio::test]
async fn a_document_keeps_its_mode_and_one_behind_a_link_is_the_one_updated() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    tree(top.path(), &path("cat"), builder).await;
    let (shared, link) = (path("cat/c/i0/i0.json"), path("cat/c/i1/i1.json"));
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o664)).unwrap();
    fs::rename(&link, path("real.json")).unwrap();
    symlink("../../../real.json", &link).unwrap();
    assert_eq!(copy(items_of(&path("cat")).await, &path("data"), None).await.updated, 2);
    assert_eq!(fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o664);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let href = &read(&path("real.json"))["assets"]["data"]["href"];
    assert_eq!(href, "../../../data/c/i1/1.dat");

    // Saved again, as by a crawl, with another title.
    let mut items = items_of(&path("cat")).await;
    for item in &mut items {
        item.set_property("title", json!("T"));
    }
    builder(items).save(&stores(), &at(&path("cat"))).await.unwrap();
    assert_eq!(fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o664);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(read(&path("real.json"))["properties"]["title"], "T");
    assert_eq!(fs::read_dir(top.path()).unwrap().count(), 4, "no temporary file is left");
}

/// A root with a title, and a collection with an asset of its own whose items stand in sub-catalogs.
fn nested(items: Vec<Item>) -> TreeBuilder {
    let mut document = collection("c", &items).as_value().clone();
    document["assets"] = json!({"thumbnail": {"href": "./thumb.png", "type": "image/png"}});
    let at = "/elsewhere/collection.json".parse().unwrap();
    let mut builder =
        TreeBuilder::new("mine", "About it").with(Collection::from_value(document).unwrap().at(at), items);
    builder.options.title = Some("My catalog".to_owned());
    builder.options.by = Some("${year}/${month}".parse().unwrap());
    builder
}

#[tokio::test]
async fn a_new_catalog_keeps_the_root_the_sub_catalogs_and_the_collections_files() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    tree(top.path(), &path("cat"), nested).await;
    let mut document = read(&path("cat/c/collection.json"));
    assert_eq!(document["assets"]["thumbnail"]["href"], "/elsewhere/thumb.png");
    document["assets"]["thumbnail"]["href"] = json!("./thumb.png");
    fs::write(path("cat/c/collection.json"), document.to_string()).unwrap();
    let report = copy(items_of(&path("cat")).await, &path("data"), Some(&path("new"))).await;
    assert_eq!((report.copied, report.updated), (2, 2));
    let root = read(&path("new/catalog.json"));
    assert_eq!([&root["id"], &root["title"], &root["description"]], ["mine", "My catalog", "About it"]);
    let thumbnail = &read(&path("new/c/collection.json"))["assets"]["thumbnail"]["href"];
    assert_eq!(*thumbnail, json!(path("cat/c/thumb.png")));
    assert!(path("new/c/2003/1/i0/i0.json").exists() && path("new/c/2003/2/i1/i1.json").exists());
    let mut validator = Validator::new(None).unwrap();
    validator.add(&stores(), &at(&path("new"))).await;
    let report = validator.finish();
    assert_eq!((report.valid, report.invalid), (2 + 2 + 3, 0), "{:?}", report.documents);
}

/// Documents beside one another, of scenes whose files have the same names.
fn scenes(top: &Path) -> Vec<Item> {
    let scene = |n: u32| {
        let source = top.join(format!("src/S{n}/B04.dat"));
        fs::create_dir_all(source.parent().unwrap()).unwrap();
        fs::write(&source, format!("scene {n}")).unwrap();
        item(&format!("S{n}"), n, source.to_str().unwrap())
    };
    (1..=3).map(scene).collect()
}

#[tokio::test]
async fn files_of_several_items_get_names_of_their_own_whatever_is_chosen() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    let mut tree = builder(scenes(top.path()));
    tree.options.item = "${id}.json".parse().unwrap();
    tree.save(&stores(), &at(&path("cat"))).await.unwrap();
    let template = Template::default();
    for (chosen, copied, present) in [(1..2, 1, 0), (0..3, 2, 1), (0..3, 0, 3)] {
        let all = items_of(&path("cat")).await;
        let names = Some(Names::of(&all, &template));
        let request = CopyRequest { names, ..request(all[chosen].to_vec(), &path("data"), None) };
        let report = done(&request).await;
        assert_eq!((report.copied, report.present), (copied, present));
    }
    for n in 1..=3 {
        assert_eq!(fs::read_to_string(path(&format!("data/c/S{n}-B04.dat"))).unwrap(), format!("scene {n}"));
    }
    // So do those that a template without the files' names would give one.
    for (template, name) in [("x/{asset}", "x/S2-data"), ("{asset}{ext}", "S2-data.dat")] {
        let template: Template = template.parse().unwrap();
        let request =
            CopyRequest { template, ..request(scenes(top.path()), &path("more"), Some(&path("out"))) };
        assert_eq!(done(&request).await.copied, 3);
        let names = files(&path("more"));
        assert_eq!(fs::read_to_string(path("more").join(name)).unwrap_or_default(), "scene 2", "{names:?}");
        fs::remove_dir_all(path("out")).unwrap();
    }
}

#[tokio::test]
async fn an_id_that_occurs_twice_is_named_and_the_same_item_twice_is_one() {
    let top = tempfile::tempdir().unwrap();
    let mut items = scenes(top.path());
    items.push(items[0].clone());
    let (to, out) = (top.path().join("data"), top.path().join("new"));
    assert_eq!(copy(items.clone(), &to, Some(&out)).await.copied, 3);
    items[3].set_property("title", json!("Another"));
    let error = plan(&stores(), &request(items, &to, Some(&out))).await.unwrap_err();
    assert!(matches!(&error, CatalogError::Repeated { id } if id == "S1") && error.is_usage(), "{error}");
}

#[tokio::test]
async fn encoded_hrefs_lead_to_the_files_they_mean_and_plain_ones_to_theirs() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    tree(top.path(), &path("cat"), builder).await;
    fs::rename(path("cat/c"), path("cat/my c")).unwrap();
    let text = fs::read_to_string(path("cat/catalog.json")).unwrap();
    fs::write(path("cat/catalog.json"), text.replace("./c/", "./my%20c/")).unwrap();
    for (n, name, href) in [(0, "a b.dat", "./a%20b.dat"), (1, "100%25.dat", "./100%25.dat")] {
        let document = path(&format!("cat/my c/i{n}/i{n}.json"));
        fs::write(document.with_file_name(name), "data").unwrap();
        let mut item = read(&document);
        item["assets"]["data"]["href"] = json!(href);
        fs::write(&document, item.to_string()).unwrap();
    }
    fs::write(path("cat/my c/i1/100%.dat"), "not this one").unwrap();
    let items = items_of(&path("cat")).await;
    let places = items.iter().map(|item| item.asset("data").unwrap().location().unwrap());
    let names: Vec<String> = places.map(|at| at.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["a b.dat", "100%25.dat"]);
    assert_eq!(copy(items, &path("data"), None).await.copied, 2);
    let saved = builder(items_of(&path("cat")).await).save(&stores(), &at(&path("cat"))).await.unwrap();
    assert_eq!(
        (saved.added, saved.changed + saved.unchanged),
        (0, 2),
        "the tree's own places are understood"
    );
}
