//! Trees split into sub-catalogs: again, after a kill, and as others wrote them.

use crate::support::{at, builder, collection, files, item, read, stores};
use seedbed_catalog::validate::Validator;
use seedbed_catalog::{
    Item, Layout, RewriteOptions, Split, Step, Tree, TreeWriter, Walk, WriteOptions, rewrite, split,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

fn layout() -> Layout {
    "${region}/${month}".parse().unwrap()
}

fn items() -> Vec<Item> {
    let with = |n: u32| {
        let mut i = item(&format!("i{n:02}"), n % 3 + 1, "https://h.org/x.nc");
        i.set_property("region", json!(["na", "hi"][n as usize % 2]));
        i
    };
    (0..12).map(with).collect()
}

async fn run(folder: &Path) -> Split {
    let work = tempfile::tempdir().unwrap();
    split(&stores(), &at(folder), &layout(), work.path()).await.unwrap()
}

/// Every item's assets by id, as places; fails on a broken link.
async fn places(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let tree = Tree::read(&stores(), &at(&folder.join("catalog.json"))).await.unwrap();
    let of =
        |i: &Item| i.assets().map(|(_, a)| a.location().unwrap().absolute().unwrap().to_string()).collect();
    tree.items().into_iter().map(|i| (i.id().to_owned(), of(i))).collect()
}

#[tokio::test]
async fn splitting_moves_items_and_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = items();
    let file = folder.path().join("c/i00/x.nc");
    all[0].set_asset("here", json!({"href": file.to_str().unwrap(), "odd": 1.50, "roles": ["data"]}));
    builder(all).save(&stores(), &at(folder.path())).await.unwrap();
    fs::write(&file, "CDF").unwrap();
    let before = places(folder.path()).await;
    let done = run(folder.path()).await;
    assert_eq!((done.moved, done.unchanged, done.catalogs, done.removed), (12, 0, 8, 12));
    assert_eq!(places(folder.path()).await, before, "every href means the same file");
    let after = files(folder.path());
    assert!(file.exists() && !after.keys().any(|p| p.to_string_lossy().contains(".split")));
    let moved = read(&folder.path().join("c/na/1/i00/i00.json"));
    assert_eq!(moved["assets"]["here"]["href"], "../../../i00/x.nc");
    let parents: Vec<&str> =
        moved["links"].as_array().unwrap().iter().map(|l| l["href"].as_str().unwrap()).collect();
    assert_eq!(parents, ["../../../../catalog.json", "../catalog.json", "../../../collection.json"]);

    let again = run(folder.path()).await;
    assert_eq!((again.moved, again.unchanged, again.written, again.removed), (0, 12, 0, 0));
    assert_eq!(files(folder.path()), after);
    let mut validator = Validator::new(None).unwrap();
    validator.add(&stores(), &at(folder.path())).await;
    assert_eq!(validator.finish().invalid, 0);
}

#[tokio::test]
async fn another_layout_is_refused_and_makes_another_tree() {
    let [folder, new, work] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    builder(items()).save(&stores(), &at(folder.path())).await.unwrap();
    run(folder.path()).await;
    let before = files(folder.path());
    for (layout, why) in [
        ("${month}", "item i02 is in the sub-catalog na/3 already, and `${month}` would have it in 3"),
        ("${region}", "would have it in na"),
        ("${nothing}", "has no `nothing`"),
    ] {
        let layout: Layout = layout.parse().unwrap();
        let error = split(&stores(), &at(folder.path()), &layout, work.path()).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(files(folder.path()), before);
    }
    let by = Some("${month}/${nothing:-none}".parse().unwrap());
    let options = RewriteOptions { by, ..RewriteOptions::default() };
    let done = rewrite(&stores(), &at(folder.path()), &at(new.path()), &options, work.path()).await.unwrap();
    assert_eq!((done.catalogs, done.collections, done.items), (1, 1, 12));
    assert_eq!(done.split.unwrap().moved, 12);
    assert_eq!(places(new.path()).await.len(), 12);
    assert!(new.path().join("c/1/none/i00/i00.json").exists() && !new.path().join("c/na").exists());
    let mut validator = Validator::new(None).unwrap();
    validator.add(&stores(), &at(new.path())).await;
    let report = validator.finish();
    assert_eq!((report.invalid, report.valid), (0, 12 + 2 + 6));
}

#[tokio::test]
async fn a_tree_written_split_is_one_that_was_split() {
    let (split_later, at_once) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let work = tempfile::tempdir().unwrap();
    for (folder, by) in [(&split_later, None), (&at_once, Some(layout()))] {
        let options = WriteOptions { id: "r".into(), description: "d".into(), by, ..WriteOptions::default() };
        let place = at(folder.path());
        let mut writer =
            TreeWriter::begin(&stores(), &place, collection("c", &[]), options, work.path()).await.unwrap();
        for item in items() {
            writer.put(item).await.unwrap();
        }
        writer.finish().await.unwrap();
    }
    run(split_later.path()).await;
    assert_eq!(files(split_later.path()), files(at_once.path()));
    // A new crawl of the split tree leaves it split.
    let saved = builder(items()).save(&stores(), &at(split_later.path())).await.unwrap();
    assert_eq!((saved.unchanged, saved.added), (12, 0));
}

#[tokio::test]
async fn a_killed_split_is_finished_by_the_next() {
    let [whole, fresh] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for folder in [&whole, &fresh] {
        builder(items()).save(&stores(), &at(folder.path())).await.unwrap();
    }
    let flat = files(fresh.path());
    run(whole.path()).await;
    let split = files(whole.path());
    let new: Vec<_> = split.iter().filter(|(path, bytes)| flat.get(*path) != Some(*bytes)).collect();
    // Whatever had been written in the order it is: items, sub-catalogs, and last the collection.
    let last = |path: &Path| path.ends_with("collection.json");
    let mut order: Vec<_> = new.iter().filter(|(path, _)| !last(path)).collect();
    order.sort_by_key(|(path, _)| path.ends_with("catalog.json"));
    for killed_after in [1, 5, order.len()] {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &Path, bytes: &[u8]| {
            let to = folder.path().join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        };
        for (path, bytes) in &flat {
            put(path, bytes);
        }
        for (path, bytes) in &order[..killed_after] {
            put(path, bytes);
        }
        assert_eq!(places(folder.path()).await.len(), 12);
        run(folder.path()).await;
        assert_eq!(files(folder.path()), split, "killed after {killed_after}");
        // After the switch, when some old documents were gone.
        flat.iter()
            .filter(|(path, _)| !last(path) && !split.contains_key(*path))
            .skip(3)
            .for_each(|(path, bytes)| put(path, bytes));
        let gone = flat.keys().filter(|p| !split.contains_key(*p));
        let journal: Vec<&str> = gone.map(|p| p.to_str().unwrap()).collect();
        put(Path::new("c/.collection.json.split"), journal.join("\n").as_bytes());
        assert_eq!(places(folder.path()).await.len(), 12);
        assert_eq!(run(folder.path()).await.removed, 9);
        assert_eq!(files(folder.path()), split);
    }
}

#[tokio::test]
async fn an_item_without_the_property_is_named_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = items();
    all.push(item("odd", 1, "https://h.org/x.nc"));
    builder(all).save(&stores(), &at(folder.path())).await.unwrap();
    let work = tempfile::tempdir().unwrap();
    let before = files(folder.path());
    let error = split(&stores(), &at(folder.path()), &layout(), work.path()).await.unwrap_err();
    assert!(error.to_string().contains("odd") && error.to_string().contains("`region`"), "{error}");
    assert_eq!(places(folder.path()).await.len(), 13);
    assert_eq!(files(folder.path()), before);
    let with = layout().with_default("region", "none");
    let done = split(&stores(), &at(folder.path()), &with, work.path()).await.unwrap();
    assert_eq!((done.moved, places(folder.path()).await.len()), (13, 13));
}

#[tokio::test]
async fn an_item_that_two_catalogs_link_to_stays() {
    let folder = tempfile::tempdir().unwrap();
    builder(items()).save(&stores(), &at(folder.path())).await.unwrap();
    let root = folder.path().join("catalog.json");
    let mut document = read(&root);
    document["links"]
        .as_array_mut()
        .unwrap()
        .push(json!({"rel": "item", "href": "./c/i01/i01.json", "note": 1}));
    fs::write(&root, document.to_string()).unwrap();
    // The root's own layout would put it elsewhere, too.
    let done = run(folder.path()).await;
    assert_eq!((done.moved, done.unchanged), (11, 2));
    assert_eq!(places(folder.path()).await.len(), 12);
    assert_eq!(run(folder.path()).await.written, 0);
}

#[tokio::test]
async fn trees_of_pystac_are_split_in_every_style_and_read_by_it() {
    let Some(python) = std::env::var_os("SEEDBED_PYTHON") else {
        println!("skipped: SEEDBED_PYTHON is not set");
        return;
    };
    for style in ["SELF_CONTAINED", "RELATIVE_PUBLISHED", "ABSOLUTE_PUBLISHED"] {
        let folder = tempfile::tempdir().unwrap();
        let write = format!(
            r#"
import sys, datetime, pystac
from pystac import CatalogType
root = pystac.Catalog("root", "d")
c = pystac.Collection("c", "d", pystac.Extent(pystac.SpatialExtent([[-180,-90,180,90]]), pystac.TemporalExtent([[None,None]])))
root.add_child(c)
for n in range(6):
    i = pystac.Item(f"i{{n}}", None, None, datetime.datetime(2003, n % 3 + 1, 1), {{"region": ["na", "hi"][n % 2]}})
    i.add_asset("data", pystac.Asset(f"{{sys.argv[1]}}/files/{{n}}.tif", extra_fields={{"x:y": n}}))
    c.add_item(i)
root.normalize_hrefs(sys.argv[1])
root.make_all_asset_hrefs_relative()
root.save(CatalogType.{style})
"#
        );
        let read_back = r#"
import sys, pystac
root = pystac.Catalog.from_file(sys.argv[1] + "/catalog.json")
items = list(root.get_items(recursive=True))
assert len(items) == 6, len(items)
for i in items:
    assert i.get_parent().id == str(i.datetime.month), i.get_parent()
    assert i.get_parent().get_parent().id == i.properties["region"]
    assert i.get_collection().id == "c" and i.get_root().id == "root"
    assert i.assets["data"].get_absolute_href() == f"{sys.argv[1]}/files/{i.id[1:]}.tif", i.assets["data"].get_absolute_href()
    assert i.assets["data"].extra_fields["x:y"] == int(i.id[1:])
    own = i.get_links("self")
    assert not own or own[0].target == i.get_self_href()
root.normalize_hrefs(sys.argv[1])
"#;
        for (n, code) in [write.as_str(), read_back].into_iter().enumerate() {
            if n == 1 {
                assert_eq!(run(folder.path()).await.moved, 6, "{style}");
                let after = files(folder.path());
                assert_eq!(run(folder.path()).await.written, 0, "{style}");
                assert_eq!(files(folder.path()), after);
            }
            let path = folder.path().canonicalize().unwrap();
            let done = Command::new(&python).args(["-c", code]).arg(path).output().unwrap();
            assert!(done.status.success(), "{style}: {}", String::from_utf8_lossy(&done.stderr));
        }
    }
}

#[tokio::test]
async fn a_walk_visits_what_a_tree_holds() {
    let folder = tempfile::tempdir().unwrap();
    builder(items()).save(&stores(), &at(folder.path())).await.unwrap();
    run(folder.path()).await;
    let (stores, place) = (stores(), at(folder.path()));
    let mut walk = Walk::new(&stores, &place);
    let (mut depth, mut found, mut entered) = (0, Vec::new(), 0);
    while let Some(step) = walk.next().await.unwrap() {
        match step {
            Step::Enter(node) => {
                assert_eq!(node.depth, depth);
                depth += 1;
                entered += 1;
            }
            Step::Leave => depth -= 1,
            Step::Item(leaf) => {
                let item = leaf.item().unwrap();
                assert_eq!((leaf.id(), leaf.bbox(), leaf.start()), (item.id(), item.bbox(), item.start()));
                assert_eq!(leaf.hrefs(), [("data".to_owned(), "https://h.org/x.nc".to_owned())]);
                found.push(item.into_value());
            }
        }
    }
    assert_eq!((depth, entered, found.len()), (0, 10, 12));
    let tree = Tree::read(&stores, &at(&folder.path().join("catalog.json"))).await.unwrap();
    let of = |ids: &mut Vec<Value>| ids.sort_by_key(|i| i["id"].to_string());
    let mut all: Vec<Value> = tree.items().into_iter().map(|i| i.as_value().clone()).collect();
    of(&mut all);
    of(&mut found);
    assert_eq!(found, all);
}
