//! Archives and catalogs in buckets and behind doors: crawled and read as those of a folder.

use crate::sandbox::{Ran, Sandbox};
use crate::servers;
use seedbed_storage::{Environment, Location, NamedStores, Settings, Stores};
use std::path::Path;

/// Files as an archive's mirror has them; their bytes don't matter to a listing.
const NAMES: [&str; 4] = [
    "hi/daymet_v4_daily_hi_tmin_2003.nc",
    "hi/daymet_v4_daily_hi_tmax_2003.nc",
    "hi/daymet_v4_daily_hi_tmin_2004.nc",
    "pr/daymet_v4_daily_pr_tmin_2004.nc",
];

/// A store with a mirror of Daymet in it, and the sandbox that knows it by name.
struct Remote {
    sandbox: Sandbox,
    top: Location,
    stores: Stores,
    variables: Vec<(&'static str, &'static str)>,
    runtime: tokio::runtime::Runtime,
}

impl Remote {
    fn new(top: &str, toml: &str, variables: &[(&'static str, &'static str)]) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("stores.toml", toml);
        let environment = Environment::of(variables.iter().copied());
        let named = NamedStores::from_toml(Path::new("stores.toml"), toml, &environment).unwrap();
        let stores = Stores::new(Settings { named, environment, ..Settings::default() }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let remote =
            Self { sandbox, top: top.parse().unwrap(), stores, variables: variables.to_vec(), runtime };
        for name in NAMES {
            remote.put(&format!("mirror/{name}"), name.as_bytes());
        }
        remote
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let at = self.top.join(name);
        self.runtime.block_on(self.stores.replace(&at, bytes.to_vec().into())).unwrap();
    }

    fn at(&self, name: &str) -> String {
        self.top.join(name).to_string()
    }

    fn seedbed(&self, args: &[&str]) -> Ran {
        let mut command = self.sandbox.command(args);
        command.args(["--stores", "stores.toml"]).envs(self.variables.iter().copied());
        Ran::new(format!("seedbed {args:?}"), &command.output().unwrap())
    }

    /// Crawls the mirror, puts the catalog beside it, and reads that one in place.
    fn is_crawled_and_read(&self) {
        let mirror = self.at("mirror");
        let crawl = ["crawl", "daymet-daily", "--root", &mirror, "--out", "catalog", "--json"];
        let report = self.seedbed(&crawl).succeeds().json();
        assert_eq!((report["items"].as_u64(), report["added"].as_u64()), (Some(3), Some(3)), "{report}");
        let item = self
            .sandbox
            .json("catalog/daymet-daily/daymet-daily-v4r1-hi-2003/daymet-daily-v4r1-hi-2003.json");
        assert_eq!(item["assets"]["tmin"]["href"], self.at(&format!("mirror/{}", NAMES[0])));
        assert_eq!(item["assets"]["tmin"]["file:size"].as_u64(), Some(NAMES[0].len() as u64));
        for file in
            self.sandbox.files().iter().filter(|f| {
                f.starts_with("catalog/") && Path::new(f).extension().is_some_and(|e| e == "json")
            })
        {
            self.put(file, self.sandbox.read(file).as_bytes());
        }
        let remote = self.at("catalog/catalog.json");
        let described = self.seedbed(&["catalog", "describe", &remote, "--json"]).succeeds().json();
        assert_eq!(described["items"].as_u64(), Some(3), "{described}");
        let validated = self.seedbed(&["catalog", "validate", &remote, "--json"]).succeeds().json();
        assert_eq!((validated["valid"].as_u64(), validated["invalid"].as_u64()), (Some(5), Some(0)));
        let search = [
            "catalog",
            "search",
            &remote,
            "--datetime",
            "2004",
            "--bbox=-161,17,-154,24",
            "--out",
            "items.json",
        ];
        self.seedbed(&search).succeeds();
        let found = self.sandbox.json("items.json");
        assert_eq!(found["features"].as_array().map(Vec::len), Some(1));
        assert_eq!(found["features"][0]["assets"]["tmin"]["href"], self.at(&format!("mirror/{}", NAMES[2])));
        let all = self.sandbox.files().iter().map(|f| self.sandbox.read(f)).collect::<String>();
        for (_, secret) in self.variables.iter().filter(|(_, v)| v.len() > 5) {
            assert!(!all.contains(secret), "a secret was written down");
        }
    }
}

#[test]
fn a_bucket_is_crawled_and_a_catalog_in_it_is_read() {
    let Some(served) = servers::seaweed() else { return };
    let toml = "[objects]\nkind = \"s3\"\nendpoint = \"URL\"\n\
        auth = { access_key_env = \"ID\", secret_key_env = \"SECRET\" }\n";
    let variables = [("ID", "AKTEST"), ("SECRET", "SKTEST12345")];
    Remote::new("s3://bucket/climate/", &toml.replace("URL", &served.url()), &variables)
        .is_crawled_and_read();
}

#[test]
fn a_folder_behind_a_dcache_door_is_crawled_and_a_catalog_in_it_is_read() {
    for redirects in ["never", "read", "both"] {
        let Some(served) = servers::dcache(redirects) else { return };
        let toml = "[surf]\nkind = \"dcache\"\ndoor = \"URL\"\nauth = { bearer_env = \"TOKEN\" }\n";
        let toml = toml.replace("URL", &served.url());
        Remote::new("dcache://pnfs/site/data/", &toml, &[("TOKEN", "RW")]).is_crawled_and_read();
    }
}
