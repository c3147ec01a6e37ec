//! Which store a location belongs to, and who we are there.

use super::{Store, Stores, unsupported};
use crate::dav::{self, Dav, Flavour};
use crate::identity::{Door, Identity};
use crate::lease::Lease;
use crate::local::Local;
use crate::named::{Kind, NamedStore};
use crate::s3::{Keys, Known, S3, lent_keys};
use crate::{Location, StorageError};
use std::sync::{Arc, PoisonError};
use url::Url;

impl Stores {
    pub(super) fn store<'a>(&'a self, at: &'a Location) -> Result<Store<'a>, StorageError> {
        match at {
            Location::Local(path) => Ok(Store::Local(Local, path)),
            Location::Http(url) => Ok(Store::Http(url, self.container(url).or_else(|| self.at_door(url)))),
            Location::S3 { bucket, key } => Ok(Store::S3(self.bucket(bucket)?, key)),
            Location::Dav(url) => {
                let url = dav::web_address(url).ok_or_else(|| unsupported(at, "need a host"))?;
                Ok(Store::Dav(self.server(&url), url))
            }
            Location::Dcache(path) => {
                let (dav, url) = self.dcache(path, at)?;
                Ok(Store::Dav(dav, url))
            }
        }
    }

    fn bucket(&self, name: &str) -> Result<Arc<S3>, StorageError> {
        let settings = self.0.http.settings();
        let mut buckets = self.0.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = buckets.get(name) {
            return Ok(Arc::clone(known));
        }
        let named = settings.named.s3(name).map_err(|[one, other]| StorageError::Configuration {
            at: format!("s3://{name}"),
            what: format!("[{one}] and [{other}] both have this bucket: give each its `buckets`"),
        })?;
        let account = match named.map(|store| (store, &store.kind)) {
            Some((store, Kind::S3 { service, .. })) => {
                let lease = |giver: &Url| self.lent_keys(&store.name, giver);
                service.account(store, name, &settings.environment, lease)?
            }
            _ => Known::of(&settings.environment)?.account()?,
        };
        let bucket = Arc::new(S3::new(name.to_owned(), account));
        buckets.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// The keys that a named store is lent, for all its buckets.
    fn lent_keys(&self, store: &str, giver: &Url) -> Arc<Lease<Keys>> {
        let mut all = self.0.lent_keys.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = all.entry(store.to_owned()).or_insert_with(|| Arc::new(lent_keys(store, giver.clone())));
        Arc::clone(lease)
    }

    /// The container of an address, if a named store has tokens for it.
    fn container(&self, url: &Url) -> Option<Arc<Identity>> {
        let (store, signing) = self.0.http.settings().named.sas(url)?;
        let signed = signing.signed(&store.name, url)?;
        let mut all = self.0.containers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(signed.name()).or_insert_with(|| Arc::new(Identity::Signed(signed)));
        Some(Arc::clone(known))
    }

    /// Who we are at the door of a named store that an address is below.
    fn at_door(&self, url: &Url) -> Option<Arc<Identity>> {
        let named = self.0.http.settings().named.webdav(url)?;
        Some(self.named_door(named, url).identity())
    }

    /// The WebDAV server of an address: a named one, or one that netrc may have a login for.
    fn server(&self, url: &Url) -> Arc<Dav> {
        let settings = self.0.http.settings();
        match settings.named.webdav(url) {
            Some(named) => self.named_door(named, url),
            None => self.door(url[..url::Position::BeforePath].to_owned(), || {
                let identity = Door::new(url, crate::auth::Auth::None, settings.environment.clone(), None);
                Dav::new(Identity::Door(identity), Flavour::Plain, false)
            }),
        }
    }

    fn dcache(&self, path: &str, at: &Location) -> Result<(Arc<Dav>, Url), StorageError> {
        let missing = |what: &str| StorageError::Configuration { at: at.shown(), what: what.to_owned() };
        let named = self.0.http.settings().named.dcache(path).map_err(|[one, other]| {
            missing(&format!("[{one}] and [{other}] both have this path: give each its `paths`"))
        })?;
        match named.map(|store| (store, &store.kind)) {
            Some((store, Kind::Dcache { door, root, .. })) => {
                let url = dav::door_address(path, door, root);
                let url = url.ok_or_else(|| missing(&format!("not below the `root` of [{}]", store.name)))?;
                Ok((self.named_door(store, door), url))
            }
            _ => Err(missing(
                "no store of kind dcache in a stores.toml (--stores, SEEDBED_STORES) has this path",
            )),
        }
    }

    fn named_door(&self, named: &NamedStore, url: &Url) -> Arc<Dav> {
        let flavour =
            if matches!(named.kind, Kind::Dcache { .. }) { Flavour::Dcache } else { Flavour::Plain };
        let identity = || named.identity(url, &self.0.http.settings().environment);
        self.door(format!("[{}]", named.name), || Dav::new(identity(), flavour, named.third_party))
    }

    fn door(&self, key: String, make: impl FnOnce() -> Dav) -> Arc<Dav> {
        let mut doors = self.0.doors.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(doors.entry(key).or_insert_with(|| Arc::new(make())))
    }
}
