//! Addresses: what is written is what is read.

use crate::at;
use seedbed_storage::{Location, LocationError};
use std::path::Path;

/// A small generator of numbers, the same on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % n as u64).unwrap()
    }

    fn name(&mut self) -> String {
        const LETTERS: [&str; 20] = [
            "a", "b", "Z", "0", "9", "-", "_", ".", "~", "%", " ", "ü", "日", "+", "=", "&", "@", "!", "(",
            "'",
        ];
        let length = 1 + self.below(8);
        let name: String = (0..length).map(|_| LETTERS[self.below(LETTERS.len())]).collect();
        if name.chars().all(|c| c == '.') { "dots".to_owned() } else { name }
    }

    fn names(&mut self) -> String {
        let count = 1 + self.below(4);
        (0..count).map(|_| self.name()).collect::<Vec<_>>().join("/")
    }

    fn root(&mut self) -> Location {
        let roots = [
            "/",
            "data",
            "/data/x",
            "https://host.org",
            "http://127.0.0.1:8080/a/b/",
            "s3://bucket",
            "s3://bucket/pre/fix",
            "davs://host:2880/pnfs",
            "dcache://pnfs/grid.sara.nl",
        ];
        at(roots[self.below(roots.len())])
    }
}

#[test]
fn every_location_reads_back_as_it_is_written() {
    let mut numbers = Numbers(1);
    for _ in 0..5000 {
        let root = numbers.root();
        let location = root.join(&numbers.names());
        let text = location.to_string();
        assert_eq!(at(&text), location, "{text}");
        assert_eq!(at(&text).to_string(), text);
        let json = serde_json::to_string(&location).unwrap();
        assert_eq!(serde_json::from_str::<Location>(&json).unwrap(), location);
        assert_eq!(location.normalise().normalise(), location.normalise());
    }
}

#[test]
fn what_is_joined_is_below_and_its_parent_is_where_it_was_joined() {
    let mut numbers = Numbers(2);
    for _ in 0..5000 {
        let root = numbers.root();
        let (folder, name) = (numbers.names(), numbers.name());
        let below = root.join(&folder);
        let file = below.join(&name);
        assert_eq!(file.parent().unwrap().join(&name), file);
        assert_eq!(file.join("..").join(&name), file);
        assert_eq!(file, root.join(&format!("{folder}/{name}")));
        assert_eq!(file.names_within(&root), Some(format!("{folder}/{name}")));
        assert_eq!((file.names_within(&file), root.names_within(&below)), (None, None));
        let link = file.relative_to(&root).unwrap();
        assert!(link.starts_with("./"), "{link}");
        // A link resolves from any document of the folder it is relative to.
        assert_eq!(root.join("catalog.json").resolve(&link).unwrap(), file, "{link}");
        let back = root.join("x.json").relative_to(&below).unwrap();
        assert_eq!(below.join("item.json").resolve(&back).unwrap(), root.join("x.json"), "{back}");
    }
}

#[test]
fn reads_each_scheme() {
    assert_eq!(at("file:///a%20b/c.nc"), Location::Local("/a b/c.nc".into()));
    assert_eq!(at("file:/a/b"), Location::Local("/a/b".into()));
    assert_eq!(at("file://localhost/a/b"), Location::Local("/a/b".into()));
    assert_eq!(at("./a/../b.nc").as_path(), Some(Path::new("./a/../b.nc")));
    assert_eq!(at("s3://b/k/x y%20.tif"), Location::S3 { bucket: "b".into(), key: "k/x y%20.tif".into() });
    assert_eq!(at("s3://b").to_string(), "s3://b/");
    assert_eq!(at("dcache://pnfs/a/b"), Location::Dcache("/pnfs/a/b".into()));
    assert_eq!(at("HTTPS://Host.ORG/A?x=1#frag").to_string(), "https://host.org/A?x=1");
    assert!(matches!(at("dav://h/x"), Location::Dav(_)));
    assert_eq!(at("https://h/a/b.nc?x=/y/z").file_name(), Some("b.nc"));
    assert_eq!(at("https://h/").file_name(), None);
    assert_eq!(at("https://h/").parent(), None);
    assert_eq!(at("x.json").parent(), Some(at(".")));
    assert_eq!(Location::Local("http://x".into()).to_string(), "./http://x");
}

#[test]
fn refuses_what_is_no_location_with_its_reason() {
    let error = |text: &str| text.parse::<Location>().unwrap_err();
    assert_eq!(error(""), LocationError::Empty);
    assert!(matches!(error("ftp://h/x"), LocationError::Scheme { scheme, .. } if scheme == "ftp"));
    assert!(matches!(error("file://other/x"), LocationError::File { .. }));
    assert!(matches!(error("http://"), LocationError::Url { .. }));
    assert!(matches!(error("s3:///k"), LocationError::Incomplete { .. }));
    assert!(matches!(error("dcache://"), LocationError::Incomplete { .. }));
    for text in ["https://me:s3cret@h/x?sig=s3cret", "gs://me:s3cret@h/x?sig=s3cret", "http://me:s3cret@[::"]
    {
        let error = error(text);
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[test]
fn refuses_a_user_in_any_address_and_says_where_credentials_belong() {
    for (text, shown) in [
        ("http://user1:s3cret@h/x.tif", "http://***@h/x.tif"),
        ("https://s3cret@h:8443/x?sig=s3cret", "https://***@h:8443/x?…"),
        ("davs://user1:s3cret@h/x", "davs://***@h/x"),
        ("s3://AK:s3cret@bkt/x@2", "s3://***@bkt/x@2"),
        ("dcache://user1:s3cret@pnfs/x", "dcache://***@pnfs/x"),
    ] {
        let error = text.parse::<Location>().unwrap_err();
        assert_eq!(error, LocationError::UserInfo { at: shown.into() });
        let said = error.to_string();
        assert!(
            !said.contains("s3cret") && !said.contains("user1") && said.contains("stores.toml"),
            "{said}"
        );
        let linked = at("https://h/item.json").resolve(text).unwrap_err();
        assert_eq!(linked, error);
    }
    let error = at("https://h/item.json").resolve("//user1:s3cret@i/x").unwrap_err();
    assert!(error.to_string().starts_with("https://***@i/x: "), "{error}");
    let error = at("/c/item.json").resolve("//user1:s3cret@i/x").unwrap_err();
    assert_eq!(error, LocationError::UserInfo { at: "//***@i/x".into() });
    let error = at("/c/item.json").resolve(" \nhttp://user1:s3cret@i/x").unwrap_err();
    assert!(error.to_string().starts_with("http://***@i/x: "), "{error}");
    assert_eq!(at(" x"), Location::Local(" x".into()));
    assert_eq!(Location::Local(" http://x".into()).to_string(), "./ http://x");
    // Not what only looks like one.
    assert_eq!(at("https://h/a@b").to_string(), "https://h/a@b");
    assert_eq!(at("s3://b/me:x@y").to_string(), "s3://b/me:x@y");
    for text in ["http://user1:s3/cret@h/x", "file://user1:s3cret@h/x", "http://user1:s3cret@h:port/x"] {
        let error = text.parse::<Location>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("cret"), "{error:?}");
    }
}

#[test]
fn shows_a_signed_address_without_its_signature() {
    let signed = at("https://h/x.tif?se=2026&sig=s3cret&X-Amz-Signature=s3cret&layer=2");
    let shown = format!("{signed} {signed:?} {}", serde_json::to_string(&signed).unwrap());
    assert!(!shown.contains("s3cret") && shown.contains("layer=2"), "{shown}");
    let Location::Http(url) = signed else { panic!("an address") };
    assert!(url.as_str().contains("sig=s3cret"));
}

#[test]
fn resolves_links_as_their_documents_mean_them() {
    let item = at("https://h/cat/item/item.json?token=t");
    assert_eq!(item.resolve("./x.tif").unwrap(), at("https://h/cat/item/x.tif"));
    assert_eq!(item.resolve("/root.json").unwrap(), at("https://h/root.json"));
    assert_eq!(item.resolve("a%20b?v=1").unwrap(), at("https://h/cat/item/a%20b?v=1"));
    assert_eq!(item.resolve("//other/x").unwrap(), at("https://other/x"));
    assert_eq!(item.resolve("s3://b/k").unwrap(), at("s3://b/k"));
    assert_eq!(at("cat/item.json").resolve("../data/x.tif").unwrap(), at("data/x.tif"));
    assert_eq!(at("item.json").resolve("./x.tif").unwrap(), at("x.tif"));
    assert_eq!(at("item.json").resolve("../x.tif").unwrap(), at("../x.tif"));
    assert_eq!(at("/c/item.json").resolve("/d/x.tif").unwrap(), at("/d/x.tif"));
    assert_eq!(at("s3://b/c/item.json").resolve("../x.tif").unwrap(), at("s3://b/x.tif"));
    assert!(item.resolve("ftp://h/x").is_err());
    assert_eq!(at("https://h/a").relative_to(&at("https://i/a")), None);
    assert_eq!(at("x").relative_to(&at("/x")), None);
}

#[test]
fn makes_paths_absolute_by_their_words() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(at("a/./b/../c").absolute().unwrap(), Location::Local(here.join("a/c")));
    assert_eq!(at("/../a//b/").absolute().unwrap(), at("/a/b"));
    assert_eq!(at("a/../../b").normalise(), at("../b"));
    assert_eq!(at("s3://b//a/../c/").normalise(), at("s3://b/c"));
}
