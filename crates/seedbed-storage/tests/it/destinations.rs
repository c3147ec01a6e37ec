//! Every kind of remote store that can be had here, ready to be written.

use crate::servers::{self, Served, dcache_stores, named, s3_stores};
use crate::{at, grid_servers, told, xrootd};
use seedbed_storage::{Location, Stores};

/// A destination: its stores, a folder of it, and the server behind.
pub struct Destination {
    pub label: &'static str,
    pub stores: Stores,
    pub root: Location,
    pub served: Served,
}

/// The servers are many for a small machine: one test at a time has them.
pub static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Every kind of server that is at hand.
pub fn destinations() -> Vec<Destination> {
    let mut all = Vec::new();
    if let Some(served) = servers::seaweed() {
        all.push(Destination {
            label: "SeaweedFS",
            stores: s3_stores(&served),
            root: at("s3://bucket/home"),
            served,
        });
    }
    if let Some(served) = servers::rclone("s3", &["--auth-key", "AKTEST,SKTEST12345"]) {
        all.push(Destination {
            label: "rclone S3",
            stores: s3_stores(&served),
            root: at("s3://bucket/home"),
            served,
        });
    }
    if let Some(served) = servers::rclone("webdav", &["--user", "me", "--pass", "s3cret"]) {
        let text =
            "[drive]\nkind = \"webdav\"\nurl = \"URL\"\nauth = { user_env = \"U\", password_env = \"P\" }\n";
        let stores = named(&text.replace("URL", &served.url()), &[("U", "me"), ("P", "s3cret")]);
        let root = at(&format!("dav://127.0.0.1:{}/bucket", served.port));
        all.push(Destination { label: "rclone WebDAV", stores, root, served });
    }
    if let Some(served) = grid_servers::apache() {
        let (stores, root) = (grid_servers::basic(&served), grid_servers::root(&served));
        all.push(Destination { label: "Apache mod_dav", stores, root, served });
    }
    if let Some(served) = xrootd::xrootd() {
        let (stores, root) = (grid_servers::open(&served), grid_servers::root(&served));
        all.push(Destination { label: "XRootD", stores, root, served });
    }
    for (label, redirects) in [("dCache never", "never"), ("dCache read", "read"), ("dCache both", "both")] {
        if let Some(served) = servers::dcache(redirects) {
            let (stores, root) = (dcache_stores(&served), at("dcache://pnfs/site"));
            all.push(Destination { label, stores, root, served });
        }
    }
    all
}

impl Destination {
    pub async fn is_there(&self, to: &Location, bytes: &[u8]) {
        let size = self.stores.head(to).await.unwrap().size;
        // Apache says nothing of a length that is 0.
        let silent = size.is_none() && bytes.is_empty();
        assert!(silent || size == Some(bytes.len() as u64), "{}: {size:?}", self.label);
        let there = self.stores.read_document(to).await.unwrap();
        assert!(there == bytes, "{}: other bytes", self.label);
        self.leaves_nothing_else(to).await;
    }

    pub async fn leaves_nothing_else(&self, to: &Location) {
        let folder = to.parent().unwrap();
        let listed = match self.stores.list(&folder).await {
            Ok(listed) => listed,
            Err(e) if e.is_not_found() => return,
            Err(e) => panic!("{}: {}", self.label, told(&e)),
        };
        let others: Vec<_> = listed.into_iter().filter(|l| l.at != *to).collect();
        assert!(others.is_empty(), "{}: {others:?}", self.label);
    }

    pub async fn is_nowhere(&self, to: &Location) {
        assert!(self.stores.head(to).await.unwrap_err().is_not_found(), "{}", self.label);
        self.leaves_nothing_else(to).await;
    }
}
