//! Which certificates a store's servers may show, and which one we show them.

use super::client;
use crate::{Settings, StorageError};
use reqwest::{Certificate, Client, Identity};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The certificates of a named store: authorities trusted besides the system's, and our own.
pub(crate) struct Trust {
    authorities: Option<PathBuf>,
    identity: Option<PathBuf>,
    client: OnceLock<Client>,
}

impl Trust {
    /// `authorities` is a file or a folder of PEM files; `identity` a PEM file with key and chain, such as a grid proxy.
    pub(crate) fn new(authorities: Option<PathBuf>, identity: Option<PathBuf>) -> Self {
        Self { authorities, identity, client: OnceLock::new() }
    }

    /// The client with these certificates; they are read at first use.
    pub(super) fn client(&self, settings: &Settings) -> Result<&Client, StorageError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut authorities = Vec::new();
        for file in self.authorities.iter().flat_map(|path| pem_files(path)) {
            // A folder of a grid site also holds policies and lists of the revoked.
            if let Ok(more) = Certificate::from_pem_bundle(&read(&file)?) {
                authorities.extend(more);
            }
        }
        if let Some(path) = self.authorities.as_ref().filter(|_| authorities.is_empty()) {
            let what = "no certificate authority is in it".to_owned();
            return Err(StorageError::Configuration { at: path.display().to_string(), what });
        }
        let identity = match &self.identity {
            None => None,
            Some(path) => Some(Identity::from_pem(&read(path)?).map_err(|_| {
                let what = "not a key and certificates in PEM form".to_owned();
                StorageError::Configuration { at: path.display().to_string(), what }
            })?),
        };
        let build = |builder: reqwest::ClientBuilder| {
            let builder = builder.tls_certs_merge(authorities);
            match identity {
                Some(identity) => builder.identity(identity),
                None => builder,
            }
        };
        let client = client(settings, build, "TLS with the store's certificates")?;
        Ok(self.client.get_or_init(|| client))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, StorageError> {
    fs::read(path).map_err(|e| StorageError::io(path, "read it", e))
}

/// The file itself, or the files of a folder that may hold certificates: `*.pem`, `*.crt`, `*.0`.
fn pem_files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    let named = |p: &PathBuf| p.extension().is_some_and(|e| e == "pem" || e == "crt" || e == "0");
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(named).collect();
    files.sort();
    files
}
