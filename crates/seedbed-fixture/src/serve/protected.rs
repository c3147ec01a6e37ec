//! Data behind a login: the archive's host, the object store it redirects to, and the login site.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};

use super::Site;
use super::body::{Reply, not_found, plain, redirect, set, whole};
use super::fault::Kind;
use super::files;
use super::request::{Asked, encoded};

const SIGNATURE: &str = "X-Amz-Signature=5eedbed5eedbed5eedbed5eedbed5eedbed5eedbed5eedbed5eedbed5eedbed5";

/// A path under `/protected/` or `/public/`.
pub(super) async fn serve(site: &Site, asked: &Asked, fault: Option<Kind>) -> Reply {
    let Some((folder, name)) = asked.path.rsplit_once('/') else { return not_found("file of this name") };
    match folder {
        "/public/daymet/Daymet_Daily_V4R1/data" if name.ends_with(".sha256") => {
            files::serve(site, asked, &format!("daymet/{name}"), fault).await
        }
        "/protected/daymet/Daymet_Daily_V4R1/data" => {
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
                "{}{}/ornl-cumulus-prod-protected/daymet/Daymet_Daily_V4R1/data/{name}\
                 ?A-userid=fixture&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600&{SIGNATURE}",
                site.object_store,
                asked.prefix()
            );
            redirect(StatusCode::SEE_OTHER, &to)
        }
        _ => not_found("file of this name"),
    }
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
    match asked.path.strip_prefix("/ornl-cumulus-prod-protected/daymet/Daymet_Daily_V4R1/data/") {
        Some(name) => files::serve(site, asked, &format!("daymet/{name}"), fault).await,
        None => not_found("object of this key"),
    }
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
