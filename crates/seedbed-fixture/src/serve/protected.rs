//! Data behind a login: the archive's host, the object store it redirects to, and the login site.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};

use super::Site;
use super::body::{Reply, not_found, plain, redirect, set, whole};
use super::fault::Kind;
use super::request::{Asked, encoded};
use super::{files, folders};
use crate::listing::content;
use crate::listing::modis::Named;

const SIGNATURE: &str = "X-Amz-Signature=5eedbed5eedbed5eedbed5eedbed5eedbed5eedbed5eedbed5eedbed5eedbed5";

/// The place of a protected file in the object store: bucket and key.
fn stored(path: &str) -> Option<String> {
    match path.strip_prefix("/protected/") {
        Some(key) => Some(format!("ornl-cumulus-prod-protected/{key}")),
        None => path.starts_with("/lp-prod-protected/").then(|| path[1..].to_owned()),
    }
}

/// The bytes of a path of the archives' own hosts or of the object store.
async fn data(site: &Site, asked: &Asked, path: &str, fault: Option<Kind>) -> Reply {
    let key = path.trim_start_matches('/');
    let place =
        ["public/", "ornl-cumulus-prod-protected/"].iter().find_map(|prefix| key.strip_prefix(prefix));
    let place = place.unwrap_or(key);
    let name = place.rsplit('/').next().unwrap_or(place);
    if let Some(listed) = site.listed() {
        let file = folders::file(site, &listed, asked, place, fault);
        return file.unwrap_or_else(|| not_found("file of this name"));
    }
    if site.synthetic.is_some() {
        let known = Named::parse(name.trim_end_matches(".hdf")).is_some();
        let bytes = content::body(name, 0);
        return if known {
            files::memory(site, asked, name, bytes, None, fault)
        } else {
            not_found("granule")
        };
    }
    match place.strip_prefix("daymet/Daymet_Daily_V4R1/data/") {
        Some(name) => files::serve(site, asked, &format!("daymet/{name}"), fault).await,
        None => not_found("file of this name"),
    }
}

/// A path under `/protected/`, `/public/` and LP DAAC's two buckets.
pub(super) async fn serve(site: &Site, asked: &Asked, fault: Option<Kind>) -> Reply {
    let Some(key) = stored(&asked.path) else {
        let open = asked.path.starts_with("/lp-prod-public/") || asked.path.ends_with(".sha256");
        return if open {
            data(site, asked, &asked.path, fault).await
        } else {
            not_found("file of this name")
        };
    };
    let given = asked.header(AUTHORIZATION);
    if let Some(token) = &site.options.token
        && given != Some(format!("Bearer {token}").as_str())
    {
        let back = encoded(&format!("{}{}", asked.base, asked.path));
        let to = format!(
            "{}/oauth/authorize?client_id=fixture&response_type=code&redirect_uri={back}",
            site.login
        );
        return redirect(StatusCode::FOUND, &to);
    }
    let to = format!(
        "{}{}/{key}?A-userid=fixture&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600&{SIGNATURE}",
        site.object_store,
        asked.prefix()
    );
    redirect(StatusCode::SEE_OTHER, &to)
}

/// The object store: a signed address, and no other credential.
pub(super) async fn object_store(site: &Site, asked: &Asked, fault: Option<Kind>) -> Reply {
    if asked.headers.contains_key(AUTHORIZATION) {
        site.log.violation(format!("Authorization arrived at the object store: {}", asked.path));
        return whole(
            StatusCode::BAD_REQUEST,
            "application/xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidArgument</Code><Message>Only one \
             auth mechanism allowed</Message></Error>",
        );
    }
    let signed = format!("{}={}", "X-Amz-Signature", asked.first("X-Amz-Signature").unwrap_or_default());
    if signed != SIGNATURE {
        return whole(
            StatusCode::FORBIDDEN,
            "application/xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access \
             Denied</Message></Error>",
        );
    }
    data(site, asked, &asked.path, fault).await
}

/// The login site: it knows nobody.
pub(super) fn login(site: &Site, asked: &Asked) -> Reply {
    if asked.header(AUTHORIZATION).is_some_and(|value| value.starts_with("Bearer")) {
        site.log.violation(format!("a bearer token arrived at the login site: {}", asked.path));
    }
    let mut reply = plain(StatusCode::UNAUTHORIZED, "HTTP Basic: Access denied.\n");
    set(&mut reply, WWW_AUTHENTICATE, "Basic realm=\"Please enter your Earthdata Login credentials.\"");
    reply
}
